"""The editor beside the grid: what is typed there is saved by itself, in the right language, to the right photos."""

from __future__ import annotations

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.photos import State
from mqwen.library.catalog import Catalog
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit
from mqwen.library.metadata.plan import plan_embed, read_photo
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos
from tests.desktop.test_editing import select, settled, text_of


@pytest.fixture
def shown(qtbot):
    """Select photos and wait until the editor shows their words."""

    def do(window, *paths):
        select(window, *paths)
        dock = window.editor
        qtbot.waitUntil(lambda: dock.paths() == paths and dock.caption.isEnabled())
        return dock

    return do


def test_a_caption_saves_itself_after_a_pause_and_on_leaving_the_field(qtbot, window, open_folder, tmp_path, shown):
    first, second = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    open_folder(window, tmp_path / "in", 2)
    dock = shown(window, first)
    qtbot.keyClicks(dock.caption, "by itself")
    qtbot.waitUntil(first.with_suffix(".txt").exists)
    settled(qtbot, window)
    assert text_of(first) == window.photos.photo(first).caption == "by itself"
    assert window.photos.photo(first).state is State.EDITED
    dock.caption.setFocus()
    dock.caption.setPlainText("on leaving")
    dock.keywords.input.setFocus()
    assert text_of(first) == "on leaving"
    qtbot.keyClicks(dock.caption, ", and by another choice")
    shown(window, second)
    assert text_of(first) == ", and by another choiceon leaving"
    assert dock.caption.toPlainText() == ""
    assert not second.with_suffix(".txt").exists()


def test_what_is_typed_is_saved_before_the_window_closes_or_a_run_begins(
    qtbot, make_window, open_folder, tmp_path, shown
):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, tmp_path / "in", 1)
    dock = shown(window, path)
    dock.caption.setPlainText("mine")
    window.grid.commit_edit()  # as start() and open() do
    assert text_of(path) == "mine"
    dock.caption.setPlainText("mine at the end")
    window.close()
    assert text_of(path) == "mine at the end"


def test_captions_of_two_languages_stand_side_by_side(qtbot, window, open_folder, tmp_path, shown):
    path = tmp_path / "in" / "1.jpg"
    path.parent.mkdir()
    Image.new("RGB", (40, 30), (10, 90, 10)).save(path)
    for planned in plan_embed(path, Edit(caption="Green.", language="en")):
        commit(planned.path, planned.after, planned.stat_at_read)
    open_folder(window, path.parent, 1)
    dock = shown(window, path)
    assert (dock.language.currentData(), dock.caption.toPlainText()) == ("en", "Green.")
    dock.language.setCurrentIndex(dock.language.findData("zh"))
    dock.language.activated.emit(dock.language.currentIndex())
    assert dock.caption.toPlainText() == ""
    dock.caption.setPlainText("绿色。")
    dock.language.setCurrentIndex(dock.language.findData("en"))
    dock.language.activated.emit(dock.language.currentIndex())
    settled(qtbot, window)
    assert dict(read_photo(path)[path].captions) == {"x-default": "Green.", "en": "Green.", "zh": "绿色。"}
    assert dock.caption.toPlainText() == "Green."


def test_keywords_are_typed_pasted_moved_renamed_and_removed(qtbot, window, open_folder, tmp_path, shown):
    path, other = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    path.with_suffix(".txt").write_text("A caption.", "utf-8")
    open_folder(window, tmp_path / "in", 2)
    dock = shown(window, path)

    def kept():
        window.editing.finish()
        with Catalog() as catalog:
            return list(catalog.photo(path).keywords)

    qtbot.keyClicks(dock.keywords.input, "dog, Cat")
    QTest.keyClick(dock.keywords.input, Qt.Key.Key_Return)
    assert kept() == ["dog", "Cat"]
    QApplication.clipboard().setText("bird\ncat；fish\n")
    QTest.keyClick(dock.keywords.input, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert kept() == ["dog", "Cat", "bird", "fish"], "a second spelling is no second keyword"
    settled(qtbot, window)
    dock.keywords.list.setCurrentRow(3)
    QTest.keyClick(dock.keywords.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert kept() == ["dog", "Cat", "fish", "bird"]
    dock.keywords.list.item(0).setText("hound")
    assert kept() == ["hound", "Cat", "fish", "bird"]
    model = dock.keywords.list.model()
    assert model.moveRow(model.index(0, 0).parent(), 3, model.index(0, 0).parent(), 0), "as a drag does it"
    assert kept() == ["bird", "hound", "Cat", "fish"]
    dock.keywords.list.clearSelection()
    dock.keywords.list.item(1).setSelected(True)
    QTest.keyClick(dock.keywords.list, Qt.Key.Key_Delete)
    assert kept() == ["bird", "Cat", "fish"]
    assert text_of(path) == "A caption."
    shown(window, other)
    assert dock.keywords.keywords() == []


def test_keywords_of_the_library_are_offered(qtbot, window, open_folder, tmp_path, shown):
    first, second = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    with Catalog() as catalog:
        catalog.set_keywords(first, ["seagull", "sea", "dune"])
    open_folder(window, tmp_path / "in", 2)
    dock = shown(window, second)
    qtbot.keyClicks(dock.keywords.input, "SEA")
    model = dock.keywords.input.completer().model()
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == ["sea", "seagull"]


def test_edits_of_several_photos_wait_for_the_button_and_are_one_step(qtbot, window, open_folder, tmp_path, shown):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    for path, text in zip(paths, ("one", "two", "three"), strict=True):
        path.with_suffix(".txt").write_text(text, "utf-8")
    with Catalog() as catalog:
        catalog.set_keywords(paths[0], ["common", "only here"])
        catalog.set_keywords(paths[1], ["common"])
    open_folder(window, tmp_path / "in", 3)
    dock = shown(window, *paths[:2])
    assert dock.caption.toPlainText() == ""
    assert "differ" in dock.caption.placeholderText()
    assert [dock.keywords.list.item(row).text() for row in range(2)] == ["common", "only here (1)"]
    dock.keywords.add("new")
    settled(qtbot, window)
    with Catalog() as catalog:
        assert [catalog.photo(path).keywords for path in paths[:2]] == [
            ("common", "only here", "new"),
            ("common", "new"),
        ]
    dock.caption.setPlainText("both")
    dock.keywords.input.setFocus()
    assert text_of(paths[0]) == "one", "not before the button"
    dock.apply.click()
    settled(qtbot, window)
    assert [text_of(path) for path in paths] == ["both", "both", "three"]
    window.editing.undo()
    settled(qtbot, window)
    assert [text_of(path) for path in paths] == ["one", "two", "three"]


def test_text_for_several_that_was_not_applied_is_kept_and_said(
    qtbot, make_window, open_folder, tmp_path, shown, loader
):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    window = make_window(loader)
    open_folder(window, tmp_path / "in", 3)
    dock = shown(window, *paths[:2])
    dock.caption.setPlainText("for both")
    shown(window, paths[2])
    assert dock.caption.toPlainText() == ""
    assert dock.drafts.isVisible()
    shown(window, *paths[:2])
    assert dock.caption.toPlainText() == "for both"
    assert dock.apply.isEnabled()
    assert dock.drafts.isHidden()
    dock.language.setCurrentIndex(dock.language.findData("zh"))
    dock.language.activated.emit(dock.language.currentIndex())
    assert (dock.caption.toPlainText(), dock.drafts.isVisible()) == ("", True)
    dock.drafts.apply.click()
    settled(qtbot, window)
    assert [text_of(path) for path in paths[:2]] == ["for both"] * 2
    assert not paths[2].with_suffix(".txt").exists()

    dock = shown(window, *paths[1:])
    dock.alt_text.setPlainText("not these")
    dock = shown(window, paths[0])
    dock.drafts.discard.click()
    assert dock.drafts.isHidden()
    dock = shown(window, *paths[1:])
    assert dock.alt_text.toPlainText() == ""


def test_lengths_are_counted_and_too_long_is_said_in_words(qtbot, window, open_folder, tmp_path, shown):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    dock = shown(window, path)
    dock.caption.setPlainText("a photo of a cat")
    assert "about 7 of 77" in dock.caption_count.text()
    assert "too long" not in dock.caption_count.text()
    dock.caption.setPlainText("cat " * 90)
    assert "too long" in dock.caption_count.text()
    dock.alt_text.setPlainText("x" * 125)
    assert dock.alt_count.text() == "125 of 125 characters"
    dock.alt_text.setPlainText("x" * 126)
    assert "long" in dock.alt_count.text()
    dock.alt_text.setPlainText("x" * 251)
    assert "250" in dock.alt_count.text()


def test_a_caption_of_a_run_shows_but_never_replaces_what_is_being_typed(
    qtbot, make_window, open_folder, tmp_path, shown
):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 2)
    dock = shown(window, paths[0])
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    captioner.let(1)
    qtbot.waitUntil(lambda: dock.caption.toPlainText() == "A picture called 1.")
    shown(window, paths[1])
    dock.caption.setPlainText("typed")
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(1)
    qtbot.wait(300)
    assert dock.caption.toPlainText() == "typed"
    dock.save()
    assert text_of(paths[1]) == "typed"
