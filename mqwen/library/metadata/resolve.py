"""An edit and what a file holds -> what the file is to hold, and the records of what we wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from mqwen.library.metadata.fields import LISTED, X_DEFAULT, Edit, Metadata, Mode, Provenance, Record
from mqwen.library.metadata.held import Held, cut, flat_keywords, main_caption, metadata_of, told, whole_iptc_keywords
from mqwen.library.metadata.iptc import CAPTION, CAPTION_WRITER, KEYWORD
from mqwen.library.metadata.words import ALT_TEXT_MOST, appended, clean_line, folded, short_alt_text, union
from mqwen.library.metadata.xmp_fields import XmpFields

_Texts = Mapping[str, str]
RECORDED = (*LISTED, "caption", "alt_text", "ext_description", "caption_writer")


def resolve(held: Held, edit: Edit, *, sidecar: bool = False, embedded: Metadata | None = None) -> Held:
    """Return what the file is to hold after the edit; equal to `held` where it holds that already.

    Args:
        sidecar: the file is an XMP sidecar: digiKam:TagsList is always there, with all keywords.
        embedded: what the photo says itself: what a sidecar lacks counts as if it stood in it.
    """
    embedded = embedded or Metadata()
    after = _keywords(_alt_texts(_caption(held, edit, embedded), edit, embedded), edit, sidecar, embedded)
    texts = ("captions", "alt_texts", "ext_descriptions")
    describes = edit.caption is not None or edit.alt_text is not None or edit.translations or edit.alt_translations
    if not describes or any(getattr(after.xmp, name) != getattr(held.xmp, name) for name in texts):
        after = _caption_writer(after, edit, embedded)
    return after if after == held else _with_records(held, after, edit, embedded)


def with_texts(
    texts: _Texts, text: str, language: str | None, mode: Mode, *, main: bool = True, apart: Collection[str] = ()
) -> dict[str, str]:
    """Return a LangAlt's texts with one of them edited.

    x-default is edited along with its twin, the language that has the same text; where its language is not known it
    counts as the one that is written, unless that is a mere translation (`main` False).

    Args:
        apart: languages that the same edit gives texts of their own; x-default: the edit gives it one.
    """
    default = texts.get(X_DEFAULT)
    twins = [name for name, value in texts.items() if name not in (X_DEFAULT, *apart) and value == default]
    if language is None:
        keys = [X_DEFAULT, *twins]
        if not text and mode == "replace":
            return {}
    else:
        key = next((name for name in texts if name.casefold() == language.casefold()), language)
        unknown = not default or (main and key not in texts and not twins)
        keys = [X_DEFAULT, key] if (unknown or key in twins) and X_DEFAULT not in apart else [key]
    current = texts.get(keys[-1] if len(keys) > 1 and keys[-1] in texts else keys[0])
    if (mode == "fill" and current) or (mode != "replace" and not text):
        return dict(texts)
    new = appended(current or "", text) if mode == "append" else text
    changed = {name: value for name, value in {**texts, **dict.fromkeys(keys, new)}.items() if value}
    return {X_DEFAULT: next(iter(changed.values())), **changed} if changed else {}


def _caption(held: Held, edit: Edit, embedded: Metadata) -> Held:
    if edit.caption is None and not edit.translations:
        return held
    mode = edit.mode_of("caption")
    before = {language: text for language, text in held.xmp.captions.items() if told(text)}
    if main := main_caption(held) or embedded.caption:
        before = {**(before or embedded.captions), X_DEFAULT: main}
    captions = before
    if edit.caption is not None:
        captions = with_texts(captions, edit.caption, edit.language, mode, apart=edit.translations)
    apart = (X_DEFAULT,) if edit.caption else ()  # a text that is taken away gives x-default none
    for language, text in edit.translations.items():
        captions = with_texts(captions, text, language, mode, main=False, apart=apart)
    if captions == before and mode != "replace":
        return held
    main = captions.get(X_DEFAULT, "")
    held = replace(held, xmp=replace(held.xmp, captions=captions))
    if held.supports_iptc:
        held = replace(held, iptc_caption=cut(main, CAPTION) or None)
    # An Exif caption that cannot be written is left as it is: whether that may be is for the reader to say (prove).
    if held.exif_room >= 0:
        held = replace(held, exif=main if main and len(main.encode()) <= held.exif_room else None)
    return held


def _keywords(held: Held, edit: Edit, sidecar: bool, embedded: Metadata) -> Held:
    if edit.keywords is None:
        return held
    mode, fields = edit.mode_of("keywords"), held.xmp
    if mode == "fill" and (flat_keywords(held) or embedded.keywords):
        return held
    standing = union(fields.keywords, whole_iptc_keywords(held)) or embedded.keywords
    keywords = union(standing, edit.keywords) if mode == "append" else edit.keywords
    if mode == "append" and not edit.keywords:
        return held

    def paths(existing: Sequence[str], more: Iterable[str], separator: str) -> tuple[str, ...]:
        wanted = {folded(keyword) for keyword in keywords}
        kept = [
            path
            for path in existing
            if mode == "append" or wanted & {folded(path), folded(clean_line(path.rpartition(separator)[2]))}
        ]
        names = {folded(clean_line(name)) for path in kept for name in (path, *path.split(separator))}
        return union(kept, (keyword for keyword in more if folded(keyword) not in names))

    hierarchical, tags = fields.hierarchical, fields.tags
    if hierarchical:
        hierarchical = paths(hierarchical, keywords, "|")
    if tags or sidecar:
        known = union(tags, (path.replace("/", "∕").replace("|", "/") for path in hierarchical if "|" in path))
        tags = paths(known, keywords, "/")
    held = replace(held, xmp=replace(fields, keywords=keywords, hierarchical=hierarchical, tags=tags))
    if held.supports_iptc:
        held = replace(held, iptc_keywords=iptc_keywords(keywords))
    return held


def iptc_keywords(keywords: Iterable[str]) -> tuple[str, ...]:
    """Return keywords as IPTC holds them: cut, and each once."""
    return tuple(dict.fromkeys(word for word in (cut(keyword, KEYWORD) for keyword in keywords) if word))


def _alt_texts(held: Held, edit: Edit, embedded: Metadata) -> Held:
    if edit.alt_text is None and not edit.alt_translations:
        return held
    mode, fields = edit.mode_of("alt_text"), held.xmp
    alt_texts = fields.alt_texts or embedded.alt_texts
    # Where a text was too long for AltText it stands whole in ExtDescr.
    whole = {
        language: full if (full := fields.ext_descriptions.get(language)) and short_alt_text(full) == text else text
        for language, text in alt_texts.items()
    }
    texts = whole
    if edit.alt_text is not None:
        texts = with_texts(texts, edit.alt_text, edit.language, mode, apart=edit.alt_translations)
    apart = (X_DEFAULT,) if edit.alt_text else ()  # a text that is taken away gives x-default none
    for language, text in edit.alt_translations.items():
        texts = with_texts(texts, text, language, mode, main=False, apart=apart)
    if texts == whole:
        return held
    descriptions = dict(fields.ext_descriptions)
    for language in {*whole, *texts}:
        if texts.get(language) == whole.get(language):
            continue
        standing, text = descriptions.get(language), texts.get(language, "")
        if len(text) > ALT_TEXT_MOST:
            if standing in (None, whole.get(language)) or mode == "replace":
                descriptions[language] = text
        elif standing == whole.get(language) or is_ours(fields.provenance, "ext_description", standing):
            descriptions.pop(language, None)
    shortened = {language: short_alt_text(text) for language, text in texts.items()}
    return replace(held, xmp=replace(fields, alt_texts=shortened, ext_descriptions=descriptions))


def _caption_writer(held: Held, edit: Edit, embedded: Metadata) -> Held:
    writer = edit.caption_writer
    if writer is None:
        return held
    mode, standing = edit.mode_of("caption_writer"), metadata_of(held).caption_writer or embedded.caption_writer or ""
    if standing and mode != "replace":
        if mode == "fill" or writer in standing.split("; "):
            return held
        writer = f"{standing}; {writer}" if writer else standing
    held = replace(held, xmp=replace(held.xmp, caption_writer=writer or None))
    return replace(held, iptc_writer=cut(writer, CAPTION_WRITER) or None) if held.supports_iptc else held


def is_ours(provenance: Provenance | None, field: str, text: str | None) -> bool:
    """Tell whether all of a text was written by MQwen and not edited since."""
    record = provenance.wrote(field, text) if provenance and text else None
    return record is not None and text is not None and record.length == len(text)


def _with_records(before: Held, after: Held, edit: Edit, embedded: Metadata) -> Held:
    """Return `after` with the provenance that says what of it the edit wrote, and what earlier ones did."""
    given, old = edit.provenance or Provenance(), before.xmp.provenance or Provenance()
    author: Literal["model", "person"] = "model" if given.model else "person"
    standing = _standing(before, embedded)
    records: dict[tuple[str, str, str], Record] = {}
    for field, language, text in _values(after.xmp):
        record = old.wrote(field, text)
        if text not in standing[field]:
            record = _new_record(field, language, text, standing[field], old, author)
        if record:
            records[field, language, record.hash] = replace(record, language=language)
    model, prompt_hash = (given.model, given.prompt_hash) if given.model else (old.model, old.prompt_hash)
    provenance = Provenance(
        clean_line(model or "") or None,
        clean_line(prompt_hash or "") or None,
        clean_line(given.date),
        clean_line(given.version),
        tuple(records.values()),
    )
    return replace(after, xmp=replace(after.xmp, provenance=provenance))


def _new_record(
    field: str, language: str, text: str, standing: set[str], old: Provenance, author: Literal["model", "person"]
) -> Record:
    """Return the record of a text that is new, or of what was appended to one that stood there."""
    start = 0
    if field not in LISTED:
        first = max((one for one in standing if text.startswith(one)), key=len, default="")
        start = len(first)
        if first and (piece := old.wrote(field, first)):
            start -= piece.length
            author = author if piece.author == author else "person"
    return Record.of(field, text[start:], author, language)


def _standing(held: Held, embedded: Metadata) -> dict[str, set[str]]:
    """Return the texts that stood in the file before, in any of its blocks, by a record's field."""
    standing: dict[str, set[str]] = {field: set() for field in RECORDED}
    for field, _, text in _values(held.xmp):
        standing[field].add(text)
    writers = (held.iptc_writer, embedded.caption_writer)
    standing["caption"] |= {
        text for text in (main_caption(held), embedded.caption, *embedded.captions.values()) if text
    }
    standing["keyword"] |= {*whole_iptc_keywords(held), *embedded.keywords}
    standing["alt_text"] |= set(embedded.alt_texts.values())
    standing["caption_writer"] |= {writer for writer in writers if writer}
    return standing


def _values(fields: XmpFields) -> list[tuple[str, str, str]]:
    """Return all that is recorded: field, language, text."""
    values = [("keyword", "-", text) for text in fields.keywords]
    values += [("hierarchy", "-", text) for text in fields.hierarchical]
    values += [("tag", "-", text) for text in fields.tags]
    for field, texts in (
        ("caption", fields.captions),
        ("alt_text", fields.alt_texts),
        ("ext_description", fields.ext_descriptions),
    ):
        # A language of a foreign file can be anything; one with a blank would not be read back.
        values += [(field, language, text) for language, text in texts.items() if len(language.split()) == 1]
    if fields.caption_writer:
        values.append(("caption_writer", "-", fields.caption_writer))
    return values
