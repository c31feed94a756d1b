"""What the catalog keeps of a file before a run changes it, as bytes."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass

from mqwen.errors import InputError
from mqwen.library.undo import is_whole, make_patch, make_record, old_bytes

_MAGIC = b"MQr1"
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class UndoRecord:
    """How to bring a file back.

    Attributes:
        data: its old bytes, or the patch that makes them of the new ones; see mqwen.library.undo.
        ours: the text that stood there was MQwen's own and not edited.
        blocks: of a photo that `data` is a patch of: the metadata that stood in it, by mqwen.library.metadata.blocks'
            names, to be put back by force where the photo has changed since.
    """

    data: bytes
    ours: bool = False
    blocks: dict[str, bytes | None] | None = None

    @classmethod
    def of(cls, new: bytes, old: bytes, *, ours: bool = False, photo: bool = False) -> UndoRecord:
        """Return the record that brings `old` back.

        Args:
            photo: it is a photo with embedded metadata.
        """
        # A photo, however small, is never kept whole: a library has a hundred thousand of them.
        return cls(make_patch(new, old), ours, _blocks(old)) if photo else cls(make_record(new, old), ours)

    @classmethod
    def unpack(cls, packed: bytes) -> UndoRecord:
        """Return the record that pack() made bytes of. Raises InputError where it is none."""
        try:
            (length,) = _LENGTH.unpack_from(packed, len(_MAGIC))
            start = len(_MAGIC) + _LENGTH.size
            if not packed.startswith(_MAGIC):
                raise ValueError("another format")
            head = json.loads(zlib.decompress(packed[start : start + length]))
            blocks: dict[str, bytes | None] | None = head["blocks"] and {
                name: None if text is None else base64.b64decode(text) for name, text in head["blocks"].items()
            }
            return cls(packed[start + length :], head["ours"], blocks)
        except (struct.error, zlib.error, ValueError, KeyError, TypeError) as error:
            raise InputError("its undo record cannot be read") from error

    def pack(self) -> bytes:
        encoded = {
            name: None if value is None else base64.b64encode(value).decode()
            for name, value in (self.blocks or {}).items()
        }
        head = zlib.compress(json.dumps({"ours": self.ours, "blocks": encoded or None}).encode(), 9)
        return _MAGIC + _LENGTH.pack(len(head)) + head + self.data

    def old(self, new: bytes) -> bytes:
        """Return the bytes that stood there before `new` was written. Raises InputError as undo.old_bytes()."""
        return old_bytes(self.data, new)

    def by_force(self, now: bytes | None) -> bytes:
        """Return a file as it was, or with its metadata as they were, whatever became of it since.

        Raises:
            InputError: it is gone, or its metadata cannot be replaced.
        """
        if is_whole(self.data):
            return old_bytes(self.data, b"")
        if now is None or self.blocks is None:
            raise InputError("it was changed since, and only a part of it was kept")
        from mqwen.library.metadata.blocks import REMOVE, Change, Refusal
        from mqwen.library.metadata.splice import container_of

        try:
            container = container_of(now)
            there = container.read(now)
            wanted = {
                name: None if getattr(there, name) == old else REMOVE if old is None else old
                for name, old in self.blocks.items()
            }
            after: bytes = container.replace(now, Change(**wanted))
            if container.foreign(now) != container.foreign(after):
                raise Refusal("something else in it would change")
        except Refusal as refusal:
            raise InputError(f"its metadata cannot be put back: {refusal.reason}") from refusal
        return after


def _blocks(photo: bytes) -> dict[str, bytes | None] | None:
    from mqwen.library.metadata.blocks import Refusal
    from mqwen.library.metadata.splice import container_of

    try:
        found = container_of(photo).read(photo)
    except Refusal:
        return None
    return {"xmp": found.xmp, "iptc": found.iptc, "description": found.description}
