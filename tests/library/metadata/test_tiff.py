"""TIFF: pages, rings, what lies beyond the end, and the three places of IPTC."""

from __future__ import annotations

import hashlib
import io
import struct

import pytest
from PIL import Image, TiffImagePlugin

from mqwen.library.metadata import tiff
from mqwen.library.metadata.blocks import REMOVE, Change, Refusal
from mqwen.library.metadata.tiff_stream import parse_stream
from tests.library.metadata.samples import LATIN_IIM, SAMPLES, dataset, packet, picture, pixels, resource, saved, write

IIM = dataset(2, 120, b"hello")


def tags(data: bytes) -> list[int]:
    return [entry.tag for entry in parse_stream(data, ()).ifd0.entries]


def made(*entries: tuple[int, int, int, bytes], following: int = 0, order: str = "<") -> bytes:
    """Return a TIFF of one directory; entries are tag, type, count and the four bytes of value or offset."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    table = b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries)
    return head + struct.pack(order + "IH", 8, len(entries)) + table + struct.pack(order + "I", following)


def long(value: int) -> bytes:
    return struct.pack("<I", value)


def test_tags_are_inserted_in_order_and_others_keep_theirs() -> None:
    old = SAMPLES["plain.tif"]()
    new = write(old)
    assert tags(new) == sorted([*tags(old), 270, 700, 33723, 34377])
    unsorted = made((256, 3, 1, long(1)), (315, 2, 2, b"a\0\0\0"), (259, 3, 1, long(1)))
    assert tags(tiff.replace(unsorted, Change(description=b"new"))) == [256, 270, 315, 259]


def test_every_page_stays() -> None:
    old = SAMPLES["pages.tif"]()
    assert len(pixels(old) or ()) == 3
    assert pixels(write(write(old), "longer " * 99)) == pixels(old)


def test_the_file_before_is_in_the_file_after() -> None:
    old = SAMPLES["all.tif"]()
    new = write(old)
    assert new[8 : len(old)] == old[8:]
    assert new[:4] == old[:4]


def test_removing_all_of_ours_from_a_file_with_others_words() -> None:
    old = SAMPLES["all.tif"]()
    bare = tiff.replace(write(old), Change(REMOVE, REMOVE, REMOVE))
    assert tags(bare) == sorted(set(tags(old)) - {270, 700, 33723})
    assert tiff.foreign(bare) == tiff.foreign(old)
    # Values that stood there before are used again, so that nothing of ours is left.
    blocks = tiff.read(old)
    assert tiff.replace(write(old), Change(blocks.xmp, blocks.iptc, blocks.description))[8:] == old[8:]


def test_a_block_with_something_behind_it_is_theirs() -> None:
    old = write(SAMPLES["plain.tif"]()) + b"\0"
    new = write(old, "once more")
    assert new[8 : len(old)] == old[8:]
    assert tiff.foreign(new) == tiff.foreign(old)


def test_an_edit_in_place_by_others_survives() -> None:
    once = write(SAMPLES["plain.tif"]())
    at = once.rindex(b"\x01\x01\x04\0\1\0\0\0\x10")  # the height, in our IFD0
    cropped = once[:at] + b"\x01\x01\x04\0\1\0\0\0\x0f" + once[at + 9 :]
    new = write(cropped, "once more")
    assert len(new) < len(once)
    assert tiff.foreign(new) == tiff.foreign(cropped) != tiff.foreign(once)
    bare = tiff.replace(new, Change(REMOVE, REMOVE, REMOVE))
    assert tiff.foreign(bare) == tiff.foreign(cropped)


def test_iptc_in_three_places() -> None:
    other = resource(0x03ED, bytes(16))
    old = saved("TIFF", tiffinfo={33723: IIM, 34377: other + resource(0x0404, IIM)})
    new = tiff.replace(old, Change(iptc=IIM * 2))
    assert tiff.read(new).iptc == IIM * 2
    assert resource(0x0404, IIM * 2) + resource(0x0425, hashlib.md5(IIM * 2).digest()) in new
    assert tiff.foreign(new) == tiff.foreign(old)
    differing = saved("TIFF", tiffinfo={33723: IIM, 34377: other + resource(0x0404, IIM * 2)})
    with pytest.raises(Refusal, match="second IPTC"):
        tiff.replace(differing, Change(iptc=IIM))
    inside = saved("TIFF", tiffinfo={34377: other + resource(0x0404, IIM)})
    assert tiff.read(inside).iptc == IIM
    new = tiff.replace(inside, Change(iptc=IIM * 2))
    assert (33723 in tags(new), tiff.read(new).iptc) == (False, IIM * 2)


def test_padded_iptc_of_type_long_is_read_without_padding() -> None:
    padded = IIM + b"\0" * (-len(IIM) % 4)
    assert padded != IIM
    irb = resource(0x0425, hashlib.md5(padded).digest())
    at = len(made((0, 0, 0, b"1234"), (0, 0, 0, b"1234")))
    long_iptc = (33723, 4, len(padded) // 4, long(at))
    old = made(long_iptc, (34377, 1, len(irb), long(at + len(padded)))) + padded + irb
    blocks = tiff.read(old)
    assert (blocks.iptc, blocks.iptc_digest) == (IIM, hashlib.md5(IIM).digest())
    new = tiff.read(tiff.replace(old, Change(iptc=IIM * 2)))
    assert (new.iptc, new.iptc_digest) == (IIM * 2, hashlib.md5(IIM * 2).digest())


def test_rings_are_refused() -> None:
    alone = made((256, 3, 1, long(1)), following=8)
    old = SAMPLES["pages.tif"]()
    pages = []
    at = int.from_bytes(old[4:8], "little")
    while at:
        pages.append(at)
        count = int.from_bytes(old[at : at + 2], "little")
        last = at + 2 + 12 * count
        at = int.from_bytes(old[last : last + 4], "little")
    closed = old[:last] + long(pages[1]) + old[last + 4 :]
    sub = made((330, 4, 1, long(8)))
    for data in (alone, closed, sub):
        with pytest.raises(Refusal, match="ring"):
            tiff.replace(data, Change(packet()))


def test_what_lies_beyond_the_end_is_refused() -> None:
    size = len(made((315, 2, 9, long(0))))
    for entry, reason in (
        ((315, 2, 9, long(size - 3)), "beyond its end"),
        ((273, 4, 1, long(size + 1)), "before its picture does"),
        ((330, 4, 1, long(size + 8)), "damaged"),
    ):
        with pytest.raises(Refusal, match=reason):
            tiff.replace(made(entry), Change(packet()))
    for entries, reason in (
        ([(315, 2, 9, long(2))], "in its header"),
        ([(273, 4, 1, long(1)), (279, 4, 1, long(20))], "picture lies in its header"),
        ([(273, 4, 1, long(0))], "picture lies in its header"),
    ):
        with pytest.raises(Refusal, match=reason):
            tiff.replace(made(*entries), Change(packet()))
    left_out = made((324, 4, 1, long(0)), (325, 4, 1, long(0)))
    assert tiff.read(tiff.replace(left_out, Change(packet()))).xmp == packet()
    old = SAMPLES["plain.tif"]()
    with pytest.raises(Refusal):
        tiff.replace(old[:-1] if old[4:8] == long(8) else old[:-40], Change(packet()))


@pytest.mark.parametrize("order", "<>")
def test_bigtiff_and_raw_photos_are_refused(order: str) -> None:
    mark = b"II" if order == "<" else b"MM"
    with pytest.raises(Refusal, match="BigTIFF"):
        tiff.read(mark + struct.pack(order + "HHHQ", 43, 8, 0, 16) + bytes(99))
    dng = made((50706, 1, 4, b"\1\4\0\0"), order=order)
    preview = made((254, 4, 1, struct.pack(order + "I", 1)), (330, 4, 1, bytes(4)), order=order)
    for raw in (dng, preview, b"II*\0\x10\0\0\0CR\2\0" + bytes(50)):
        with pytest.raises(Refusal, match="raw photo"):
            tiff.read(raw)


@pytest.mark.parametrize(
    "tail", [b"AXS!" + bytes(8), b"CANON OPTIONAL DATA\0" + bytes(44), b"....cbipcbbl", b"\0\0\0\0SEFT"]
)
def test_blocks_at_the_end_are_respected(tail: bytes) -> None:
    with pytest.raises(Refusal, match="at the end"):
        tiff.replace(SAMPLES["plain.tif"]() + tail, Change(packet()))


def test_a_tag_that_stands_twice_is_refused() -> None:
    with pytest.raises(Refusal, match="twice"):
        tiff.replace(made((270, 2, 2, b"a\0\0\0"), (270, 2, 2, b"b\0\0\0")), Change(packet()))


@pytest.mark.parametrize("text", ["ImageJ=1.53\nimages=3", '{"shape": [3]}', '<?xml version="1.0"?><OME/>'])
def test_descriptions_that_machines_read_are_not_for_writing(text: str) -> None:
    blocks = tiff.read(saved("TIFF", tiffinfo={270: text}))
    assert (blocks.description, blocks.description_writable, blocks.description_room) == (text.encode(), False, 0)


def test_directories_that_overlap_end_soon() -> None:
    """A directory at every offset, each with tens of thousands of entries, each naming a hundred thousand others."""
    size = 400_000
    body = b"\0\0" + struct.pack("<HHI", 330, 4, 90_000) * (size // 8)
    data = made((330, 4, 90_000, long(26))) + body[:size]
    with pytest.raises(Refusal):
        tiff.replace(data, Change(packet()))
    pointers = b"".join(long(400_026 + 2 * i) for i in range(90_000))
    data = made((330, 4, 90_000, long(26))) + pointers.ljust(400_000, b"\0") + b"\xff\x7f" * 600_000
    with pytest.raises(Refusal, match="overlap"):
        tiff.replace(data, Change(packet()))


def test_other_readers_see_what_was_written() -> None:
    with Image.open(io.BytesIO(write(SAMPLES["deflate.tif"](), "a plain caption"))) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert image.tag_v2[270] == "a plain caption"
        assert image.tag_v2[700] == packet("a plain caption")
        image.load()
    assert LATIN_IIM not in write(saved("TIFF", picture()))
