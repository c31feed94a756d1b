"""Where pixels are in formats made of boxes: HEIC and AVIF, JPEG XL, JPEG 2000."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

Extent = tuple[int, int]  # offset and length

_CODESTREAMS = frozenset((b"jxlc", b"jxlp", b"jp2c"))
# Items of metadata, which lie among those of pixels.
_METADATA_ITEMS = frozenset((b"Exif", b"mime", b"uri "))
_MOST_BOXES = 2**16
_MOST_BYTES = 2**24  # of a box that is read as a whole
_IN_FILE, _IN_IDAT = 0, 1


def codestreams(file: IO[bytes], size: int) -> list[Extent]:
    """Return the codestream of a JPEG XL or JPEG 2000 file, in all its parts."""
    return [(start, end - start) for kind, start, end in _boxes(file, 0, size) if kind in _CODESTREAMS]


def items(file: IO[bytes], size: int) -> list[Extent]:
    """Return the pixels of a HEIC or AVIF file: all of its items that are not metadata, in the order of their numbers.

    Nothing for films and sequences, and where it cannot be told. Raises struct.error or ValueError where it is broken.
    """
    top = {kind: (start, end) for kind, start, end in _boxes(file, 0, size)}
    if b"meta" not in top or b"moov" in top:
        return []
    start, end = top[b"meta"]
    inner = {kind: (start, end) for kind, start, end in _boxes(file, start + 4, end)}
    if b"iinf" not in inner or b"iloc" not in inner:
        return []
    kinds = dict(_kinds(file, *inner[b"iinf"]))
    idat = inner.get(b"idat", (0, 0))[0]
    places: dict[int, list[Extent]] = {}
    for item, method, extents in _places(_read(file, *inner[b"iloc"])):
        if kinds.get(item) in _METADATA_ITEMS:
            continue
        if method not in (_IN_FILE, _IN_IDAT) or (method == _IN_IDAT and not idat):
            return []
        if any(length == 0 for _, length in extents):  # "up to the end of the file": metadata may come after it
            return []
        places[item] = [(offset + (idat if method == _IN_IDAT else 0), length) for offset, length in extents]
    return [extent for item in sorted(places) for extent in places[item]]


def _boxes(file: IO[bytes], position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the content of each box."""
    for _ in range(_MOST_BOXES):
        if position + 8 > end:
            return
        file.seek(position)
        head = file.read(16)
        length, kind = struct.unpack_from(">I4s", head)
        start = position + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", head, 8)
            start += 8
        following = end if length == 0 else position + length
        if following < start or following > end:
            raise ValueError("a box that is longer than what holds it")
        yield kind, start, following
        position = following
    raise ValueError("too many boxes")


def _kinds(file: IO[bytes], start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and type of each item."""
    wide = _read(file, start, start + 1) != b"\0"
    for kind, inside, until in _boxes(file, start + (8 if wide else 6), end):
        if kind != b"infe":
            continue
        entry = _read(file, inside, min(until, inside + 12))
        if entry[0] < 2:
            raise ValueError("an item without a type")
        number, _, name = struct.unpack_from(">HH4s" if entry[0] == 2 else ">IH4s", entry, 4)
        yield number, name


def _places(iloc: bytes) -> Iterator[tuple[int, int, list[Extent]]]:
    """Yield number, construction method and extents of each item."""
    version, sizes, more = struct.unpack_from(">B3xBB", iloc)
    if version > 2:
        raise ValueError("unknown version")
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    position = 6

    def number(width: int) -> int:
        nonlocal position
        if position + width > len(iloc):
            raise ValueError("cut off")
        position += width
        return int.from_bytes(iloc[position - width : position], "big")

    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else _IN_FILE
        if number(2):  # its data are in another file
            raise ValueError("data elsewhere")
        base = number(base_size)
        extents = []
        for _ in range(number(2)):
            number(index_size)
            offset = number(offset_size)
            extents.append((base + offset, number(length_size)))
        yield item, method, extents


def _read(file: IO[bytes], start: int, end: int) -> bytes:
    if end - start > _MOST_BYTES:
        raise ValueError("too large")
    file.seek(start)
    return file.read(end - start)
