"""Properties of an XMP packet set by changing their own bytes only: all others stay as they stand.

A property that is there is edited where it is, item by item. One that is new goes into an rdf:Description of ours at
the end; several with one rdf:about are one description of the same thing. Each function takes a packet and returns the
new one, the same bytes where nothing differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from lxml import etree

from mqwen.library.metadata import xmp
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.xmp import RDF, Name, Packet, parse

MQWEN = "urn:mqwen:xmp:1.0:"
EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="MQwen">\n'
    f' <rdf:RDF xmlns:rdf="{RDF}">\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
).encode()
_BLANKS = b" \t\r\n"
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")
_ABOUT = (f"{{{RDF}}}about", "about")


class _Splice(NamedTuple):
    start: int
    end: int
    new: bytes


def set_text(data: bytes, name: Name, text: str | None) -> bytes:
    """Set a simple property, or remove it (None).

    Raises:
        Refusal: it is there twice, or in a form that is not known.
    """
    packet, text = parse(data), text if text and text.strip() else None
    if xmp.read_text(packet, name) == text:
        return data
    owner = _owner(packet, name)
    if owner is None:
        return _add(packet, name, [("", text or "")])
    if text is None or (name.tag not in owner.attrib and not xmp.is_simple(owner)):
        return set_text(_remove(packet, name, owner), name, text)
    if name.tag in owner.attrib:
        start, end = _attribute(packet, owner, name)
        key = packet.data[start:end].partition(b"=")[0]
        return _apply(data, [_Splice(start, end, key + b'="' + _escape(text, quotes=True) + b'"')])
    return _apply(data, [_content(packet, owner, _escape(text))])


def set_list(data: bytes, name: Name, texts: Sequence[str], kind: Literal["Bag", "Seq"] = "Bag") -> bytes:
    """Set a list; an empty one is removed. Items that stay keep their bytes, whatever kind of list they are in.

    Raises:
        Refusal: it is there twice, or in a form that is not known.
    """
    packet, texts = parse(data), tuple(text for text in texts if text.strip())
    if xmp.read_list(packet, name) == texts:
        return data
    owner = _owner(packet, name)
    if owner is None:
        return _add(packet, name, [("", text) for text in texts], kind)
    container = None if name.tag in owner.attrib else xmp.container_of(owner)
    if container is None or not texts:
        return set_list(_remove(packet, name, owner), name, texts, kind)
    missing, gone, kept = list(texts), [], []
    for item in xmp.items_of(container):
        text = xmp.text_of(item)
        if text in missing:
            missing.remove(text)
            kept.append(text)
        elif text.strip():
            gone.append(item)
    if (*kept, *missing) != texts:  # another order
        return set_list(_remove(packet, name, owner), name, texts, kind)
    if gone:
        return set_list(_apply(data, [_removal(packet, item) for item in gone]), name, texts, kind)
    return _apply(data, [_child(packet, container, *(_item(container, text) for text in missing))])


def set_lang_alt(data: bytes, name: Name, texts: Mapping[str, str]) -> bytes:
    """Set a text in several languages, x-default first; an empty mapping removes it.

    Raises:
        Refusal: it is there twice, or in a form that is not known.
    """
    packet, texts = parse(data), {language: text for language, text in texts.items() if text.strip()}
    if xmp.read_lang_alt(packet, name) == texts:
        return data
    ordered = sorted(texts.items(), key=lambda text: text[0] != "x-default")
    owner = _owner(packet, name)
    if owner is None:
        return _add(packet, name, ordered, "Alt")
    container = None if name.tag in owner.attrib else xmp.container_of(owner)
    if container is None or container.tag != f"{{{RDF}}}Alt" or not texts:
        return set_lang_alt(_remove(packet, name, owner), name, texts)
    splices, standing = [], set[str]()
    for item in xmp.items_of(container):
        language, text = xmp.language_of(item), xmp.text_of(item)
        if language not in texts:
            if text.strip():
                splices.append(_removal(packet, item))
        elif language in standing:
            splices.append(_removal(packet, item))
        else:
            standing.add(language)
            if text != texts[language]:
                if not xmp.is_simple(item):
                    raise _unknown_form(name)
                splices.append(_content(packet, item, _escape(texts[language])))
    if splices:
        return set_lang_alt(_apply(data, splices), name, texts)
    missing = [_item(container, text, language) for language, text in ordered if language not in standing]
    if standing and "x-default" in texts and "x-default" not in standing:
        first = packet.spans[xmp.items_of(container)[0]].start
        new = missing[0] + data[_blanks_before(data, first) : first]
        return set_lang_alt(_apply(data, [_Splice(first, first, new)]), name, texts)
    return _apply(data, [_child(packet, container, *missing)])


def drop_empty(data: bytes) -> bytes | None:
    """Remove our own rdf:Description where nothing is left in it; None where then nothing is left at all."""
    packet = parse(data)
    empty = [element for element in packet.descriptions() if _is_ours(element) and _is_empty(element)]
    if not empty:
        return data
    if len(empty) == (0 if packet.rdf is None else len(packet.rdf)) and packet.root.get(f"{{{xmp.X}}}xmptk") == "MQwen":
        return None
    return _apply(data, [_removal(packet, element) for element in empty])


def _is_empty(description: etree._Element) -> bool:
    return not len(description) and set(description.attrib) <= set(_ABOUT)


def _is_ours(description: etree._Element) -> bool:
    parent = description.getparent()
    return MQWEN in description.nsmap.values() and (parent is None or MQWEN not in parent.nsmap.values())


def _owner(packet: Packet, name: Name) -> etree._Element | None:
    owners = packet.owners(name)
    if len(owners) > 1:
        raise Refusal(f"its XMP has {name.prefix}:{name.local} twice")
    if owners and name.tag not in owners[0].attrib:
        known = xmp.is_simple(owners[0]) or (
            xmp.container_of(owners[0]) is not None
            and not owners[0].attrib
            and len(xmp.items_of(owners[0][0])) == len(list(owners[0][0].iterchildren("*")))
        )
        if not known:
            raise _unknown_form(name)
    return owners[0] if owners else None


def _unknown_form(name: Name) -> Refusal:
    return Refusal(f"its XMP has {name.prefix}:{name.local} in a form that MQwen does not know")


def _add(packet: Packet, name: Name, items: Sequence[tuple[str, str]], kind: str | None = None) -> bytes:
    """Add a property to our Description: a list of (language, text), or one text where `kind` is None."""
    if not items or not items[0][1]:
        return packet.data
    if packet.rdf is None:
        rdf = f'<rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF>'.encode()
        return _add(parse(_apply(packet.data, [_child(packet, packet.root, rdf)])), name, items, kind)
    description = next((element for element in packet.descriptions() if _is_ours(element)), None)
    if description is None:
        return _add(parse(_add_description(packet, packet.rdf)), name, items, kind)
    splices = []
    prefix = _prefix_in(description, name.namespace)
    if not prefix:
        prefix, declaration = _declaration(packet, description, name)
        splices.append(declaration)
        if packet.spans[description].opened == packet.spans[description].end:
            return _add(parse(_apply(packet.data, splices)), name, items, kind)
    inner = _escape(items[0][1])
    if kind:
        container = _rdf_name(description, kind)
        inner = b"".join(_item(description, text, language) for language, text in items)
        inner = b"<" + container + b">" + inner + b"</" + container + b">"
    qualified = f"{prefix}:{name.local}".encode()
    new = b"<" + qualified + b">" + inner + b"</" + qualified + b">"
    return _apply(packet.data, [_child(packet, description, new), *splices])


def _item(relative: etree._Element, text: str, language: str = "") -> bytes:
    """Return an rdf:li, spelt as `relative`, an element of RDF's that it will be inside of."""
    item = _rdf_name(relative, "li")
    start = item + (b' xml:lang="' + _escape(language, quotes=True) + b'"' if language else b"")
    return b"<" + start + b">" + _escape(text) + b"</" + item + b">"


def _rdf_name(relative: etree._Element, local: str) -> bytes:
    return (f"{relative.prefix}:{local}" if relative.prefix else local).encode()


def _add_description(packet: Packet, rdf: etree._Element) -> bytes:
    prefix, declaration = _prefix_in(rdf, RDF), ""
    if not prefix:
        prefix, declaration = "rdf", f' xmlns:rdf="{RDF}"'
    first = next(packet.descriptions(), None)
    about = "" if first is None else next((str(first.attrib[key]) for key in _ABOUT if key in first.attrib), "")
    start = f'<{prefix}:Description{declaration} {prefix}:about="{_escape(about, quotes=True).decode()}"'
    new = f'{start} xmlns:mqwen="{MQWEN}"></{prefix}:Description>'
    return _apply(packet.data, [_child(packet, rdf, new.encode())])


def _declaration(packet: Packet, description: etree._Element, name: Name) -> tuple[str, _Splice]:
    """Return a prefix that is free in our Description, and what declares it there."""
    prefix, number = name.prefix, 0
    while prefix in description.nsmap:
        number += 1
        prefix = f"{name.prefix}{number}"
    span = packet.spans[description]
    place = span.opened - (2 if span.opened == span.end else 1)
    return prefix, _Splice(place, place, f' xmlns:{prefix}="{name.namespace}"'.encode())


def _prefix_in(element: etree._Element, namespace: str) -> str | None:
    """Return a prefix that means `namespace` inside an element; None where it has none or is the default."""
    return next((prefix for prefix, uri in element.nsmap.items() if uri == namespace and prefix), None)


def _remove(packet: Packet, name: Name, owner: etree._Element) -> bytes:
    if name.tag in owner.attrib:
        return _apply(packet.data, [_Splice(*_attribute(packet, owner, name), b"")])
    return _apply(packet.data, [_removal(packet, owner)])


def _removal(packet: Packet, element: etree._Element) -> _Splice:
    """Take out an element and the blanks before it: the reverse of `_child`."""
    span = packet.spans[element]
    return _Splice(_blanks_before(packet.data, span.start), span.end, b"")


def _child(packet: Packet, parent: etree._Element, *new: bytes) -> _Splice:
    """Put each of `new` behind the last child of `parent`, with the blanks that stand before that one."""
    span = packet.spans[parent]
    if span.opened == span.end:
        return _content(packet, parent, b"".join(new))
    last = next(parent.iterchildren("*", reversed=True), None)
    if last is None:
        blanks = packet.data[span.opened : span.closing]
        indent = blanks + b" " if blanks and not blanks.strip(_BLANKS) else b""
        return _Splice(span.opened, span.opened, b"".join(indent + one for one in new))
    start, end = packet.spans[last].start, packet.spans[last].end
    gap = packet.data[_blanks_before(packet.data, start) : start]
    return _Splice(end, end, b"".join(gap + one for one in new))


def _content(packet: Packet, element: etree._Element, inner: bytes) -> _Splice:
    """Replace what an element holds, its tags and attributes stay."""
    span = packet.spans[element]
    if span.opened < span.end:
        return _Splice(span.opened, span.closing, inner)
    start = packet.data[span.start : span.opened - 2]
    qualified = re.split(rb"[\s/>]", start[1:], maxsplit=1)[0]
    return _Splice(span.start, span.end, start.rstrip(_BLANKS) + b">" + inner + b"</" + qualified + b">")


def _attribute(packet: Packet, element: etree._Element, name: Name) -> tuple[int, int]:
    """Return where a property's attribute stands, the blanks before it included."""
    span = packet.spans[element]
    for match in _ATTRIBUTE.finditer(packet.data, span.start, span.opened):
        prefix, colon, local = match[1].decode().partition(":")
        if colon and local == name.local and element.nsmap.get(prefix) == name.namespace:
            return match.span()
    raise _unknown_form(name)


def _apply(data: bytes, splices: Sequence[_Splice]) -> bytes:
    for splice in sorted(splices, reverse=True):
        data = data[: splice.start] + splice.new + data[splice.end :]
    return data


def _blanks_before(data: bytes, position: int) -> int:
    while position and data[position - 1] in _BLANKS:
        position -= 1
    return position


def _escape(text: str, *, quotes: bool = False) -> bytes:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if quotes:
        text = text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text.encode()
