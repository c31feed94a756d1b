"""Sixty awkward real files: written and clean, or refused with a true reason and captioned in a sidecar.

ExifTool of Debian reads them independently, Pillow compares the pixels.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.commit import commit, remove
from mqwen.library.metadata.fields import Edit, Provenance
from mqwen.library.metadata.plan import plan_embed, plan_strip, read_photo
from mqwen.library.metadata.splice import container_of, prove, read_metadata, splice

EDIT = Edit(
    caption="A dog <runs> & barks,\nthen sleeps. 一只狗在跑。",
    language="en",
    translations={"zh": "一只狗在跑。"},
    keywords=("dog", "狗", "a keyword that is longer than the sixty-four bytes that IPTC allows for one"),
    alt_text="A dog that runs",
    provenance=Provenance("tiny-model", "0123abcd", "2026-01-02T03:04:05Z"),
    modes={"keywords": "append"},
)
REFUSED = {
    "CanonRaw.cr2": "raw",
    "DNG.dng": "raw",
    "ExifTool.jpg": "UTF-16",
    "XMP.jpg": "UTF-16",
    "hopper_bigtiff.tif": "BigTIFF",
    "big.tif": "BigTIFF",
    "multipage_single_frame_loop.tiff": "ring",
    "multiple_exif.jpg": "Exif block holds another caption",
    **dict.fromkeys(("icc_profile.avif", "xmp_tags_orientation.avif", "plain.avif", "L_exif_xmp_iptc.heic"), "neither"),
    **dict.fromkeys(("plain.heic", "anim.gif", "plain.bmp", "plain.jxl"), "neither"),
}
OURS = {
    *("IFD0:ImageDescription", "IPTC:Caption-Abstract", "IPTC:Keywords", "IPTC:Writer-Editor", "Photoshop:IPTCDigest"),
    *("IPTC:CodedCharacterSet", "XMP-dc:Description", "XMP-dc:Subject", "XMP-photoshop:CaptionWriter"),
    *("XMP-iptcCore:AltTextAccessibility", "XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList"),
    *("SourceFile", "File:CurrentIPTCDigest"),
}
# Versions that a new block has, its byte order, and where things lie: not what they are.
BOOKKEEPING = {
    *("IPTC:EnvelopeRecordVersion", "IPTC:ApplicationRecordVersion", "XMP-x:XMPToolkit", "File:ExifByteOrder"),
    *("MPImage2:MPImageStart", "MPF0:MPImageStart", "XMP-rdf:About"),
    # What a simple WebP becomes, and says again, when it gets the header that metadata needs.
    *("RIFF:WebP_Flags", "File:FileType"),
}


@dataclass
class Written:
    before: Path
    photo: Path
    files: dict[str, str | None]


@pytest.fixture(scope="module")
def written(photos_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    """Write EDIT into copies of all photos."""
    folder = tmp_path_factory.mktemp("photos")
    found = {}
    for line in (photos_folder / "INDEX.txt").read_text().splitlines()[1:]:
        source = photos_folder / line.split("\t")[0]
        photo = folder / source.name
        shutil.copyfile(source, photo)
        planned = plan_embed(photo, EDIT)
        for change in planned:
            assert change.after is not None
            commit(change.path, change.after, change.stat_at_read)
        found[source.name] = Written(source, photo, {change.path.name: change.reason for change in planned})
    assert len(found) == 60
    return found


@pytest.fixture(scope="module")
def tags(written: dict[str, Written]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What ExifTool reads in each file before and after."""
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")

    def read(paths: list[Path]) -> Iterator[dict[str, Any]]:
        options = ("-config", "", "-j", "-G1", "-a", "-u", "-struct", "-b", "--System:all", "--ExifTool:all")
        done = subprocess.run([exiftool, *options, *map(str, paths)], capture_output=True, check=False)
        yield from json.loads(done.stdout)

    names = list(written)
    old = read([written[name].before for name in names])
    new = read([written[name].photo for name in names])
    return dict(zip(names, zip(old, new, strict=True), strict=True))


def test_refused_are_only_those_with_a_reason(written: dict[str, Written]) -> None:
    refused = {name: reason for name, one in written.items() for reason in one.files.values() if reason}
    assert refused.keys() == REFUSED.keys()
    for name, reason in refused.items():
        assert REFUSED[name] in reason
        assert written[name].files.keys() == {f"{name}.xmp"}
        assert written[name].photo.read_bytes() == written[name].before.read_bytes()


def test_everything_is_read_back(written: dict[str, Written]) -> None:
    for name, one in written.items():
        file = one.photo if name not in REFUSED else one.photo.with_name(f"{name}.xmp")
        found = read_photo(one.photo)[file]
        assert found.caption == EDIT.caption, name
        assert found.captions["zh"] == "一只狗在跑。"
        assert EDIT.keywords and set(EDIT.keywords) <= set(found.keywords)
        assert found.alt_text == EDIT.alt_text
        assert found.caption_writer == "AI: tiny-model"
        assert found.provenance and found.provenance.model == "tiny-model"
        assert {"caption", "alt_text", "caption_writer"} <= found.machine


def test_no_foreign_tag_is_lost(tags: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> None:
    lost = []
    for name, (before, after) in tags.items():
        for tag in (before.keys() | after.keys()) - OURS - BOOKKEEPING:
            ours = ("XMP-mqwen:", "XMP-dc:Description-", "XMP-iptcCore:AltTextAccessibility-")
            if tag.replace("IPTC2:", "IPTC:") in OURS:
                continue  # a TIFF's second copy
            if tag.startswith(ours) or tag.endswith(("Offset", "OffsetSchema", "StripOffsets", "TileOffsets")):
                continue
            if before.get(tag) != after.get(tag):
                lost.append((name, tag, str(before.get(tag))[:80], str(after.get(tag))[:80]))
    assert not lost, "\n".join(map(str, lost))


def test_exiftool_reads_the_same_as_we(
    written: dict[str, Written], tags: dict[str, tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    for name, (before, after) in tags.items():
        if name in REFUSED:
            continue
        assert after["XMP-dc:Description-zh"] == "一只狗在跑。", name
        assert str(after.get("IPTC:Caption-Abstract", EDIT.caption)) == EDIT.caption
        assert str(after.get("IFD0:ImageDescription", EDIT.caption)) == EDIT.caption
        if "Photoshop:IPTCDigest" in after:
            assert after["Photoshop:IPTCDigest"] == after["File:CurrentIPTCDigest"]
        for group in ("XMP-dc:Subject", "IPTC:Keywords"):
            kept = before.get(group, [])
            kept = kept if isinstance(kept, list) else [kept]
            if group in after:
                assert set(kept) <= set(after[group]), f"{name}: {group}"
        for mark in ("DigitalSourceType", "AISystemUsed", "AIPromptInformation"):
            assert not any(mark in tag for tag in after.keys() - before.keys())


def test_pixels_are_identical(written: dict[str, Written]) -> None:
    compared = 0
    for name, one in written.items():
        if name in REFUSED:
            continue
        assert _pixels(one.before) == _pixels(one.photo), name
        compared += 1
    assert compared == 44


def _pixels(path: Path) -> list[Any]:
    try:
        with Image.open(path) as image:
            return [(frame.mode, frame.size, frame.tobytes()) for frame in ImageSequence.Iterator(image)]
    except Exception as error:  # a file that cannot be decoded fails alike before and after
        return [type(error)]


def test_the_same_edit_again_changes_nothing(written: dict[str, Written]) -> None:
    for name, one in written.items():
        assert plan_embed(one.photo, replace(EDIT, provenance=Provenance("tiny-model"))) == [], name


def test_strip_leaves_none_of_ours_and_all_of_theirs(written: dict[str, Written], tmp_path: Path) -> None:
    for name, one in written.items():
        photo = tmp_path / name
        shutil.copyfile(one.photo, photo)
        sidecar = one.photo.with_name(f"{name}.xmp")
        if sidecar.exists():
            shutil.copyfile(sidecar, tmp_path / sidecar.name)
        planned = plan_strip(photo)
        assert planned, name
        for change in planned:
            if change.after is None:
                assert change.stat_at_read
                remove(change.path, change.stat_at_read)
            else:
                commit(change.path, change.after, change.stat_at_read)
        assert plan_strip(photo) == []
        assert not (tmp_path / sidecar.name).exists()
        if name in REFUSED:
            continue
        left = read_metadata(photo.read_bytes())
        before = read_metadata(one.before.read_bytes())
        assert left.provenance is None
        assert left.caption is None or left.caption == before.caption, name
        # What stood in only one of IPTC and XMP stands in both now: nobody loses a keyword by an append.
        assert set(left.keywords) >= set(before.keywords), name
        assert not set(left.keywords) & set(EDIT.keywords or ())
        assert left.alt_text == before.alt_text
        assert container_of(photo.read_bytes()).foreign(photo.read_bytes()) == container_of(
            one.before.read_bytes()
        ).foreign(one.before.read_bytes())


def test_where_we_only_added_strip_restores_every_byte(written: dict[str, Written], tmp_path: Path) -> None:
    restored = 0
    for name, one in written.items():
        if name in REFUSED:
            continue
        photo = tmp_path / name
        shutil.copyfile(one.photo, photo)
        (change,) = plan_strip(photo)
        restored += change.after == one.before.read_bytes()
    assert restored >= 32


@pytest.mark.parametrize("mode", ["append", "fill"])
def test_what_people_wrote_is_kept(photos_folder: Path, mode: Any) -> None:
    seen = 0
    for path in sorted(photos_folder.rglob("*.*")):
        data = path.read_bytes()
        try:
            before = read_metadata(data)
            after = read_metadata(splice(data, replace(EDIT, mode=mode, modes={})))
        except Refusal:
            continue
        if before.caption:
            seen += 1
            assert after.caption and after.caption.startswith(before.caption)
            assert (mode == "fill") == (after.caption == before.caption)
            assert after.human("caption")
        assert set(before.keywords) <= set(after.keywords)
    assert seen >= 4


def test_a_changed_foreign_byte_is_noticed(written: dict[str, Written]) -> None:
    for name in ("plain.jpg", "plain.png", "simple_lossy.webp", "plain.tif", "Canon.jpg"):
        old, new = written[name].before.read_bytes(), bytearray(written[name].photo.read_bytes())
        prove(old, bytes(new), EDIT)
        # The last bytes are pixels or a foreign trailer in all of these but TIFF, where pixels follow the header.
        new[20 if name.endswith("tif") else -20] ^= 1
        with pytest.raises(Refusal):
            prove(old, bytes(new), EDIT)
