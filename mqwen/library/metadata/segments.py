"""The segments of a JPEG up to its picture, and which of them hold metadata (ITU-T T.81, annex B)."""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass, field

from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.irb import Resources, parse_resources

EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
_SIGNED = (b"c2pa", b"cacb")  # in a JUMBF box: its type, and that of the drafts before C2PA
_MOST_SEGMENTS = 20_000  # an extended XMP packet of a gigabyte; more is an attack on the reader's memory
_SOI, _EOI, _SOS, _APP0, APP1, _APP2, _APP11, APP13 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEB, 0xED
_NOTHING = -1  # fill bytes between segments
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_NO_FILL = re.compile(rb"[^\xff]")


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
        return b"".join(self.segments[place].payload[len(EXIF) :] for place in self.exif_run()) if self.exif else None

    def exif_run(self) -> list[int]:
        return [place for i, place in enumerate(self.exif) if place == self.exif[0] + i]

    def with_iptc(self) -> list[Photoshop]:
        """Return the IRBs with datasets; those with empty ones only where there are no others."""
        found = [block for block in self.photoshop if block.resources.datasets()]
        return [block for block in found if block.resources.datasets()[0].data] or found[:1]

    def front(self) -> int:
        """Return the place behind the JFIF segments that open the file, where a reader expects Exif."""
        place = 0
        while place < len(self.segments) and self.segments[place].marker == _APP0:
            place += 1
        return place

    def extended_xmp(self) -> bytes | None:
        """Return the packet that the extension segments make up (GUID, whole length, offset, part)."""
        parts: dict[int, bytes] = {}
        expected: set[tuple[bytes, int]] = set()
        head = len(_EXTENDED_XMP)
        for place in self.extended:
            payload = self.segments[place].payload
            if len(payload) < head + 40:
                return None
            length, offset = struct.unpack_from(">II", payload, head + 32)
            expected.add((payload[head : head + 32], length))
            parts[offset] = payload[head + 40 :]
        whole = b"".join(parts[offset] for offset in sorted(parts))
        if len(expected) != 1:
            return None
        ((guid, length),) = expected
        main = self.segments[self.xmp[0]].payload if self.xmp else b""
        digest = hashlib.md5(whole, usedforsecurity=False).hexdigest().upper().encode()
        return whole if len(whole) == length and guid.upper() == digest and guid in main else None


def parse_jpeg(data: bytes) -> Layout:
    """Split a JPEG.

    Raises:
        Refusal: its segments cannot be told apart.
    """
    if data[:2] != b"\xff\xd8":
        raise Refusal("it is not a JPEG")
    segments: list[Segment] = []
    at = 2
    while True:
        start = at
        # A marker is its last FF with what follows; those before it are fill bytes.
        found = _NO_FILL.search(data, at)
        if found is None:
            raise Refusal("it ends before its picture begins")
        at = found.start() - 1
        if at < start:
            return _opaque_from(data, Layout(segments, start))
        if at > start:
            segments.append(Segment(_NOTHING, data[start:at]))
        marker = data[at + 1]
        if marker == _SOS:
            return _classified(Layout(segments, at))
        if marker == 0x00:
            return _opaque_from(data, Layout(segments, at))
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
    if any(data.find(mark, layout.scan) != -1 for mark in (EXIF, XMP, PHOTOSHOP, *_SIGNED)):
        raise Refusal("there are stray bytes between its segments")
    return _classified(layout)


def _classified(layout: Layout) -> Layout:
    runs: list[list[int]] = []
    for place, segment in enumerate(layout.segments):
        if segment.starts(APP1, EXIF):
            layout.exif.append(place)
        elif segment.starts(APP1, XMP):
            layout.xmp.append(place)
        elif segment.starts(APP1, _EXTENDED_XMP):
            layout.extended.append(place)
        elif segment.marker == APP1 and b"Exif\0" in segment.raw[4:13]:
            layout.odd_exif = True
        elif segment.starts(_APP2, b"MPF\0"):
            layout.mpf.append(place)
        elif segment.starts(_APP11, b"JP") and any(mark in segment.raw for mark in _SIGNED):
            layout.signed = True
        elif segment.starts(APP13, PHOTOSHOP):
            if runs and runs[-1][-1] == place - 1:
                runs[-1].append(place)
            else:
                runs.append([place])
    for run in runs:
        parsed = [parse_resources(layout.segments[place].payload[len(PHOTOSHOP) :]) for place in run]
        if len(run) == 1 or not any(one.tail for one in parsed):
            layout.photoshop += [Photoshop((place,), one) for place, one in zip(run, parsed, strict=True)]
        else:
            # Photoshop splits what is larger than a segment anywhere.
            joined = b"".join(layout.segments[place].payload[len(PHOTOSHOP) :] for place in run)
            layout.photoshop.append(Photoshop(tuple(run), parse_resources(joined)))
    return layout
