"""XMP packets: RDF/XML parsed with its byte positions, and the properties read out of it.

No DTD, no entities, no network; UTF-8 only. The tree is lxml's; the positions are expat's, which tells the byte at
which each tag begins. Two parsers have thus to agree before a packet is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.parsers import expat

from lxml import etree

from mqwen.library.metadata.blocks import Refusal

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
X = "adobe:ns:meta/"
XML = "http://www.w3.org/XML/1998/namespace"
_LARGEST = 64 * 2**20  # bytes
_TAIL = b" \t\r\n\0"  # after the packet: blanks, and the NULs with which some writers fill up
_BOM = b"\xef\xbb\xbf"


class Name(NamedTuple):
    """A property: namespace, local name, and the prefix that it usually has."""

    namespace: str
    local: str
    prefix: str

    @property
    def tag(self) -> str:
        """lxml's spelling."""
        return f"{{{self.namespace}}}{self.local}"


class Span(NamedTuple):
    """Bytes of one element: start tag [start, opened), end tag [closing, end); opened == end when it closes itself."""

    start: int
    opened: int
    closing: int
    end: int


@dataclass(frozen=True)
class Packet:
    """A parsed packet.

    Attributes:
        data: its bytes as they stood.
        root: lxml's tree.
        rdf: the rdf:RDF element, None where the root is an empty x:xmpmeta.
        spans: of each element.
    """

    data: bytes
    root: etree._Element
    rdf: etree._Element | None
    spans: dict[etree._Element, Span]

    def descriptions(self) -> Iterator[etree._Element]:
        """Yield the rdf:Description elements that hold properties."""
        if self.rdf is not None:
            yield from self.rdf.iterchildren(f"{{{RDF}}}Description")

    def owners(self, name: Name) -> list[etree._Element]:
        """Return the property's elements, and the Descriptions that have it as an attribute."""
        found = []
        for description in self.descriptions():
            if name.tag in description.attrib:
                found.append(description)
            found.extend(description.iterchildren(name.tag))
        return found

    def bytes_of(self, element: etree._Element) -> bytes:
        """Return an element's bytes as they stand."""
        span = self.spans[element]
        return self.data[span.start : span.end]


def parse(data: bytes) -> Packet:
    """Parse a packet.

    Raises:
        Refusal: it is not UTF-8, not well-formed, has a DTD, or is no XMP.
    """
    if len(data) > _LARGEST:
        raise Refusal("its XMP is larger than 64 MB")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        raise Refusal("its XMP is UTF-16 or UTF-32")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("its XMP is not UTF-8") from None
    offset = len(_BOM) if data.startswith(_BOM) else 0
    core = data[offset : len(data.rstrip(_TAIL))]
    spans = _spans(core, offset)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, strip_cdata=False, encoding="utf-8"
    )
    try:
        root = etree.fromstring(core, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refusal(f"its XMP is damaged ({_one_line(error)})") from None
    elements = list(root.iter("*"))
    if len(elements) != len(spans):
        raise Refusal("its XMP is read differently by two parsers")
    return Packet(data, root, _rdf(root), dict(zip(elements, spans, strict=True)))


def read_text(packet: Packet, name: Name) -> str | None:
    """Return a simple property's text; None where it is absent or in a form that is not known."""
    texts = read_list(packet, name)
    return texts[0] if texts else None


def read_list(packet: Packet, name: Name) -> tuple[str, ...]:
    """Return the texts of a Bag, Seq or Alt, or the one text of a simple property."""
    texts: list[str] = []
    for owner in packet.owners(name):
        if name.tag in owner.attrib:
            texts.append(str(owner.attrib[name.tag]))
        elif (container := container_of(owner)) is not None:
            texts.extend(text_of(item) for item in items_of(container))
        elif is_simple(owner):
            texts.append(text_of(owner))
    return tuple(text for text in texts if text.strip())


def read_lang_alt(packet: Packet, name: Name) -> dict[str, str]:
    """Return a LangAlt's texts by language; one without language counts as x-default."""
    texts: dict[str, str] = {}
    for owner in packet.owners(name):
        if name.tag in owner.attrib:
            texts.setdefault("x-default", str(owner.attrib[name.tag]))
        elif (container := container_of(owner)) is not None:
            for item in items_of(container):
                texts.setdefault(language_of(item), text_of(item))
        elif is_simple(owner):
            texts.setdefault(language_of(owner), text_of(owner))
    return {language: text for language, text in texts.items() if text.strip()}


def container_of(element: etree._Element) -> etree._Element | None:
    """Return the Bag, Seq or Alt that is a property's only child."""
    children = list(element.iterchildren("*"))
    if len(children) == 1 and children[0].tag in (f"{{{RDF}}}Bag", f"{{{RDF}}}Seq", f"{{{RDF}}}Alt"):
        return children[0]
    return None


def items_of(container: etree._Element) -> list[etree._Element]:
    """Return the rdf:li of a container."""
    return list(container.iterchildren(f"{{{RDF}}}li"))


def is_simple(element: etree._Element) -> bool:
    """Tell whether an element holds plain text and no attribute other than xml:lang: what can be set anew."""
    return not any(True for _ in element.iterchildren("*")) and set(element.attrib) <= {f"{{{XML}}}lang"}


def language_of(item: etree._Element) -> str:
    """Return an item's own language, "x-default" where it names none."""
    return str(item.get(f"{{{XML}}}lang") or "x-default")


def text_of(element: etree._Element) -> str:
    """Return the text of an element, that of its rdf:value where it has qualifiers."""
    value = element.find(f"{{{RDF}}}value")
    if value is None and f"{{{RDF}}}value" in element.attrib:
        return str(element.attrib[f"{{{RDF}}}value"])
    element = element if value is None else value
    # Comments and processing instructions are no text, what stands behind them is.
    return (element.text or "") + "".join(child.tail or "" for child in element)


def _rdf(root: etree._Element) -> etree._Element | None:
    found = list(root.iter(f"{{{RDF}}}RDF"))
    if len(found) == 1 and (found[0] is root or found[0].getparent() is root):
        return found[0]
    if not found and root.tag in (f"{{{X}}}xmpmeta", f"{{{X}}}xapmeta") and not len(root):
        return None
    raise Refusal("its XMP has no rdf:RDF, or more than one")


def _spans(core: bytes, offset: int) -> list[Span]:
    """Return the elements' bytes in the order of their start tags; `offset` is added to each position."""
    parser = expat.ParserCreate("utf-8")
    spans: list[Span] = []
    open_elements: list[int] = []

    def declare(version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.lower() not in ("utf-8", "utf8", "us-ascii"):
            raise Refusal(f"its XMP says that it is {encoding[:20]}")

    def doctype(*_: object) -> None:
        raise Refusal("its XMP has a DTD")

    def start(name: str, attributes: object) -> None:
        begin = parser.CurrentByteIndex
        open_elements.append(len(spans))
        opened = _tag_end(core, begin)
        spans.append(Span(begin + offset, opened + offset, opened + offset, opened + offset))

    def end(name: str) -> None:
        number = open_elements.pop()
        span = spans[number]
        closing = parser.CurrentByteIndex + offset
        if core[span.opened - offset - 2 : span.opened - offset] != b"/>":
            spans[number] = span._replace(closing=closing, end=core.index(b">", closing - offset) + 1 + offset)

    parser.XmlDeclHandler = declare
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(core, True)
    except expat.ExpatError as error:
        raise Refusal(f"its XMP is damaged ({_one_line(error)})") from None
    return spans


# Possessive, so that it is linear in any input.
_TAG = re.compile(rb"""<(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")


def _tag_end(core: bytes, begin: int) -> int:
    match = _TAG.match(core, begin)
    if match is None:
        raise Refusal("its XMP is damaged (a tag without end)")
    return match.end()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
