"""The text that a photo had before the last run wrote another one."""

from __future__ import annotations

import hashlib

from mqwen.errors import InputError
from mqwen.library.catalog import Catalog
from mqwen.library.records import Change, Photo
from mqwen.library.table_undo import texts, unpacked
from mqwen.library.targets import METADATA_TARGETS
from mqwen.library.undo_record import UndoRecord


def former_text(catalog: Catalog, photo: Photo) -> str | None:
    """Return the text that stood beside a photo before its last run; None if there was none, or it is not kept.

    Only while what that run wrote still stands: after a later edit there is nothing to go back to.
    """
    for change in catalog.changes_of(photo.id):
        if change.run != photo.run or not change.before.data:
            continue
        try:
            text = _before(change)
        except (InputError, OSError, UnicodeDecodeError):  # gone, changed since, or never a text
            continue
        if text and text.strip():
            return text
    return None


def _before(change: Change) -> str | None:
    data = change.before.data or b""
    if change.target == "jsonl":
        table, _ = unpacked(change.file, data)
        return texts(b"".join(table.lines)).get(table.name)
    if change.target not in ("txt", "caption", *METADATA_TARGETS):
        return None
    now = change.file.read_bytes()
    if hashlib.sha256(now).hexdigest() != change.after_sha256:
        return None
    old = UndoRecord.unpack(data).old(now)
    return _metadata_text(change, old) if change.target in METADATA_TARGETS else old.decode("utf-8-sig")


def _metadata_text(change: Change, old: bytes) -> str | None:
    """Return the caption in a photo's or a sidecar's former bytes."""
    from mqwen.library.metadata.blocks import Refusal
    from mqwen.library.metadata.splice import read_metadata
    from mqwen.library.metadata.xmp_sidecar import read_sidecar_metadata

    try:
        data = read_sidecar_metadata(old) if change.file.suffix.lower() == ".xmp" else read_metadata(old)
    except Refusal:
        return None
    return data.caption or next(iter(data.captions.values()), None)
