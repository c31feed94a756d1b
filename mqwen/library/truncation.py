"""Does a picture's container promise more bytes than its file has? Asked only after a decoder failed, to name the
reason."""

from __future__ import annotations

import os
import struct
from typing import IO

_BOX_BRANDS = (b"ftyp", b"jP  ", b"JXL ")
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_MOST_STRIPS = 2**20


def ends_early(file: IO[bytes]) -> bool:
    """Tell whether a RIFF, TIFF, GIF or box container (AVIF, HEIC, JPEG 2000) is longer than its file."""
    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(16)
        if head[:4] == b"RIFF":
            return int.from_bytes(head[4:8], "little") + 8 > size
        if head[4:8] in _BOX_BRANDS:
            return _boxes_end(file, size) > size
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _tiff_end(file) > size
        if head[:4] == b"GIF8":
            file.seek(-1, os.SEEK_END)
            return file.read(1) not in (b";", b"\0")
        return False
    except struct.error:  # a read came back short
        return True
    except (OSError, ValueError, OverflowError):  # closed by a plugin, or an offset that no file can have
        return False


def _boxes_end(file: IO[bytes], size: int) -> int:
    """Return where the last of the boxes at the top level ends."""
    position = 0
    while position < size:
        file.seek(position)
        length, _ = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        if length < 8:  # 0: up to the end of the file
            return size
        position += length
    return position


def _tiff_end(file: IO[bytes]) -> int:
    """Return where the first picture's directory and pixels end."""
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    word, entry = ("Q", 20) if big else ("I", 12)
    (directory,) = struct.unpack_from(order + word, head, 8 if big else 4)
    file.seek(directory)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    if count > 65535:
        return 0
    end = file.tell() + count * entry
    entries = file.read(count * entry)
    numbers: dict[int, tuple[int, ...]] = {}
    for i in range(count):
        tag, kind, length = struct.unpack_from(order + "HH" + word, entries, i * entry)
        code = {3: "H", 4: "I", 16: "Q"}.get(kind)
        if tag in (_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES) and code and length <= _MOST_STRIPS:
            numbers[tag] = _values(
                file, entries, i * entry + (12 if big else 8), f"{order}{length}{code}", order + word
            )
    for offsets, lengths in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        parts = zip(numbers.get(offsets, ()), numbers.get(lengths, ()), strict=False)
        end = max(end, max((offset + length for offset, length in parts), default=0))
    return end


def _values(file: IO[bytes], entries: bytes, at: int, form: str, pointer: str) -> tuple[int, ...]:
    """Return a tag's numbers, which stand in the entry itself where they fit."""
    need = struct.calcsize(form)
    if need <= struct.calcsize(pointer):
        return struct.unpack_from(form, entries, at)
    file.seek(struct.unpack_from(pointer, entries, at)[0])
    return struct.unpack(form, file.read(need))
