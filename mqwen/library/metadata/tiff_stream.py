"""A TIFF stream (a TIFF file, or an Exif block) whose first directory gets tags of ours, nothing else being moved.

MakerNotes hold offsets that nobody knows, so every byte stays where it is. A change appends a new IFD0 with its values
and points the header at it; the next change replaces what was appended, so that the stream does not grow:

    padding to an even offset | "MQwenIFD" | length without us | offset of the IFD0 before us | IFD0 | values

It counts as ours only if it reaches to the end and is, byte for byte, what would be written for its entries.
TIFF 6.0 describes IFDs.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mqwen.library.metadata.blocks import REMOVE, Refusal, Remove

# Type -> bytes of one value (TIFF 6.0, page 15; 13 is IFD, from TIFF technical note 1).
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
HEADER = 8  # bytes; the offset of IFD0, which changes, is the last of it
_MAGIC = b"MQwenIFD"
_MARK = len(_MAGIC) + 8  # bytes before our IFD0

NewValue = tuple[int, bytes] | Remove  # a type and a value of whole units of it
_Item = tuple[int, bytes | tuple[int, bytes]]  # a tag, and its whole entry or its new type and value


class Entry(NamedTuple):
    """One entry of a directory.

    Attributes:
        raw: its 12 bytes.
        size: bytes of the value; None where the type is unknown.
        at: where the value lies in the stream: in the entry itself (`inline`) or elsewhere.
    """

    raw: bytes
    tag: int
    type: int
    units: int
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

    def keeps(self, at: int, size: int) -> bool:
        """Whether these bytes stay as they are: they lie behind the header, and not beyond what is not ours."""
        return HEADER <= at <= self.base - size

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
    table = data[at + 2 : end]
    for place, (tag, kind, values, offset) in enumerate(struct.iter_unpack(order + "HHII", table)):
        width = TYPE_SIZES.get(kind)
        size = width * values if width is not None else None
        value_at = at + 2 + 12 * place + 8 if size is None or size <= 4 else offset
        entries.append(Entry(table[12 * place : 12 * place + 12], tag, kind, values, size, value_at))
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


def new_stream(tag: int, kind: int, value: bytes) -> bytes:
    """Return a stream that holds nothing but one tag of ours."""
    return b"II*\0" + struct.pack("<I", 8 + _MARK) + _block("<", 8, 0, [(tag, (kind, value))], 0)


def overhead(stream: Stream | None, tag: int) -> int:
    """Return how many bytes a stream has, at most, beside the value when `tag` alone is set."""
    base = stream.base if stream else 8
    others = len(stream.ifd0.entries) - stream.count(tag) if stream else 0
    return base + 1 + _MARK + 2 + 12 * (others + 1) + 4 + 1


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
