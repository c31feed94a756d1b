"""The fields of a photo as XMP holds them: which property is which, read and written together, and the rest proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

from lxml import etree

from mqwen.library.metadata import xmp
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.fields import Provenance, Record
from mqwen.library.metadata.xmp import RDF, Name
from mqwen.library.metadata.xmp_edit import EMPTY, MQWEN, drop_empty, set_lang_alt, set_list, set_text

_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
DESCRIPTION = Name(_DC, "description", "dc")
SUBJECT = Name(_DC, "subject", "dc")
HIERARCHICAL_SUBJECT = Name("http://ns.adobe.com/lightroom/1.0/", "hierarchicalSubject", "lr")
TAGS_LIST = Name("http://www.digikam.org/ns/1.0/", "TagsList", "digiKam")
ALT_TEXT = Name(_IPTC, "AltTextAccessibility", "Iptc4xmpCore")
EXT_DESCRIPTION = Name(_IPTC, "ExtDescrAccessibility", "Iptc4xmpCore")
CAPTION_WRITER = Name("http://ns.adobe.com/photoshop/1.0/", "CaptionWriter", "photoshop")
MODEL = Name(MQWEN, "Model", "mqwen")
PROMPT_HASH = Name(MQWEN, "PromptHash", "mqwen")
DATE = Name(MQWEN, "Date", "mqwen")
VERSION = Name(MQWEN, "Version", "mqwen")
WRITTEN = Name(MQWEN, "Written", "mqwen")

OURS = (DESCRIPTION, SUBJECT, HIERARCHICAL_SUBJECT, TAGS_LIST, ALT_TEXT, EXT_DESCRIPTION, CAPTION_WRITER)
_PROVENANCE = (MODEL, PROMPT_HASH, DATE, VERSION, WRITTEN)


@dataclass(frozen=True)
class XmpFields:
    """What a packet holds of OURS; empty = absent."""

    captions: dict[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    hierarchical: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    alt_texts: dict[str, str] = field(default_factory=dict)
    ext_descriptions: dict[str, str] = field(default_factory=dict)
    caption_writer: str | None = None
    provenance: Provenance | None = None


def read_fields(data: bytes | None) -> XmpFields:
    """Read a packet's fields; an absent packet has none.

    Raises:
        Refusal: the packet cannot be parsed.
    """
    if data is None:
        return XmpFields()
    packet = xmp.parse(data)
    return XmpFields(
        captions=xmp.read_lang_alt(packet, DESCRIPTION),
        keywords=xmp.read_list(packet, SUBJECT),
        hierarchical=xmp.read_list(packet, HIERARCHICAL_SUBJECT),
        tags=xmp.read_list(packet, TAGS_LIST),
        alt_texts=xmp.read_lang_alt(packet, ALT_TEXT),
        ext_descriptions=xmp.read_lang_alt(packet, EXT_DESCRIPTION),
        caption_writer=xmp.read_text(packet, CAPTION_WRITER),
        provenance=_read_provenance(packet),
    )


def write_fields(data: bytes | None, fields: XmpFields) -> bytes | None:
    """Return the packet with these fields: the same bytes where none differs, None where nothing is left of ours alone.

    Raises:
        Refusal: the packet cannot be parsed, or one of the properties has a form that is not known.
    """
    if data is None and fields == XmpFields():
        return None
    old, data = data, data if data is not None else EMPTY
    before = read_fields(data)
    if fields == before:
        return data
    now, was = fields.provenance, before.provenance
    for name, texts, standing in (
        (DESCRIPTION, fields.captions, before.captions),
        (ALT_TEXT, fields.alt_texts, before.alt_texts),
        (EXT_DESCRIPTION, fields.ext_descriptions, before.ext_descriptions),
    ):
        data = data if texts == standing else set_lang_alt(data, name, texts)
    for name, entries, listed, kind in (
        (SUBJECT, fields.keywords, before.keywords, "Bag"),
        (HIERARCHICAL_SUBJECT, fields.hierarchical, before.hierarchical, "Bag"),
        (TAGS_LIST, fields.tags, before.tags, "Seq"),
        (WRITTEN, _record_texts(now), _record_texts(was), "Bag"),
    ):
        data = data if entries == listed else set_list(data, name, entries, "Seq" if kind == "Seq" else "Bag")
    for name, text, simple in (
        (CAPTION_WRITER, fields.caption_writer, before.caption_writer),
        (MODEL, now.model if now else None, was.model if was else None),
        (PROMPT_HASH, now.prompt_hash if now else None, was.prompt_hash if was else None),
        (DATE, now.date if now else None, was.date if was else None),
        (VERSION, now.version if now else None, was.version if was else None),
    ):
        data = data if text == simple else set_text(data, name, text)
    return data if data == old else drop_empty(data)


def prove_packet(old: bytes | None, new: bytes | None, wanted: XmpFields) -> None:
    """Prove that `new` holds `wanted` and, besides, what `old` holds. Compared by lxml, not by byte positions.

    Properties that did not change have to be there with their qualifiers; those that did are compared by their texts.

    Raises:
        Refusal: it does not.
    """
    before, after = read_fields(old), read_fields(new)
    if after != wanted:
        raise Refusal("its XMP would not be read back as written")
    changed = {name.tag for name, was, now in zip(OURS, _values(before), _values(after), strict=True) if was != now}
    changed |= {name.tag for name in _PROVENANCE}
    if _foreign(old if old is not None else EMPTY, changed) != _foreign(new if new is not None else EMPTY, changed):
        raise Refusal("something else in its XMP would change")


def _values(fields: XmpFields) -> tuple[object, ...]:
    return (
        fields.captions,
        fields.keywords,
        fields.hierarchical,
        fields.tags,
        fields.alt_texts,
        fields.ext_descriptions,
        fields.caption_writer,
    )


def _foreign(data: bytes, ours: set[str]) -> bytes:
    """Return what is not `ours`, in canonical form but for blanks between tags, with what stands outside the root."""
    packet = xmp.parse(data)
    root = packet.spans[packet.root]
    for description in list(packet.descriptions()):
        for tag in ours:
            description.attrib.pop(tag, None)
            for element in list(description.iterchildren(tag)):
                description.remove(element)  # its tail goes too: between properties stand blanks
        about = (f"{{{RDF}}}about", "about")
        if not len(description) and set(description.attrib) <= set(about):
            _parent(description).remove(description)
    if packet.rdf is not None and not len(packet.rdf) and packet.rdf is not packet.root:
        _parent(packet.rdf).remove(packet.rdf)
    for element in packet.root.iter():
        if isinstance(element.tag, str) and len(element) and not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None
    for element in packet.root.iter(
        f"{{{RDF}}}RDF", f"{{{xmp.X}}}xmpmeta", f"{{{xmp.X}}}xapmeta", f"{{{RDF}}}Description"
    ):
        if not len(element):
            element.text = None
    try:
        canonical = etree.tostring(packet.root, method="c14n", exclusive=True, with_comments=True)
    except etree.C14NError:  # a namespace that is a relative URI
        raise Refusal("its XMP has no canonical form, so that it cannot be compared") from None
    return packet.data[: root.start] + b"\0" + canonical + b"\0" + packet.data[root.end :].strip()


def _parent(element: etree._Element) -> etree._Element:
    return cast(etree._Element, element.getparent())


def _read_provenance(packet: xmp.Packet) -> Provenance | None:
    records = tuple(record for text in xmp.read_list(packet, WRITTEN) if (record := _record(text)))
    model, prompt_hash, date, version = (xmp.read_text(packet, name) for name in (MODEL, PROMPT_HASH, DATE, VERSION))
    if not (records or model or prompt_hash or date or version):
        return None
    return Provenance(model, prompt_hash, date or "", version or "", records)


def _record_texts(provenance: Provenance | None) -> tuple[str, ...]:
    return tuple(
        f"{record.field} {record.language} {record.author} {record.length} {record.hash}"
        for record in (provenance.records if provenance else ())
    )


def _record(text: str) -> Record | None:
    parts = text.split(" ")
    if len(parts) != 5 or parts[2] not in ("model", "person") or not (parts[3].isascii() and parts[3].isdigit()):
        return None
    return Record(parts[0], parts[1], cast(Literal["model", "person"], parts[2]), int(parts[3][:9]), parts[4])
