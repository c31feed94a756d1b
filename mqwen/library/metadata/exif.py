"""The Exif block: a TIFF stream in which only IFD0's ImageDescription is ours.

Nothing in the stream is moved, because MakerNotes hold offsets that nobody knows. A change appends a new IFD0 with its
value and points the header at it; the next change replaces what was appended, so that the block does not grow:

    padding to an even offset | "MQwenIFD" | length without us | offset of the IFD0 before us | IFD0 | values

It counts as ours only if it reaches to the end and is, byte for byte, what would be written for its entries.
TIFF 6.0 describes IFDs; Exif 2.32 the directories that hang on IFD0.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mqwen.library.metadata.blocks import REMOVE, Refusal, Remove

IMAGE_DESCRIPTION = 0x010E
ASCII = 2
EXIF_OURS = frozenset({IMAGE_DESCRIPTION})
# Type -> bytes of one value (TIFF 6.0, page 15; 13 is IFD, from TIFF technical note 1).
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SUB_DIRECTORIES = frozenset({0x8769, 0x8825, 0xA005})  # Exif, GPS, Interoperability
_THUMBNAIL, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_MAGIC = b"MQwenIFD"
_MARK = len(_MAGIC) + 8  # bytes before our IFD0
_LONGEST_CHAIN = 8  # IFDs of an Exif block; two are usual

NewValue = tuple[int, bytes] | Remove  # a type and a value of whole units of it
_Item = tuple[int, bytes | tuple[int, bytes]]  # a tag, and its whole entry or its new type and value


@dataclass(frozen=True)
class Entry:
    """One entry of a directory.

    Attributes:
        raw: its 12 bytes.
        size: bytes of the value; None where the type is unknown.
        at: where the value lies in the stream: in the entry itself (`inline`) or elsewhere.
    """

    raw: bytes
    tag: int
    type: int
    count: int
    size: int | None
    at: int

    @property
    def inline(self) -> bool:
        return self.size is None or self.size <= 4


@dataclass(frozen=True)
class Directory:
    """An IFD: `following` is the offset of the next one, 0 if it is the last."""

    entries: tuple[Entry, ...]
    following: int


@dataclass(frozen=True)
class Stream:
    """A TIFF stream with its IFD0.

    Attributes:
        order: "<" or ">".
        ifd0: the directory that the header points at, perhaps ours.
        base: length of what is not ours.
        before: offset of the IFD0 before ours (of the present one if ours is not there); 0 if there was none.
    """

    data: bytes
    order: str
    ifd0: Directory
    base: int
    before: int

    @property
    def has_block(self) -> bool:
        return self.base < len(self.data)

    def entry(self, tag: int) -> Entry | None:
        return next((entry for entry in self.ifd0.entries if entry.tag == tag), None)

    def value(self, entry: Entry) -> bytes | None:
        """Return an entry's value, None where it lies outside the stream."""
        if entry.size is None or entry.at + entry.size > len(self.data):
            return None
        return self.data[entry.at : entry.at + entry.size]

    def count(self, tag: int) -> int:
        return sum(entry.tag == tag for entry in self.ifd0.entries)


def parse_stream(data: bytes, ours: Collection[int]) -> Stream:
    """Return a TIFF stream's IFD0 and what of it `replace_tags` appended earlier.

    Raises:
        Refusal: no TIFF header, a BigTIFF, or IFD0 does not fit in.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise Refusal("its TIFF header is missing")
    magic, at = struct.unpack_from(order + "HI", data, 2)
    if magic == 43:
        raise Refusal("it is a BigTIFF")
    if magic != 42:
        raise Refusal("its TIFF header is damaged")
    ifd0 = read_directory(data, at, order)
    if ifd0 is None:
        raise Refusal("its first TIFF directory is damaged")
    stream = Stream(data, order, ifd0, len(data), at)
    base, before = _own_block(stream, at, ours)
    return Stream(data, order, ifd0, base, before)


def read_directory(data: bytes, at: int, order: str) -> Directory | None:
    """Return the IFD at offset `at`, None where it does not fit into the stream."""
    if at < 8 or at + 2 > len(data):
        return None
    (count,) = struct.unpack_from(order + "H", data, at)
    end = at + 2 + 12 * count
    if end + 4 > len(data):
        return None
    entries = []
    for position in range(at + 2, end, 12):
        tag, kind, values, offset = struct.unpack_from(order + "HHII", data, position)
        width = TYPE_SIZES.get(kind)
        size = width * values if width is not None else None
        at = position + 8 if size is None or size <= 4 else offset
        entries.append(Entry(data[position : position + 12], tag, kind, values, size, at))
    return Directory(tuple(entries), struct.unpack_from(order + "I", data, end)[0])


def replace_tags(stream: Stream, ours: Collection[int], change: Mapping[int, NewValue]) -> bytes:
    """Return the stream with tags of IFD0 set (to a type and a value) or removed.

    Other entries keep their order and their bytes. Where the outcome is the IFD0 that stood there before ours, that one
    is used again; where nothing is left of a stream that was made by `replace_tags`, the outcome is empty.
    """
    previous = read_directory(stream.data, stream.before, stream.order) if stream.has_block and stream.before else None
    wanted: dict[int, bytes | tuple[int, bytes] | Remove] = dict(change)
    for entry in previous.entries if previous else ():
        # A value that stands there from before is used again rather than written once more.
        if entry.tag in change and (entry.type, stream.value(entry)) == change[entry.tag]:
            wanted[entry.tag] = entry.raw
    items: list[_Item] = []
    for entry in stream.ifd0.entries:
        new = wanted.get(entry.tag, entry.raw)
        if entry.tag not in wanted and entry.tag in ours and not entry.inline and stream.base <= entry.at:
            new = (entry.type, stream.value(entry) or b"")
        if new is not REMOVE:
            items.append((entry.tag, new))
    there = {tag for tag, _ in items}
    for tag, new in wanted.items():
        if new is not REMOVE and tag not in there:
            place = next((i for i, (other, _) in enumerate(items) if other > tag), len(items))
            items.insert(place, (tag, new))
    entries = [entry.raw for entry in previous.entries] if previous else None
    if previous and previous.following == stream.ifd0.following and entries == [item for _, item in items]:
        return _with_header(stream, stream.before) + stream.data[8 : stream.base]
    if not items and stream.base == 8:
        return b""
    block = _block(stream.order, stream.base, stream.before, items, stream.ifd0.following)
    if stream.base + len(block) > 0xFFFFFFFF:
        raise Refusal("it would grow beyond 4 GB")
    ifd0 = stream.base + stream.base % 2 + _MARK
    return b"".join((_with_header(stream, ifd0), memoryview(stream.data)[8 : stream.base], block))


def foreign_tags(stream: Stream, ours: Collection[int]) -> list[tuple[str, bytes]]:
    """Return what of the stream is not ours: header, entries of IFD0, and every byte before our block."""
    found = [(f"IFD0 0x{entry.tag:04X}", entry.raw) for entry in stream.ifd0.entries if entry.tag not in ours]
    if not found and stream.base == 8 and not stream.ifd0.following:
        return []
    found.append(("TIFF header", stream.data[:4]))
    found.append(("IFD1", struct.pack(">I", stream.ifd0.following)))
    found.append(("TIFF body", stream.data[8 : stream.base]))
    return found


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
        room = limit - 8 - _MARK - 2 - 12 - 4 - 2
        return ExifState(None, room > 0, max(room, 0))
    try:
        stream = parse_stream(data, EXIF_OURS)
    except Refusal:
        return ExifState(None, False, 0)
    others = len(stream.ifd0.entries) - stream.count(IMAGE_DESCRIPTION)
    room = limit - stream.base - 1 - _MARK - 2 - 12 * (others + 1) - 4 - 2
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
        order, ifd0 = "<", 8 + _MARK
        return b"II*\0" + struct.pack("<I", ifd0) + _block(order, 8, 0, [(IMAGE_DESCRIPTION, (ASCII, new + b"\0"))], 0)
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

    Every value must lie in what is there now: one that points beyond would point into our block afterwards.
    """
    if stream.count(IMAGE_DESCRIPTION) > 1 or not stream.ifd0.entries:
        return False
    limit, seen, pending = stream.base, {stream.before}, [stream.ifd0]
    following, chain = stream.ifd0.following, 1
    while following:
        directory = read_directory(stream.data, following, stream.order)
        if directory is None or following in seen or following >= limit or chain == _LONGEST_CHAIN:
            return False
        seen.add(following)
        pending.append(directory)
        following, chain = directory.following, chain + 1
    for directory in pending:
        if any(entry.size is None for entry in directory.entries) or not _thumbnail_fits(stream, directory):
            return False
    budget = len(stream.data) // 6  # directories that overlap could be read again and again
    while pending:
        directory = pending.pop()
        budget -= len(directory.entries)
        if budget < 0:
            return False
        for entry in directory.entries:
            own = directory is stream.ifd0 and entry.tag == IMAGE_DESCRIPTION
            if own or entry.size is None:
                continue
            if entry.at + entry.size > limit and not entry.inline:
                return False
            if entry.tag in SUB_DIRECTORIES:
                at = _number(stream, entry)
                below = read_directory(stream.data, at, stream.order) if entry.size == 4 and at < limit else None
                if below is None or at in seen:
                    return False
                seen.add(at)
                pending.append(below)
    return True


def _thumbnail_fits(stream: Stream, directory: Directory) -> bool:
    found = {entry.tag: entry for entry in directory.entries if entry.tag in (_THUMBNAIL, _THUMBNAIL_LENGTH)}
    if len(found) < 2 or any(entry.size not in (2, 4) for entry in found.values()):
        return not found or all(_number(stream, entry) <= stream.base for entry in found.values())
    return _number(stream, found[_THUMBNAIL]) + _number(stream, found[_THUMBNAIL_LENGTH]) <= stream.base


def _number(stream: Stream, entry: Entry) -> int:
    kind = "H" if entry.size == 2 else "I"
    return int(struct.unpack_from(stream.order + kind, entry.raw, 8)[0])


def _own_block(stream: Stream, at: int, ours: Collection[int]) -> tuple[int, int]:
    """Return length and IFD0 offset of the stream without our block; of the whole stream where none is."""
    data, mark = stream.data, at - _MARK
    if mark < 8 or data[mark : mark + len(_MAGIC)] != _MAGIC:
        return stream.base, stream.before
    base, before = struct.unpack_from(stream.order + "II", data, mark + len(_MAGIC))
    if not 8 <= base <= mark or mark != base + base % 2 or (before and not 8 <= before < base):
        return stream.base, stream.before
    if any(stream.count(tag) > 1 for tag in ours):
        return stream.base, stream.before
    items: list[_Item] = []
    for entry in stream.ifd0.entries:
        if entry.tag in ours and not entry.inline and entry.at >= base:
            items.append((entry.tag, (entry.type, stream.value(entry) or b"")))
        else:
            items.append((entry.tag, entry.raw))
    # A value of somebody else, or the next IFD, within our block: somebody has worked on it since.
    strangers = (entry for entry in stream.ifd0.entries if entry.tag not in ours and not entry.inline)
    if stream.ifd0.following >= base or any(base <= entry.at < len(data) for entry in strangers):
        return stream.base, stream.before
    if _block(stream.order, base, before, items, stream.ifd0.following) != data[base:]:
        return stream.base, stream.before
    return base, before


def _block(order: str, base: int, before: int, items: list[_Item], following: int) -> bytes:
    start = base + base % 2
    table = struct.pack(order + "H", len(items))
    values = bytearray()
    at = start + _MARK + 2 + 12 * len(items) + 4
    for tag, item in items:
        if isinstance(item, bytes):
            table += item
            continue
        kind, value = item
        table += struct.pack(order + "HHI", tag, kind, len(value) // TYPE_SIZES[kind])
        if len(value) <= 4:
            table += value.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", at + len(values))
            values += value + b"\0" * (len(value) % 2)
    mark = _MAGIC + struct.pack(order + "II", base, before)
    return b"".join((b"\0" * (start - base), mark, table, struct.pack(order + "I", following), values))


def _with_header(stream: Stream, ifd0: int) -> bytes:
    return stream.data[:4] + struct.pack(stream.order + "I", ifd0)
