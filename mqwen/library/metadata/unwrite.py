"""What a file holds without what MQwen wrote there: each piece that is still as it was written goes, all else stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mqwen.library.metadata.fields import X_DEFAULT, Provenance
from mqwen.library.metadata.held import Held, cut
from mqwen.library.metadata.iptc import CAPTION, CAPTION_WRITER, KEYWORD
from mqwen.library.metadata.resolve import is_ours


def unwrite(held: Held) -> Held:
    """Return what is to be held after `strip`; equal to `held` where MQwen never wrote.

    IPTC and Exif follow XMP, where the records are, as far as they say the same.
    """
    fields, ours = held.xmp, held.xmp.provenance
    if ours is None:
        return held
    new = replace(
        fields,
        captions=_texts(ours, "caption", fields.captions),
        keywords=_listed(ours, "keyword", fields.keywords),
        hierarchical=_listed(ours, "hierarchy", fields.hierarchical),
        tags=_listed(ours, "tag", fields.tags),
        alt_texts=_texts(ours, "alt_text", fields.alt_texts),
        ext_descriptions=_texts(ours, "ext_description", fields.ext_descriptions),
        caption_writer=_text(ours, "caption_writer", fields.caption_writer or "") or None,
        provenance=None,
    )
    gone = {cut(keyword, KEYWORD) for keyword in set(fields.keywords) - set(new.keywords)}
    gone -= {cut(keyword, KEYWORD) for keyword in new.keywords}
    captions = [(text, new.captions.get(language)) for language, text in fields.captions.items()]
    captions.sort(key=lambda pair: pair[0] != fields.captions.get(X_DEFAULT))
    writers = [(fields.caption_writer or "", new.caption_writer)]
    exif = _followed(ours, "caption", held.exif, captions)
    return replace(
        held,
        xmp=new,
        iptc_caption=_followed(ours, "caption", held.iptc_caption, captions, CAPTION),
        iptc_keywords=tuple(keyword for keyword in held.iptc_keywords if keyword not in gone),
        iptc_writer=_followed(ours, "caption_writer", held.iptc_writer, writers, CAPTION_WRITER),
        exif=exif if held.exif_room >= 0 else held.exif,
    )


def _text(ours: Provenance, field: str, text: str) -> str:
    record = ours.wrote(field, text)
    return text[: len(text) - record.length] if record else text


def _texts(ours: Provenance, field: str, texts: Mapping[str, str]) -> dict[str, str]:
    left = {language: _text(ours, field, text) for language, text in texts.items()}
    return {language: text for language, text in left.items() if text.strip()}


def _listed(ours: Provenance, field: str, entries: Sequence[str]) -> tuple[str, ...]:
    return tuple(entry for entry in entries if not is_ours(ours, field, entry))


def _followed(
    ours: Provenance,
    field: str,
    value: str | None,
    pairs: Sequence[tuple[str, str | None]],
    key: tuple[int, int] | None = None,
) -> str | None:
    """Return what `value` becomes if it says what XMP said; its own pieces of ours taken out if it does not."""
    if not value:
        return value
    for old, new in pairs:
        if value in (old, cut(old, key) if key else old):
            return (cut(new, key) if key else new) if new else None
    return _text(ours, field, value).rstrip() or None
