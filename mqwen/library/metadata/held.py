"""What one file holds of our fields, block by block, and what that means by the MWG's rules.

Metadata Working Group, "Guidelines for handling image metadata" 2.0, chapter 5: a non-blank Exif description first;
then XMP, unless IPTC was changed by a program that knows no XMP, which the digest tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from mqwen.library.metadata.blocks import Blocks
from mqwen.library.metadata.fields import X_DEFAULT, Metadata, Provenance
from mqwen.library.metadata.iptc import CAPTION, KEYWORD, LIMITS, cut_utf_8, read_iptc
from mqwen.library.metadata.words import clean, clean_line, union
from mqwen.library.metadata.xmp_fields import XmpFields, read_fields

# What cameras and programs put into descriptions by themselves.
_NO_CAPTIONS = frozenset(
    (
        *("olympus digital camera", "konica minolta digital camera", "minolta digital camera", "digital camera"),
        *("samsung digital camera", "kodak digital still camera", "sony dsc", "exif_jpeg_picture", "exif jpeg"),
    )
)


@dataclass(frozen=True)
class Held:
    """The values of our fields as they stand in one file.

    Attributes:
        exif: ImageDescription, None where absent or blank.
        iptc_stale: IPTC was changed after XMP, so it counts.
        supports_iptc, exif_room: what may be written: IPTC at all; this many bytes of ImageDescription (-1: none).
    """

    xmp: XmpFields = field(default_factory=XmpFields)
    iptc_caption: str | None = None
    iptc_keywords: tuple[str, ...] = ()
    iptc_writer: str | None = None
    exif: str | None = None
    iptc_stale: bool = False
    supports_iptc: bool = False
    exif_room: int = -1


def hold(blocks: Blocks) -> Held:
    """Read the blocks of a container.

    Raises:
        Refusal: the XMP packet cannot be parsed.
    """
    iptc = read_iptc(blocks.iptc or b"")
    digest = hashlib.md5(blocks.iptc or b"", usedforsecurity=False).digest()
    return Held(
        xmp=read_fields(blocks.xmp),
        iptc_caption=iptc.caption,
        iptc_keywords=iptc.keywords,
        iptc_writer=iptc.caption_writer,
        exif=_decode(blocks.description),
        iptc_stale=blocks.iptc is not None and blocks.iptc_digest not in (None, digest),
        supports_iptc=blocks.supports_iptc,
        exif_room=blocks.description_room if blocks.description_writable else -1,
    )


def main_caption(held: Held) -> str | None:
    """Return the caption by the MWG's rules."""
    if exif := told(held.exif):
        return exif
    captions = {language: text for language, text in held.xmp.captions.items() if told(text)}
    in_xmp = captions.get(X_DEFAULT) or next(iter(captions.values()), None)
    in_iptc = told(held.iptc_caption)
    if in_iptc and (in_xmp is None or held.iptc_stale):
        return in_xmp if in_xmp and in_iptc == cut(in_xmp, CAPTION) else in_iptc
    return in_xmp


def told(text: str | None) -> str | None:
    """Return a caption cleaned, None where nobody wrote it: blank, question marks for lost letters, a camera's name."""
    text = clean(text or "")
    return text if text.strip("? ") and text.casefold() not in _NO_CAPTIONS else None


def flat_keywords(held: Held) -> tuple[str, ...]:
    """Return the keywords by the MWG's rules; where there are none, the last names of hierarchical ones."""
    in_iptc = whole_iptc_keywords(held)
    if in_iptc and held.iptc_stale:
        return in_iptc
    leaves = [
        clean_line(path.replace("|", "/").rpartition("/")[2]) for path in (*held.xmp.hierarchical, *held.xmp.tags)
    ]
    return held.xmp.keywords or in_iptc or union((), leaves)


def whole_iptc_keywords(held: Held) -> tuple[str, ...]:
    """Return IPTC's keywords, those that were cut to its 64 bytes as XMP has them."""
    whole = {cut(keyword, KEYWORD): keyword for keyword in held.xmp.keywords}
    return union((), (whole.get(keyword, clean_line(keyword)) for keyword in held.iptc_keywords))


def cut(text: str, key: tuple[int, int]) -> str:
    """Return what IPTC holds of a text."""
    return cut_utf_8(text, LIMITS[key]).decode()


def metadata_of(held: Held) -> Metadata:
    """Return what the file says."""
    fields = held.xmp
    caption = main_caption(held)
    return Metadata(
        caption=caption,
        captions=fields.captions or ({X_DEFAULT: caption} if caption else {}),
        keywords=flat_keywords(held),
        alt_text=fields.alt_texts.get(X_DEFAULT) or next(iter(fields.alt_texts.values()), None),
        alt_texts=fields.alt_texts,
        caption_writer=fields.caption_writer or clean_line(held.iptc_writer or "") or None,
        provenance=fields.provenance,
        machine=_machine(held, fields.provenance) if fields.provenance else frozenset(),
    )


def _machine(held: Held, provenance: Provenance) -> frozenset[str]:
    """Return the fields of which each value was written by a model and not edited since."""
    fields = held.xmp
    captions = set(fields.captions.values())
    captions |= _unlike((held.exif, held.iptc_caption), captions, CAPTION)
    keywords = {*fields.keywords, *_unlike(held.iptc_keywords, set(fields.keywords), KEYWORD)}
    writer = fields.caption_writer or held.iptc_writer
    values: dict[str, list[tuple[str, Iterable[str]]]] = {
        "caption": [("caption", captions)],
        "keywords": [("keyword", keywords), ("hierarchy", fields.hierarchical), ("tag", fields.tags)],
        "alt_text": [("alt_text", fields.alt_texts.values()), ("ext_description", fields.ext_descriptions.values())],
        "caption_writer": [("caption_writer", [writer] if writer else [])],
    }
    return frozenset(
        name
        for name, parts in values.items()
        if all(_by_model(provenance, field, text) for field, texts in parts for text in texts)
        and any(True for _, texts in parts for _ in texts)
    )


def _by_model(provenance: Provenance, field: str, text: str) -> bool:
    record = provenance.wrote(field, text)
    return record is not None and record.author == "model" and record.length == len(text)


def _unlike(values: Iterable[str | None], texts: set[str], key: tuple[int, int]) -> set[str]:
    """Return the values that are neither one of `texts` nor one of them cut to IPTC's length."""
    known = texts | {cut(text, key) for text in texts}
    return {value for value in values if value and clean(value) and value not in known}


def _decode(description: bytes | None) -> str | None:
    """Exif says ASCII; programs write UTF-8 or the machine's own 8 bits."""
    if not description:
        return None
    try:
        text = description.decode("utf-8")
    except UnicodeDecodeError:
        text = description.decode("cp1252", "replace")
    return text if text.strip() else None
