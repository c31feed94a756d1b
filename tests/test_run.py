"""One run from folders to written captions: what it skips, writes, survives and keeps."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mqwen.engine.captioner import Captioner
from mqwen.errors import DiskFullError, InputError, WriteError
from mqwen.run import Outcome, RunSettings, StopFlag, run, survey
from tests.scripted import Scripted, draw
from tests.talkative import talkative


def go(paths: Any, captioner: Scripted | None, stop: StopFlag | None = None, **settings: Any) -> list[Outcome]:
    paths = [paths] if isinstance(paths, Path) else paths
    return list(run(paths, RunSettings(**settings), captioner=cast("Captioner | None", captioner), stop=stop))


def by_stem(outcomes: list[Outcome]) -> dict[str, Outcome]:
    assert len({outcome.path for outcome in outcomes}) == len(outcomes)
    return {outcome.path.stem: outcome for outcome in outcomes}


def wait_for_journal(folder: Path) -> None:
    """Writing goes on beside the model: wait until this folder's caption is noted."""
    for _ in range(6000):
        journal = folder / ".mqwen-metadata.journal"
        if journal.exists() and journal.read_bytes().endswith(b"\n"):
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"nothing was noted in {folder}")


def table(folder: Path) -> dict[str, str]:
    lines = (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["file_name"]: row["text"] for row in map(json.loads, lines)}


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    first, second = draw(tmp_path, "1.png", "sub/2.png")
    outcomes = go(tmp_path, Scripted())
    assert sorted((outcome.path, outcome.status) for outcome in outcomes) == [
        (first, "captioned"),
        (second, "captioned"),
    ]
    assert (tmp_path / "1.txt").read_bytes() == b"a picture of 1"
    (third,) = draw(tmp_path, "3.png")
    again = Scripted()
    assert survey([tmp_path], RunSettings()) == (3, 1)
    outcomes = go(tmp_path, again)
    assert again.asked == [third]
    assert {outcome.path: outcome.status for outcome in outcomes} == {
        first: "skipped",
        second: "skipped",
        third: "captioned",
    }


def test_captions_are_written_while_the_next_photo_is_still_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = draw(tmp_path, "1.png", "2.png")
    found = threading.Event()

    def scan(*_: Any, **__: Any) -> Iterator[Path]:
        yield first
        assert found.wait(60)
        yield second

    monkeypatch.setattr("mqwen.run.scan", scan)
    captioner = Captioner.load(talkative(tmp_path / "model"), device="cpu")
    outcomes = run([tmp_path], RunSettings(max_new_tokens=2), captioner=captioner)
    assert next(outcomes).path == first
    found.set()
    assert [outcome.path for outcome in outcomes] == [second]


def test_a_human_text_is_kept_and_an_empty_file_is_no_text(tmp_path: Path) -> None:
    human, empty = draw(tmp_path, "human.png", "empty.png")
    human.with_suffix(".txt").write_text("Mine.\nTwo lines.\n")
    empty.with_suffix(".txt").write_text(" \n")
    go(tmp_path, Scripted())
    assert human.with_suffix(".txt").read_text() == "Mine.\nTwo lines.\n"
    assert empty.with_suffix(".txt").read_text() == "a picture of empty"


def test_several_targets_at_once_and_only_what_lacks_is_written(tmp_path: Path) -> None:
    one, two = draw(tmp_path, "one.png", "sub/two.jpg")
    two.with_suffix(".txt").write_text("human")
    outcomes = go(tmp_path, Scripted(), write=("txt", "caption", "jsonl"))
    assert {outcome.status for outcome in outcomes} == {"captioned"}
    assert one.with_suffix(".caption").read_text() == one.with_suffix(".txt").read_text() == "a picture of one"
    assert two.with_suffix(".txt").read_text() == "human"
    assert two.with_suffix(".caption").read_text() == "a picture of two"
    assert table(tmp_path) == {"one.png": "a picture of one", "sub/two.jpg": "a picture of two"}
    again = Scripted()
    assert {o.status for o in go(tmp_path, again, write=("txt", "caption", "jsonl"))} == {"skipped"}
    assert again.asked == []


def test_overwrite_replaces_and_append_adds_once(tmp_path: Path) -> None:
    (photo,) = draw(tmp_path, "cat.png")
    sidecar = photo.with_suffix(".txt")
    sidecar.write_text("my cat")
    go(tmp_path, Scripted(), existing="append", write=("txt", "jsonl"))
    go(tmp_path, Scripted(), existing="append", write=("txt", "jsonl"))
    assert sidecar.read_text() == "my cat, a picture of cat"
    assert table(tmp_path) == {"cat.png": "a picture of cat"}
    go(tmp_path, Scripted(), existing="overwrite-all", write=("txt", "none"))
    assert sidecar.read_text() == "a picture of cat"


def test_write_none_writes_nothing_and_captions_everything(tmp_path: Path) -> None:
    (photo,) = draw(tmp_path, "cat.png")
    photo.with_suffix(".txt").write_text("my cat")
    before = sorted(tmp_path.iterdir())
    assert [outcome.caption for outcome in go(tmp_path, Scripted(), write=("none",))] == ["a picture of cat"]
    assert sorted(tmp_path.iterdir()) == before and photo.with_suffix(".txt").read_text() == "my cat"


def test_two_photos_of_one_stem_never_share_a_sidecar(tmp_path: Path) -> None:
    draw(tmp_path, "z.png", "z.jpg")
    go(tmp_path, Scripted())
    assert sorted(path.name for path in tmp_path.glob("*.txt")) == ["z.jpg.txt", "z.png.txt"]


def test_a_dry_run_needs_no_model_and_writes_nothing(tmp_path: Path) -> None:
    first, second = draw(tmp_path, "1.png", "2.png")
    second.with_suffix(".txt").write_text("mine")
    before = sorted(tmp_path.iterdir())
    outcomes = {outcome.path: outcome for outcome in go(tmp_path, None, dry_run=True, write=("txt",))}
    assert (outcomes[first].status, outcomes[first].caption) == ("captioned", None)
    assert outcomes[second].status == "skipped"
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(InputError, match="captioner"):
        go(tmp_path, None)


def test_text_that_cannot_be_read_is_named_and_left(tmp_path: Path) -> None:
    (photo,) = draw(tmp_path, "latin.png")
    photo.with_suffix(".txt").write_bytes("Müller".encode("latin-1"))
    for existing in ("skip", "append", "overwrite", "stale"):
        (outcome,) = go(tmp_path, Scripted(), existing=existing)
        assert outcome.status == "failed" and "UTF-8" in str(outcome.reason)
    assert photo.with_suffix(".txt").read_bytes() == "Müller".encode("latin-1")
    (outcome,) = go(tmp_path, Scripted(), existing="overwrite-all")
    assert outcome.status == "captioned"


def test_a_photo_deleted_meanwhile_leaves_no_sidecar(tmp_path: Path) -> None:
    draw(tmp_path, "1.png", "2.png", "3.png")
    outcomes = by_stem(go(tmp_path, Scripted(lambda photo: photo.unlink() if photo.stem == "2" else None)))
    assert {stem: outcome.status for stem, outcome in outcomes.items()} == {
        "1": "captioned",
        "2": "failed",
        "3": "captioned",
    }
    assert "deleted" in str(outcomes["2"].reason)
    assert not (tmp_path / "2.txt").exists()


def test_text_that_a_human_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    (photo,) = draw(tmp_path, "1.png")
    (outcome,) = go(tmp_path, Scripted(lambda photo: photo.with_suffix(".txt").write_text("mine") and None))
    assert outcome.status == "skipped"
    assert photo.with_suffix(".txt").read_text() == "mine"


def test_a_model_that_says_nothing_writes_nothing(tmp_path: Path) -> None:
    draw(tmp_path, "silent.png", "b.png")
    outcomes = by_stem(go(tmp_path, Scripted()))
    assert outcomes["silent"].status == "failed" and outcomes["b"].status == "captioned"
    assert [path.name for path in tmp_path.glob("*.txt")] == ["b.txt"]


def test_a_sidecar_that_cannot_be_written_fails_its_photo_only(tmp_path: Path) -> None:
    draw(tmp_path, "1.png", "2.png")
    (tmp_path / "1.txt").mkdir()
    for existing in ("overwrite", "overwrite-all"):
        outcomes = by_stem(go(tmp_path, Scripted(), existing=existing))
        assert (outcomes["1"].status, outcomes["2"].status) == ("failed", "captioned")
        assert "regular file" in str(outcomes["1"].reason)


def test_variables_of_a_prompt_are_filled_for_each_photo(tmp_path: Path) -> None:
    (photo,) = draw(tmp_path / "holiday", "beach.png")
    photo.with_suffix(".txt").write_text("old words")
    captioner = Scripted()
    go(tmp_path, captioner, prompt="{name} in {folder}: {existing} {who}", existing="append")
    assert captioner.prompts[photo] == "beach in holiday: old words {who}"


@pytest.mark.parametrize("write", [("none",), (), ("jsonl",), ("caption",)])
def test_a_prompt_sees_the_caption_that_stands_elsewhere(tmp_path: Path, write: tuple[str, ...]) -> None:
    (photo,) = draw(tmp_path, "beach.png")
    photo.with_suffix(".txt").write_text("old words")
    captioner = Scripted()
    go(tmp_path, captioner, prompt="Better than {existing}", write=write)
    assert captioner.prompts[photo] == "Better than old words"


def test_the_style_and_the_language_choose_the_prompt(tmp_path: Path) -> None:
    (photo,) = draw(tmp_path, "beach.png")
    captioner = Scripted()
    go(tmp_path, captioner, style="alt", language="zh")
    assert captioner.prompts[photo] == "为这张图片写一段简短的替代文字。"


@pytest.mark.parametrize(
    "settings",
    [
        {"style": "long"},
        {"language": "xx"},
        {"existing": "eat"},
        {"write": ("txt", "exif")},
        {"sidecar_naming": "IMG"},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"seed": 2**64},
        {"seed": -1},
    ],
)
def test_settings_that_are_not_known_are_an_error(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        RunSettings(**settings)


def test_skipped_photos_are_reported_before_the_end_and_none_is_lost(tmp_path: Path) -> None:
    paths = draw(tmp_path, *(f"{number}.png" for number in range(350)))
    for path in paths[:-1]:
        path.with_suffix(".txt").write_text("mine")
    seen = 0
    captioner = Scripted(lambda photo: pytest.fail("nothing had been reported") if seen < 200 else None)
    for outcome in run([tmp_path], RunSettings(), captioner=cast("Captioner", captioner)):
        seen += 1
        assert outcome.path == paths[seen - 1]
    assert seen == 350


def test_outcome_seconds_add_up(tmp_path: Path) -> None:
    draw(tmp_path, "1.png", "2.png")
    assert all(outcome.seconds >= 0 for outcome in go(tmp_path, Scripted()))


def test_after_finish_batch_nothing_is_begun_and_a_new_run_goes_on(tmp_path: Path) -> None:
    paths = draw(tmp_path, *(f"{number}.png" for number in range(6)))
    stop = StopFlag()
    first = Scripted(lambda photo: stop.finish_batch() if photo == paths[2] else None)
    outcomes = go(tmp_path, first, stop)
    assert sorted(outcome.path for outcome in outcomes if outcome.status == "captioned") == paths[:3]
    second = Scripted()
    go(tmp_path, second)
    assert second.asked == paths[3:]


@pytest.mark.skipif(os.name == "nt", reason="mounts a small disk, as Linux does")
def test_a_full_disk_ends_the_run_and_keeps_what_was_written(tmp_path: Path) -> None:
    paths = draw(tmp_path, *(f"{number:03}.png" for number in range(40)))
    small = tmp_path / "disk"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.decode().strip()}")
    try:
        for path in paths[:38]:
            os.symlink(path, small / path.name)
        (small / "ballast").write_bytes(bytes(60_000))
        outcomes: list[Outcome] = []
        with pytest.raises(DiskFullError):
            for outcome in run([small], RunSettings(), captioner=cast("Captioner", Scripted())):
                outcomes.append(outcome)
        captioned = [outcome for outcome in outcomes if outcome.status == "captioned"]
        refused = [outcome for outcome in outcomes if outcome.status == "failed"]
        # Photos that were being written side by side may all have met the full disk.
        assert 3 < len(captioned) < 38 and 1 <= len(refused) <= 4
        assert all("space" in str(outcome.reason) for outcome in refused)
        for outcome in captioned:
            assert outcome.path.with_suffix(".txt").read_text() == outcome.caption
        assert len(list(small.glob("*.txt"))) == len(captioned)
        assert not list(small.glob(".mqwen-*")), "half a file was left behind"
        (small / "ballast").unlink()
        rest = go(small, Scripted())
        assert sum(outcome.status == "captioned" for outcome in rest) == 38 - len(captioned)
    finally:
        subprocess.run(["umount", small], check=True)


def test_photos_given_directly_have_their_line_in_their_own_folder(tmp_path: Path) -> None:
    one, two = draw(tmp_path, "a/1.png", "b/2.png")
    go([one, two], Scripted(), write=("jsonl",))
    assert table(tmp_path / "a") == {"1.png": "a picture of 1"} and table(tmp_path / "b") == {"2.png": "a picture of 2"}


def test_what_a_killed_run_noted_is_written_by_a_run_with_nothing_to_caption(tmp_path: Path) -> None:
    draw(tmp_path, "1.png")
    journal = tmp_path / ".mqwen-metadata.journal"
    journal.write_text('{"file_name": "1.png", "text": "of a killed run"}\n')
    go(tmp_path, None, write=("jsonl",), dry_run=True)
    survey([tmp_path], RunSettings(write=("jsonl",)))
    assert journal.exists() and not (tmp_path / "metadata.jsonl").exists()
    (outcome,) = go(tmp_path, Scripted(), write=("jsonl",))
    assert outcome.status == "skipped"
    assert table(tmp_path) == {"1.png": "of a killed run"} and not journal.exists()


def test_a_line_that_a_human_added_meanwhile_is_kept(tmp_path: Path) -> None:
    draw(tmp_path, "1.png", "2.png", "3.png")

    def human(photo: Path) -> None:
        if photo.stem == "1":
            (tmp_path / "metadata.jsonl").write_text('{"file_name": "2.png", "text": "mine"}\n')

    outcomes = by_stem(go(tmp_path, Scripted(human), write=("jsonl",)))
    assert {stem: outcome.status for stem, outcome in outcomes.items()} == {
        "1": "captioned",
        "2": "skipped",
        "3": "captioned",
    }
    assert table(tmp_path) == {"2.png": "mine", "1.png": "a picture of 1", "3.png": "a picture of 3"}


def test_a_table_that_cannot_be_written_costs_no_other_folder_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Looking further ahead, it may come to the 17th folder, and end the first one's table, before that is spoilt.
    monkeypatch.setattr("mqwen.run._LOOK_AHEAD", 2)
    paths = draw(tmp_path, *(f"{number}/{number}.png" for number in range(20)))

    def spoil(photo: Path) -> None:
        if photo == paths[1]:
            wait_for_journal(tmp_path / "0")
            (tmp_path / "0" / "metadata.jsonl").write_bytes(b"\xff\xfe{\0")  # found when the 17th folder comes
        if photo == paths[19]:
            wait_for_journal(tmp_path / "18")
            (tmp_path / "18" / "metadata.jsonl").mkdir()  # found at the end

    outcomes = []
    with pytest.raises(WriteError, match="UTF-16"):
        for outcome in run(paths, RunSettings(write=("jsonl",)), captioner=cast("Captioner", Scripted(spoil))):
            outcomes.append(outcome)
    assert [outcome.status for outcome in outcomes] == ["captioned"] * 20
    assert all(
        table(path.parent) == {path.name: f"a picture of {path.stem}"} for path in paths if path.stem not in ("0", "18")
    )
    assert all((tmp_path / name / ".mqwen-metadata.journal").exists() for name in ("0", "18"))


def test_photos_from_many_folders_keep_few_files_open(tmp_path: Path) -> None:
    paths = draw(tmp_path, *(f"{number}/{number}.png" for number in range(40)))
    most = 0

    def look(photo: Path) -> None:
        nonlocal most
        most = max(most, len(list(tmp_path.glob("*/.mqwen-metadata.journal"))))

    go(paths, Scripted(look), write=("jsonl",))
    assert most <= 17
    assert all(table(path.parent) == {path.name: f"a picture of {path.stem}"} for path in paths)


def test_every_awkward_photo_is_captioned_or_named(tmp_path: Path, photos_folder: Path) -> None:
    """The whole line on real files, with a real (if tiny and random) model."""
    folder = tmp_path / "photos"
    names = []
    for source in sorted(photos_folder.rglob("*")):
        if source.is_file() and source.suffix != ".txt":
            target = folder / source.relative_to(photos_folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            names.append(target)
    assert len(names) >= 55
    captioner = Captioner.load(talkative(tmp_path / "model"), device="cpu")
    outcomes = {o.path: o for o in run([folder], RunSettings(max_new_tokens=6, write=("txt",)), captioner=captioner)}
    assert sorted(outcomes) == sorted(names)
    for path, outcome in outcomes.items():
        assert (outcome.status == "captioned") == bool(outcome.caption), path
        assert outcome.status != "failed" or outcome.reason, path
    assert sum(outcome.status == "captioned" for outcome in outcomes.values()) >= 50
    for path in names:
        assert path.read_bytes() == (photos_folder / path.relative_to(folder)).read_bytes()
