"""JPEG: where segments go, what is refused, and what is left alone."""

from __future__ import annotations

import hashlib
import io
import struct

import pytest
from PIL import Image, JpegImagePlugin

from mqwen.library.metadata import jpeg
from mqwen.library.metadata.blocks import REMOVE, Change, Refusal
from tests.library.metadata.samples import (
    SAMPLES,
    camera_exif,
    dataset,
    jpeg_with,
    packet,
    photoshop,
    picture,
    pixels,
    resource,
    saved,
    segment,
    write,
    xmp_segment,
)

IIM = dataset(2, 120, b"hello") + dataset(2, 25, b"word")


def markers(data: bytes) -> list[bytes]:
    """Return marker and beginning of each segment before the scan."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        found.append(data[at + 1 : at + 2] + data[at + 4 : at + 8])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def test_new_segments_follow_jfif_and_exif() -> None:
    new = markers(write(saved("JPEG")))
    assert new[:4] == [b"\xe0JFIF", b"\xe1Exif", b"\xe1http", b"\xedPhot"]
    with_exif = markers(write(jpeg_with(segment(0xE1, camera_exif()), segment(0xE2, b"ICC_PROFILE\0"))))
    assert with_exif[:5] == [b"\xe0JFIF", b"\xe1Exif", b"\xe1http", b"\xedPhot", b"\xe2ICC_"]


def test_not_a_byte_from_the_first_scan_on_is_touched() -> None:
    for name in ("all.jpg", "progressive.jpg", "pictures.mpo"):
        old = SAMPLES[name]()
        scan = jpeg.parse_jpeg(old).scan
        assert write(old).endswith(old[scan:])


def mpo(*between: bytes) -> bytes:
    """Return three pictures with segments of ours between the index and the first picture's tables."""
    old = SAMPLES["pictures.mpo"]()
    at = old.index(b"MPF\0") - 4
    end = at + 2 + int.from_bytes(old[at + 2 : at + 4], "big")
    layout = jpeg.parse_jpeg(old)
    raw = layout.segments[layout.mpf[0]].raw
    extra = b"".join(between)
    moved = jpeg.mpf.shifted(raw, len(extra))
    assert moved is not None
    return old[:at] + moved + extra + old[end:]


@pytest.mark.parametrize("between", [(), (xmp_segment(packet("old", 500)), photoshop(resource(0x0404, IIM)))])
def test_the_other_pictures_of_an_mpo_are_still_found(between: tuple[bytes, ...]) -> None:
    old = mpo(*between)
    assert len(pixels(old) or ()) == 3
    for new in (
        write(old),
        write(old, "a much longer caption " * 20),
        jpeg.replace(old, Change(REMOVE, REMOVE, REMOVE)),
    ):
        assert pixels(new) == pixels(old)
        assert jpeg.foreign(new) == jpeg.foreign(old)


def test_an_index_that_cannot_follow_is_refused() -> None:
    old = mpo(xmp_segment(packet("old")))
    broken = old.replace(b"MPF\0II*\0", b"MPF\0II\0\0").replace(b"MPF\0MM\0*", b"MPF\0MM\0\0")
    assert broken != old
    with pytest.raises(Refusal, match="multi-picture"):
        jpeg.replace(broken, Change(packet("another length")))
    same = jpeg.replace(broken, Change(packet("new")))  # as long as the old one: nothing moves
    assert jpeg.read(same).xmp == packet("new")


def test_foreign_photoshop_resources_stay_and_the_digest_follows() -> None:
    thumbnail = resource(0x040C, bytes(range(99)), b"\x04name\0")
    url = b"8BIM\x04\x0b\0\0\0\0\0\3abc"  # the last one, and not padded
    old = jpeg_with(photoshop(thumbnail, resource(0x0404, IIM, b"\x03abc"), resource(0x0425, b"x" * 16), url))
    new = jpeg.replace(old, Change(iptc=IIM * 2))
    blocks = jpeg.read(new)
    assert (blocks.iptc, blocks.iptc_digest) == (IIM * 2, hashlib.md5(IIM * 2).digest())
    assert new.index(thumbnail) < new.index(b"8BIM\x04\x04\x03abc") < new.index(b"8BIM\x04\x25") < new.index(url)
    assert jpeg.foreign(new) == jpeg.foreign(old)
    bare = jpeg.replace(new, Change(iptc=REMOVE))
    assert photoshop(thumbnail, url) in bare


def test_an_empty_iptc_block_is_no_second_one() -> None:
    old = jpeg_with(photoshop(resource(0x0404, b""), resource(0x0404, IIM)))
    assert jpeg.read(old).iptc == IIM
    assert jpeg.read(jpeg.replace(old, Change(iptc=IIM * 2))).iptc == IIM * 2


@pytest.mark.parametrize(
    "segments",
    [
        (photoshop(resource(0x0404, IIM), resource(0x0404, IIM + IIM)),),
        (photoshop(resource(0x0404, IIM)), segment(0xFE, b"between"), photoshop(resource(0x0404, IIM))),
    ],
)
def test_a_second_iptc_block_is_refused(segments: tuple[bytes, ...]) -> None:
    old = jpeg_with(*segments)
    with pytest.raises(Refusal, match="second IPTC"):
        jpeg.replace(old, Change(packet(), iptc=IIM))
    assert jpeg.read(jpeg.replace(old, Change(packet()))).xmp == packet()


def test_resources_of_other_signatures_are_foreign() -> None:
    other = b"PHUT" + resource(0x0404, IIM)[4:]
    old = jpeg_with(photoshop(other))
    assert jpeg.read(old).iptc is None
    new = jpeg.replace(old, Change(iptc=IIM))
    assert jpeg.read(new).iptc == IIM
    assert other in new


def test_an_irb_that_is_split_over_segments_is_joined_and_split_again() -> None:
    irb = resource(0x0404, IIM) + resource(0x040C, bytes(70_000)) + resource(0x03ED, bytes(16))
    parts = [segment(0xED, b"Photoshop 3.0\0" + irb[i : i + 60_000]) for i in range(0, len(irb), 60_000)]
    old = jpeg_with(*parts)
    assert jpeg.read(old).iptc == IIM
    new = jpeg.replace(old, Change(iptc=IIM * 20))
    assert jpeg.read(new).iptc == IIM * 20
    assert jpeg.foreign(new) == jpeg.foreign(old)
    assert ("8BIM 1036", resource(0x040C, bytes(70_000))) in jpeg.foreign(new)


def test_a_damaged_irb_keeps_its_end() -> None:
    old = jpeg_with(photoshop(resource(0x0404, IIM), b"8BIM\x04\x0c\0\0\xff\xff\xff\xffcut"))
    new = jpeg.replace(old, Change(iptc=IIM * 2))
    assert jpeg.read(new).iptc == IIM * 2
    assert jpeg.foreign(new) == jpeg.foreign(old)
    hidden = jpeg_with(photoshop(resource(0x03ED, b"12"), b"8BIX" + resource(0x0404, IIM)))
    with pytest.raises(Refusal, match="damaged where its IPTC is"):
        jpeg.replace(hidden, Change(iptc=IIM))


def test_padding_gives_way_and_what_is_still_too_large_is_refused() -> None:
    large = packet("x" * 60_000, 8000)
    new = jpeg.replace(saved("JPEG"), Change(large))
    assert jpeg.read(new).xmp == packet("x" * 60_000, 1)
    with pytest.raises(Refusal, match="XMP packet would be larger"):
        jpeg.replace(saved("JPEG"), Change(packet("x" * 66_000)))
    with pytest.raises(Refusal, match="Photoshop block would be larger"):
        jpeg.replace(jpeg_with(photoshop(resource(0x040C, bytes(65_000)))), Change(iptc=IIM * 60))


def test_extended_xmp_is_read_and_left_alone() -> None:
    second = b"<x:xmpmeta>" + b"depth " * 20_000 + b"</x:xmpmeta>"
    guid = hashlib.md5(second).hexdigest().upper().encode()
    parts = [
        segment(
            0xE1,
            b"http://ns.adobe.com/xmp/extension/\0"
            + guid
            + struct.pack(">II", len(second), i)
            + second[i : i + 60_000],
        )
        for i in range(0, len(second), 60_000)
    ]
    old = jpeg_with(xmp_segment(packet(guid.decode())), *parts)
    assert jpeg.read(old).extended_xmp == second
    new = jpeg.replace(old, Change(packet("other " + guid.decode())))
    assert jpeg.read(new).extended_xmp == second
    assert b"".join(parts) in new
    assert jpeg.read(jpeg_with(xmp_segment(packet(guid.decode())), *parts[1:])).extended_xmp is None


@pytest.mark.parametrize(
    "box", [b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdc2pa", b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdcacb"]
)
def test_a_signed_picture_is_refused_unless_told(box: bytes) -> None:
    old = jpeg_with(segment(0xEB, box))
    assert jpeg.read(old).signed
    with pytest.raises(Refusal, match="C2PA"):
        jpeg.replace(old, Change(packet()))
    new = jpeg.replace(old, Change(packet()), break_signature=True)
    assert jpeg.foreign(new) == jpeg.foreign(old)
    other = jpeg_with(segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x10jumbother thing"))
    assert not jpeg.read(other).signed


def test_two_exif_blocks_are_kept_together_and_not_written() -> None:
    first = camera_exif("Two parts")
    old = jpeg_with(segment(0xE1, first[:60]), segment(0xE1, b"Exif\0\0" + first[60:]))
    blocks = jpeg.read(old)
    assert (blocks.description, blocks.description_writable) == (b"Two parts", False)
    new = jpeg.replace(old, Change(packet()))
    assert markers(new)[:4] == [b"\xe0JFIF", b"\xe1Exif", b"\xe1Exif", b"\xe1http"]
    with pytest.raises(Refusal, match="Exif"):
        jpeg.replace(old, Change(description=b"new"))


def test_what_a_damaged_exif_block_claims_of_the_next_segment_stays() -> None:
    beyond = camera_exif()[:-4]  # its end is missing: values reach into what follows
    old = jpeg_with(segment(0xE1, beyond), segment(0xFE, b"what follows"))
    assert not jpeg.read(old).description_writable
    assert segment(0xE1, beyond) + segment(0xFE, b"what follows") in write(old)


def test_two_xmp_packets_are_refused() -> None:
    old = jpeg_with(xmp_segment(packet("a")), xmp_segment(packet("b")))
    assert jpeg.read(old).xmp == packet("a")
    with pytest.raises(Refusal, match="more than one XMP"):
        jpeg.replace(old, Change(packet()))


def test_a_container_directory_with_the_primarys_length_is_refused() -> None:
    item = '<Container:Item Item:Semantic="{}" Item:Mime="image/jpeg" Item:Length="{}"/>'
    good = packet(item.format("Primary", 0) + item.format("GainMap", 4711))
    assert jpeg.read(jpeg.replace(saved("JPEG"), Change(good))).xmp == good
    with pytest.raises(Refusal, match="length of the picture"):
        jpeg.replace(saved("JPEG"), Change(packet(item.format("Primary", 9000))))


@pytest.mark.parametrize("stray", [b"junk", b"\xff\0", b"\0" * 7])
def test_stray_bytes_are_left_where_they_are(stray: bytes) -> None:
    plain = saved("JPEG")
    old = plain[:20] + stray + plain[20:]
    new = write(old)
    assert jpeg.read(new).xmp == packet()
    assert new.endswith(old[20:])
    assert jpeg.foreign(new) == jpeg.foreign(old)
    hidden = plain[:20] + stray + xmp_segment(packet("old")) + plain[20:]
    with pytest.raises(Refusal, match="stray"):
        jpeg.replace(hidden, Change(packet()))


@pytest.mark.parametrize("damage", [b"\xff\xe5\0\1", b"\xff\xe5\xff\xff", b"\xff\xd8", b"\xff\xd9", b"\xff\x30\0\2"])
def test_bad_markers_and_lengths_are_refused(damage: bytes) -> None:
    plain = saved("JPEG")
    for call in (jpeg.read, jpeg.foreign):
        with pytest.raises(Refusal):
            call(plain[:20] + damage + plain[20:])


def test_every_truncation_before_the_picture_is_refused() -> None:
    old = SAMPLES["all.jpg"]()
    for end in range(jpeg.parse_jpeg(old).scan + 1):
        with pytest.raises(Refusal):
            jpeg.read(old[:end])


def test_hostile_sizes_are_refused() -> None:
    """In a second or so; quadratic work would run into the time limit of the tests."""
    for filler in (b"\xff\xd0" * 5_000_000, b"\xff" * 10_000_000, segment(0xE5, b"") * 2_000_000, b"\xff\xd8" * 999):
        with pytest.raises(Refusal):
            jpeg.read(b"\xff\xd8" + filler)


def test_pillow_reads_what_was_written() -> None:
    new = write(saved("JPEG", picture(seed=3), dpi=(300, 300)), "a plain caption")
    with Image.open(io.BytesIO(new)) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        assert image.getexif()[0x010E] == "a plain caption"
        assert image.info["dpi"] == (300, 300)
        assert image.info["xmp"] == packet("a plain caption")
