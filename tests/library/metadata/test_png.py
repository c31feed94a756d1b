"""PNG: where chunks go, compressed XMP, old forms of Exif, damage."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image

from mqwen.library.metadata import png
from mqwen.library.metadata.blocks import REMOVE, Change, Refusal
from tests.library.metadata.samples import SAMPLES, camera_exif, chunk, packet, pixels, png_with, saved, write

XMP = b"XML:com.adobe.xmp\0"


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and payload of each chunk, every checksum verified."""
    found, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, payload = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + payload) == int.from_bytes(data[at + 8 + size : at + 12 + size], "big")
        found.append((kind, payload))
        at += 12 + size
        if kind == b"IEND":
            break
    return found


def test_new_chunks_stand_before_the_picture_and_uncompressed() -> None:
    found = chunks(write(png_with(chunk(b"gAMA", b"\0\0\xb1\x8f"))))
    assert [kind for kind, _ in found][:5] == [b"IHDR", b"gAMA", b"eXIf", b"iTXt", b"IDAT"]
    assert found[3][1] == XMP + b"\0\0\0\0" + packet()


def test_an_animation_keeps_its_order() -> None:
    old = SAMPLES["animated.png"]()
    kinds = [kind for kind, _ in chunks(write(old))]
    assert kinds.index(b"acTL") < kinds.index(b"iTXt") < kinds.index(b"fcTL") < kinds.index(b"IDAT")
    assert len(pixels(write(old)) or ()) == 3


def test_compressed_xmp_is_read_and_replaced_in_place() -> None:
    old = png_with(chunk(b"iTXt", XMP + b"\1\0de\0Titel\0" + zlib.compress(packet("old"))), chunk(b"tEXt", b"a\0b"))
    assert png.read(old).xmp == packet("old")
    new = png.replace(old, Change(packet()))
    assert chunks(new)[1] == (b"iTXt", XMP + b"\0\0de\0Titel\0" + packet())
    assert png.foreign(new) == png.foreign(old)
    with pytest.raises(Refusal, match="language"):
        png.replace(new, Change(REMOVE))


def test_a_decompression_bomb_is_refused() -> None:
    bomb = zlib.compress(bytes(17 * 2**20))
    for text in (bomb, bomb[:-9], b"not deflated", zlib.compress(packet())[:-2]):
        old = png_with(chunk(b"iTXt", XMP + b"\1\0\0\0" + text))
        for call in (png.read, png.foreign, lambda data: png.replace(data, Change(packet()))):
            with pytest.raises(Refusal, match="XMP chunk"):
                call(old)


@pytest.mark.parametrize("payload", [XMP, XMP + b"\0", XMP + b"\0\0en", XMP + b"\2\0\0\0x", XMP + b"\1\1\0\0x"])
def test_damaged_xmp_chunks_are_refused(payload: bytes) -> None:
    with pytest.raises(Refusal, match="XMP chunk"):
        png.read(png_with(chunk(b"iTXt", payload)))


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
@pytest.mark.parametrize("name", [b"Raw profile type exif", b"Raw profile type APP1"])
def test_beside_exif_in_an_old_form_no_new_one_is_made(kind: bytes, name: bytes) -> None:
    old = png_with(chunk(kind, name + b"\0\0anything"))
    blocks = png.read(old)
    assert (blocks.description_writable, blocks.description_room) == (False, 0)
    with pytest.raises(Refusal, match="old form"):
        png.replace(old, Change(description=b"new"))
    assert b"eXIf" not in write(old)


@pytest.mark.parametrize(
    "extra",
    [
        (chunk(b"iTXt", XMP + b"\0\0\0\0" + packet("a")), chunk(b"iTXt", XMP + b"\0\0\0\0" + packet("b"))),
        (chunk(b"tEXt", XMP + packet("a")),),
    ],
)
def test_a_second_or_odd_xmp_is_refused(extra: tuple[bytes, ...]) -> None:
    with pytest.raises(Refusal, match="more than one XMP"):
        png.replace(png_with(*extra), Change(packet()))


@pytest.mark.parametrize("kind", [b"caBX", b"dSIG"])
def test_a_signed_picture_is_refused_unless_told(kind: bytes) -> None:
    old = png_with(chunk(kind, b"manifest"))
    assert png.read(old).signed
    with pytest.raises(Refusal, match="signed"):
        png.replace(old, Change(packet()))
    assert png.foreign(png.replace(old, Change(packet()), break_signature=True)) == png.foreign(old)


def test_exif_with_a_wrong_checksum_or_twice_is_left_alone() -> None:
    good = chunk(b"eXIf", camera_exif("before")[6:])
    for extra in ((good[:-1] + b"?",), (good, good)):
        old = png_with(*extra)
        assert not png.read(old).description_writable
        new = png.replace(old, Change(packet()))
        assert png.foreign(new) == png.foreign(old)
        with pytest.raises(Refusal):
            png.replace(old, Change(description=b"new"))


def test_exif_with_jpegs_prefix_keeps_it() -> None:
    old = png_with(chunk(b"eXIf", camera_exif("before")))
    new = write(old)
    payload = dict(chunks(new))[b"eXIf"]
    assert payload.startswith(b"Exif\0\0")
    assert png.foreign(new) == png.foreign(old)


def test_what_follows_damage_behind_the_picture_is_kept() -> None:
    plain = saved("PNG")
    for tail in (b"", b"\0\0\0\x09cut", b"\xff\xff\xff\xff????" + bytes(40)):
        old = plain[:-12] + tail
        new = write(old)
        assert new.endswith(tail)
        assert png.foreign(new) == png.foreign(old)
    with pytest.raises(Refusal, match="damaged"):
        png.read(plain[:50])


def test_iptc_is_refused() -> None:
    with pytest.raises(Refusal, match="no IPTC"):
        png.replace(saved("PNG"), Change(iptc=b"\x1c\2\x78\0\0"))


def test_pillow_reads_what_was_written() -> None:
    with Image.open(io.BytesIO(write(SAMPLES["plain.png"](), "a plain caption"))) as image:
        image.load()
        assert image.getexif()[0x010E] == "a plain caption"
        assert image.info["XML:com.adobe.xmp"] == packet("a plain caption").decode()
