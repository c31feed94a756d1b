"""The multi-picture index of a JPEG (CIPA DC-007): where the other pictures of the file lie.

Its offsets count from the TIFF header inside its APP2 segment, 0 meaning the first picture.
"""

from __future__ import annotations

import struct

from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.tiff_stream import parse_stream

_HEADER = 8  # marker, length and "MPF\0" before the TIFF header
_ENTRIES = 0xB002
_ENTRY = 16  # attribute, size, offset, two dependent pictures


def shifted(segment: bytes, by: int) -> bytes | None:
    """Return an MPF segment with every offset moved by `by` bytes (modulo 2^32), None where it cannot be read."""
    try:
        stream = parse_stream(segment[_HEADER:], ())
    except Refusal:
        return None
    entry = stream.entry(_ENTRIES)
    value = stream.value(entry) if entry and stream.count(_ENTRIES) == 1 else None
    if entry is None or value is None or len(value) % _ENTRY or entry.inline:
        return None
    moved = bytearray(segment)
    for at in range(_HEADER + entry.at + 8, _HEADER + entry.at + len(value), _ENTRY):
        (offset,) = struct.unpack_from(stream.order + "I", segment, at)
        if offset:
            struct.pack_into(stream.order + "I", moved, at, (offset + by) % 2**32)
    return bytes(moved)
