"""Prompts: the fixed texts, and the variables of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mqwen.engine.prompts import LANGUAGES, STYLES, VARIABLES, fill, prompt_for


def test_every_style_has_a_prompt_of_its_own_in_every_language() -> None:
    prompts = {prompt_for(style, language) for style in STYLES for language in LANGUAGES}
    assert len(prompts) == len(STYLES) * len(LANGUAGES)
    with pytest.raises(KeyError):
        prompt_for("long", "en")


def test_name_folder_and_existing(tmp_path: Path) -> None:
    photo = tmp_path / "Été {date}" / "IMG_1.final.jpg"
    assert fill("{name} in {folder}: {existing}", photo, "a {name}") == "IMG_1.final in Été {date}: a {name}"
    assert fill("[{existing}]", photo) == "[]"
    assert fill("[{existing}]", str(photo), "") == "[]"


def test_a_relative_path_has_a_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fill("{folder}", "a.jpg") == tmp_path.name


@pytest.mark.parametrize(
    "text", ["{tags}", "{Name}", "{ name }", "{}", "{{", "}", "{name", 'JSON: {"a": 1}', "{0}", "%s"]
)
def test_what_is_no_variable_stays(text: str) -> None:
    assert fill(text, "/photos/a.jpg", "x") == text


@given(st.text().filter(lambda text: not any("{" + name + "}" in text for name in VARIABLES)))
def test_any_text_without_variables_stays(text: str) -> None:
    assert fill(text, "/photos/a.jpg", "x") == text


def test_the_date_is_exifs(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2019:02:03 23:59:59"
    photo = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(photo, exif=exif)
    assert fill("Taken on {date}.", photo) == "Taken on 2019-02-03."


def test_without_exif_the_date_is_the_files(tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(photo)
    os.utime(photo, (1_700_000_000,) * 2)
    assert fill("{date}", photo).startswith("2023-11-1")
    photo.write_bytes(b"not a picture")
    os.utime(photo, (1_700_000_000,) * 2)
    assert fill("{date}", photo).startswith("2023-11-1")


def test_a_photo_that_is_gone_has_no_date(tmp_path: Path) -> None:
    assert fill("<{date}>", tmp_path / "gone.jpg") == "<>"
