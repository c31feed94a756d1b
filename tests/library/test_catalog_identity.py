"""Identities: what metadata does not change, what pixels do, and how little is read."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mqwen.errors import ImageError
from mqwen.library.identity import identify, identity_of
from tests.library.conftest import squares


def of(data: bytes) -> str:
    return identity_of(io.BytesIO(data))


def encoded(form: str, seed: int = 0, **options: object) -> bytes:
    file = io.BytesIO()
    squares(seed=seed).save(file, form, **options)
    return file.getvalue()


# JPEG: any segments, then the scan.
SEGMENT = st.tuples(st.sampled_from([*range(0xE0, 0xF0), 0xFE, 0xDB, 0xC0, 0xC4]), st.binary(max_size=60))
SEGMENTS = st.lists(SEGMENT, max_size=6)


def jpeg(segments: list[tuple[int, bytes]], scan: bytes, fill: int = 0) -> bytes:
    body = b"".join(
        b"\xff" * fill + bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data for marker, data in segments
    )
    return b"\xff\xd8" + body + b"\xff\xda\0\x08" + scan


@settings(max_examples=60)
@given(one=SEGMENTS, other=SEGMENTS, scan=st.binary(min_size=1, max_size=200), fill=st.integers(0, 3))
def test_a_jpeg_is_known_by_what_follows_its_headers(
    one: list[tuple[int, bytes]], other: list[tuple[int, bytes]], scan: bytes, fill: int
) -> None:
    identity = of(jpeg(one, scan))
    assert identity == of(jpeg(other, scan, fill)) and identity.startswith(f"{len(scan) + 4:x}-")
    changed = bytes((scan[0] ^ 1,)) + scan[1:]
    assert len({identity, of(jpeg(one, changed)), of(jpeg(one, scan + b"\0")), of(jpeg(one, scan[:-1]))}) == 4


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(pixels: list[bytes], text: list[bytes], header: bytes = bytes(13)) -> bytes:
    chunks = [png_chunk(b"IHDR", header), *(png_chunk(b"iTXt", entry) for entry in text)]
    chunks += [png_chunk(b"IDAT", part) for part in pixels]
    chunks += [png_chunk(b"eXIf", entry) for entry in text] + [png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


TEXTS = st.lists(st.binary(max_size=40), max_size=4)


@settings(max_examples=60)
@given(pixels=st.binary(min_size=2, max_size=200), cut=st.integers(0, 200), one=TEXTS, other=TEXTS)
def test_a_png_is_known_by_its_pixels_however_they_are_cut(
    pixels: bytes, cut: int, one: list[bytes], other: list[bytes]
) -> None:
    identity = of(png([pixels], one))
    assert identity == of(png([pixels[:cut], pixels[cut:]], other))
    assert identity != of(png([pixels[:-1] + bytes((pixels[-1] ^ 1,))], one))
    assert identity != of(png([pixels], one, header=bytes(12) + b"\1"))


def webp(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@settings(max_examples=60)
@given(pixels=st.binary(min_size=1, max_size=80), metadata=TEXTS)
def test_a_webp_is_known_by_its_pixels(pixels: bytes, metadata: list[bytes]) -> None:
    plain = of(webp([(b"VP8 ", pixels)]))
    extended = [(b"VP8X", bytes(10)), (b"ICCP", b"x"), (b"VP8 ", pixels), *((b"XMP ", entry) for entry in metadata)]
    assert plain == of(webp(extended)) != of(webp([*extended, (b"ANMF", b"frame")]))


def tiff(strips: list[bytes], tags: dict[int, bytes], order: str = "<", big: bool = False) -> bytes:
    """A file with its strips first, its directory last, as an editor of metadata leaves it."""
    word, count, inline = ("Q", "Q", 8) if big else ("I", "H", 4)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HH", 8, 0) if big else b""
    data = bytearray(head + bytes(8 if big else 4))
    kind = 16 if big else 4

    def place(values: list[int]) -> tuple[int, int, bytes]:
        raw = struct.pack(f"{order}{len(values)}{word}", *values)
        if len(raw) <= inline:
            return kind, len(values), raw.ljust(inline, b"\0")
        data.extend(raw)
        return kind, len(values), struct.pack(order + word, len(data) - len(raw))

    offsets = []
    for strip in strips:
        offsets.append(len(data))
        data.extend(strip)
    entries = {273: place(offsets), 279: place([len(strip) for strip in strips])}
    for tag, value in tags.items():
        data.extend(value)
        entries[tag] = (7, len(value), struct.pack(order + word, len(data) - len(value)))
    struct.pack_into(order + word, data, 8 if big else 4, len(data))
    data.extend(struct.pack(order + count, len(entries)))
    for tag, (form, length, value) in sorted(entries.items()):
        data.extend(struct.pack(order + "HH" + word, tag, form, length) + value)
    return bytes(data + bytes(8 if big else 4))


@settings(max_examples=60)
@given(
    strips=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5),
    tags=st.dictionaries(st.sampled_from([270, 700, 33723, 34377]), st.binary(min_size=9, max_size=60)),
    order=st.sampled_from("<>"),
    big=st.booleans(),
)
def test_a_tiff_is_known_by_its_strips(strips: list[bytes], tags: dict[int, bytes], order: str, big: bool) -> None:
    identity = of(tiff(strips, {}))
    assert identity == of(tiff(strips, tags, order, big)) and identity.startswith(f"{sum(map(len, strips)):x}-")
    assert identity != of(tiff([*strips, b"more"], tags, order, big))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_real_encoders(form: str) -> None:
    assert of(encoded(form)) == of(encoded(form)) != of(encoded(form, seed=1))


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"comment": b"words", "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", "dpi": (99, 99)}),
        ("PNG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", "dpi": (99, 99)}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", "xmp": b"<x/>"}),
        ("TIFF", {"description": "words " * 20, "software": "x"}),
    ],
)
def test_pillow_s_metadata_is_none_of_it(form: str, options: dict[str, object]) -> None:
    with_metadata = encoded(form, **options)
    assert with_metadata != encoded(form) and of(with_metadata) == of(encoded(form))


def test_our_own_metadata_is_none_of_it(photos_folder: Path) -> None:
    """Every photo into which a caption can be embedded keeps its identity."""
    from mqwen.library.metadata.blocks import Refusal
    from mqwen.library.metadata.fields import Edit
    from mqwen.library.metadata.splice import splice

    embedded = 0
    for path in sorted(photos_folder.rglob("*")):
        if not path.is_file():
            continue
        old = path.read_bytes()
        assert identify(path) == of(old)
        try:
            new = splice(old, Edit(caption="A red car. 红色汽车。", keywords=("car", "红色")))
        except Refusal:
            continue
        embedded += 1
        assert new != old and of(new) == of(old), path
        assert of(splice(new, Edit(caption="Another one, and a longer one than before. " * 40))) == of(old), path
    assert embedded >= 30


@settings(max_examples=60)
@given(data=st.binary(max_size=400), head=st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF0000WEBP"]))
def test_any_bytes_have_an_identity(data: bytes, head: bytes) -> None:
    for one in (data, head + data, b"II*\0\x08\0\0\0" + data, b"MM\0+\0\x08\0\0" + data):
        assert of(one) == of(one)


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=300), st.integers(0, 400), st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]))
def test_damaged_files_have_an_identity(noise: bytes, at: int, form: str) -> None:
    data = bytearray(encoded(form))
    data[at : at + len(noise)] = noise
    assert of(bytes(data)) == of(bytes(data)) and of(bytes(data[:at])) == of(bytes(data[:at]))


class Counting(io.BytesIO):
    """Counts what is read of it."""

    read_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def test_of_a_large_photo_little_is_read_and_both_ends_and_the_middle_count() -> None:
    scan = bytearray(b"\x11\x22\x33\x44" * 4_000_000)
    head = jpeg([(0xE1, b"x" * 60_000)] * 20, b"")
    file = Counting(head + scan)
    identity = identity_of(file)
    assert file.read_bytes < 2**20 + 4096
    assert identity == of(jpeg([], bytes(scan)))
    for at in (0, len(scan) // 2, len(scan) - 1, 2**18 - 10):
        changed = bytearray(scan)
        changed[at : at + 2_000_000] = b"\0" * len(changed[at : at + 2_000_000])
        assert of(head + changed) != identity
    assert of(head + scan + b"\0") != identity and of(head + scan[:-1]) != identity


def test_pieces_are_the_same_however_the_pixels_are_cut() -> None:
    pixels = bytes(range(256)) * 9000
    one = of(png([pixels], []))
    assert one == of(png([pixels[i : i + 8192] for i in range(0, len(pixels), 8192)], [b"text"]))
    assert one == of(png([pixels[:1_000_001], b"", pixels[1_000_001:]], []))


def test_a_directory_cycle_and_huge_counts_end(tmp_path: Path) -> None:
    cycle = bytearray(tiff([b"pixels"], {}))
    struct.pack_into("<I", cycle, len(cycle) - 4, struct.unpack_from("<I", cycle, 4)[0])
    assert of(bytes(cycle)).startswith(f"{len(cycle):x}-")
    huge = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 273, 4, 2**32 - 1, 8) + bytes(4)
    assert of(huge).startswith(f"{len(huge):x}-")
    with pytest.raises(ImageError, match="cannot be read"):
        identify(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match=r"cannot be read"):
        identify(tmp_path)
    Image.new("L", (1, 1)).save(tmp_path / "a.png")
    assert identify(tmp_path / "a.png") == identify(str(tmp_path / "a.png"))
