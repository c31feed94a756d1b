"""Edits of the window: in the files and the catalog at once, undone and done again, after a restart too."""

from __future__ import annotations

import codecs
import threading
import time

import pytest
from PIL import Image
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop import editing as editing_module
from desktop.editing import _PATIENCE_S as PATIENCE_S
from desktop.photos import State
from desktop.sidecars import RunTargets
from mqwen.errors import CatalogError
from mqwen.library.catalog import Catalog
from mqwen.library.data_folder import data_folder
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit, Provenance
from mqwen.library.metadata.plan import plan_embed, read_photo
from mqwen.library.records import PhotoUpdate
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos, text_for


def text_of(path):
    return path.with_suffix(".txt").read_text("utf-8")


def settled(qtbot, window):
    """Wait until every edit is made and shown."""
    window.editing.finish()
    qtbot.wait(20)


def select(window, *paths):
    model = window.grid.selectionModel()
    model.clearSelection()
    for path in paths:
        model.select(window.photos.index_of(path), model.SelectionFlag.Select)
    window.grid.setFocus()


def test_an_edit_in_the_grid_is_undone_and_redone_by_keys_on_screen_and_disk(qtbot, window, open_folder, tmp_path):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    path.with_suffix(".txt").write_bytes(b"As it was,\nin two lines.\n")
    open_folder(window, tmp_path / "in", 1)
    window.photos.setData(window.photos.index(0), "In one go.")
    assert text_of(path) == "In one go.", "at once, not later"
    assert window.photos.photo(path).state is State.EDITED
    window.photos.setData(window.photos.index(0), "In two goes.")
    assert text_of(path) == "In two goes."
    qtbot.waitUntil(lambda: "caption" in window.edit_actions.undo.text())
    window.grid.setFocus()
    QTest.keyClick(window.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settled(qtbot, window)
    assert text_of(path) == window.photos.photo(path).caption == "In one go."
    window.edit_actions.undo.trigger()
    settled(qtbot, window)
    assert path.with_suffix(".txt").read_bytes() == b"As it was,\nin two lines.\n"
    assert window.photos.photo(path).state is State.CAPTIONED
    assert not window.edit_actions.undo.isEnabled()
    window.edit_actions.redo.trigger()
    window.edit_actions.redo.trigger()
    settled(qtbot, window)
    assert text_of(path) == window.photos.photo(path).caption == "In two goes."
    assert not window.edit_actions.redo.isEnabled()


MARKED = {
    "BOM": b"\xef\xbb\xbfA red square.\r\n",
    "UTF-16 LE": codecs.BOM_UTF16_LE + "红色的方块。\n".encode("utf-16-le"),
    "UTF-16 BE": codecs.BOM_UTF16_BE + "A red square.".encode("utf-16-be"),
}


@pytest.mark.parametrize("content", MARKED.values(), ids=MARKED)
@pytest.mark.parametrize("text", ["A crimson square.", ""], ids=["edited", "taken away"])
def test_undo_brings_a_marked_text_file_back_byte_for_byte_after_a_restart(
    qtbot, make_window, loader, open_folder, tmp_path, content, text
):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    path.with_suffix(".txt").write_bytes(content)
    window = make_window(loader)
    open_folder(window, tmp_path / "in", 1)
    window.editing.apply([path], lambda _, words: words.with_line(words.line(), text, ""), "caption")
    window.editing.finish()
    now = path.with_suffix(".txt").read_bytes() if path.with_suffix(".txt").exists() else b""
    assert now == text.encode()
    window.close()
    again = make_window(loader)
    open_folder(again, tmp_path / "in", 1)
    qtbot.waitUntil(again.edit_actions.undo.isEnabled)
    again.edit_actions.undo.trigger()
    settled(qtbot, again)
    assert path.with_suffix(".txt").read_bytes() == content
    again.edit_actions.redo.trigger()
    settled(qtbot, again)
    again.edit_actions.undo.trigger()
    settled(qtbot, again)
    assert path.with_suffix(".txt").read_bytes() == content


@pytest.mark.parametrize("content", MARKED.values(), ids=MARKED)
def test_undo_brings_it_back_after_photo_and_text_file_were_renamed(
    qtbot, make_window, loader, open_folder, tmp_path, content
):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    path.with_suffix(".txt").write_bytes(content)
    window = make_window(loader)
    open_folder(window, tmp_path / "in", 1)
    window.editing.apply([path], lambda _, words: words.with_line(words.line(), "Another.", ""), "caption")
    window.editing.finish()
    window.close()
    (tmp_path / "in" / "deeper").mkdir()
    renamed = path.rename(tmp_path / "in" / "deeper" / "new name.png")
    path.with_suffix(".txt").rename(renamed.with_suffix(".txt"))
    with Catalog() as catalog:
        catalog.vacuum()  # takes nothing that a step can still want
    again = make_window(loader)
    open_folder(again, tmp_path / "in", 1)
    qtbot.waitUntil(lambda: again.catalog.photo(renamed) is not None and again.edit_actions.undo.isEnabled())
    again.edit_actions.undo.trigger()
    settled(qtbot, again)
    assert renamed.with_suffix(".txt").read_bytes() == content
    assert not path.with_suffix(".txt").exists()


def test_vacuum_drops_kept_texts_that_no_step_can_want(qtbot, window, open_folder, tmp_path):
    first, second = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    for path in (first, second):
        path.with_suffix(".txt").write_bytes(b"\xef\xbb\xbf" + path.stem.encode())
    open_folder(window, tmp_path / "in", 2)
    for path in (first, second):
        window.photos.setData(window.photos.index_of(path), "edited")
    settled(qtbot, window)
    kept = data_folder() / "kept-texts"
    assert len(list(kept.iterdir())) == 2
    window.catalog.vacuum()
    assert len(list(kept.iterdir())) == 2, "undo may want both"
    window.editing.undo()
    settled(qtbot, window)
    window.catalog.vacuum()
    assert len(list(kept.iterdir())) == 2, "and so may undo after redo"
    window.photos.setData(window.photos.index_of(first), "edited again")  # nothing to be done again any more
    settled(qtbot, window)
    assert window.catalog.vacuum() >= 4
    assert [file.read_bytes() for file in kept.iterdir()] == [b"\xef\xbb\xbf1"]


def test_undo_goes_on_after_a_restart(qtbot, make_window, loader, open_folder, tmp_path):
    first, second = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    window = make_window(loader)
    open_folder(window, tmp_path / "in", 2)
    window.photos.setData(window.photos.index_of(first), "one")
    window.photos.setData(window.photos.index_of(second), "two")
    window.close()
    again = make_window(loader)
    open_folder(again, tmp_path / "in", 2)
    qtbot.waitUntil(again.edit_actions.undo.isEnabled)
    again.edit_actions.undo.trigger()
    again.edit_actions.undo.trigger()
    settled(qtbot, again)
    assert not first.with_suffix(".txt").exists()
    assert not second.with_suffix(".txt").exists()
    assert again.photos.photo(first).caption == again.photos.photo(second).caption == ""
    assert again.photos.photo(first).state is State.NEW
    again.edit_actions.redo.trigger()
    settled(qtbot, again)
    assert text_of(first) == "one"


def test_an_edit_goes_into_the_photo_where_its_words_stand_there(qtbot, window, open_folder, tmp_path):
    path = tmp_path / "in" / "1.jpg"
    path.parent.mkdir()
    Image.new("RGB", (40, 30), (10, 90, 10)).save(path)
    for planned in plan_embed(path, Edit(caption="Green.", language="en", provenance=Provenance(model="m"))):
        commit(planned.path, planned.after, planned.stat_at_read)
    path.with_suffix(".txt").write_text("Green.", "utf-8")
    pixels = Image.open(path).tobytes()
    open_folder(window, path.parent, 1)
    window.photos.setData(window.photos.index(0), "A green field.")
    assert text_of(path) == read_photo(path)[path].captions["en"] == "A green field."
    assert Image.open(path).tobytes() == pixels
    window.editing.undo()
    settled(qtbot, window)
    assert text_of(path) == read_photo(path)[path].captions["en"] == "Green."


def test_what_changed_since_is_left_by_undo_and_named(qtbot, window, open_folder, tmp_path):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    window.photos.setData(window.photos.index(0), "mine")
    path.with_suffix(".txt").write_text("from another program", "utf-8")
    window.editing.undo()
    settled(qtbot, window)
    assert text_of(path) == "from another program"
    assert window.photos.photo(path).caption == "from another program"


def test_one_caption_is_pasted_to_all_and_several_one_each(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    paths[0].with_suffix(".txt").write_text("A copied caption.", "utf-8")
    open_folder(window, tmp_path / "in", 3)
    select(window, paths[0])
    window.edit_actions.copy.trigger()
    select(window, paths[1], paths[2])
    window.edit_actions.paste.trigger()
    settled(qtbot, window)
    assert [text_of(path) for path in paths] == ["A copied caption."] * 3
    QApplication.clipboard().setText("one\ntwo\nthree\n")
    select(window, *paths)
    window.edit_actions.paste.trigger()
    settled(qtbot, window)
    assert [text_of(path) for path in paths] == ["one", "two", "three"]
    assert "3 photos" in window.edit_actions.undo.text()
    window.editing.undo()
    settled(qtbot, window)
    assert [text_of(path) for path in paths] == ["A copied caption."] * 3


def test_a_run_does_not_write_over_what_a_person_changes_meanwhile(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 3)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.editing.apply(paths[:2], lambda path, words: words.with_caption("", f"mine {path.stem}"), "caption")
    settled(qtbot, window)
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(3)
    assert [text_of(path) for path in paths] == ["mine 1", "mine 2", text_for(paths[2])]
    assert window.photos.photo(paths[0]).caption == "mine 1"


def test_words_that_the_disk_refuses_stay_on_screen_and_are_told(qtbot, window, open_folder, tmp_path):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    path.with_suffix(".txt").write_bytes(b"\xff\xfe\xfa latin")
    open_folder(window, tmp_path / "in", 1)
    window.editing.set_shown(path, "typed")
    assert path.with_suffix(".txt").read_bytes() == b"\xff\xfe\xfa latin"
    photo = window.photos.photo(path)
    assert (photo.caption, photo.unsaved) == ("typed", True)
    assert window.failures.paths() == [path]
    path.with_suffix(".txt").unlink()
    window.editing.set_shown(path, "typed")
    assert text_of(path) == "typed"
    assert window.failures.paths() == []


def test_without_a_catalog_what_was_typed_is_not_lost(qtbot, window, open_folder, tmp_path, monkeypatch):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)

    def refuse():
        raise CatalogError("the catalog cannot be opened", hint="Move it away.")

    monkeypatch.setattr(window.editing, "_catalog", refuse)
    window.editing.set_shown(path, "typed")
    assert window.photos.photo(path).unsaved
    window.captioning.save_again()
    assert text_of(path) == "typed"


def test_what_the_catalog_cannot_keep_stays_on_screen_too(qtbot, window, open_folder, tmp_path, monkeypatch):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)

    def refuse(*_):
        raise CatalogError("there is no space left to write the catalog", hint="Free some space.")

    with monkeypatch.context() as full:
        full.setattr(Catalog, "edit", refuse)
        window.editing.set_shown(path, "typed")
        assert not path.with_suffix(".txt").exists()
    photo = window.photos.photo(path)
    assert (photo.caption, photo.unsaved) == ("typed", True) and "no space left" in photo.reason
    window.editing.set_shown(path, "typed")
    assert text_of(path) == "typed" and window.failures.paths() == []


def test_a_slow_disk_does_not_hold_the_window_and_the_words_show_at_once(
    qtbot, window, open_folder, tmp_path, monkeypatch
):
    assert PATIENCE_S < 0.1, "no stall of the event loop over 100 ms"
    monkeypatch.setattr(editing_module, "_PATIENCE_S", PATIENCE_S)
    path = draw_photos(tmp_path / "in", ["1.jpg"])[0]
    catalog = window.catalog
    catalog.update(PhotoUpdate(path, captions={"en": "A car."}, alt_text="A red car"))
    path.with_suffix(".txt").write_text("A red car", "utf-8")  # what is shown is the alt text
    open_folder(window, tmp_path / "in", 1)
    turning, real = threading.Event(), editing_module.write_photo

    def write(*arguments, **options):
        assert turning.wait(60), "the window waits for it"
        return real(*arguments, **options)

    monkeypatch.setattr(editing_module, "write_photo", write)
    for text in ("A blue car", "A green car"):
        window.photos.setData(window.photos.index(0), text)
        photo = window.photos.photo(path)
        assert (photo.caption, photo.state) == (text, State.EDITED)
    assert text_of(path) == "A red car"
    turning.set()
    settled(qtbot, window)
    assert text_of(path) == photo.caption == catalog.photo(path).alt_text == "A green car"
    assert catalog.photo(path).captions == {"en": "A car."}


def test_approving_is_a_step_that_touches_no_file(qtbot, window, open_folder, tmp_path):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    path.with_suffix(".txt").write_text("Good.", "utf-8")
    stamp = path.with_suffix(".txt").stat().st_mtime_ns
    open_folder(window, tmp_path / "in", 1)
    select(window, path)
    window.edit_actions.approve.trigger()
    settled(qtbot, window)
    assert window.photos.photo(path).state is State.APPROVED
    with Catalog() as catalog:
        assert catalog.photo(path).state == "approved"
    window.editing.undo()
    settled(qtbot, window)
    assert window.photos.photo(path).state is State.CAPTIONED
    assert path.with_suffix(".txt").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("count", [60])
def test_many_photos_are_one_step(qtbot, window, open_folder, tmp_path, count):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(count)])
    open_folder(window, tmp_path / "in", count)
    said = []
    window.editing.progressed.connect(lambda done, total: said.append((done, total, window.notice.text())))
    window.editing.apply(paths, lambda path, words: words.with_caption("", f"photo {path.stem}"), "caption")
    settled(qtbot, window)
    assert [(done, total) for done, total, _ in said] == [(20, 60), (40, 60), (60, 60)]
    assert "40 of 60" in said[1][2]
    assert "Changing" not in said[2][2]
    assert [text_of(path) for path in paths] == [f"photo {number}" for number in range(count)]
    window.editing.undo()
    settled(qtbot, window)
    assert list((tmp_path / "in").glob("*.txt")) == []


def test_an_edit_is_the_last_word_where_a_run_is_in_the_midst_of_the_photo(
    qtbot, window, open_folder, tmp_path, monkeypatch
):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    run = RunTargets([frozenset([tmp_path / "in"])], ("txt",))
    monkeypatch.setattr(window.captioning, "run_targets", lambda: run)
    catalog = window.catalog
    catalog.observe(path)
    writing = threading.Event()

    def write() -> None:  # as mqwen.library.photo_writer does it
        with run.writing(path) as allowed:
            assert allowed
            writing.set()
            time.sleep(0.3)
            catalog.update(PhotoUpdate(path, captions={"": "The model's."}, state="captioned", model="m"))
            path.with_suffix(".txt").write_text("The model's.", "utf-8")

    thread = threading.Thread(target=write)
    thread.start()
    assert writing.wait(10)
    window.photos.setData(window.photos.index(0), "A person's.")
    thread.join()
    settled(qtbot, window)
    known = catalog.photo(path)
    assert (text_of(path), known.captions, known.state) == ("A person's.", {"": "A person's."}, "edited")


def test_an_edit_of_many_is_shown_in_slices_and_closing_waits_for_it(qtbot, window, open_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("desktop.editing._AT_ONCE", 5)
    paths = draw_photos(tmp_path / "in", [f"{number:02}.png" for number in range(40)])
    open_folder(window, tmp_path / "in", len(paths))
    shown: list[int] = []
    window.editing.edited.connect(lambda results: shown.append(len(results)))
    noted: list[tuple[list[int], bool]] = []

    def in_the_midst(path):
        if path == paths[4] and not noted:
            noted.append((list(shown), window.editing.finish(0)))
            window.photos.setData(window.photos.index_of(paths[0]), "other words")  # while these are being shown
            QTimer.singleShot(0, window.close)

    window.editing.recovered.connect(in_the_midst)
    window.editing.apply(paths, lambda path, words: words.with_caption("", f"words of {path.stem}"), "caption")
    qtbot.waitUntil(window.isHidden)
    assert noted == [([], False)]
    assert window.photos.photo(paths[0]).caption == "other words"
    assert [window.photos.photo(path).caption for path in paths[1:]] == [f"words of {path.stem}" for path in paths[1:]]
    assert shown == [40, 1]
    assert paths[0].with_suffix(".txt").read_text("utf-8").strip() == "other words"
