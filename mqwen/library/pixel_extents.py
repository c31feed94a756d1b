"""Where in a file its pixels are, as they are stored: the bytes that no edit of metadata changes.

JPEG: everything from the first SOS on, or from where its segments are broken. PNG: the data of IHDR, PLTE, tRNS, IDAT
and fdAT. WebP: of VP8, VP8L, ALPH and ANMF. TIFF (BigTIFF, and the raw formats made like it): strips, tiles and
embedded JPEGs of the chain of directories and of their SubIFDs. GIF: the screen, the images and what is said of their
timing and transparency. HEIC, AVIF, JPEG XL, JPEG 2000: see mqwen.library.box_extents. PSD: all but the image
resources. Only headers are read, and a bounded number of them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import IO

from mqwen.library.box_extents import Extent, codestreams, items

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT"))
_WEBP_CHUNKS = frozenset((b"VP8 ", b"VP8L", b"ALPH", b"ANMF"))
_MOST_PARTS = 2**18  # segments, chunks, strips: a file with more is identified as a whole
_MOST_DIRECTORIES = 256
_SOS, _TEM = 0xDA, 0x01
_GIF_EXTENSION, _GIF_IMAGE, _GIF_TRAILER = 0x21, 0x2C, 0x3B
_GIF_SHOWN = (0x01, 0xF9)  # extensions that change the picture: plain text, graphic control
_RESTARTS = range(0xD0, 0xD8)
# TIFF tags of offsets, and of the lengths that belong to them: strips, tiles, embedded JPEG.
_PAIRS = ((273, 279), (324, 325), (513, 514))
_SUB_DIRECTORIES = 330
_WANTED = frozenset(tag for pair in _PAIRS for tag in pair) | {_SUB_DIRECTORIES}
_INTEGERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # SHORT, LONG, IFD, LONG8, IFD8


def pixel_extents(file: IO[bytes], size: int) -> list[Extent] | None:
    """Return the parts of a file of `size` bytes that hold pixels, in order; None where they cannot be told.

    Raises:
        OSError: it cannot be read.
    """
    file.seek(0)
    head = file.read(16)
    if (walk := _walk_for(head)) is None:
        return None
    try:
        extents = walk(file, size)
    except (struct.error, OverflowError, ValueError):  # cut off, or an offset that no file can have
        return None
    inside = [(offset, min(length, size - offset)) for offset, length in extents if 0 <= offset < size and length > 0]
    return inside or None


def _walk_for(head: bytes) -> Callable[[IO[bytes], int], list[Extent]] | None:
    if head.startswith(b"\xff\xd8"):
        return _jpeg
    if head.startswith(_PNG):
        return _png
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff
    return _walk_once_whole(head)


def _walk_once_whole(head: bytes) -> Callable[[IO[bytes], int], list[Extent]] | None:
    """Return the walk for a format that earlier versions took as a whole; see mqwen.library.former_identities."""
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _gif
    if head[:12] in (b"\0\0\0\x0cJXL \r\n\x87\n", b"\0\0\0\x0cjP  \r\n\x87\n"):
        return codestreams
    if head[4:8] == b"ftyp":
        return items
    return _psd if head[:6] == b"8BPS\0\1" else None


def once_whole(file: IO[bytes]) -> bool:
    """Say whether it is of a format that earlier versions took as a whole."""
    file.seek(0)
    return _walk_once_whole(file.read(16)) is not None


def _jpeg(file: IO[bytes], size: int) -> list[Extent]:
    position = 2
    for _ in range(_MOST_PARTS):
        file.seek(position)
        head = file.read(4)
        fill, marker = struct.unpack_from("BB", head)
        # Where segments can no longer be told apart, no writer can tell metadata from pixels either.
        if marker == _SOS or fill != 0xFF or marker == 0:
            return [(position, size - position)]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker == _TEM or marker in _RESTARTS:
            position += 2
        else:
            (length,) = struct.unpack_from(">H", head, 2)
            if length < 2:
                return []
            position += 2 + length
    return []


def _png(file: IO[bytes], size: int) -> list[Extent]:
    return _chunks(file, size, len(_PNG), ">I4s", _PNG_CHUNKS, after=4, end=b"IEND")


def _webp(file: IO[bytes], size: int) -> list[Extent]:
    return _chunks(file, size, 12, "<4sI", _WEBP_CHUNKS, padded=True)


def _chunks(
    file: IO[bytes],
    size: int,
    position: int,
    header: str,
    wanted: frozenset[bytes],
    *,
    after: int = 0,
    padded: bool = False,
    end: bytes = b"",
) -> list[Extent]:
    """Walk chunks: a header of name and length (or length and name), data, `after` more bytes, padding to even."""
    extents: list[Extent] = []
    name_at = header.index("4s") > header.index("I")
    for _ in range(_MOST_PARTS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return extents
        first, second = struct.unpack(header, head)
        name, length = (second, first) if name_at else (first, second)
        if name in wanted:
            extents.append((position + 8, length))
        if name == end:
            return extents
        position += 8 + length + after + (length & 1 if padded else 0)
    return []


def _gif(file: IO[bytes], size: int) -> list[Extent]:
    file.seek(10)
    (packed,) = file.read(1)
    extents = [(6, 7)]  # the screen; the version before it may change with a comment
    position = 13
    if packed & 0x80:
        extents.append((position, 3 << (packed & 7) + 1))
        position += extents[-1][1]
    for _ in range(_MOST_PARTS):
        file.seek(position)
        head = file.read(10)
        if not head or head[0] == _GIF_TRAILER:
            return extents
        if head[0] == _GIF_IMAGE:
            (packed,) = head[9:10]
            end = _after_blocks(file, position + 11 + (3 << (packed & 7) + 1 if packed & 0x80 else 0))
        elif head[0] == _GIF_EXTENSION:
            end = _after_blocks(file, position + 2)
        else:  # as in a broken JPEG: no writer can tell what is what either
            return [*extents, (position, size - position)]
        if head[0] == _GIF_IMAGE or head[1] in _GIF_SHOWN:
            extents.append((position, end - position))
        position = end
    return []


def _after_blocks(file: IO[bytes], position: int) -> int:
    """Return where a chain of GIF's data blocks ends."""
    for _ in range(_MOST_PARTS):
        file.seek(position)
        (length,) = file.read(1)
        position += 1 + length
        if not length:
            return position
    raise ValueError("too many blocks")


def _psd(file: IO[bytes], size: int) -> list[Extent]:
    file.seek(26)
    (colours,) = struct.unpack(">I", file.read(4))
    file.seek(30 + colours)
    (resources,) = struct.unpack(">I", file.read(4))
    rest = 34 + colours + resources
    return [(0, 30 + colours), (rest, size - rest)] if rest < size else []


def _tiff(file: IO[bytes], size: int) -> list[Extent]:
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = b"+" in head[2:4]
    word, count_form = ("Q", "Q") if big else ("I", "H")
    waiting = [struct.unpack_from(order + word, head, 8 if big else 4)[0]]
    seen: set[int] = set()
    extents: list[Extent] = []
    while waiting:
        at = waiting.pop()
        if at == 0:
            continue
        if at in seen or len(seen) >= _MOST_DIRECTORIES:
            return []
        seen.add(at)
        numbers, following = _directory(file, at, order, word, count_form)
        # The next directory after this one's own subdirectories.
        waiting += (following, *reversed(numbers.get(_SUB_DIRECTORIES, ())))
        for offsets, lengths in _PAIRS:
            extents += zip(numbers.get(offsets, ()), numbers.get(lengths, ()), strict=False)
        if len(extents) > _MOST_PARTS:
            return []
    return extents


def _directory(
    file: IO[bytes], at: int, order: str, word: str, count_form: str
) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return a directory's tags that say where pixels are, and where the next directory is."""
    file.seek(at)
    (count,) = struct.unpack(order + count_form, file.read(struct.calcsize(count_form)))
    if count > 65535:
        raise ValueError(count)
    entry = struct.Struct(f"{order}HH{word}{struct.calcsize(word)}s")
    entries = file.read(count * entry.size)
    rest = file.read(struct.calcsize(order + word))
    following = struct.unpack(order + word, rest)[0] if len(rest) == struct.calcsize(order + word) else 0
    numbers: dict[int, tuple[int, ...]] = {}
    for i in range(count):
        tag, kind, length, value = entry.unpack_from(entries, i * entry.size)
        if tag not in _WANTED or kind not in _INTEGERS or length > _MOST_PARTS:
            continue
        form = struct.Struct(f"{order}{length}{_INTEGERS[kind]}")
        if form.size > len(value):
            file.seek(struct.unpack(order + word, value)[0])
            value = file.read(form.size)
        numbers[tag] = form.unpack_from(value)
    return numbers, following


def file_size(file: IO[bytes]) -> int:
    """Return the size of an open file."""
    return file.seek(0, os.SEEK_END)
