"""JPEG: XMP, IPTC and the Exif description, in the segments before the first SOS; from there on no byte is touched.

Segments: ITU-T T.81 annex B. XMP: Adobe's specification part 3. MPF: CIPA DC-007.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass, field

from mqwen.library.metadata import mpf
from mqwen.library.metadata.blocks import REMOVE, Blocks, Change, Refusal
from mqwen.library.metadata.exif import foreign_exif, is_change, read_exif, replace_description
from mqwen.library.metadata.irb import (
    IPTC_DIGEST,
    Resources,
    foreign_resources,
    parse_resources,
    replace_iptc,
    without_digest,
)

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_SIGNED = (b"c2pa", b"cacb")  # in a JUMBF box: its type, and that of the drafts before C2PA
_LARGEST = 65533  # bytes of a segment's payload
_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP11, _APP13 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEB, 0xED
_NOTHING = -1  # fill bytes between segments
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_MOST_SEGMENTS = 20_000  # an extended XMP packet of a gigabyte; more is an attack on the reader's memory
_ITEM = re.compile(rb"<[\w.-]+:Item\b[^<>]*>")


@dataclass(frozen=True)
class Segment:
    """A marker segment: `raw` is all of it."""

    marker: int
    raw: bytes

    @property
    def payload(self) -> bytes:
        return self.raw[4:]

    def starts(self, marker: int, head: bytes) -> bool:
        return self.marker == marker and self.raw.startswith(head, 4)


@dataclass(frozen=True)
class Photoshop:
    """One IRB, and the segments it lies in: several where it was split."""

    places: tuple[int, ...]
    resources: Resources


@dataclass
class Layout:
    """A parsed JPEG: its segments between SOI and SOS, and by place those that matter here."""

    segments: list[Segment]
    scan: int  # where the part begins that is not touched
    exif: list[int] = field(default_factory=list)
    xmp: list[int] = field(default_factory=list)
    extended: list[int] = field(default_factory=list)
    mpf: list[int] = field(default_factory=list)
    photoshop: list[Photoshop] = field(default_factory=list)
    odd_exif: bool = False
    signed: bool = False

    def exif_block(self) -> bytes | None:
        """Return the Exif block; of several segments in a row, which readers join, all together."""
        return b"".join(self.segments[place].payload[len(_EXIF) :] for place in self.exif_run()) if self.exif else None

    def exif_run(self) -> list[int]:
        return [place for i, place in enumerate(self.exif) if place == self.exif[0] + i]

    def with_iptc(self) -> list[Photoshop]:
        """Return the IRBs with datasets; those with empty ones only where there are no others."""
        found = [block for block in self.photoshop if block.resources.datasets()]
        return [block for block in found if block.resources.datasets()[0].data] or found[:1]


def read(data: bytes) -> Blocks:
    """Return what of a JPEG can be ours.

    Raises:
        Refusal: its segments cannot be told apart.
    """
    layout = _parse(data)
    exif = layout.exif_block()
    state = read_exif(exif, _LARGEST - len(_EXIF))
    writable = state.writable and len(layout.exif) < 2 and not layout.odd_exif
    iptc = next((block.resources.datasets()[0].data for block in layout.with_iptc()), None)
    digests = [item.data for block in layout.photoshop for item in block.resources.find(IPTC_DIGEST)]
    return Blocks(
        xmp=layout.segments[layout.xmp[0]].payload[len(_XMP) :] if layout.xmp else None,
        iptc=iptc,
        iptc_digest=digests[0] if digests else None,
        exif=exif if exif and exif[:4] in (b"II*\0", b"MM\0*") else None,
        description=state.description,
        description_writable=writable,
        supports_iptc=True,
        description_room=state.room if writable else 0,
        signed=layout.signed,
        extended_xmp=_extended_xmp(layout),
    )


def replace(data: bytes, change: Change, *, break_signature: bool = False) -> bytes:
    """Return the JPEG with `change` made.

    Raises:
        Refusal: a foreign byte could come to harm, or what is new does not fit.
    """
    layout = _parse(data)
    if layout.signed and not break_signature:
        raise Refusal("it is signed (C2PA): a change would break the signature")
    replaced: dict[int, bytes] = {}
    new = [b"", b"", b""]  # Exif, XMP, IPTC where there was none
    if change.description is not None:
        new[0] = _set_description(layout, change, replaced)
    if change.xmp is not None:
        new[1] = _set_xmp(layout, change, replaced)
    if change.iptc is not None:
        new[2] = _set_iptc(layout, change, replaced)
    front = _front(layout)
    first_mpf = min(layout.mpf, default=len(layout.segments))
    # XMP and IPTC follow the Exif segment where that one stands before the MPF.
    after_exif = layout.exif_run()[-1] + 1 if layout.exif and layout.exif[0] < first_mpf else front
    pieces: list[bytes | memoryview] = [data[:2]]
    for place in range(len(layout.segments) + 1):
        if place == front:
            pieces.append(new[0])
        if place == max(front, after_exif):
            pieces += new[1:]
        if place < len(layout.segments):
            pieces.append(replaced.get(place, layout.segments[place].raw))
            if place in layout.mpf:
                pieces[-1] = _moved_mpf(layout, place, replaced)
    pieces.append(memoryview(data)[layout.scan :])
    return b"".join(pieces)


def foreign(data: bytes) -> list[tuple[str, bytes]]:
    """Return every byte that is not ours, in file order; offsets of an MPF as distances from the first SOS.

    Raises:
        Refusal: its segments cannot be told apart.
    """
    layout = _parse(data)
    blocks = {place: block for block in layout.photoshop for place in block.places[:1]}
    hidden = {place for block in layout.photoshop for place in block.places[1:]} | set(layout.xmp)
    found: list[tuple[str, bytes]] = []
    at = 2
    for place, segment in enumerate(layout.segments):
        if place in blocks:
            found += foreign_resources(blocks[place].resources)
        elif place in layout.exif and len(layout.exif) == 1:
            found += foreign_exif(segment.payload[len(_EXIF) :])
        elif place in layout.mpf:
            found.append(("MPF", mpf.shifted(segment.raw, at - layout.scan) or segment.raw))
        elif place not in hidden:
            found.append((f"segment {segment.marker:02X}", segment.raw))
        at += len(segment.raw)
    found.append(("scan", data[layout.scan :]))
    return found


def _parse(data: bytes) -> Layout:
    if data[:2] != b"\xff\xd8":
        raise Refusal("it is not a JPEG")
    segments: list[Segment] = []
    at = 2
    while True:
        start = at
        at = data.find(b"\xff", at)
        while at != -1 and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at != start or at + 2 > len(data):
            if at == -1 or at + 2 > len(data):
                raise Refusal("it ends before its picture begins")
            if data[start:at].strip(b"\xff"):
                return _opaque_from(data, Layout(segments, start))
            segments.append(Segment(_NOTHING, data[start:at]))
        marker = data[at + 1]
        if marker == _SOS:
            return _classified(Layout(segments, at))
        if marker == 0x00:
            return _opaque_from(data, Layout(segments, start))
        if marker in _STANDALONE:
            end = at + 2
        elif marker in (_SOI, _EOI) or marker < 0xC0:
            raise Refusal(f"it has a marker FF{marker:02X} where none may stand")
        elif at + 4 > len(data):
            raise Refusal("it ends before its picture begins")
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            end = at + 2 + length
            if length < 2 or end > len(data):
                raise Refusal(f"its segment FF{marker:02X} has a wrong length")
        segments.append(Segment(marker, data[at:end]))
        if len(segments) > _MOST_SEGMENTS:
            raise Refusal("it has implausibly many segments")
        at = end


def _opaque_from(data: bytes, layout: Layout) -> Layout:
    """Return the layout of a file with stray bytes before its picture: from them on nothing is looked at or touched.

    Decoders skip them, each in its own way; so nothing that we would have to change may follow them.
    """
    if data.find(b"\xff\xda", layout.scan) == -1:
        raise Refusal("it ends before its picture begins")
    if any(data.find(mark, layout.scan) != -1 for mark in (_EXIF, _XMP, _PHOTOSHOP, *_SIGNED)):
        raise Refusal("there are stray bytes between its segments")
    return _classified(layout)


def _classified(layout: Layout) -> Layout:
    runs: list[list[int]] = []
    for place, segment in enumerate(layout.segments):
        if segment.starts(_APP1, _EXIF):
            layout.exif.append(place)
        elif segment.starts(_APP1, _XMP):
            layout.xmp.append(place)
        elif segment.starts(_APP1, _EXTENDED_XMP):
            layout.extended.append(place)
        elif segment.marker == _APP1 and b"Exif\0" in segment.raw[4:13]:
            layout.odd_exif = True
        elif segment.starts(_APP2, b"MPF\0"):
            layout.mpf.append(place)
        elif segment.starts(_APP11, b"JP") and any(mark in segment.raw for mark in _SIGNED):
            layout.signed = True
        elif segment.starts(_APP13, _PHOTOSHOP):
            if runs and runs[-1][-1] == place - 1:
                runs[-1].append(place)
            else:
                runs.append([place])
    for run in runs:
        parsed = [parse_resources(layout.segments[place].payload[len(_PHOTOSHOP) :]) for place in run]
        if len(run) == 1 or not any(one.tail for one in parsed):
            layout.photoshop += [Photoshop((place,), one) for place, one in zip(run, parsed, strict=True)]
        else:
            # Photoshop splits what is larger than a segment anywhere.
            joined = b"".join(layout.segments[place].payload[len(_PHOTOSHOP) :] for place in run)
            layout.photoshop.append(Photoshop(tuple(run), parse_resources(joined)))
    return layout


def _set_description(layout: Layout, change: Change, replaced: dict[int, bytes]) -> bytes:
    assert change.description is not None
    if not is_change(layout.exif_block(), change.description):
        return b""
    if len(layout.exif) > 1 or layout.odd_exif:
        raise Refusal("it has more than one Exif block, or an unusual one")
    stream = replace_description(layout.exif_block(), change.description)
    segment = _segment(_APP1, _EXIF + stream, "Exif block") if stream else b""
    if not layout.exif:
        return segment
    replaced[layout.exif[0]] = segment
    return b""


def _set_xmp(layout: Layout, change: Change, replaced: dict[int, bytes]) -> bytes:
    if len(layout.xmp) > 1:
        raise Refusal("it has more than one XMP packet")
    packet = change.xmp
    if packet is REMOVE or packet is None:
        replaced.update(dict.fromkeys(layout.xmp, b""))
        return b""
    # Google's container directory: the length of the first item would be that of this picture, metadata included.
    for item in _ITEM.findall(packet):
        if re.search(rb":Semantic\s*=\s*[\"']Primary[\"']", item) and re.search(rb":Length\s*=\s*[\"']0*[1-9]", item):
            raise Refusal("its container directory states the length of the picture itself")
    if len(_XMP) + len(packet) > _LARGEST:
        packet = _without_padding(packet)
    segment = _segment(_APP1, _XMP + packet, "XMP packet")
    if not layout.xmp:
        return segment
    replaced[layout.xmp[0]] = segment
    return b""


def _without_padding(packet: bytes) -> bytes:
    end = packet.rfind(b"<?xpacket")
    return packet if end < 1 else packet[:end].rstrip(b"\t\n\r ") + b"\n" + packet[end:]


def _set_iptc(layout: Layout, change: Change, replaced: dict[int, bytes]) -> bytes:
    assert change.iptc is not None
    holders = layout.with_iptc()
    if len(holders) > 1:
        raise Refusal("it has a second IPTC block")
    holders = holders or [block for block in layout.photoshop if block.resources.find(IPTC_DIGEST)]
    holders = (holders or layout.photoshop)[:1]
    for block in layout.photoshop:
        if block in holders:
            _put_photoshop(block, replace_iptc(block.resources, change.iptc), replaced)
        elif block.resources.find(IPTC_DIGEST):
            _put_photoshop(block, without_digest(block.resources), replaced)
    if holders or change.iptc is REMOVE:
        return b""
    return _segment(_APP13, _PHOTOSHOP + replace_iptc(Resources((), b""), change.iptc), "Photoshop block")


def _put_photoshop(block: Photoshop, payload: bytes, replaced: dict[int, bytes]) -> None:
    room = _LARGEST - len(_PHOTOSHOP)
    pieces = [payload]
    if len(block.places) > 1:
        pieces = [payload[i : i + room] for i in range(0, len(payload), room)]
    elif not payload and block.resources.items:
        pieces = []
    replaced.update(dict.fromkeys(block.places, b""))
    replaced[block.places[0]] = b"".join(_segment(_APP13, _PHOTOSHOP + piece, "Photoshop block") for piece in pieces)


def _segment(marker: int, payload: bytes, what: str) -> bytes:
    if len(payload) > _LARGEST:
        raise Refusal(f"its {what} would be larger than a JPEG's segment can be")
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _front(layout: Layout) -> int:
    """Return the place behind the JFIF segments that open the file, where a reader expects Exif."""
    place = 0
    while place < len(layout.segments) and layout.segments[place].marker == _APP0:
        place += 1
    return place


def _moved_mpf(layout: Layout, place: int, replaced: dict[int, bytes]) -> bytes:
    """Return an MPF segment; where our segments behind it change their size, with its offsets following."""
    raw = layout.segments[place].raw
    growth = sum(len(new) - len(layout.segments[i].raw) for i, new in replaced.items() if i > place)
    if not growth:
        return raw
    moved = mpf.shifted(raw, growth)
    if moved is None:
        raise Refusal("its multi-picture index is damaged, so that it cannot follow a change")
    return moved


def _extended_xmp(layout: Layout) -> bytes | None:
    """Return the packet that the extension segments make up (GUID, whole length, offset, part)."""
    parts: dict[int, bytes] = {}
    expected: set[tuple[bytes, int]] = set()
    head = len(_EXTENDED_XMP)
    for place in layout.extended:
        payload = layout.segments[place].payload
        if len(payload) < head + 40:
            return None
        length, offset = struct.unpack_from(">II", payload, head + 32)
        expected.add((payload[head : head + 32], length))
        parts[offset] = payload[head + 40 :]
    whole = b"".join(parts[offset] for offset in sorted(parts))
    if len(expected) != 1:
        return None
    ((guid, length),) = expected
    main = layout.segments[layout.xmp[0]].payload if layout.xmp else b""
    digest = hashlib.md5(whole, usedforsecurity=False).hexdigest().upper().encode()
    return whole if len(whole) == length and guid.upper() == digest and guid in main else None
