"""Undo records: always the old bytes or an error, and small where only metadata changed."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqwen.errors import InputError
from mqwen.library.undo import apply_patch, is_whole, make_patch, make_record, old_bytes

PIXELS = random.Random(0).randbytes(5_000_000)
XMP = b"<x:xmpmeta>" + b"<rdf:li>a word or two</rdf:li>\n" * 60 + b"</x:xmpmeta>"
SMALL = 1_500


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_old_comes_back_from_any_new(new: bytes, old: bytes) -> None:
    assert apply_patch(new, make_patch(new, old)) == old


@given(
    st.binary(min_size=1, max_size=2000),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 200), st.binary(max_size=80)), max_size=8),
    st.integers(1, 40),
)
def test_edits_anywhere_are_undone(old: bytes, edits: list[tuple[int, int, bytes]], repeated: int) -> None:
    old = new = old * repeated
    for start, length, inserted in edits:
        new = new[:start] + inserted + new[start + length :]
    assert apply_patch(new, make_patch(new, old)) == old


@given(st.binary(max_size=300), st.binary(max_size=300), st.data())
def test_a_damaged_patch_or_another_file_never_gives_wrong_bytes(new: bytes, old: bytes, data: st.DataObject) -> None:
    patch = bytearray(make_patch(new, old))
    position = data.draw(st.integers(0, len(patch) - 1))
    patch[position] ^= data.draw(st.integers(1, 255))
    for file, record in ((new, bytes(patch)), (new, bytes(patch[:position])), (new + b"x", make_patch(new, old))):
        try:
            assert apply_patch(file, record) == old
        except InputError:
            continue
    with pytest.raises(InputError, match="does not fit"):
        apply_patch(b"x" + new, make_patch(new, old))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def test_a_patch_stays_small_where_only_metadata_changed() -> None:
    head, tail = PIXELS[:40], PIXELS[40:]
    more = XMP + b" " * 2000
    changes = {
        "JPEG: segments inserted near its start": (head + tail, head + more + tail),
        "JPEG: a segment replaced": (head + XMP + tail, head + XMP.replace(b"two", b"three") + tail),
        "JPEG: a segment removed": (head + XMP + tail, head + tail),
        "WebP: a new header, sizes, a chunk at the end": (
            riff((b"VP8 ", PIXELS)),
            riff((b"VP8X", bytes(10)), (b"VP8 ", PIXELS), (b"XMP ", more)),
        ),
        "TIFF: a new offset in its header, a directory at its end": (
            b"II*\0" + struct.pack("<I", 8) + PIXELS,
            b"II*\0" + struct.pack("<I", 5_000_008) + PIXELS + PIXELS[:300] + more,
        ),
        "TIFF with empty areas": (
            b"II*\0" + struct.pack("<I", 8) + (bytes(70_000) + PIXELS[:5000]) * 40,
            b"II*\0" + struct.pack("<I", 9) + (bytes(70_000) + PIXELS[:5000]) * 40 + more,
        ),
        "two places far apart": (
            PIXELS[:1_000_000] + XMP + PIXELS[1_000_000:] + bytes(4),
            PIXELS[:1_000_000] + more + PIXELS[1_000_000:] + b"1234",
        ),
    }
    for what, (old, new) in changes.items():
        patch = make_patch(new, old)
        assert apply_patch(new, patch) == old, what
        assert len(patch) < SMALL, f"{what}: {len(patch)} bytes"


def test_files_that_have_nothing_in_common_are_kept_whole() -> None:
    old, new = PIXELS[:300_000], PIXELS[300_000:700_000]
    patch = make_patch(new, old)
    assert apply_patch(new, patch) == old
    assert len(patch) < len(old) + 1000


def test_files_that_differ_everywhere_do_not_take_for_ever() -> None:
    old = bytearray(PIXELS[:2_000_000])
    new = bytes(old)
    for place in range(0, len(old), 70):
        old[place] ^= 1
    assert apply_patch(new, make_patch(new, bytes(old))) == bytes(old)


@pytest.mark.parametrize("size", [0, 1000, 65_536, 65_537, 300_000])
def test_small_files_come_back_whatever_became_of_them_and_large_ones_from_what_was_written(size: int) -> None:
    old, new = PIXELS[:size], b"new" + PIXELS[:size]
    record = make_record(new, old)
    assert old_bytes(record, new) == old
    assert is_whole(record) == (size <= 65_536)
    if is_whole(record):
        assert old_bytes(record, b"a person changed it") == old
    else:
        with pytest.raises(InputError, match="does not fit"):
            old_bytes(record, b"a person changed it")
    with pytest.raises(InputError, match="does not fit"):
        old_bytes(record[:-1], new)
