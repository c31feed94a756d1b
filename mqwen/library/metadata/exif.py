"""The Exif block of a JPEG, PNG or WebP: a TIFF stream in which only IFD0's ImageDescription is ours.

Exif 2.32 describes the directories that hang on IFD0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mqwen.library.metadata.blocks import REMOVE, Refusal, Remove
from mqwen.library.metadata.tiff_stream import (
    Directory,
    Entry,
    Stream,
    foreign_tags,
    new_stream,
    overhead,
    parse_stream,
    read_directory,
    replace_tags,
)

IMAGE_DESCRIPTION = 0x010E
ASCII = 2
EXIF_OURS = frozenset({IMAGE_DESCRIPTION})
SUB_DIRECTORIES = frozenset({0x8769, 0x8825, 0xA005})  # Exif, GPS, Interoperability
_THUMBNAIL, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_LONGEST_CHAIN = 8  # IFDs of an Exif block; two are usual
_MOST_ENTRIES = 20_000  # some hundreds are usual


def description_of(stream: Stream) -> bytes | None:
    """Return ImageDescription up to its first NUL."""
    entry = stream.entry(IMAGE_DESCRIPTION)
    value = stream.value(entry) if entry else None
    return None if value is None else value.split(b"\0", 1)[0]


@dataclass(frozen=True)
class ExifState:
    """What the Exif block of a JPEG, PNG or WebP offers; see `Blocks`."""

    description: bytes | None
    writable: bool
    room: int


def read_exif(data: bytes | None, limit: int) -> ExifState:
    """Look at an Exif block (None: there is none) that may have at most `limit` bytes."""
    if data is None:
        return ExifState(None, True, limit - overhead(None, IMAGE_DESCRIPTION) - 1)
    try:
        stream = parse_stream(data, EXIF_OURS)
    except Refusal:
        return ExifState(None, False, 0)
    room = limit - overhead(stream, IMAGE_DESCRIPTION) - 1  # its NUL
    writable = room > 0 and is_sound(stream)
    return ExifState(description_of(stream), writable, room if writable else 0)


def is_change(data: bytes | None, new: bytes | Remove) -> bool:
    """Return False where an ImageDescription is to be removed and none can be read."""
    if new is not REMOVE:
        return True
    try:
        return data is not None and description_of(parse_stream(data, EXIF_OURS)) is not None
    except Refusal:
        return False


def replace_description(data: bytes | None, new: bytes | Remove) -> bytes:
    """Return an Exif block with another ImageDescription, empty where nothing is left of it.

    Raises:
        Refusal: the block cannot be changed without harm.
    """
    if isinstance(new, bytes) and b"\0" in new:
        raise Refusal("a description with a NUL byte cannot be written")
    if data is None:
        if new is REMOVE:
            return b""
        return new_stream(IMAGE_DESCRIPTION, ASCII, new + b"\0")
    stream = parse_stream(data, EXIF_OURS)
    if description_of(stream) == (None if new is REMOVE else new):
        return data
    if not is_sound(stream):
        raise Refusal("its Exif block is damaged, so that its description cannot be changed without harm")
    return replace_tags(stream, EXIF_OURS, {IMAGE_DESCRIPTION: REMOVE if new is REMOVE else (ASCII, new + b"\0")})


def foreign_exif(data: bytes) -> list[tuple[str, bytes]]:
    """Return what of an Exif block is not ours."""
    try:
        return foreign_tags(parse_stream(data, EXIF_OURS), EXIF_OURS)
    except Refusal:
        return [("Exif", data)]


def is_sound(stream: Stream) -> bool:
    """Whether IFD0 can be replaced by one at the end.

    Every value must lie in what is there now: one that points beyond would point into our block afterwards, and one in
    the header would change with it.
    """
    if stream.count(IMAGE_DESCRIPTION) > 1 or not stream.ifd0.entries:
        return False
    limit, seen = stream.base, {stream.before}
    budget = min(len(stream.data) // 6, _MOST_ENTRIES)  # directories that overlap could be read again and again
    pending: list[tuple[int, bool]] = []  # offsets of directories, and whether they are IFD1 and later
    directory, in_chain, chain = stream.ifd0, True, 1
    while True:
        budget -= len(directory.entries)
        if budget < 0 or (in_chain and not _is_plain(stream, directory)):
            return False
        for entry in directory.entries:
            own = directory is stream.ifd0 and entry.tag == IMAGE_DESCRIPTION
            if not own and not entry.inline and not stream.keeps(entry.at, entry.size or 0):
                return False
            if entry.tag in SUB_DIRECTORIES:
                if entry.size != 4:
                    return False
                pending.append((_number(stream, entry), False))
        if in_chain and directory.following:
            pending.append((directory.following, True))
            chain += 1
        if not pending:
            return True
        at, in_chain = pending.pop()
        found = read_directory(stream.data, at, stream.order) if at < limit and at not in seen else None
        if found is None or chain > _LONGEST_CHAIN:
            return False
        seen.add(at)
        directory = found


def _is_plain(stream: Stream, directory: Directory) -> bool:
    """Whether IFD0 or IFD1 has known types only, and its thumbnail lies in the stream."""
    return all(entry.size is not None for entry in directory.entries) and _thumbnail_fits(stream, directory)


def _thumbnail_fits(stream: Stream, directory: Directory) -> bool:
    found = {entry.tag: entry for entry in directory.entries if entry.tag in (_THUMBNAIL, _THUMBNAIL_LENGTH)}
    if len(found) < 2 or any(entry.size not in (2, 4) for entry in found.values()):
        return not found or all(_number(stream, entry) <= stream.base for entry in found.values())
    at, length = _number(stream, found[_THUMBNAIL]), _number(stream, found[_THUMBNAIL_LENGTH])
    return stream.keeps(at, length) if length else at <= stream.base


def _number(stream: Stream, entry: Entry) -> int:
    kind = "H" if entry.size == 2 else "I"
    return int(struct.unpack_from(stream.order + kind, entry.raw, 8)[0])
