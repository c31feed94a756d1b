"""Identities of GIF, HEIC, AVIF, JPEG XL, JPEG 2000 and PSD: what editors of metadata do to them does not count."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from mqwen.library.identity import identity_of
from tests.library.conftest import squares

TEXT = st.binary(max_size=60)


def of(data: bytes) -> str:
    return identity_of(io.BytesIO(data))


def is_whole(data: bytes) -> bool:
    return of(data).startswith(f"{len(data):x}-")


# GIF


def blocks(data: bytes) -> bytes:
    parts = [data[i : i + 255] for i in range(0, len(data), 255)]
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"


def gif(pixels: list[bytes], comments: list[bytes], *, version: bytes = b"GIF89a", delay: int = 5) -> bytes:
    data = version + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(range(6))
    for number, frame in enumerate(pixels):
        data += b"".join(b"\x21\xfe" + blocks(text) for text in comments)
        if comments and not number:
            data += b"\x21\xff\x0bXMP DataXMP" + b"<x/>" + b"\1" + bytes(range(255, -1, -1)) + b"\0"
        data += b"\x21\xf9\x04\0" + struct.pack("<H", delay) + b"\0\0"
        data += b"\x2c" + bytes(8) + b"\x80" + bytes(6) + b"\x02" + blocks(frame)
    return data + b"\x3b"


@settings(max_examples=60)
@given(pixels=st.lists(st.binary(min_size=1, max_size=600), min_size=1, max_size=3), comments=st.lists(TEXT))
def test_a_gif_is_known_by_its_frames(pixels: list[bytes], comments: list[bytes]) -> None:
    identity = of(gif(pixels, []))
    assert identity == of(gif(pixels, comments)) == of(gif(pixels, [], version=b"GIF87a")) and not is_whole(
        gif(pixels, comments)
    )
    others = [gif(pixels, [], delay=6), gif([*pixels, b"more"], []), gif([pixels[0] + b"\0", *pixels[1:]], [])]
    assert len({identity, *map(of, others)}) == 4


def test_pillow_s_gif_with_a_comment() -> None:
    def animated(**options: object) -> bytes:
        file = io.BytesIO()
        frames = [squares(seed=seed).quantize(16) for seed in range(3)]
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], **options)
        return file.getvalue()

    assert animated(comment=b"words") != animated() and of(animated(comment=b"words")) == of(animated(loop=0))
    assert of(animated(duration=100)) != of(animated())


# HEIC, AVIF


def box(kind: bytes, data: bytes, *, wide: bool = False) -> bytes:
    head = struct.pack(">I4sQ", 1, kind, len(data) + 16) if wide else struct.pack(">I4s", len(data) + 8, kind)
    return head + data


def heic(
    items: Mapping[int, tuple[bytes, list[bytes]]],
    *,
    version: int = 1,
    idat: bytes = b"",
    padding: int = 0,
    more: bytes = b"",
) -> bytes:
    """A file with these items, by number: type and parts in mdat; an item without parts lies in `idat`."""
    infos = b"".join(
        box(b"infe", struct.pack(">B3xHH4s", 2, number, 0, kind) + b"\0") for number, (kind, _) in items.items()
    )

    def made(start: int) -> bytes:
        places, at = b"", start
        for number, (_, parts) in items.items():
            places += struct.pack(">I" if version == 2 else ">H", number)
            places += struct.pack(">H", 0 if parts else 1) if version else b""
            places += struct.pack(">HIH", 0, 0, len(parts) or 1)
            for part in parts:
                places += struct.pack(">II", at, len(part))
                at += len(part)
            places += b"" if parts else struct.pack(">II", 0, len(idat))
        count = struct.pack(">I" if version == 2 else ">H", len(items))
        inner = box(b"hdlr", bytes(4) + b"pict") + box(b"iinf", struct.pack(">IH", 0, len(items)) + infos)
        inner += box(b"iloc", struct.pack(">B3xBB", version, 0x44, 0x40) + count + places) + box(b"idat", idat)
        return box(b"ftyp", b"heic" + bytes(4)) + box(b"meta", bytes(4) + inner) + more + box(b"free", bytes(padding))

    start = len(made(0)) + 16
    mdat = b"".join(part for _, parts in items.values() for part in parts)
    return made(start) + box(b"mdat", mdat, wide=True)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_heic_is_known_by_its_pictures(version: int) -> None:
    pictures = {1: (b"hvc1", [b"first tile", b"its rest"]), 2: (b"hvc1", [b"second tile"])}
    plain = heic(pictures, version=version)
    described = heic(
        {9: (b"Exif", [b"a camera"]), **pictures, 10: (b"mime", [b"<x:xmpmeta>", b"</x>"])}, version=version, padding=99
    )
    assert of(plain) == of(described) and not is_whole(plain)
    assert of(heic({2: pictures[2], 1: pictures[1]}, version=version)) == of(plain)
    changed = {**pictures, 2: (b"hvc1", [b"second tilf"])}
    assert of(heic(changed, version=version)) != of(plain)


def test_a_grid_in_idat_counts() -> None:
    pictures: dict[int, tuple[bytes, list[bytes]]] = {1: (b"hvc1", [b"tile"]), 2: (b"grid", [])}
    one = heic(pictures, idat=b"two rows")
    assert (
        of(one)
        == of(heic({**pictures, 3: (b"Exif", [b"x"])}, idat=b"two rows"))
        != of(heic(pictures, idat=b"two cols"))
    )


def test_what_cannot_be_told_is_taken_as_a_whole() -> None:
    pictures = {1: (b"hvc1", [b"tile"])}
    film = heic(pictures, more=box(b"moov", b"tracks"))
    broken = heic(pictures).replace(b"iloc", b"ilox")
    endless = heic({1: (b"hvc1", [b""])})
    assert is_whole(film) and is_whole(broken) and is_whole(endless)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_pillow_s_avif_with_metadata() -> None:
    def encoded(seed: int = 0, **options: object) -> bytes:
        file = io.BytesIO()
        squares(seed=seed).save(file, "AVIF", **options)
        return file.getvalue()

    exif = Image.Exif()
    exif[0x010E] = "words"
    described = encoded(exif=exif.tobytes(), xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    assert described != encoded() and of(described) == of(encoded()) != of(encoded(1)) and not is_whole(described)


@settings(max_examples=200)
@given(st.binary(min_size=1, max_size=40), st.integers(0, 400), st.booleans())
def test_damaged_boxes_have_an_identity(noise: bytes, at: int, cut: bool) -> None:
    for whole in (
        heic({1: (b"hvc1", [b"tile"]), 2: (b"grid", []), 3: (b"Exif", [b"x"])}, idat=b"grid"),
        gif([b"pixels" * 60], [b"words"]),
        psd(b"resources", b"pixels"),
    ):
        data = bytearray(whole)
        data[at : at + len(noise)] = noise
        damaged = bytes(data[:at] if cut else data)
        assert of(damaged) == of(damaged)


# JPEG XL, JPEG 2000, PSD

JXL = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
JP2 = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")


@settings(max_examples=40)
@given(parts=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=3), text=TEXT)
def test_boxes_round_a_codestream_do_not_count(parts: list[bytes], text: bytes) -> None:
    for head, kind in ((JXL, b"jxlp"), (JP2, b"jp2c")):
        pixels = b"".join(box(kind, part) for part in parts)
        assert of(head + pixels) == of(head + box(b"xml ", text) + pixels + box(b"Exif", text))
        assert of(head + pixels) != of(head + pixels + box(kind, b"more"))


def test_a_bare_codestream_stays_what_it_is_in_a_container() -> None:
    bare = b"\xff\x0a" + bytes(range(200))
    assert of(bare) == of(JXL + box(b"Exif", b"x") + box(b"jxlc", bare))


def psd(resources: bytes, pixels: bytes) -> bytes:
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 4, 4, 8, 3)
    return head + struct.pack(">I", 0) + struct.pack(">I", len(resources)) + resources + pixels


def test_a_psd_is_known_by_its_layers_and_pixels() -> None:
    one = psd(b"8BIM", b"layers and pixels")
    assert of(one) == of(psd(b"8BIM with more in it", b"layers and pixels")) != of(psd(b"8BIM", b"layers and pixelz"))
