"""The Exif block: nothing in it moves; it is left alone where that could not be promised."""

from __future__ import annotations

import struct

import pytest

from mqwen.library.metadata import jpeg, png
from mqwen.library.metadata.blocks import REMOVE, Change, Refusal
from mqwen.library.metadata.exif import foreign_exif, read_exif, replace_description
from mqwen.library.metadata.tiff_stream import parse_stream
from tests.library.metadata.samples import SAMPLES, camera_exif, chunk, jpeg_with, png_with, saved, segment

LIMIT = 65527


def block(*entries: bytes, following: int = 0, tail: bytes = b"") -> bytes:
    """Return a little-endian Exif block of one directory."""
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + struct.pack("<I", following) + tail


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


MAKE = entry(0x010F, 2, 4, int.from_bytes(b"abc\0", "little"))
ORIENTATION = entry(0x0112, 3, 1, 6)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("before", [None, "something else"])
def test_no_byte_moves(order: str, before: str | None) -> None:
    old = camera_exif(before, order)[6:]
    new = replace_description(old, "ein Hündchen".encode())
    assert new[8 : len(old)] == old[8:]
    assert read_exif(new, LIMIT).description == "ein Hündchen".encode()
    assert foreign_exif(new) == foreign_exif(old)


def test_the_tag_is_inserted_in_order_and_the_others_keep_theirs() -> None:
    new = parse_stream(replace_description(block(MAKE, ORIENTATION), b"new"), ())
    assert [item.tag for item in new.ifd0.entries] == [0x010E, 0x010F, 0x0112]
    new = parse_stream(replace_description(block(ORIENTATION, MAKE, entry(0x0100, 3, 1, 9)), b"new"), ())
    assert [item.tag for item in new.ifd0.entries] == [0x010E, 0x0112, 0x010F, 0x0100]


def test_a_second_edit_takes_the_place_of_the_first() -> None:
    old = camera_exif("before")[6:]
    once = replace_description(old, b"one")
    twice = replace_description(replace_description(once, b"a longer one" * 50), b"two")
    assert len(twice) == len(once)
    assert replace_description(once, b"before") == old
    assert replace_description(once, b"one") is once


def test_an_edit_in_place_by_others_survives() -> None:
    once = replace_description(block(MAKE, ORIENTATION), b"a caption that is long")
    turned = once[:-60] + once[-60:].replace(ORIENTATION, entry(0x0112, 3, 1, 1))
    assert turned != once
    again = replace_description(turned, b"another")
    assert entry(0x0112, 3, 1, 1) in again[len(block(MAKE, ORIENTATION)) :]
    assert len(again) < len(once)
    assert read_exif(replace_description(again, REMOVE), LIMIT).description is None


def test_removing_gives_the_very_block_back() -> None:
    old = camera_exif()[6:]
    assert replace_description(replace_description(old, b"new"), REMOVE) == old
    assert replace_description(replace_description(None, b"new"), REMOVE) == b""
    assert replace_description(None, REMOVE) == b""


@pytest.mark.parametrize(
    "damaged",
    [
        block(MAKE, entry(0x0112, 0, 1, 6)),  # a type that does not exist
        block(MAKE, entry(0x0112, 99, 1, 6)),
        block(MAKE, entry(0x0131, 2, 40, 20)),  # a value beyond the end
        block(MAKE, entry(0x0131, 2, 8, 2)),  # a value that is the header
        block(MAKE, following=26, tail=struct.pack("<H", 2) + entry(0x201, 4, 1, 4) + entry(0x202, 4, 1, 9) + bytes(4)),
        block(MAKE, entry(0x8769, 4, 1, 9999)),  # a directory beyond the end
        block(MAKE, entry(0x8769, 4, 1, 8)),  # IFD0 itself
        block(MAKE, entry(0x8769, 3, 1, 8)),
        block(MAKE, following=9999),
        block(MAKE, following=8),
        block(MAKE, following=26, tail=struct.pack("<H", 1) + entry(0x0103, 0, 1, 6) + bytes(4)),  # a broken IFD1
        block(
            MAKE, following=26, tail=struct.pack("<H", 2) + entry(0x201, 4, 1, 26) + entry(0x202, 4, 1, 99) + bytes(4)
        ),
        block(entry(0x010E, 2, 2, 65), entry(0x010E, 2, 2, 66)),
        block(),
        b"II*\0\x08\0\0\0",
        b"",
        b"JUNK" * 9,
        b"II+\0" + bytes(30),
    ],
)
def test_where_harm_could_come_nothing_is_written(damaged: bytes) -> None:
    assert not read_exif(damaged, LIMIT).writable
    with pytest.raises(Refusal):
        replace_description(damaged, b"new")
    assert b"".join(value for _, value in foreign_exif(damaged))[-1:] == damaged[-1:]
    old = jpeg_with(segment(0xE1, b"Exif\0\0" + damaged))
    blocks = jpeg.read(old)
    assert (blocks.description_writable, blocks.description_room) == (False, 0)
    with pytest.raises(Refusal):
        jpeg.replace(old, Change(description=b"new"))
    new = jpeg.replace(old, Change(xmp=b"<x/>"))
    assert jpeg.foreign(new) == jpeg.foreign(old)


def test_a_block_that_fills_its_segment_is_left_alone() -> None:
    for size in (65_400, 65_470, 65_500):
        old = jpeg_with(segment(0xE1, b"Exif\0\0" + block(MAKE, tail=bytes(size))))
        room = jpeg.read(old).description_room
        assert room <= max(0, 65527 - size - 26 - 47)
        if room:
            new = jpeg.replace(old, Change(description=b"d" * room))
            assert jpeg.read(new).description == b"d" * room
        assert jpeg.read(old).description_writable == (room > 0)
    assert room == 0


def test_a_forged_block_of_ours_is_foreign() -> None:
    """Our mark before an IFD0 that is not the end, or holds values of others, makes nothing ours."""
    once = replace_description(block(MAKE), b"a caption")
    for forged in (
        once + b"more",
        once.replace(MAKE, entry(0x010F, 2, 9, len(once) - 9)),
        once.replace(b"a caption\0", b"a caption?"),
    ):
        stream = parse_stream(forged, {0x010E})
        assert forged == once or not stream.has_block or stream.data[stream.base :] != b""
        if read_exif(forged, LIMIT).writable:
            new = replace_description(forged, b"new")
            assert foreign_exif(new) == foreign_exif(forged)


def test_directories_that_overlap_end_soon() -> None:
    pointers = b"".join(entry(0x8769, 4, 1, 100_000 + 2 * i) for i in range(8000))
    hostile = b"II*\0" + struct.pack("<IH", 8, 8000) + pointers
    hostile = hostile.ljust(100_000, b"\0") + b"\xff\x7f" * 600_000
    assert not read_exif(hostile, 2**32).writable
    old = png_with(chunk(b"eXIf", hostile))
    assert not png.read(old).description_writable


def test_the_thumbnail_is_still_found() -> None:
    thumbnail = saved("JPEG")
    ifd1 = struct.pack("<H", 2) + entry(0x201, 4, 1, 26 + 30) + entry(0x202, 4, 1, len(thumbnail)) + bytes(4)
    old = block(MAKE, following=26, tail=ifd1 + thumbnail)
    stream = parse_stream(replace_description(old, b"new"), {0x010E})
    assert stream.ifd0.following == 26
    assert stream.data[56 : 56 + len(thumbnail)] == thumbnail
    assert SAMPLES["camera.jpg"]() != old
