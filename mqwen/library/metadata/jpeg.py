"""JPEG: XMP, IPTC and the Exif description, in the segments before the first SOS; from there on no byte is touched.

XMP in JPEG: Adobe's XMP specification, part 3. MPF: CIPA DC-007.
"""

from __future__ import annotations

import re
import struct

from mqwen.library.metadata import mpf
from mqwen.library.metadata.blocks import REMOVE, Blocks, Change, Refusal
from mqwen.library.metadata.exif import foreign_exif, is_change, read_exif, replace_description
from mqwen.library.metadata.irb import IPTC_DIGEST, Resources, foreign_resources, replace_iptc, without_digest
from mqwen.library.metadata.segments import APP1, APP13, EXIF, PHOTOSHOP, XMP, Layout, Photoshop, parse_jpeg

_LARGEST = 65533  # bytes of a segment's payload
_ITEM = re.compile(rb"<[\w.-]+:Item\b[^<>]*>")


def read(data: bytes) -> Blocks:
    """Return what of a JPEG can be ours.

    Raises:
        Refusal: its segments cannot be told apart.
    """
    layout = parse_jpeg(data)
    exif = layout.exif_block()
    state = read_exif(exif, _LARGEST - len(EXIF))
    writable = state.writable and len(layout.exif) < 2 and not layout.odd_exif
    iptc = next((block.resources.datasets()[0].data for block in layout.with_iptc()), None)
    digests = [item.data for block in layout.photoshop for item in block.resources.find(IPTC_DIGEST)]
    return Blocks(
        xmp=layout.segments[layout.xmp[0]].payload[len(XMP) :] if layout.xmp else None,
        iptc=iptc,
        iptc_digest=digests[0] if digests else None,
        exif=exif if exif and exif[:4] in (b"II*\0", b"MM\0*") else None,
        description=state.description,
        description_writable=writable,
        supports_iptc=True,
        description_room=state.room if writable else 0,
        signed=layout.signed,
        extended_xmp=layout.extended_xmp(),
    )


def replace(data: bytes, change: Change, *, break_signature: bool = False) -> bytes:
    """Return the JPEG with `change` made.

    Raises:
        Refusal: a foreign byte could come to harm, or what is new does not fit.
    """
    layout = parse_jpeg(data)
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
    front = layout.front()
    behind_exif = max(front, _behind_exif(layout))
    pieces: list[bytes | memoryview] = [data[:2]]
    for place in range(len(layout.segments) + 1):
        if place == front:
            pieces.append(new[0])
        if place == behind_exif:
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
    layout = parse_jpeg(data)
    blocks = {place: block for block in layout.photoshop for place in block.places[:1]}
    hidden = {place for block in layout.photoshop for place in block.places[1:]}
    if len(layout.xmp) == 1:
        hidden |= set(layout.xmp)
    found: list[tuple[str, bytes]] = []
    at = 2
    for place, segment in enumerate(layout.segments):
        if place in blocks:
            found += foreign_resources(blocks[place].resources)
        elif place in layout.exif and len(layout.exif) == 1:
            found += foreign_exif(segment.payload[len(EXIF) :])
        elif place in layout.mpf:
            found.append(("MPF", mpf.shifted(segment.raw, at - layout.scan) or segment.raw))
        elif place not in hidden:
            found.append((f"segment {segment.marker:02X}", segment.raw))
        at += len(segment.raw)
    found.append(("scan", data[layout.scan :]))
    return found


def _set_description(layout: Layout, change: Change, replaced: dict[int, bytes]) -> bytes:
    assert change.description is not None
    if not is_change(layout.exif_block(), change.description):
        return b""
    if len(layout.exif) > 1 or layout.odd_exif:
        raise Refusal("it has more than one Exif block, or an unusual one")
    stream = replace_description(layout.exif_block(), change.description)
    segment = _segment(APP1, EXIF + stream, "Exif block") if stream else b""
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
    if len(XMP) + len(packet) > _LARGEST:
        packet = _without_padding(packet)
    segment = _segment(APP1, XMP + packet, "XMP packet")
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
    return _segment(APP13, PHOTOSHOP + replace_iptc(Resources((), b""), change.iptc), "Photoshop block")


def _put_photoshop(block: Photoshop, payload: bytes, replaced: dict[int, bytes]) -> None:
    room = _LARGEST - len(PHOTOSHOP)
    pieces = [payload]
    if len(block.places) > 1:
        pieces = [payload[i : i + room] for i in range(0, len(payload), room)]
    elif not payload and block.resources.items:
        pieces = []
    replaced.update(dict.fromkeys(block.places, b""))
    replaced[block.places[0]] = b"".join(_segment(APP13, PHOTOSHOP + piece, "Photoshop block") for piece in pieces)


def _segment(marker: int, payload: bytes, what: str) -> bytes:
    if len(payload) > _LARGEST:
        raise Refusal(f"its {what} would be larger than a JPEG's segment can be")
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _behind_exif(layout: Layout) -> int:
    """Return the place of new XMP and IPTC: behind the Exif segment, if that stands before the MPF and is sound.

    Of a damaged one readers may take what follows for a part, a thumbnail's end for instance.
    """
    first_mpf = min(layout.mpf, default=len(layout.segments))
    if layout.exif and layout.exif[0] < first_mpf and read_exif(layout.exif_block(), 2**31).writable:
        return layout.exif_run()[-1] + 1
    return 0


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
