"""Review by keys alone: the riskiest first, one key for each decision, undo as everywhere."""

from __future__ import annotations

from dataclasses import replace

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
from mqwen.library.records import PhotoUpdate
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos, text_for
from tests.desktop.test_editing import select, settled, text_of

# In the order of their names; by risk it is cut, hedging, unsure, sure.
PHOTOS = {
    "1 sure.png": ("A red car in front of a house.", -0.05, "stop"),
    "2 unsure.png": ("A blue boat on a lake.", -0.6, "stop"),
    "3 hedging.png": ("Possibly a dog, or maybe a cat.", -0.05, "stop"),
    "4 cut.png": ("A long description of a", -0.05, "length"),
}


@pytest.fixture
def paths(tmp_path):
    paths = draw_photos(tmp_path / "in", PHOTOS)
    with Catalog() as catalog:
        for path, (text, logprob, finish) in zip(paths, PHOTOS.values(), strict=True):
            path.with_suffix(".txt").write_text(text, "utf-8")
            update = PhotoUpdate(path, captions={"en": text}, model="m", logprob=logprob, finish_reason=finish)
            catalog.update(update)
    return paths


@pytest.fixture
def press(qtbot):
    """Press a key in the review, and wait until what it does is done."""

    def do(window, key, modifier=Qt.KeyboardModifier.NoModifier):
        target = QApplication.focusWidget() or window.review.page
        QTest.keyClick(target, key, modifier)
        settled(qtbot, window)

    return do


def begin(qtbot, window):
    window.activateWindow()
    window.review.action.trigger()
    qtbot.waitUntil(lambda: "1 " in window.review.page.where.text())
    qtbot.waitUntil(window.review.page.hasFocus)


def at(qtbot, window, path):
    qtbot.waitUntil(lambda: window.review.current() == path and window.review.page.name.text() == path.name)


def test_the_riskiest_come_first_with_the_reason_in_words(qtbot, window, open_folder, paths, press):
    open_folder(window, paths[0].parent, 4)
    begin(qtbot, window)
    assert [path.stem for path in window.review.queue()] == ["4 cut", "3 hedging", "2 unsure", "1 sure"]
    page = window.review.page
    assert "cut off" in page.why.text()
    press(window, Qt.Key.Key_Right)
    at(qtbot, window, paths[2])
    assert "Possibly" in page.why.text()
    press(window, Qt.Key.Key_Left)
    at(qtbot, window, paths[3])
    qtbot.waitUntil(lambda: page.picture.shows() == paths[3])


def test_a_approves_and_goes_on_to_the_end_and_undo_takes_it_back(qtbot, window, open_folder, paths, press):
    open_folder(window, paths[0].parent, 4)
    begin(qtbot, window)
    for path in (paths[3], paths[2], paths[1], paths[0]):
        at(qtbot, window, path)
        press(window, Qt.Key.Key_A)
    assert all(window.photos.photo(path).state is State.APPROVED for path in paths)
    assert window.review.current() is None
    assert "last" in window.review.page.status.text()
    press(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.photos.photo(paths[0]).state is State.CAPTIONED
    press(window, Qt.Key.Key_Escape)
    assert window.stack.currentWidget() is window.grid
    begin(qtbot, window)
    assert window.review.queue() == [paths[0]], "what is approved is not asked again"


def test_e_edits_in_place_and_escape_leaves_the_text(qtbot, window, open_folder, paths, press):
    open_folder(window, paths[0].parent, 4)
    begin(qtbot, window)
    at(qtbot, window, paths[3])
    page = window.review.page
    press(window, Qt.Key.Key_E)
    assert page.editor.hasFocus()
    qtbot.keyClicks(page.editor, "a x e r, letters that are keys")
    press(window, Qt.Key.Key_Escape)
    assert text_of(paths[3]) == PHOTOS["4 cut.png"][0]
    assert window.review.is_open()
    press(window, Qt.Key.Key_E)
    qtbot.keyClicks(page.editor, "A whole sentence.")
    press(window, Qt.Key.Key_Return)
    assert text_of(paths[3]) == "A whole sentence."
    qtbot.waitUntil(lambda: "A whole sentence." in page.text.text())
    assert window.review.current() == paths[3]
    with Catalog() as catalog:
        assert catalog.photo(paths[3]).captions == {"en": "A whole sentence."}


def test_x_takes_the_text_away_and_undo_brings_it_back(qtbot, window, open_folder, paths, press):
    open_folder(window, paths[0].parent, 4)
    begin(qtbot, window)
    at(qtbot, window, paths[3])
    press(window, Qt.Key.Key_X)
    assert not paths[3].with_suffix(".txt").exists()
    assert window.photos.photo(paths[3]).state is State.NEW
    at(qtbot, window, paths[2])
    press(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert text_of(paths[3]) == PHOTOS["4 cut.png"][0]
    assert window.photos.photo(paths[3]).state is State.CAPTIONED


def test_x_brings_back_what_the_last_run_replaced(qtbot, make_window, open_folder, tmp_path, press):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    path.with_suffix(".txt").write_text("My own words.", "utf-8")
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, tmp_path / "in", 1)
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite-all"))
    with qtbot.waitSignal(window.captioning.finished):
        window.captioning.start([path], "starter", window.run_settings())
    assert text_of(path) == text_for(path)
    begin(qtbot, window)
    assert "line-through" in window.review.page.text.text()
    press(window, Qt.Key.Key_X)
    assert text_of(path) == "My own words."


@pytest.mark.parametrize("target", ["txt", "jsonl"])
def test_x_leaves_what_a_person_wrote_since_the_run(qtbot, make_window, open_folder, tmp_path, press, target):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    file = path.with_suffix(".txt") if target == "txt" else path.with_name("metadata.jsonl")
    before = "first" if target == "txt" else '{"file_name": "1.png", "text": "first"}\n'
    file.write_text(before, "utf-8")
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, path.parent, 1)
    window.bar.write.choose(target)
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite-all"))
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    begin(qtbot, window)
    qtbot.waitUntil(lambda: window.review._entry is not None)
    persons = file.read_text("utf-8").replace(text_for(path), "by a person")
    assert persons != file.read_text("utf-8")
    file.write_text(persons, "utf-8")
    press(window, Qt.Key.Key_X)
    assert file.read_text("utf-8") == persons
    assert window.photos.photo(path).caption == "by a person"
    assert window.photos.photo(path).state is not State.NEW
    assert "left as it is: 1.png" in window.notice.text()
    assert not window.edit_actions.undo.isEnabled(), "nothing was done"


def test_x_brings_back_the_line_of_a_table_that_the_last_run_replaced(qtbot, make_window, open_folder, tmp_path, press):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    table = path.with_name("metadata.jsonl")
    table.write_text('{"file_name": "1.png", "text": "first"}\n', "utf-8")
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, path.parent, 1)
    window.bar.write.choose("jsonl")
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite-all"))
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    begin(qtbot, window)
    qtbot.waitUntil(lambda: window.review._entry is not None)
    press(window, Qt.Key.Key_X)
    assert table.read_text("utf-8") == '{"file_name": "1.png", "text": "first"}\n'


@pytest.mark.parametrize("target", ["xmp", "embed"])
def test_x_brings_back_the_metadata_that_the_last_run_replaced(
    qtbot, make_window, open_folder, tmp_path, press, target
):
    path = tmp_path / "in" / "1.jpg"
    path.parent.mkdir()
    Image.new("RGB", (40, 30), (10, 90, 10)).save(path)
    for planned in plan_embed(path, Edit(caption="My own words."), embed=target == "embed"):
        commit(planned.path, planned.after, planned.stat_at_read)
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, tmp_path / "in", 1)
    settings = replace(window.run_settings(), write=(target,), existing="overwrite-all")
    with qtbot.waitSignal(window.captioning.finished):
        window.captioning.start([path], "starter", settings)
    qtbot.waitUntil(lambda: window.photos.photo(path).caption == text_for(path))
    begin(qtbot, window)
    press(window, Qt.Key.Key_X)
    window.editing.finish()
    assert [data.caption for data in read_photo(path).values() if data.caption] == ["My own words."]
    assert not path.with_suffix(".txt").exists()


@pytest.mark.parametrize("target", ["xmp", "embed"])
def test_x_brings_back_the_keywords_that_the_last_run_replaced_and_undo_takes_that_back(
    qtbot, make_window, open_folder, tmp_path, press, target
):
    path = tmp_path / "in" / "1.jpg"
    path.parent.mkdir()
    Image.new("RGB", (40, 30), (10, 90, 10)).save(path)
    own = Edit(caption="My own words.", keywords=("harbour", "dusk"), alt_text="A harbour.")
    for planned in plan_embed(path, own, embed=target == "embed"):
        commit(planned.path, planned.after, planned.stat_at_read)

    def standing():
        return [(data.caption, data.keywords, data.alt_text) for data in read_photo(path).values() if data.caption]

    before = standing()
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, tmp_path / "in", 1)
    settings = replace(window.run_settings(), write=(target,), existing="overwrite-all", style="keywords", prompt=None)
    with qtbot.waitSignal(window.captioning.finished):
        window.captioning.start([path], "starter", settings)
    after_run = standing()
    assert after_run != before
    begin(qtbot, window)
    press(window, Qt.Key.Key_X)
    window.editing.finish()
    assert standing() == before
    with Catalog() as catalog:
        assert catalog.photo(path).keywords == ("harbour", "dusk")
    press(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.editing.finish()
    assert standing() == after_run


def test_r_asks_again_and_nothing_is_written_before_a(qtbot, make_window, open_folder, paths, press):
    captioner = FakeCaptioner()
    window = make_window(Loader(captioner))
    open_folder(window, paths[0].parent, 4)
    begin(qtbot, window)
    at(qtbot, window, paths[3])
    page, before = window.review.page, PHOTOS["4 cut.png"][0]
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: text_for(paths[3]) in page.text.accessibleName())
    qtbot.waitUntil(lambda: not window.captioning.busy())
    assert captioner.asked == [paths[3]]
    assert text_of(paths[3]) == before
    press(window, Qt.Key.Key_X)
    assert text_of(paths[3]) == before, "the new one is dropped, the one that stands stays"
    assert window.review.current() == paths[3]
    press(window, Qt.Key.Key_P)
    assert page.prompt.hasFocus()
    qtbot.keyClicks(page.prompt, "Name the animal in {name}.")
    press(window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: text_for(paths[3]) in page.text.accessibleName())
    qtbot.waitUntil(lambda: not window.captioning.busy())
    assert captioner.prompts[-1] == "Name the animal in 4 cut."
    press(window, Qt.Key.Key_A)
    assert text_of(paths[3]) == text_for(paths[3])
    assert window.photos.photo(paths[3]).state is State.APPROVED
    at(qtbot, window, paths[2])


def test_an_answer_that_comes_while_typing_does_not_take_the_words_away(qtbot, make_window, open_folder, paths, press):
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, paths[0].parent, 4)
    begin(qtbot, window)
    at(qtbot, window, paths[3])
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(captioner.decoding.is_set)
    press(window, Qt.Key.Key_E)
    qtbot.keyClicks(window.review.page.editor, "typed")
    captioner.let(1)
    qtbot.waitUntil(lambda: not window.captioning.busy())
    assert window.review.page.editor.toPlainText() == "typed"
    press(window, Qt.Key.Key_Return)
    assert text_of(paths[3]) == "typed"


def test_only_the_selected_photos_and_nothing_to_review_is_said(qtbot, window, open_folder, paths, press, tmp_path):
    open_folder(window, paths[0].parent, 4)
    select(window, paths[0], paths[1])
    begin(qtbot, window)
    assert window.review.queue() == [paths[1], paths[0]]
    press(window, Qt.Key.Key_Escape)
    draw_photos(tmp_path / "empty", ["1.png"])
    open_folder(window, tmp_path / "empty", 1)
    window.review.action.trigger()
    assert not window.review.is_open()
    assert "nothing to review" in window.notice.text()


def test_another_folder_ends_the_review_and_the_window_is_whole_again(qtbot, window, open_folder, paths, tmp_path):
    draw_photos(tmp_path / "other", ["a.png"])
    open_folder(window, paths[0].parent, 4)
    assert window.editor.isVisible() and window.filtering.bar.isVisible()
    begin(qtbot, window)
    assert not window.editor.isVisible() and not window.filtering.bar.isVisible()
    open_folder(window, tmp_path / "other", 1)
    assert not window.review.is_open()
    assert window.editor.isVisible() and window.filtering.bar.isVisible()
