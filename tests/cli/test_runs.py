"""`mqwen runs` and `mqwen revert`, after real runs of `mqwen caption`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scripted import draw, look

Photos = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))


def test_a_run_is_listed_shown_and_taken_back(inside: Any, model: Path, photos: Photos) -> None:
    folder = photos("a.png", "b.jpg")
    (folder / "a.txt").write_text("mine")
    before = look(folder)
    arguments = ["caption", folder, "--model", model, "--max-new-tokens", 5, "--write", "txt,embed", "--write", "jsonl"]
    done = inside(*arguments, "--existing", "append", "--trigger", "sks")
    assert done.returncode == 0, done.stderr
    after = look(folder)
    assert after["a.txt"][0].startswith(b"mine, sks, ") and set(after) == {*before, "b.txt", "metadata.jsonl"}

    listed = inside("runs", "list")
    assert listed.stdout.startswith("1  ") and "done" in listed.stdout and "2 captioned" in listed.stdout
    (record,) = map(json.loads, inside("runs", "list", "--json").stdout.splitlines())
    assert (record["run"], record["status"], record["counts"], record["changes"]) == (1, "done", {"captioned": 2}, 6)
    assert record["settings"]["model"] == "talkative" and record["roots"] == [str(folder)]
    shown = inside("runs", "show").stdout
    assert "write: txt, embed, jsonl" in shown and f"confirmed  txt  {folder / 'b.txt'}" in shown
    rows = [json.loads(line) for line in inside("runs", "show", 1, "--json").stdout.splitlines()]
    assert len(rows) == 7 and {row["target"] for row in rows[1:]} == {"txt", "embed", "jsonl"}

    (folder / "b.txt").write_text("I know better")
    dry = inside("revert", 1, "--dry-run", "--json")
    assert dry.returncode == 1 and len(dry.stdout.splitlines()) == 5
    reverted = inside("revert", 1)
    assert reverted.returncode == 1 and "4 files put back, 1 kept" in reverted.stderr
    assert f"kept: {folder / 'b.txt'}: it was changed since" in reverted.stdout
    now = look(folder)
    assert now.pop("b.txt")[0] == b"I know better" and now == before
    forced = inside("revert", 1, "--force")
    assert forced.returncode == 0 and look(folder) == before
    assert inside("revert", 1).returncode == 0
    assert "0 files changed, 6 put back" in inside("runs", "list").stdout


def test_what_is_not_there_is_said(inside: Any) -> None:
    assert "no runs yet" in inside("runs", "list").stderr
    for arguments in (["runs", "show"], ["runs", "show", 7], ["revert", 7]):
        done = inside(*arguments)
        assert done.returncode == 2 and done.stderr.startswith("mqwen: ") and "Traceback" not in done.stderr


def test_a_dry_run_reports_on_stderr_and_leaves_stdout_to_the_photos(inside: Any, model: Path, photos: Photos) -> None:
    folder = photos("a.png")
    draw(folder, "b.gif")
    done = inside("caption", folder, "--model", model, "--write", "embed", "--dry-run", "--json")
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["captioned", "captioned"]
    assert "2 pictures: 1 PNG, 1 GIF" in done.stderr and "1 get an XMP sidecar instead" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.gif"]


def test_a_catalog_that_cannot_be_opened_is_told_before_the_model_is_loaded(
    inside: Any, model: Path, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photos("a.png")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "file"))
    done = inside("caption", folder, "--model", model)
    assert done.returncode == 2 and "talkative on" not in done.stderr and "MQWEN_DATA_DIR" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["a.png"]


def test_where_metadata_went_to_a_sidecar_it_is_said(inside: Any, model: Path, photos: Photos) -> None:
    folder = photos("a.png")
    draw(folder, "b.gif")
    done = inside("caption", folder, "--model", model, "--write", "embed", "--max-new-tokens", 3)
    assert done.returncode == 0 and f"note: {folder / 'b.gif'}: its metadata went to b.gif.xmp" in done.stderr
