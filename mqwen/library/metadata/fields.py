"""What is read out of a photo's metadata and what is to be written there; nothing about where it stands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from mqwen import __version__
from mqwen.errors import InputError
from mqwen.library.metadata.words import clean, clean_keywords, clean_line

Mode = Literal["replace", "append", "fill"]
FIELDS = ("caption", "keywords", "alt_text", "caption_writer")
X_DEFAULT = "x-default"
LISTED = ("keyword", "hierarchy", "tag")  # fields of records whose text is one entry of a list
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class Record:
    """One piece of text that MQwen wrote, known by its hash: so a human edit is seen, and strip removes only this.

    Attributes:
        field: "caption", "keyword", "hierarchy", "tag", "alt_text", "ext_description" or "caption_writer".
        language: of a caption or alt text, else "-".
        author: "model", or "person" who typed it into MQwen.
        length: characters of the piece, which stands at the end of the field's text (the whole text, or appended).
        hash: the first 16 hex digits of the SHA-256 of its UTF-8.
    """

    field: str
    language: str
    author: Literal["model", "person"]
    length: int
    hash: str

    @classmethod
    def of(cls, field: str, piece: str, author: Literal["model", "person"], language: str = "-") -> Record:
        """Return the record of a piece."""
        return cls(field, language, author, len(piece), text_hash(piece))

    def claims(self, text: str) -> bool:
        """Tell whether `text` still ends with the piece, or is it where the field is a list."""
        if self.field in LISTED and self.length != len(text):
            return False
        return 0 < self.length <= len(text) and text_hash(text[-self.length :]) == self.hash


@dataclass(frozen=True)
class Provenance:
    """Our own namespace: which model wrote, asked what, when; and what exactly was written.

    Attributes:
        model: its name; None where a person typed the text into MQwen.
        prompt_hash: of the prompt, None where there was none.
        date: ISO 8601, UTC, seconds; by default now. Not counted as a difference: the same edit again changes nothing.
        version: of MQwen.
        records: filled in by the writer.
    """

    model: str | None = None
    prompt_hash: str | None = None
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    version: str = __version__
    records: tuple[Record, ...] = ()

    def wrote(self, field: str, text: str) -> Record | None:
        """Return the record of the piece that `text` ends with, None if MQwen wrote none of it (or it was edited).

        The longest such piece; `record.length == len(text)` says that all of the text is ours.
        """
        found = [record for record in self.records if record.field == field and record.claims(text)]
        return max(found, key=lambda record: record.length, default=None)


@dataclass(frozen=True)
class Metadata:
    """What a photo or a sidecar says, read in the MWG's order.

    Attributes:
        caption: the main one, None where absent or blank (a camera's "OLYMPUS DIGITAL CAMERA" counts as blank).
        captions: by language as XMP has them, "x-default" included.
        keywords: flat ones, as they stand.
        alt_text, alt_texts: the short alt text, likewise.
        caption_writer: photoshop:CaptionWriter or IIM 2:122.
        provenance: None where MQwen never wrote, or was stripped.
        machine: those of FIELDS that hold something and of which every word was written by a model and not edited
            since. What is in a field and not in here is a person's.
    """

    caption: str | None = None
    captions: Mapping[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    alt_text: str | None = None
    alt_texts: Mapping[str, str] = field(default_factory=dict)
    caption_writer: str | None = None
    provenance: Provenance | None = None
    machine: frozenset[str] = frozenset()

    def holds(self, field: str) -> bool:
        """Tell whether one of FIELDS has anything in it."""
        return bool(getattr(self, field))

    def human(self, field: str) -> bool:
        """Tell whether one of FIELDS holds words that no model of MQwen wrote, or that were edited since."""
        return self.holds(field) and field not in self.machine


@dataclass(frozen=True)
class Edit:
    """What is to be written. None leaves a field as it is; an empty text or () with "replace" takes it away.

    Texts are cleaned here (what XML forbids, NFC, line ends, keywords without doubles), so that what is read back later
    equals this.

    Attributes:
        caption: for XMP's dc:description, IPTC 2:120 and Exif ImageDescription.
        language: of `caption` and `alt_text` ("en", "zh-Hans"); None = not known, x-default only. A file's x-default
            that is the twin of another language stays, and with it IPTC and Exif: so "en" and then "zh" leaves both.
        translations: more captions by language; XMP only.
        keywords: for dc:subject and IPTC 2:25, and for hierarchical lists where they exist.
        alt_text: beyond 250 characters it is shortened, and stands whole in ExtDescrAccessibility.
        alt_translations: more alt texts by language.
        caption_writer: "AI: <model>"; by default that of `provenance.model`. Written only along with a caption or
            alt text that is really written, or alone.
        provenance: who wrote it; None = a person did, in MQwen.
        mode: "replace"; "append" (caption: after the existing text; keywords: the union); "fill" only where blank.
        modes: another mode for some of FIELDS.

    Raises:
        InputError: an unknown mode or field, or something that is no language tag.
    """

    caption: str | None = None
    language: str | None = None
    keywords: tuple[str, ...] | None = None
    alt_text: str | None = None
    caption_writer: str | None = None
    provenance: Provenance | None = None
    mode: Mode = "replace"
    modes: Mapping[str, Mode] = field(default_factory=dict)
    translations: Mapping[str, str] = field(default_factory=dict)
    alt_translations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.language, *self.translations, *self.alt_translations):
            if name is not None and (not _LANGUAGE.fullmatch(name) or name.lower() == X_DEFAULT):
                raise InputError(f"{name!r} is no language", hint="Give a tag such as en, zh or pt-BR.")
        if self.language in self.translations or self.language in self.alt_translations:
            raise InputError(f"there are two texts in {self.language}", hint="Give one for each language.")
        for mode in (self.mode, *self.modes.values()):
            if mode not in get_args(Mode):
                raise InputError(f"{mode!r} is no mode", hint="Modes are replace, append and fill.")
        if unknown := set(self.modes) - set(FIELDS):
            raise InputError(f"{', '.join(sorted(unknown))}: no such field", hint=f"Fields are {', '.join(FIELDS)}.")
        writer = self.caption_writer
        if writer is None and self.provenance and self.provenance.model and (self.caption or self.alt_text):
            writer = f"AI: {self.provenance.model}"
        cleaned = {
            "caption": None if self.caption is None else clean(self.caption),
            "keywords": None if self.keywords is None else clean_keywords(self.keywords),
            "alt_text": None if self.alt_text is None else clean_line(self.alt_text),
            "caption_writer": None if writer is None else clean_line(writer),
            "translations": {language: clean(text) for language, text in self.translations.items()},
            "alt_translations": {language: clean_line(text) for language, text in self.alt_translations.items()},
        }
        for name, value in cleaned.items():
            object.__setattr__(self, name, value)

    def mode_of(self, field: str) -> Mode:
        """Return how one of FIELDS is written."""
        return self.modes.get(field, self.mode)


def text_hash(text: str) -> str:
    """Return the hash by which a text of ours is recognised."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
