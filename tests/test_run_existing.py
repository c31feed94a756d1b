"""What a run does about text that stands there: whose it is, whether it is stale, and what an interrupted run left."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from mqwen.engine.captioner import Captioner
from mqwen.errors import CatalogError, DiskFullError, MqwenError, WriteError
from mqwen.library.catalog import Catalog
from mqwen.library.decide import DONE, HAS_TEXT, HUMAN, UP_TO_DATE
from mqwen.library.metadata.plan import read_photo
from mqwen.library.revert import revert
from mqwen.run import Outcome, RunSettings, StopFlag, run, survey
from tests.scripted import Scripted, draw, look


@pytest.fixture
def tmp_path(quick_disk: Path) -> Path:
    return quick_disk


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield catalog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def go(
    catalog: Catalog | None, folder: Path, captioner: Scripted, stop: StopFlag | None = None, **settings: Any
) -> dict[str, Outcome]:
    outcomes = run([folder], RunSettings(**settings), captioner=cast(Captioner, captioner), stop=stop, catalog=catalog)
    return {outcome.path.name: outcome for outcome in outcomes}


def says(text: str) -> Scripted:
    return Scripted(text=lambda photo: text)


def test_overwrite_replaces_what_mqwen_wrote_and_never_a_person_s_words(catalog: Catalog, folder: Path) -> None:
    ours, edited, human, fresh = draw(folder, "ours.png", "edited.png", "human.png", "fresh.png")
    human.with_suffix(".txt").write_text("my words")
    fresh.rename(folder / "later.hidden")
    go(catalog, folder, says("first"), write=("txt", "jsonl"))
    (folder / "later.hidden").rename(fresh)
    edited.with_suffix(".txt").write_text("first, and my dog")
    asked = says("second")
    outcomes = go(catalog, folder, asked, existing="overwrite")
    assert sorted(path.name for path in asked.asked) == ["fresh.png", "ours.png"], "the model was asked for nothing"
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "ours.png": "captioned",
        "edited.png": "skipped",
        "human.png": "skipped",
        "fresh.png": "captioned",
    }
    assert outcomes["edited.png"].reason == outcomes["human.png"].reason == HUMAN and "overwrite-all" in HUMAN
    texts = {path.stem: path.read_text() for path in folder.glob("*.txt")}
    assert texts == {"ours": "second", "edited": "first, and my dog", "human": "my words", "fresh": "second"}
    go(catalog, folder, says("third"), existing="overwrite-all")
    assert {path.read_text() for path in folder.glob("*.txt")} == {"third"}
    go(catalog, folder, says("fourth"), existing="overwrite")
    assert {path.read_text() for path in folder.glob("*.txt")} == {"fourth"}, "what it wrote is its own"


def test_one_target_with_a_person_s_words_keeps_them_and_the_other_is_written(catalog: Catalog, folder: Path) -> None:
    (photo,) = draw(folder, "a.png")
    photo.with_suffix(".caption").write_text("my words")
    (outcome,) = go(catalog, folder, says("new"), existing="overwrite", write=("txt", "caption")).values()
    assert (outcome.status, outcome.reason) == ("captioned", HUMAN)
    assert photo.with_suffix(".txt").read_text() == "new" and photo.with_suffix(".caption").read_text() == "my words"


def test_without_the_catalog_s_memory_text_counts_as_a_person_s(catalog: Catalog, folder: Path, tmp_path: Path) -> None:
    draw(folder, "a.png")
    go(catalog, folder, says("first"))
    with Catalog(tmp_path / "another.db") as other:
        (outcome,) = go(other, folder, says("second"), existing="overwrite").values()
    assert outcome.reason == HUMAN and (folder / "a.txt").read_text() == "first"


@pytest.mark.parametrize("change", ["nothing", "prompt", "model", "settings", "pixels", "renamed", "metadata", "human"])
def test_stale_recaptions_only_what_changed(catalog: Catalog, folder: Path, change: str) -> None:
    photo, other = draw(folder, "photo.jpg", "other.jpg")
    settings: dict[str, Any] = {"existing": "stale", "prompt": "What is {name}?", "model": "one"}
    assert {outcome.status for outcome in go(catalog, folder, says("first"), **settings).values()} == {"captioned"}
    if change == "prompt":
        settings["prompt"] = "Who is {name}?"
    if change == "model":
        settings["model"] = "two"
    if change == "settings":
        settings["append_text"] = "!"
    if change == "pixels":
        Image.new("RGB", (9, 9), "yellow").save(photo)
    if change == "renamed":
        photo.with_suffix(".txt").rename(folder / "new name.txt")
        photo.rename(folder / "new name.jpg")
    if change == "metadata":
        with Image.open(photo) as image:
            data = image.info.get("comment")
        assert data is None
        blob = photo.read_bytes()
        photo.write_bytes(blob[:2] + b"\xff\xfe\x00\x07hello" + blob[2:])
    if change == "human":
        photo.with_suffix(".txt").write_text("mine")
    again = says("second")
    outcomes = go(catalog, folder, again, **settings)
    asked = {path.name for path in again.asked}
    if change in ("prompt", "model", "settings"):
        assert asked == {"photo.jpg", "other.jpg"}
    elif change == "pixels":
        assert asked == {"photo.jpg"} and photo.with_suffix(".txt").read_text() == "second"
    else:
        assert asked == set()
        reasons = {outcome.reason for outcome in outcomes.values()}
        assert reasons == ({UP_TO_DATE, HUMAN} if change == "human" else {UP_TO_DATE})
    assert other.with_suffix(".txt").exists()


@pytest.mark.parametrize("write", ["embed", "xmp"])
def test_fill_adds_a_language_and_skip_leaves_the_photo(catalog: Catalog, folder: Path, write: str) -> None:
    (photo,) = draw(folder, "a.jpg")
    go(catalog, folder, says("a dog"), write=(write,))
    (outcome,) = go(catalog, folder, says("x"), write=(write,), language="zh").values()
    assert outcome.reason == HAS_TEXT
    (outcome,) = go(catalog, folder, says("一只狗"), write=(write,), language="zh", existing="fill").values()
    assert outcome.status == "captioned", outcome
    found = list(read_photo(photo).values())[-1]
    assert found.captions["en"] == "a dog" and found.captions["zh"] == "一只狗" and found.caption == "a dog"
    (outcome,) = go(catalog, folder, says("x"), write=(write,), language="zh", existing="fill").values()
    assert outcome.reason == HAS_TEXT


@pytest.mark.parametrize("write", ["embed", "xmp"])
def test_metadata_of_a_person_is_kept_and_a_model_s_is_replaced(catalog: Catalog, folder: Path, write: str) -> None:
    """Whose it is the file itself says: also to a catalog that has never seen it."""
    from mqwen.library.metadata.commit import commit
    from mqwen.library.metadata.fields import Edit
    from mqwen.library.metadata.plan import plan_embed

    human, _ = draw(folder, "human.jpg", "ours.jpg")
    for planned in plan_embed(human, Edit(caption="my words", keywords=("dog",)), embed=write == "embed"):
        commit(planned.path, planned.after or b"", planned.stat_at_read)
    before = look(folder)
    outcomes = go(catalog, folder, says("first"), write=(write,), existing="overwrite")
    assert outcomes["human.jpg"].reason == HUMAN and outcomes["ours.jpg"].status == "captioned"
    with Catalog(folder.parent / "another.db") as other:
        go(other, folder, says("second"), write=(write,), existing="overwrite")
        go(other, folder, says("sea, sand"), write=(write,), existing="fill", style="keywords")
        go(other, folder, says("a short one"), write=(write,), style="alt")
    after = look(folder)
    found = list(read_photo(folder / "ours.jpg").values())[-1]
    assert (found.caption, found.keywords, found.alt_text) == ("second", ("sea", "sand"), "a short one")
    assert found.caption_writer and found.caption_writer.startswith("AI")
    assert found.provenance and found.provenance.prompt_hash
    kept = list(read_photo(human).values())[-1]
    assert (kept.caption, kept.keywords, kept.alt_text) == ("my words", ("dog",), "a short one")
    with_alt_text = "human.jpg" if write == "embed" else "human.jpg.xmp"
    assert {name for name in before if before[name] != after[name] and name.startswith("human")} == {with_alt_text}


def test_append_adds_once_and_what_has_a_person_s_words_stays_theirs(catalog: Catalog, folder: Path) -> None:
    human, ours = draw(folder, "human.png", "ours.png")
    human.with_suffix(".txt").write_text("my words")
    go(catalog, folder, says("first"))
    go(catalog, folder, says("second"), existing="append")
    assert human.with_suffix(".txt").read_text() == "my words, second"
    assert ours.with_suffix(".txt").read_text() == "first, second"
    outcomes = go(catalog, folder, says("third"), existing="overwrite")
    assert outcomes["human.png"].reason == HUMAN
    assert ours.with_suffix(".txt").read_text() == "third"


@pytest.mark.parametrize("existing", ["overwrite", "append", "overwrite-all"])
def test_an_interrupted_run_is_finished_and_nothing_captioned_twice(
    catalog: Catalog, folder: Path, existing: str
) -> None:
    paths = draw(folder, *(f"{number}.png" for number in range(6)))
    go(catalog, folder, says("first"))
    stop = StopFlag()
    begun = Scripted(lambda photo: stop.finish_batch() if photo == paths[2] else None, text=lambda photo: "second")
    settings: dict[str, Any] = {"existing": existing, "temperature": 1.0}
    go(catalog, folder, begun, stop, **settings)
    assert begun.asked == paths[:3]
    rest = Scripted(text=lambda photo: "third")
    outcomes = go(catalog, folder, rest, **settings)
    assert rest.asked == paths[3:]
    assert {outcomes[path.name].reason for path in paths[:3]} == {DONE}
    first = "first, " if existing == "append" else ""
    assert [path.with_suffix(".txt").read_text() for path in paths] == [f"{first}second"] * 3 + [f"{first}third"] * 3
    # That run is done: the same command is a new one now.
    anew = Scripted(text=lambda photo: "fourth")
    go(catalog, folder, anew, **settings)
    assert anew.asked == paths
    assert [run.status for run in catalog.runs()] == ["done", "done", "stopped", "done"]


def test_what_was_deleted_since_an_interrupted_run_is_written_again(catalog: Catalog, folder: Path) -> None:
    paths = draw(folder, "0.png", "1.png", "2.png")
    stop = StopFlag()
    go(
        catalog,
        folder,
        Scripted(lambda photo: stop.finish_batch() if photo == paths[1] else None),
        stop,
        existing="overwrite",
    )
    paths[0].with_suffix(".txt").unlink()
    Image.new("RGB", (30, 30), "blue").save(paths[1])
    rest = Scripted()
    go(catalog, folder, rest, existing="overwrite")
    assert rest.asked == paths


def test_another_picture_at_the_same_path_gets_no_caption(catalog: Catalog, folder: Path) -> None:
    draw(folder, "a.jpg", "b.jpg", "c.jpg")

    def swap(photo: Path) -> None:
        if photo.stem == "a":
            os.replace(folder / "b.jpg", folder / "a.jpg")

    outcomes = go(catalog, folder, Scripted(swap))
    assert outcomes["a.jpg"].status == "failed" and "another picture" in str(outcomes["a.jpg"].reason)
    assert sorted(path.name for path in folder.glob("*.txt")) == ["c.txt"]


@pytest.mark.parametrize("write", [("txt", "caption"), ("xmp",), ("jsonl",)])
@pytest.mark.parametrize("replaced", [True, False])
def test_a_photo_that_goes_while_its_caption_is_being_written_leaves_none(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch, write: tuple[str, ...], replaced: bool
) -> None:
    draw(folder, "a.jpg", "b.jpg", "c.jpg")
    intend = Catalog.intend_all

    def intend_and_swap(self: Catalog, run: int, photo: Path, changes: Any) -> Any:
        if photo.stem == "a":  # all was looked at, nothing is written
            photo.unlink()
            if replaced:
                (folder / "b.jpg").rename(photo)
        return intend(self, run, photo, changes)

    monkeypatch.setattr(Catalog, "intend_all", intend_and_swap)
    outcomes = go(catalog, folder, Scripted(), write=write)
    assert outcomes["a.jpg"].status == "failed"
    assert ("another picture" if replaced else "deleted") in str(outcomes["a.jpg"].reason)
    left = {path.name for path in folder.iterdir()} - {"a.jpg", "b.jpg", "c.jpg"}
    beside = {"txt": {"c.txt"}, "caption": {"c.caption"}, "xmp": {"c.jpg.xmp"}, "jsonl": {"metadata.jsonl"}}
    kept = {name for target in write for name in beside[target]}
    of_b = {name.replace("c", "b", 1) for name in kept if name[0] == "c"}
    assert left - kept <= of_b if replaced else left - kept == of_b  # b may have had its caption before it went
    if "jsonl" in write:
        assert "a.jpg" not in (folder / "metadata.jsonl").read_text("utf-8")
    if replaced:
        known = catalog.photo(folder / "a.jpg")
        assert known is None or "a picture of a" not in known.captions.values()
    assert catalog.pending() == []


def test_the_empty_journal_of_a_run_killed_at_its_very_end_is_removed(catalog: Catalog, folder: Path) -> None:
    draw(folder, "a.jpg", "b.jpg")
    go(catalog, folder, Scripted(), write=("jsonl",))
    done = (folder / "metadata.jsonl").read_bytes()
    journal = folder / ".mqwen-metadata.journal"
    journal.touch()
    outcomes = go(catalog, folder, Scripted(), write=("jsonl",))
    assert {outcome.status for outcome in outcomes.values()} == {"skipped"}
    assert not journal.exists() and (folder / "metadata.jsonl").read_bytes() == done


def test_words_that_could_not_be_written_anywhere_are_not_the_photos(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo,) = draw(folder, "a.jpg")
    go(catalog, folder, says("a dog"))

    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise WriteError("it is read-only", path=path)

    monkeypatch.setattr("mqwen.library.metadata.commit.commit", refuse)
    outcomes = go(catalog, folder, says("a cat"), existing="overwrite-all")
    assert outcomes["a.jpg"].status == "failed"
    known = catalog.photo(photo)
    assert known is not None and (known.state, known.caption, known.reason) == ("failed", "a dog", "it is read-only")
    assert not catalog.search("cat") and catalog.search("dog")


def test_words_of_the_user_are_added_in_code_and_everywhere_alike(catalog: Catalog, folder: Path) -> None:
    (photo,) = draw(folder, "a.jpg")
    write = ("txt", "caption", "xmp", "embed", "jsonl")
    captioner = says("a dog")
    (outcome,) = go(
        catalog, folder, captioner, write=write, trigger=("sks", "dog"), prepend="Photo:", append_text="at home."
    ).values()
    text = "sks, Photo: a dog at home."
    assert outcome.caption == text and outcome.reason is None
    assert photo.with_suffix(".txt").read_text() == photo.with_suffix(".caption").read_text() == text
    assert text in (folder / "metadata.jsonl").read_text()
    assert [found.caption for found in read_photo(photo).values()] == [text, text]
    assert "sks" not in captioner.prompts[photo]
    known = catalog.photo(photo)
    assert known and dict(known.captions) == {"en": text} and set(known.written) >= {"txt", "caption", "jsonl"}


def test_metadata_that_cannot_be_embedded_goes_to_one_sidecar_and_it_is_said(catalog: Catalog, folder: Path) -> None:
    gif, linked, plain = draw(folder, "a.gif", "b.jpg", "c.jpg")
    os.link(linked, folder / "hidden.link")
    before = {path: path.read_bytes() for path in (gif, linked)}
    outcomes = go(catalog, folder, says("a dog"), write=("embed", "xmp", "txt"))
    assert "a.gif.xmp" in str(outcomes["a.gif"].reason) and "hard link" in str(outcomes["b.jpg"].reason)
    assert outcomes["c.jpg"].reason is None
    assert sorted(path.name for path in folder.glob("*.xmp")) == ["a.gif.xmp", "b.jpg.xmp", "c.jpg.xmp"]
    assert {path: path.read_bytes() for path in (gif, linked)} == before
    assert [found.caption for found in read_photo(gif).values()] == ["a dog"]
    assert [found.caption for found in read_photo(linked).values()] == [None, "a dog"]
    assert [found.caption for found in read_photo(plain).values()] == ["a dog", "a dog"]


def test_sidecars_by_stem_and_photos_that_keep_their_date(catalog: Catalog, folder: Path) -> None:
    (photo,) = draw(folder, "a.jpg")
    os.utime(photo, (1_000_000, 1_000_000))
    go(catalog, folder, says("a dog"), write=("embed", "xmp"), keep_mtime=True, sidecar_naming="stem")
    assert photo.stat().st_mtime == 1_000_000 and read_photo(photo)[photo].caption == "a dog"
    assert sorted(path.name for path in folder.iterdir()) == ["a.jpg", "a.xmp"]
    again = says("another")
    go(catalog, folder, again, write=("embed", "xmp"))
    assert again.asked == []


def test_every_change_is_in_the_catalog_and_so_are_failures(catalog: Catalog, folder: Path) -> None:
    good, silent = draw(folder, "good.jpg", "silent.jpg")
    go(catalog, folder, Scripted(), write=("txt", "embed", "jsonl"), model="some/model")
    (row,) = catalog.runs()
    assert (row.status, dict(row.counts)) == ("done", {"captioned": 1, "failed": 1})
    assert row.settings["write"] == ["txt", "embed", "jsonl"] and row.settings["model"] == "model"
    assert sorted((change.target, change.file, change.state) for change in catalog.changes(row.id)) == [
        ("embed", good, "confirmed"),
        ("jsonl", folder / "metadata.jsonl", "confirmed"),
        ("txt", good.with_suffix(".txt"), "confirmed"),
    ]
    found, refused = catalog.photo(good), catalog.photo(silent)
    assert found and (found.state, found.model, found.run, found.logprob) == ("captioned", "model", row.id, -0.1)
    assert refused and refused.state == "failed" and "no text" in str(refused.reason)
    go(catalog, folder, Scripted(), write=("txt", "embed", "jsonl"))
    assert [hit.photo.path for hit in catalog.search("picture good")] == [good]


def test_without_a_catalog_nothing_is_written_and_it_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(folder, "a.jpg")
    (tmp_path / "data").write_text("a file, not a folder")
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))
    asked = Scripted()
    with pytest.raises(MqwenError) as error:
        go(None, folder, asked)
    assert error.value.hint and asked.asked == [] and sorted(folder.iterdir()) == [folder / "a.jpg"]
    assert go(None, folder, asked, write=("none",))["a.jpg"].status == "captioned"
    assert go(None, folder, asked, dry_run=True)["a.jpg"].status == "captioned"


def test_a_catalog_that_takes_no_more_ends_the_run_before_anything_unrecorded_is_written(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(folder, *(f"{number}.jpg" for number in range(40)))
    real, calls = catalog.intend_all, []

    def intend_all(*arguments: Any) -> list[int]:
        calls.append(arguments)
        if len(calls) > 5:
            raise CatalogError("the disk of the catalog is full", path=catalog.path)
        return real(*arguments)

    monkeypatch.setattr(catalog, "intend_all", intend_all)
    with pytest.raises(CatalogError, match="full"):
        go(catalog, folder, says("x"), write=("txt", "caption"))
    monkeypatch.setattr(catalog, "intend_all", real)
    (row,) = catalog.runs()
    recorded = {change.file for change in catalog.changes(row.id, state="confirmed")}
    assert recorded == set(folder.glob("*.txt")) | set(folder.glob("*.caption")) and len(recorded) == 10
    assert row.status == "failed" and not list(catalog.changes(row.id, state="intended"))


def test_a_survey_opens_no_photo_and_learns_from_the_catalog(catalog: Catalog, folder: Path) -> None:
    draw(folder, "a.jpg", "b.jpg", "c.jpg")
    go(catalog, folder, says("x"), write=("embed", "txt"))
    draw(folder, "later.jpg")
    assert survey([folder], RunSettings(write=("embed", "txt")), catalog=catalog) == (4, 1)
    (folder / "a.txt").unlink()
    assert survey([folder], RunSettings(write=("txt",)), catalog=catalog) == (4, 2)
    again = says("y")
    go(catalog, folder, again, write=("embed", "txt"))
    assert sorted(path.name for path in again.asked) == ["a.jpg", "later.jpg"]


def test_a_drive_that_is_unplugged_and_back_again(catalog: Catalog, folder: Path) -> None:
    paths = draw(folder, *(f"{number}.jpg" for number in range(12)))
    before = look(folder)

    def unplug(photo: Path) -> None:
        if photo == paths[4]:
            while not paths[0].with_suffix(".txt").exists():
                threading.Event().wait(0.01)
            folder.rename(folder.parent / "unplugged")

    try:
        outcomes = go(catalog, folder, Scripted(unplug), write=("txt", "embed"))
    except MqwenError:
        outcomes = {}
    assert all(outcome.reason for outcome in outcomes.values() if outcome.status == "failed")
    assert not folder.exists(), "a folder was made where the drive had been"
    (folder.parent / "unplugged").rename(folder)
    rest = Scripted()
    outcomes = go(catalog, folder, rest, write=("txt", "embed"))
    assert {outcome.status for outcome in outcomes.values()} == {"captioned", "skipped"}
    assert set(paths[4:]) <= set(rest.asked)
    for path in paths:
        assert path.with_suffix(".txt").read_text() == read_photo(path)[path].caption == f"a picture of {path.stem}"
    assert not catalog.pending() and not list(folder.glob(".mqwen-*"))
    for number in [row.id for row in catalog.runs()]:
        assert {result.status for result in revert(catalog, number)} == {"restored"}
    assert look(folder) == before


@pytest.mark.skipif(os.name == "nt", reason="mounts a small disk, as Linux does")
def test_a_full_disk_leaves_each_photo_written_or_as_it_was(catalog: Catalog, tmp_path: Path) -> None:
    small = tmp_path / "disk"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.decode().strip()}")
    try:
        paths = draw(small, *(f"{number}.jpg" for number in range(20)))
        ballast = small / "ballast"
        ballast.write_bytes(bytes(400 * 1024 - 20 * 4096 - 60_000))
        before = look(small)
        write = ("txt", "caption", "embed", "xmp")
        with pytest.raises(DiskFullError):
            go(catalog, small, Scripted(), write=write)
        assert not list(small.glob(".mqwen-*"))
        # To put a photo back takes space, too: where there was none, the next start does it.
        waiting = {photo.path for change in catalog.pending() if (photo := catalog.photo_by_id(change.photo or 0))}
        assert len(waiting) <= 4
        written = 0
        for path in set(paths) - waiting:
            files = {path.with_suffix(".txt"), path.with_suffix(".caption"), path.with_name(path.name + ".xmp")}
            there = {file for file in files if file.exists()}
            assert there in (files, set()), "some files of a photo were left"
            assert (path.read_bytes() == before[path.name][0]) == (not there)
            written += bool(there)
        assert 0 < written < 20
        ballast.unlink()
        rest = Scripted()
        go(catalog, small, rest, write=write)
        assert len(rest.asked) == 20 - written and not catalog.pending()
        for number in [row.id for row in catalog.runs()]:
            assert {result.status for result in revert(catalog, number)} == {"restored"}
        assert look(small) == {name: what for name, what in before.items() if name != "ballast"}
    finally:
        subprocess.run(["umount", small], check=True)
