"""What holds for every container: written and read back, not a foreign byte changed, and taken away again."""

from __future__ import annotations

import hashlib

import pytest

from mqwen.library.metadata import jpeg, png, tiff, webp
from mqwen.library.metadata.blocks import REMOVE, Blocks, Change, Refusal
from mqwen.library.metadata.iptc import foreign_iptc, read_iptc
from tests.library.metadata.samples import CAPTION, LATIN_IIM, SAMPLES, container, packet, pixels, unwrite, write

NAMES = sorted(SAMPLES)
# What has no metadata of ours: it must come back byte for byte.
BLANK = [name for name in NAMES if not name.startswith(("all.", "camera.jpg"))]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_back_and_nothing_else_changes(name: str) -> None:
    old = SAMPLES[name]()
    module = container(old)
    before: Blocks = module.read(old)
    new = write(old)
    blocks: Blocks = module.read(new)
    assert blocks.xmp == packet()
    assert blocks.description == CAPTION.encode()
    if module in (jpeg, tiff):
        assert blocks.iptc is not None
        fields = read_iptc(blocks.iptc)
        assert (fields.caption, fields.keywords) == (CAPTION, ("dog", "Hund ä"))
        assert blocks.iptc_digest == hashlib.md5(blocks.iptc).digest()
        assert foreign_iptc(blocks.iptc) == foreign_iptc(before.iptc)
    else:
        assert (blocks.iptc, blocks.supports_iptc) == (None, False)
    assert module.foreign(new) == module.foreign(old)
    assert pixels(new) == pixels(old) is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_second_edit_takes_the_place_of_the_first(name: str) -> None:
    old = SAMPLES[name]()
    once = write(old, "a first caption")
    again = write(write(once, "another that is very much longer than the first" * 20), "a third caption")
    assert len(again) == len(once)
    assert write(once, "a first caption") == once
    assert container(old).foreign(again) == container(old).foreign(old)


@pytest.mark.parametrize("name", BLANK)
def test_removing_gives_the_very_file_back(name: str) -> None:
    old = SAMPLES[name]()
    assert unwrite(write(write(old), "twice"), old) == old


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BLANK])
def test_bringing_the_old_blocks_back_leaves_nothing_of_ours(name: str) -> None:
    old = SAMPLES[name]()
    module = container(old)
    back = unwrite(write(old), old)
    before, after = module.read(old), module.read(back)
    assert (after.xmp, after.iptc, after.description) == (before.xmp, before.iptc, before.description)
    assert module.foreign(back) == module.foreign(old)


@pytest.mark.parametrize("name", NAMES)
def test_removing_what_is_not_there_changes_nothing(name: str) -> None:
    old = SAMPLES[name]()
    module = container(old)
    bare = module.replace(old, Change(REMOVE, REMOVE, REMOVE))
    blocks = module.read(bare)
    assert (blocks.xmp, blocks.iptc, blocks.iptc_digest, blocks.description) == (None, None, None, None)
    assert module.foreign(bare) == module.foreign(old)
    assert module.replace(bare, Change(REMOVE, REMOVE, REMOVE)) == bare
    assert module.replace(old, Change()) == old


@pytest.mark.parametrize("name", NAMES)
def test_a_description_may_be_as_long_as_said_and_no_longer(name: str) -> None:
    old = SAMPLES[name]()
    module = container(old)
    room = module.read(old).description_room
    longest = b"d" * room
    assert module.read(module.replace(old, Change(description=longest))).description == longest
    if module is jpeg:
        with pytest.raises(Refusal, match="larger than"):
            module.replace(old, Change(description=longest + b"ddd"))


@pytest.mark.parametrize("name", NAMES)
def test_foreign_sees_every_byte(name: str) -> None:
    """Turn each byte over: either the file is refused, or something foreign or of ours is seen to differ."""
    old = SAMPLES[name]()
    module = container(old)
    seen = (module.foreign(old), _ours(module.read(old)))
    for at in range(0, len(old), 1 + len(old) // 500):
        damaged = old[:at] + bytes([old[at] ^ 0xFF]) + old[at + 1 :]
        try:
            now = (module.foreign(damaged), _ours(module.read(damaged)))
        except Refusal:
            continue
        assert now != seen or _is_bookkeeping(name, old, at), at


def _ours(blocks: Blocks) -> tuple[bytes | None, ...]:
    return blocks.xmp, blocks.iptc, blocks.iptc_digest, blocks.exif, blocks.description


def _is_bookkeeping(name: str, old: bytes, at: int) -> bool:
    """Return whether a byte belongs to what must follow a change, so that it is not foreign."""
    if name == "all.webp":  # the flags of VP8X, the byte that pads the XMP
        return at == 20 or at == len(old) - 1
    if name == "all.png":  # the checksum of the XMP chunk
        start = old.find(b"iTXt")
        end = start + 4 + int.from_bytes(old[start - 4 : start], "big")
        return end <= at < end + 4
    if name == "all.jpg":  # the name and the padding of the two resources that are ours
        starts = (old.find(b"8BIM\x04\x04"), old.find(b"8BIM\x04\x25"))
        return any(start + 6 <= at < start + 8 for start in starts) or at == starts[0] + 12 + len(LATIN_IIM)
    return False


@pytest.mark.parametrize("module", [jpeg, png, webp, tiff])
@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"II*\0\x08\0\0\0", b"\0" * 99]
)
def test_what_is_no_picture_is_refused(module: object, data: bytes) -> None:
    for call in ("read", "foreign"):
        with pytest.raises(Refusal) as refused:
            getattr(module, call)(data)
        assert refused.value.reason and "\n" not in refused.value.reason
    with pytest.raises(Refusal):
        module.replace(data, Change(packet()))  # type: ignore[attr-defined]


def test_a_description_with_a_nul_is_refused() -> None:
    for name in ("plain.jpg", "plain.png", "lossy.webp", "plain.tif"):
        old = SAMPLES[name]()
        with pytest.raises(Refusal, match="NUL"):
            container(old).replace(old, Change(description=b"a\0b"))
