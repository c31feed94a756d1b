"""WebP: the VP8X that is made, its flags, sizes, padding, animation, trailing bytes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from mqwen.library.metadata import webp
from mqwen.library.metadata.blocks import REMOVE, Change, Refusal
from tests.library.metadata.samples import SAMPLES, camera_exif, packet, picture, pixels, riff, saved, write


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and payload of each chunk; sizes and padding must be right."""
    end = 8 + int.from_bytes(data[4:8], "little")
    found, at = [], 12
    while at < end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        assert data[at + 8 + size : at + 8 + size + size % 2] in (b"", b"\0")
        at += 8 + size + size % 2
    assert at == end <= len(data)
    return found


@pytest.mark.parametrize(
    ("mode", "options", "alpha"),
    [("RGB", {}, 0), ("RGB", {"lossless": True}, 0), ("RGBA", {"lossless": True, "exact": True}, 0x10)],
)
@pytest.mark.parametrize("size", [(24, 16), (1, 1), (301, 77)])
def test_a_missing_header_is_made(mode: str, options: dict[str, Any], alpha: int, size: tuple[int, int]) -> None:
    old = saved("WEBP", picture(mode, size=size), **options)
    assert chunks(old)[0][0] in (b"VP8 ", b"VP8L")
    found = chunks(write(old))
    assert [kind for kind, _ in found] == [b"VP8X", chunks(old)[0][0], b"EXIF", b"XMP "]
    header = found[0][1]
    assert header[0] == 0x0C | alpha
    assert (int.from_bytes(header[4:7], "little") + 1, int.from_bytes(header[7:10], "little") + 1) == size
    assert pixels(write(old)) == pixels(old)
    with Image.open(io.BytesIO(write(old))) as image:
        assert (image.mode, image.size) == (mode, size)


def test_flags_follow_what_is_there() -> None:
    old = SAMPLES["all.webp"]()
    assert chunks(old)[0][1][0] == 0x2C
    assert chunks(webp.replace(old, Change(xmp=REMOVE)))[0][1][0] == 0x28
    only_xmp = webp.replace(SAMPLES["lossy.webp"](), Change(packet()))
    assert chunks(only_xmp)[0][1][0] == 0x04
    exif_after = webp.replace(only_xmp, Change(description=b"new"))
    assert [kind for kind, _ in chunks(exif_after)] == [b"VP8X", b"VP8 ", b"EXIF", b"XMP "]
    assert chunks(exif_after)[0][1][0] == 0x0C


def test_animation_and_trailing_bytes_are_kept() -> None:
    old = SAMPLES["animated.webp"]()
    new = write(old)
    assert new.endswith(b"trailing")
    assert len(pixels(new) or ()) == 3
    assert chunks(new)[0][1][0] & 0x02


def test_a_last_chunk_without_its_padding_gets_it() -> None:
    plain = saved("WEBP")
    picture_chunk = chunks(plain)[0]
    odd = riff(picture_chunk, (b"UNKN", b"odd"))
    for old in (odd[:-1], odd[:4] + (len(odd) - 9).to_bytes(4, "little") + odd[8:-1]):
        new = write(old)
        assert [kind for kind, _ in chunks(new)] == [b"VP8X", b"VP8 ", b"UNKN", b"EXIF", b"XMP "]
        assert webp.foreign(new) == webp.foreign(old)


def test_exif_with_jpegs_prefix_keeps_it() -> None:
    plain = chunks(saved("WEBP"))
    old = riff((b"VP8X", bytes([8, 0, 0, 0, 23, 0, 0, 15, 0, 0])), *plain, (b"EXIF", camera_exif("before")))
    new = write(old)
    assert dict(chunks(new))[b"EXIF"].startswith(b"Exif\0\0")
    assert webp.foreign(new) == webp.foreign(old)


def test_a_signed_picture_is_refused_unless_told() -> None:
    old = riff(*chunks(saved("WEBP")), (b"C2PA", b"manifest"))
    assert webp.read(old).signed
    with pytest.raises(Refusal, match="C2PA"):
        webp.replace(old, Change(packet()))
    assert webp.foreign(webp.replace(old, Change(packet()), break_signature=True)) == webp.foreign(old)


@pytest.mark.parametrize(
    ("extra", "change"),
    [
        (((b"XMP ", packet("a")), (b"XMP ", packet("b"))), Change(packet())),
        (((b"XMP\0", packet("a")),), Change(packet())),
        (((b"EXIF", camera_exif()[6:]), (b"EXIF", camera_exif()[6:])), Change(description=b"new")),
        ((), Change(iptc=b"\x1c\2\x78\0\0")),
    ],
)
def test_what_is_ambiguous_is_refused(extra: tuple[tuple[bytes, bytes], ...], change: Change) -> None:
    with pytest.raises(Refusal):
        webp.replace(riff(*chunks(saved("WEBP")), *extra), change)


@pytest.mark.parametrize(
    "damaged",
    [
        riff((b"VP8 ", bytes(30))),
        riff((b"VP8L", b"\x2f")),
        riff((b"VP8X", bytes(4)), (b"VP8 ", b"")),
        riff((b"VP8X", bytes(10))),
        riff((b"ALPH", b"12"), (b"VP8X", bytes(10)), (b"VP8 ", b"")),
        riff((b"UNKN", b"")),
        riff(),
    ],
)
def test_damaged_headers_are_refused(damaged: bytes) -> None:
    with pytest.raises(Refusal):
        webp.read(damaged)


def test_every_truncation_is_refused() -> None:
    old = SAMPLES["all.webp"]()
    for end in range(len(old) - 1):
        with pytest.raises(Refusal):
            webp.read(old[:end])


def test_pillow_reads_what_was_written() -> None:
    with Image.open(io.BytesIO(write(SAMPLES["lossy.webp"](), "a plain caption"))) as image:
        assert image.getexif()[0x010E] == "a plain caption"
        assert image.info["xmp"] == packet("a plain caption")
