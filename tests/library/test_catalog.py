"""The catalog's photos: what a look at a file finds, what runs and people say of it, and undoing that."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from mqwen.errors import CatalogError, ImageError, InputError
from mqwen.library import identity, observing
from mqwen.library.catalog import Catalog
from mqwen.library.conditions import chars, keyword, model, name, path, run, state, under, words
from mqwen.library.records import Photo, PhotoEdit, PhotoUpdate


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "data" / "catalog.db") as catalog:
        yield catalog
        assert catalog.verify() == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "photos").mkdir()
    return folder


def picture(path: Path, colour: int = 0, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), (colour, 255 - colour, colour * 7 % 256)).save(path, **options)  # type: ignore[arg-type]
    return path


def captioned(catalog: Catalog, path: Path, text: str = "A red car.", **fields: object) -> Photo:
    catalog.update(PhotoUpdate(path, captions={"en": text}, **fields))  # type: ignore[arg-type]
    photo = catalog.photo(path)
    assert photo is not None
    return photo


def see(catalog: Catalog, *paths: Path) -> list[str | None]:
    return [catalog.observe(path).caption for path in paths]


# What a look at a file finds


def test_a_new_photo_is_entered_once(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    assert catalog.photo(path) is None
    photo = catalog.observe(path)
    found = path.stat()
    assert (photo.path, photo.state, photo.captions, photo.keywords) == (path, "new", {}, ())
    assert (photo.size, photo.mtime_ns, photo.inode) == (found.st_size, found.st_mtime_ns, found.st_ino)
    assert photo.identity == identity.identify(path)
    assert catalog.observe(path) == catalog.observe(str(path), path.stat()) == catalog.photo(path) == photo
    assert catalog.photo_by_id(photo.id) == photo and catalog.count() == 1


def test_unchanged_files_are_not_opened(catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [picture(folder / f"{number}.jpg", number) for number in range(5)]
    first = list(catalog.observe_many(paths))

    def refuse(path: object) -> str:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(observing, "identities", refuse)
    assert list(catalog.observe_many(paths)) == first == [catalog.observe(path) for path in paths]


def test_a_touched_file_is_the_same_photo(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    before = captioned(catalog, path)
    os.utime(path, ns=(1, 1))
    after = catalog.observe(path)
    assert (after.id, after.caption, after.mtime_ns, after.pixels_changed) == (before.id, "A red car.", 1, False)


def test_a_renamed_and_moved_photo_keeps_what_is_known(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    before = captioned(catalog, path)
    path.rename(moved := folder / "b.jpg")
    assert catalog.observe(moved).id == before.id
    assert catalog.photo(path) is None
    (folder / "sub").mkdir()
    shutil.copyfile(moved, copied := folder / "sub" / "c.jpg")  # as a move to another disk: a new inode and time
    moved.unlink()
    after = catalog.observe(copied)
    assert (after.id, after.caption, after.path) == (before.id, "A red car.", copied)
    assert catalog.count() == 1 and catalog.count(name("c.*")) == 1


def test_a_renamed_folder_with_copies_keeps_each_photo_s_own_words(catalog: Catalog, folder: Path) -> None:
    one = picture(folder / "old" / "one.jpg")
    shutil.copyfile(one, two := folder / "old" / "two.jpg")
    captioned(catalog, one, "First.")
    captioned(catalog, two, "Second.")
    (folder / "old").rename(folder / "new")
    assert see(catalog, folder / "new" / "two.jpg", folder / "new" / "one.jpg") == ["Second.", "First."]
    assert catalog.count() == 2


def test_copies_are_two_photos(catalog: Catalog, folder: Path) -> None:
    one = picture(folder / "one.jpg")
    first = captioned(catalog, one)
    shutil.copy2(one, two := folder / "two.jpg")
    os.link(one, three := folder / "three.jpg")
    second, third = catalog.observe(two), catalog.observe(three)
    assert len({first.id, second.id, third.id}) == 3
    assert second.identity == third.identity == first.identity and second.captions == third.captions == {}
    assert [photo.id for photo in catalog.photos_with(first.identity)] == [first.id, second.id, third.id]


def test_new_pixels_make_words_stale_and_old_ones_make_them_fresh(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg", 1)
    before = captioned(catalog, path)
    original = path.read_bytes()
    picture(path, 200)
    changed = catalog.observe(path)
    assert (changed.id, changed.caption, changed.pixels_changed) == (before.id, "A red car.", True)
    assert catalog.stats().pixels_changed == 1
    path.write_bytes(original)
    assert not catalog.observe(path).pixels_changed
    picture(path, 100)
    assert not captioned(catalog, path, "Another car.").pixels_changed


def test_two_photos_that_swap_their_names_keep_their_words(catalog: Catalog, folder: Path) -> None:
    a, b = picture(folder / "a.jpg", 1), picture(folder / "b.jpg", 2)
    captioned(catalog, a, "One.")
    captioned(catalog, b, "Two.")
    a.rename(folder / "t")
    b.rename(a)
    (folder / "t").rename(b)
    assert see(catalog, a, b) == ["Two.", "One."]
    assert catalog.count() == 2 and see(catalog, b, a) == ["One.", "Two."]


def test_a_picture_in_another_s_place_does_not_keep_its_words(catalog: Catalog, folder: Path) -> None:
    """A camera that counts from 1 again: IMG_1 was renamed, and another IMG_1 came."""
    path = picture(folder / "IMG_1.jpg", 1)
    captioned(catalog, path, "Old.")
    path.rename(renamed := folder / "holiday.jpg")
    picture(path, 2)
    assert catalog.observe(path).pixels_changed  # nobody has seen where the old one went yet
    assert see(catalog, renamed, path) == ["Old.", None]
    assert not catalog.observe(renamed).pixels_changed and catalog.photo(path) != catalog.photo(renamed)


def test_a_rotation_of_names_in_any_order(catalog: Catalog, folder: Path) -> None:
    paths = [picture(folder / f"{number}.png", number) for number in range(6)]
    for number, one in enumerate(paths):
        captioned(catalog, one, f"Number {number}.")
    for one in paths:
        one.rename(one.with_suffix(".tmp"))
    for number, one in enumerate(paths):
        one.with_suffix(".tmp").rename(paths[(number + 1) % 6])
    order = [paths[i] for i in (3, 0, 5, 1, 4, 2)]
    list(catalog.observe_many(order))
    assert see(catalog, *paths) == [f"Number {(number - 1) % 6}." for number in range(6)]


def test_observe_many_is_in_order_and_leaves_out_what_cannot_be_read(catalog: Catalog, folder: Path) -> None:
    paths = [picture(folder / f"{number}.png", number) for number in range(40)]
    catalog.observe(paths[7])
    gone = folder / "gone.png"
    found = [photo.path for photo in catalog.observe_many([*paths[:20], gone, folder, *paths[20:]])]
    assert found == paths
    with pytest.raises(ImageError, match=r"gone\.png"):
        catalog.observe(gone)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(catalog: Catalog, folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        catalog.observe(folder / "pipe.jpg")


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are Unicode there")
def test_names_that_are_no_text(catalog: Catalog, folder: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/d\xff"))
    first = picture(odd / "a.jpg", 1)
    second = Path(os.fsdecode(os.fsencode(odd) + b"/\xfe%_.jpg"))
    picture(first, 2).rename(second)
    picture(first, 1)
    captioned(catalog, first, "One.")
    captioned(catalog, second, "Two.")
    assert see(catalog, first, second) == ["One.", "Two."]
    assert {photo.path for photo in catalog.find(under(odd))} == {first, second} == {p.path for p in catalog.find()}
    assert catalog.count(under(folder)) == 2 and catalog.count(under(folder / "d")) == 0
    assert catalog.count(name("*%_.jpg")) == 1 == catalog.count(name("a.jpg"))
    second.rename(third := odd / "c.jpg")
    assert see(catalog, third) == ["Two."]
    begun = catalog.begin_run({"odd": second}, [odd])
    assert catalog.run(begun).roots == (odd,)


# What runs say


def test_updates_change_what_they_name_and_nothing_else(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    number = catalog.begin_run({}, [folder])
    update = PhotoUpdate(
        path,
        captions={"en": "A car."},
        keywords=["car", "red"],
        alt_text="Car",
        model="m",
        fingerprint="f",
        logprob=-0.5,
        finish_reason="stop",
        run=number,
        written={"txt": "1"},
    )
    catalog.update(update)
    catalog.update(PhotoUpdate(path, captions={"zh": "汽车"}, written={"xmp": "2"}))
    photo = catalog.photo(path)
    assert photo is not None
    assert (photo.captions, photo.written) == ({"en": "A car.", "zh": "汽车"}, {"txt": "1", "xmp": "2"})
    assert (photo.keywords, photo.alt_text, photo.model, photo.fingerprint) == (("car", "red"), "Car", "m", "f")
    assert (photo.logprob, photo.finish_reason, photo.run, photo.state) == (-0.5, "stop", number, "captioned")
    catalog.update(PhotoUpdate(path, state="failed", reason="it is broken"))
    failed = catalog.photo(path)
    assert failed is not None and failed.captions == photo.captions
    assert (failed.state, failed.reason) == ("failed", "it is broken")
    catalog.update(PhotoUpdate(path, state="skipped"))
    assert (skipped := catalog.photo(path)) is not None and (skipped.state, skipped.reason) == ("skipped", None)


def test_words_are_for_the_picture_that_the_model_saw(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg", 1)
    seen = catalog.observe(path).identity
    picture(path, 2)
    assert captioned(catalog, path, identity=seen).pixels_changed


def test_a_lone_surrogate_in_a_caption_does_no_harm(catalog: Catalog, folder: Path) -> None:
    assert captioned(catalog, picture(folder / "a.jpg"), "A \udcff car\0.").caption == "A ? car\0."


def test_what_changed_can_be_followed(catalog: Catalog, folder: Path) -> None:
    a, b = picture(folder / "a.jpg", 1), picture(folder / "b.jpg", 2)
    revision = max(photo.revision for photo in catalog.observe_many([a, b]))
    assert catalog.changed_since(revision) == [] and catalog.revision() == revision
    with Catalog(catalog.path) as another:
        captioned(another, b)
        captioned(another, a)
    assert [photo.path for photo in catalog.changed_since(revision)] == [b, a]
    assert catalog.revision() == catalog.changed_since(revision)[-1].revision > revision
    assert len(catalog.changed_since(0)) == 2 and len(catalog.changed_since(0, limit=1)) == 1


# What people change


def test_an_edit_is_undone_and_done_again_after_a_restart(tmp_path: Path, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    with Catalog(tmp_path / "c.db") as catalog:
        captioned(catalog, path, "A car.")
        catalog.set_caption(path, "My car.", "en")
        catalog.set_keywords(path, ["car", " car ", "", "mine"])
        catalog.set_alt_text(path, "Car")
        catalog.set_state(path, "approved")
    states = [
        ("A car.", (), None, "captioned"),
        ("My car.", (), None, "edited"),
        ("My car.", ("car", "mine"), None, "edited"),
        ("My car.", ("car", "mine"), "Car", "edited"),
        ("My car.", ("car", "mine"), "Car", "approved"),
    ]

    def now(catalog: Catalog) -> tuple[object, ...]:
        photo = catalog.photo(path)
        assert photo is not None
        return photo.caption, photo.keywords, photo.alt_text, photo.state

    for expected in states[-2::-1]:
        with Catalog(tmp_path / "c.db") as catalog:
            step = catalog.undoable()
            undone = catalog.undo()
            assert step and undone and (undone.id, undone.photos, undone.left) == (step.id, (path,), ())
            assert now(catalog) == expected
    with Catalog(tmp_path / "c.db") as catalog:
        assert catalog.undo() is None and catalog.undoable() is None
        for expected in states[1:]:
            step = catalog.redoable()
            redone = catalog.redo()
            assert step and redone and step.id == redone.id and now(catalog) == expected
        assert catalog.redo() is None
        assert catalog.verify() == []


def test_one_step_may_change_many_photos(catalog: Catalog, folder: Path) -> None:
    paths = [picture(folder / f"{number}.png", number) for number in range(5)]
    edits = [PhotoEdit(path, captions={"en": f"{path.stem}."}, state="approved") for path in paths]
    step = catalog.edit(edits, "replace")
    assert step.photos == tuple(paths) and step.label == "replace"
    assert catalog.count(state("approved")) == 5
    assert (undone := catalog.undo()) is not None and set(undone.photos) == set(paths)
    assert [photo.captions for photo in catalog.find()] == [{}] * 5 and catalog.count(state("new")) == 5
    with pytest.raises(InputError, match="twice"):
        catalog.edit([*edits, edits[0]])


def test_an_edit_that_changes_nothing_is_no_step(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    captioned(catalog, path, "A car.")
    assert catalog.set_caption(path, "A car.", "en").photos == ()
    assert catalog.set_state(path, "captioned").photos == ()
    assert catalog.undoable() is None


def test_a_blank_caption_takes_only_that_language_away(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    captioned(catalog, path, "A car.")
    catalog.set_caption(path, "汽车", "zh")
    catalog.set_caption(path, "  ", "en")
    assert (photo := catalog.photo(path)) is not None and photo.captions == {"zh": "汽车"}
    catalog.undo()
    assert (photo := catalog.photo(path)) is not None and photo.captions == {"en": "A car.", "zh": "汽车"}


def test_undo_leaves_what_a_run_has_written_since(catalog: Catalog, folder: Path) -> None:
    a, b = picture(folder / "a.jpg", 1), picture(folder / "b.jpg", 2)
    catalog.edit([PhotoEdit(path, captions={"en": "Mine."}) for path in (a, b)])
    captioned(catalog, a, "The model's.")
    catalog.update(PhotoUpdate(b, captions={"zh": "别的语言"}))  # another field: the edit can still be undone
    step = catalog.undo()
    assert step is not None and (step.photos, step.left) == ((b,), (a,))
    assert see(catalog, a, b) == ["The model's.", "别的语言"]


def test_a_new_edit_drops_what_was_undone(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    catalog.set_caption(path, "One.")
    catalog.undo()
    catalog.set_caption(path, "Two.")
    assert catalog.redo() is None and see(catalog, path) == ["Two."]


def test_edits_follow_a_renamed_photo(catalog: Catalog, folder: Path) -> None:
    path = picture(folder / "a.jpg")
    catalog.set_caption(path, "Mine.")
    path.rename(moved := folder / "b.jpg")
    catalog.observe(moved)
    assert (step := catalog.undo()) is not None and step.photos == (moved,)
    assert see(catalog, moved) == [None]


# Conditions


def test_conditions_and_orders(catalog: Catalog, folder: Path) -> None:
    first = catalog.begin_run({}, [])
    a, b = picture(folder / "a.jpg", 1), picture(folder / "sub" / "b_1.png", 2)
    c, d = picture(folder / "sub" / "c.jpg", 3), picture(folder.parent / "photos2" / "d.jpg", 4)
    captioned(catalog, a, "A red car.", logprob=-0.1, model="starter", run=first, keywords=["Car", "Straße"])
    captioned(catalog, b, "狗", logprob=-2.0, model="qwen_7b", keywords=["dog"])
    captioned(catalog, c, "A dog and", logprob=-0.2, finish_reason="length", model="qwenX7b", alt_text="car")
    catalog.observe(d)

    def names(*args: object, **options: object) -> list[str]:
        return [photo.path.name for photo in catalog.find(*args, **options)]  # type: ignore[arg-type]

    assert names() == ["a.jpg", "b_1.png", "c.jpg", "d.jpg"] and names(limit=2, offset=1) == ["b_1.png", "c.jpg"]
    assert names(order="risk") == ["c.jpg", "b_1.png", "a.jpg", "d.jpg"]
    assert names(order="changed") == ["d.jpg", "c.jpg", "b_1.png", "a.jpg"]
    assert names(words("car")) == ["a.jpg", "c.jpg"] and names(words("car", "alt_text")) == ["c.jpg"]
    assert names(words("car", "keyword")) == ["a.jpg"] == names(words("car", "caption"))
    assert names(words("car") & ~words("red") | words("狗")) == ["b_1.png", "c.jpg"]
    assert names(words("?!")) == [] and names(~words("?!")) == names()
    assert names(keyword("car")) == names(keyword("STRASSE")) == ["a.jpg"] and names(keyword("stra")) == []
    assert names(state("new", "failed")) == ["d.jpg"] and names(run(first)) == ["a.jpg"]
    assert names(model("qwen_7b")) == ["b_1.png"] and names(model("QWEN*")) == ["b_1.png", "c.jpg"]
    assert names(under(folder)) == ["a.jpg", "b_1.png", "c.jpg"] and names(under(folder / "sub")) == [
        "b_1.png",
        "c.jpg",
    ]
    assert names(name("?.jpg")) == [] and names(name("*.JPG")) == ["a.jpg", "c.jpg", "d.jpg"]
    assert names(path("*/sub/*_1*")) == ["b_1.png"] and names(path("a.jpg")) == []
    assert names(chars("<", 2)) == ["b_1.png"] and names(chars(">=", 9)) == ["a.jpg", "c.jpg"]
    assert catalog.keywords("stra") == [("Straße", 1)] and catalog.keywords("c") == [("Car", 1)]
    assert catalog.keywords(limit=2) == [("Car", 1), ("dog", 1)]
    with pytest.raises(InputError, match="order"):
        catalog.find(order="size")  # type: ignore[arg-type]


def test_stats(catalog: Catalog, folder: Path) -> None:
    captioned(catalog, picture(folder / "a.jpg", 1), keywords=["car", "Car"])
    catalog.set_caption(picture(folder / "b.jpg", 2), "狗", "zh")
    catalog.begin_run({}, [])
    stats = catalog.stats()
    assert (stats.photos, stats.states["captioned"], stats.states["edited"], stats.states["new"]) == (2, 1, 1, 0)
    assert (stats.languages, stats.keywords, stats.runs, stats.edits) == ({"en": 1, "zh": 1}, 1, 1, 1)
    assert stats.file_bytes > 0


def test_a_closed_catalog_says_so(tmp_path: Path, folder: Path) -> None:
    catalog = Catalog(tmp_path / "c.db")
    catalog.close()
    catalog.close()
    for call in (catalog.stats, lambda: catalog.begin_run({}, []), lambda: catalog.photo("a")):
        with pytest.raises(CatalogError, match="closed"):
            call()


def test_a_catalog_is_closed_after_what_is_being_read_in_another_thread(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    reading, told = threading.Event(), []

    def read() -> None:
        with catalog._database.read() as db:
            rows = iter(db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"))
            next(rows)
            reading.set()
            time.sleep(0.3)
            told.append([next(rows)[0] for _ in range(1000)][-1])

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(10)
    catalog.close()
    assert told == [1001]
    thread.join()
    with pytest.raises(CatalogError, match="closed"):
        catalog.photo("a.jpg")
