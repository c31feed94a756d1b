"""The files that ship with MQwen: where they are found, and that they are what the README says."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

import mqwen
from mqwen import resources
from mqwen.errors import MqwenError


def pictures() -> list[Path]:
    return [path for path in (mqwen.resources_path() / "samples").iterdir() if path.suffix != ".md"]


def test_checkout_has_its_resources_beside_the_package(root: Path) -> None:
    assert mqwen.resources_path() == root / "resources"


def test_installed_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqwen" / "_resources").mkdir(parents=True)
    (tmp_path / "resources").mkdir()  # someone else's, in site-packages
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "mqwen" / "resources.py"))
    assert resources.resources_path() == tmp_path / "mqwen" / "_resources"


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "mqwen" / "resources.py"))
    with pytest.raises(MqwenError, match="Install mqwen again") as caught:
        resources.resources_path()
    assert caught.value.path == tmp_path / "mqwen" / "_resources"


def test_samples_open_and_cover_the_formats() -> None:
    formats, orientations = set(), set()
    for path in pictures():
        assert path.stat().st_size <= 200_000, path.name
        with Image.open(path) as image:
            image.load()
            formats.add(image.format)
            orientations.add(image.getexif().get(0x0112, 1))
    assert formats == {"JPEG", "PNG", "WEBP", "TIFF"}
    assert orientations - {1}
    assert any("CJK" in unicodedata.name(letter) for path in pictures() for letter in path.stem)


def test_every_sample_has_its_licence_stated() -> None:
    stated = (mqwen.resources_path() / "samples" / "LICENSE.md").read_text(encoding="utf-8")
    photographs = [path.name for path in pictures() if not path.name.startswith("scene-")]
    assert len(photographs) >= 4
    for name in photographs:
        row = next((line for line in stated.splitlines() if line.startswith(f"| {name} |")), "")
        assert "CC0" in row or "public domain" in row, name
