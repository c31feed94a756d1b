"""The text that a photo had before the last run wrote another one."""

from __future__ import annotations

import hashlib

from mqwen.errors import InputError
from mqwen.library.catalog import Catalog
from mqwen.library.records import Change, Photo
from mqwen.library.table_undo import texts, unpacked
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
    if change.target not in ("txt", "caption"):
        return None
    now = change.file.read_bytes()
    if hashlib.sha256(now).hexdigest() != change.after_sha256:
        return None
    return UndoRecord.unpack(data).old(now).decode("utf-8-sig")
