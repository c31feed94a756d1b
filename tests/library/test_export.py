from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from mqwen.errors import WriteError
from mqwen.library.export import Exported, export


@pytest.fixture
def rows(tmp_path: Path) -> list[Exported]:
    return [
        Exported(tmp_path / "out" / "a.jpg", 'A "red" door, open.\nOn two lines.', ("door", "red")),
        Exported(tmp_path / "out" / "deep" / "b.png", "一扇红色的门"),
        Exported(tmp_path / "elsewhere" / "c.png", "", ("one", "two")),
        Exported(tmp_path / "out" / "none.png", "  "),
    ]


def made(rows: list[Exported], tmp_path: Path, form, name: str) -> str:  # type: ignore[no-untyped-def]
    (tmp_path / "out").mkdir()
    assert export(rows, tmp_path / "out" / name, form) == 3
    return (tmp_path / "out" / name).read_bytes().decode("utf-8")


def test_txt_is_one_line_a_photo(rows, tmp_path):
    assert made(rows, tmp_path, "txt", "captions.txt").splitlines() == [
        'a.jpg\tA "red" door, open. On two lines.',
        "deep/b.png\t一扇红色的门",
        f"{tmp_path.as_posix()}/elsewhere/c.png\tone, two",
    ]


def test_csv_is_what_a_csv_reader_reads(rows, tmp_path):
    text = made(rows, tmp_path, "csv", "metadata.csv")
    assert list(csv.reader(text.splitlines(keepends=True)))[:3] == [
        ["file_name", "text"],
        ["a.jpg", 'A "red" door, open.\nOn two lines.'],
        ["deep/b.png", "一扇红色的门"],
    ]


def test_jsonl_is_an_imagefolder(rows, tmp_path):
    lines = [json.loads(line) for line in made(rows, tmp_path, "jsonl", "metadata.jsonl").splitlines()]
    assert lines[1] == {"file_name": "deep/b.png", "text": "一扇红色的门"}
    assert [line["file_name"] for line in lines][2] == (tmp_path / "elsewhere" / "c.png").as_posix()


def test_kohya_has_caption_and_tags_by_absolute_path(rows, tmp_path):
    found = json.loads(made(rows, tmp_path, "kohya", "meta.json"))
    assert found == {
        str(tmp_path / "out" / "a.jpg"): {"caption": 'A "red" door, open.\nOn two lines.', "tags": "door, red"},
        str(tmp_path / "out" / "deep" / "b.png"): {"caption": "一扇红色的门"},
        str(tmp_path / "elsewhere" / "c.png"): {"tags": "one, two"},
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("form", ["txt", "csv", "jsonl", "kohya"])
def test_a_name_that_is_no_utf8_does_not_stop_it(tmp_path, form):
    name = os.fsdecode(b"caf\xe9.png")
    assert export([Exported(tmp_path / name, "words")], tmp_path / "out", form) == 1
    assert b"words" in (tmp_path / "out").read_bytes()


def test_what_stood_there_stays_if_it_cannot_be_written(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(WriteError):
        export([Exported(tmp_path / "a.png", "words")], tmp_path / "out", "txt")
    assert (tmp_path / "out").is_dir()
