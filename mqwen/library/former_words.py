"""The words that a photo had before the last run wrote others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mqwen.errors import InputError
from mqwen.library.edited_files import Words
from mqwen.library.restore import state_of
from mqwen.library.sidecar import one_line
from mqwen.library.table_undo import texts, unpacked
from mqwen.library.targets import METADATA_TARGETS, Field, field_of

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog
    from mqwen.library.metadata.fields import Metadata
    from mqwen.library.records import Change, Photo


@dataclass(frozen=True)
class FormerWords:
    """What a run replaced, each None where it replaced nothing or it is not kept.

    Attributes:
        field: what the run wrote.
        text: what stood in the text file, or the caption in the metadata.
        keywords, alt_text: what stood in the metadata, () and "" where the run was the first.
    """

    field: Field = "caption"
    text: str | None = None
    keywords: tuple[str, ...] | None = None
    alt_text: str | None = None

    def line(self) -> str | None:
        """Return what stood in the place of the run's words, as a list shows it; None if there was none."""
        if self.text:
            return self.text
        return (", ".join(self.keywords or ()) if self.field == "keywords" else self.alt_text) or None

    def without_line(self) -> FormerWords:
        """Return the same without what line() shows."""
        if self.text:
            return replace(self, text=None)
        return replace(self, keywords=None) if self.field == "keywords" else replace(self, alt_text=None)

    def put_back(self, words: Words, shown: str) -> Words:
        """Return a photo's words without those of the run, and with these.

        Args:
            shown: the one of the words that is looked at.
        """
        back = words
        if self.field == "caption" or self.text or not _is_caption(words, shown):
            back = words.with_line(shown, self.text or "", "")
        if self.keywords is not None:
            back = replace(back, keywords=self.keywords)
        elif self.field == "keywords" and not self.text:
            back = replace(back, keywords=())
        if self.alt_text is not None:
            back = replace(back, alt_text=self.alt_text or None)
        elif self.field == "alt_text" and not self.text:
            back = replace(back, alt_text=None)
        return back


def former_words(catalog: Catalog, photo: Photo) -> FormerWords:
    """Return what stood beside and in a photo before its last run.

    Only while what that run wrote still stands: after a later edit there is nothing to go back to. Of a metadata.jsonl,
    in which others write, too, the photo's own line counts.
    """
    if photo.run is None:
        return FormerWords()
    former = FormerWords(field_of(str(catalog.run(photo.run).settings.get("style", ""))))
    for change in catalog.changes_of(photo.id):
        if change.run != photo.run or not change.before.data:
            continue
        try:
            former = _with(former, change)
        except (InputError, OSError, UnicodeDecodeError):  # gone, changed since, or never a text
            continue
    return former


def _with(former: FormerWords, change: Change) -> FormerWords:
    """Return the former words with those of one file; what another file had already said stays."""
    data = change.before.data or b""
    if change.target == "jsonl":
        if state_of(change) != "made":  # somebody has changed the photo's line, whatever else the file says
            return former
        table, _ = unpacked(change.file, data)
        return _with_text(former, texts(b"".join(table.lines)).get(table.name))
    if change.target not in ("txt", "caption", *METADATA_TARGETS):
        return former
    now = change.file.read_bytes()
    if hashlib.sha256(now).hexdigest() != change.after_sha256:
        return former
    from mqwen.library.undo_record import UndoRecord

    old = UndoRecord.unpack(data).old(now)
    if change.target not in METADATA_TARGETS:
        return _with_text(former, old.decode("utf-8-sig"))
    had, has = _metadata(change, old), _metadata(change, now)
    if had is None or has is None:
        return former
    if former.field == "caption":
        former = _with_text(former, had.caption or next(iter(had.captions.values()), None))
    if former.keywords is None and had.keywords != has.keywords:
        former = replace(former, keywords=had.keywords)
    if former.alt_text is None and had.alt_text != has.alt_text:
        former = replace(former, alt_text=had.alt_text or "")
    return former


def _with_text(former: FormerWords, text: str | None) -> FormerWords:
    return replace(former, text=text) if former.text is None and text and text.strip() else former


def _metadata(change: Change, data: bytes) -> Metadata | None:
    from mqwen.library.metadata.blocks import Refusal
    from mqwen.library.metadata.splice import read_metadata
    from mqwen.library.metadata.xmp_sidecar import read_sidecar_metadata

    try:
        return read_sidecar_metadata(data) if change.file.suffix.lower() == ".xmp" else read_metadata(data)
    except Refusal:
        return None


def _is_caption(words: Words, shown: str) -> bool:
    return one_line(shown) in map(one_line, words.captions.values())
