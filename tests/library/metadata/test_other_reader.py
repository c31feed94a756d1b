"""ExifTool reads the samples before and after: every foreign tag is there with its value, and ours are as written."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.library.metadata.samples import CAPTION, SAMPLES, write

OURS = {
    *("IFD0:ImageDescription", "XMP-dc:Description", "IPTC:Caption-Abstract", "IPTC:Keywords", "Photoshop:IPTCDigest"),
    *("IPTC:CodedCharacterSet", "IPTC:EnvelopeRecordVersion", "IPTC:ApplicationRecordVersion"),
    *("File:CurrentIPTCDigest", "File:FileSize", "File:ExifByteOrder", "XMP-x:XMPToolkit", "SourceFile"),
    # Where things lie, and the name that ExifTool has for a WebP with VP8X.
    *("IFD1:ThumbnailOffset", "MPImage2:MPImageStart", "MPImage3:MPImageStart", "File:FileType", "RIFF:WebP_Flags"),
}


@pytest.fixture(scope="module")
def tags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    folder = tmp_path_factory.mktemp("read")
    for name, make in SAMPLES.items():
        (folder / f"old.{name}").write_bytes(make())
        (folder / f"new.{name}").write_bytes(write(make()))
    options = ("-config", "", "-j", "-G1", "-a", "-u", "-struct", "-validate", "-all")
    options += ("--System:all", "--ExifTool:ExifToolVersion", "--Composite:all", "--ExifTool:Warning")
    done = subprocess.run([exiftool, *options, folder], capture_output=True, check=False)
    found = {Path(one["SourceFile"]).name: one for one in json.loads(done.stdout)}
    return {name: (found[f"old.{name}"], found[f"new.{name}"]) for name in SAMPLES}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_foreign_tags_are_the_same(name: str, tags: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> None:
    old, new = ({tag: value for tag, value in one.items() if tag not in OURS} for one in tags[name])
    old.pop("ExifTool:Validate", None)
    assert new.pop("ExifTool:Validate").count("Error") == 0
    assert new == old
    assert len(old) > 3


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_our_words_are_read(name: str, tags: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> None:
    new = tags[name][1]
    assert new["XMP-dc:Description"] == CAPTION
    assert new["IFD0:ImageDescription"] == CAPTION
    if name.endswith((".jpg", ".mpo", ".tif")):
        assert new["IPTC:Caption-Abstract"] == CAPTION
        assert new["IPTC:Keywords"] == ["dog", "Hund ä"]
        assert new["Photoshop:IPTCDigest"] == new["File:CurrentIPTCDigest"]
