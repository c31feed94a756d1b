"""Metadata of JPEG, PNG, WebP and TIFF as pure functions of the file's bytes; each raises `Refusal` and nothing else.

after = splice(before, edit)
prove(before, after, edit)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

from mqwen.library.metadata import jpeg, png, tiff, webp
from mqwen.library.metadata.blocks import REMOVE, Blocks, Change, Refusal
from mqwen.library.metadata.fields import Edit, Metadata
from mqwen.library.metadata.held import Held, hold, main_caption, metadata_of
from mqwen.library.metadata.iptc import edit_iptc
from mqwen.library.metadata.resolve import resolve
from mqwen.library.metadata.unwrite import unwrite
from mqwen.library.metadata.xmp_fields import OURS, XmpFields, prove_packet, write_fields

_OURS = re.compile(rb"\b(" + b"|".join(name.local.encode() for name in OURS) + rb")\b")


def container_of(data: bytes) -> ModuleType:
    """Return the module for the container that `data` begins like.

    Raises:
        Refusal: it is none of those that MQwen writes.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return png
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return tiff
    raise Refusal("it is neither JPEG, PNG, WebP nor TIFF")


def read_metadata(data: bytes) -> Metadata:
    """Return what a photo says in its own bytes.

    Raises:
        Refusal: it is of another format, or damaged.
    """
    return metadata_of(hold(container_of(data).read(data)))


def splice(old: bytes, edit: Edit, *, allow_signed: bool = False) -> bytes:
    """Return the photo with the edit in it; `old` itself where all of it stands there.

    Args:
        allow_signed: change a C2PA-signed photo too, which breaks the signature.

    Raises:
        Refusal: some byte that is not ours could come to harm.
    """
    return _spliced(old, lambda held: resolve(held, edit), allow_signed)


def strip(old: bytes, *, allow_signed: bool = False) -> bytes:
    """Return the photo without what MQwen wrote; `old` itself where it never did. Raises Refusal as `splice`."""
    return _spliced(old, unwrite, allow_signed)


def prove(old: bytes, new: bytes, edit: Edit) -> None:
    """Read both anew and compare: what is not ours is identical, and the edit is read back.

    Raises:
        Refusal: it is not so.
    """
    _proved(old, new, lambda held: resolve(held, edit))


def prove_strip(old: bytes, new: bytes) -> None:
    """As `prove`, for `strip`."""
    _proved(old, new, unwrite)


def undated(held: Held) -> Held:
    """Return `held` without the date in its provenance, which is no difference."""
    provenance = held.xmp.provenance
    return replace(held, xmp=replace(held.xmp, provenance=provenance and replace(provenance, date="")))


def _spliced(old: bytes, change: Callable[[Held], Held], allow_signed: bool) -> bytes:
    container = container_of(old)
    blocks: Blocks = container.read(old)
    before = hold(blocks)
    after = change(before)
    if after == before:
        return old
    if blocks.extended_xmp and _OURS.search(blocks.extended_xmp):
        raise Refusal("its extended XMP holds captions or keywords, which cannot be changed safely")
    captions = (before.xmp.captions, before.iptc_caption, before.exif)
    if (after.xmp.captions, after.iptc_caption, after.exif) != captions and after.xmp.captions:
        main = after.xmp.captions.get("x-default")
        if main and main_caption(after) != main and after.xmp.provenance:
            raise Refusal("its Exif block holds another caption, and cannot be changed safely")
    new: bytes = container.replace(old, change_between(blocks, before, after), break_signature=allow_signed)
    return new


def change_between(blocks: Blocks, before: Held, after: Held) -> Change:
    """Return what the container has to do to hold `after` instead of `before`.

    Raises:
        Refusal: a block cannot be edited.
    """
    xmp = iptc = description = None
    if after.xmp != before.xmp:
        packet = write_fields(blocks.xmp, after.xmp)
        xmp = REMOVE if packet is None else None if packet == blocks.xmp else packet
    edits = {
        name: None if was == now else now or REMOVE
        for name, was, now in (
            ("caption", before.iptc_caption, after.iptc_caption),
            ("keywords", before.iptc_keywords, after.iptc_keywords),
            ("caption_writer", before.iptc_writer, after.iptc_writer),
        )
    }
    if any(edits.values()):
        iptc = edit_iptc(blocks.iptc, **edits) or REMOVE  # type: ignore[arg-type]  # each its own kind, as above
    if after.exif != before.exif:
        description = after.exif.encode() if after.exif else REMOVE
    return Change(xmp=xmp, iptc=iptc, description=description)


def _proved(old: bytes, new: bytes, change: Callable[[Held], Held]) -> None:
    if old == new:
        return
    container = container_of(old)
    if container_of(new) is not container or container.foreign(old) != container.foreign(new):
        raise Refusal("something else in it would change")
    was, now = container.read(old), container.read(new)
    wanted, after = undated(change(hold(was))), hold(now)
    prove_packet(was.xmp, now.xmp, replace(wanted.xmp, provenance=after.xmp.provenance))
    # What the container may take next time is no value; a new or changed IPTC block comes with its digest.
    if values_of(undated(after)) != values_of(wanted):
        raise Refusal("it would not be read back as written")


def values_of(held: Held) -> tuple[XmpFields, str | None, tuple[str, ...], str | None, str | None]:
    """Return what is compared of two `Held`."""
    return held.xmp, held.iptc_caption, held.iptc_keywords, held.iptc_writer, held.exif
