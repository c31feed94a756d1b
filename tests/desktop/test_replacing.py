"""Find and replace, and text before or after: what is previewed is what happens, in one step."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from mqwen.library import timed_regex
from mqwen.library.catalog import Catalog
from tests.desktop.fakes import draw_photos
from tests.desktop.test_editing import select, settled, text_of

TEXTS = ("A red car.", "Two RED cars.", "A tired dog.", "")


@pytest.fixture
def photos(window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(4)])
    for path, text in zip(paths, TEXTS, strict=True):
        if text:
            path.with_suffix(".txt").write_text(text, "utf-8")
    with Catalog() as catalog:
        catalog.set_keywords(paths[2], ["red", "dog"])
    open_folder(window, tmp_path / "in", 4)
    return paths


def rows(dialog):
    items = [dialog.table.topLevelItem(row) for row in range(dialog.table.topLevelItemCount())]
    return [(item.text(1), item.text(2)) for item in items]


def test_hits_are_shown_before_anything_changes_and_those_without_a_tick_stay(qtbot, window, photos):
    window.replacing.replace.trigger()
    dialog = window.replacing.replace_dialog
    assert not dialog.apply.isEnabled()
    dialog.sought.setText("red")
    dialog.by.setText("blue")
    qtbot.waitUntil(lambda: len(rows(dialog)) == 3)
    assert rows(dialog) == [
        ("A red car.", "A blue car."),
        ("Two RED cars.", "Two blue cars."),
        ("A tired dog.", "A tiblue dog."),
    ]
    dialog.whole_words.setChecked(True)
    qtbot.waitUntil(lambda: len(rows(dialog)) == 2)
    dialog.table.topLevelItem(1).setCheckState(0, Qt.CheckState.Unchecked)
    assert "1 photo" in dialog.apply.text()
    assert [text_of(path) for path in photos[:3]] == list(TEXTS[:3])
    dialog.apply.click()
    settled(qtbot, window)
    assert [text_of(path) for path in photos[:3]] == ["A blue car.", "Two RED cars.", "A tired dog."]
    assert not photos[3].with_suffix(".txt").exists()
    qtbot.waitUntil(lambda: rows(dialog) == [("Two RED cars.", "Two blue cars.")])
    window.editing.undo()
    settled(qtbot, window)
    assert text_of(photos[0]) == "A red car."


def test_keywords_and_regular_expressions_of_selected_photos_only(qtbot, window, photos):
    select(window, photos[1], photos[2])
    window.replacing.replace.trigger()
    dialog = window.replacing.replace_dialog
    assert dialog.selected.isChecked()
    dialog.fields["keywords"].setChecked(True)
    dialog.regex.setChecked(True)
    dialog.sought.setText("(unfinished")
    qtbot.waitUntil(lambda: dialog.status.text().startswith("This is no regular expression: missing )"))
    dialog.sought.setText("a{99999999999}")
    qtbot.waitUntil(lambda: "repetition number is too large" in dialog.status.text())
    dialog.sought.setText(r"^(\w+) (\w+)")
    dialog.by.setText(r"\2 \1")
    qtbot.waitUntil(lambda: len(rows(dialog)) == 2)
    dialog.sought.setText(r"^r(.)d$")
    dialog.by.setText(r"\1")
    qtbot.waitUntil(lambda: rows(dialog) == [("red, dog", "e, dog")])
    dialog.apply.click()
    settled(qtbot, window)
    with Catalog() as catalog:
        assert catalog.photo(photos[2]).keywords == ("e", "dog")
    assert [text_of(path) for path in photos[:3]] == list(TEXTS[:3])


def test_text_before_is_added_once_to_what_has_text(qtbot, window, photos):
    window.replacing.affix.trigger()
    dialog = window.replacing.affix_dialog
    dialog.before.setText("ohwx, ")
    qtbot.waitUntil(lambda: len(rows(dialog)) == 3)
    assert rows(dialog)[0] == ("A red car.", "ohwx, A red car.")
    dialog.apply.click()
    settled(qtbot, window)
    assert [text_of(path) for path in photos[:3]] == [f"ohwx, {text}" for text in TEXTS[:3]]
    qtbot.waitUntil(lambda: rows(dialog) == [])
    assert not photos[3].with_suffix(".txt").exists()


def test_the_difference_of_a_row_is_shown_by_shape_too(qtbot, window, photos):
    window.replacing.replace.trigger()
    dialog = window.replacing.replace_dialog
    dialog.sought.setText("tired")
    dialog.by.setText("<b>")
    qtbot.waitUntil(lambda: len(rows(dialog)) == 1)
    html = dialog.diff.text()
    assert "line-through" in html
    assert "underline" in html
    assert "&lt;b&gt;" in html, "words are no markup"
    assert "A tired dog." in dialog.diff.accessibleName()


def test_an_expression_without_end_is_said_and_the_window_goes_on(qtbot, window, photos, monkeypatch):
    photos[0].with_suffix(".txt").write_text("a" * 60 + "b", "utf-8")
    monkeypatch.setattr(timed_regex, "_LIMIT_S", 1.0)
    window.replacing.replace.trigger()
    dialog = window.replacing.replace_dialog
    dialog.regex.setChecked(True)
    window.photos.set_caption(photos[0], "a" * 60 + "b")
    dialog.look()
    dialog.sought.setText(r"(a+)+$")
    qtbot.waitUntil(lambda: "takes too long" in dialog.status.text())
    assert not dialog.apply.isEnabled()
    dialog.sought.setText(r"(a+)b")
    dialog.by.setText(r"\1")
    qtbot.waitUntil(lambda: rows(dialog) == [("a" * 60 + "b", "a" * 60)])
    dialog.apply.click()
    settled(qtbot, window)
    assert text_of(photos[0]) == "a" * 60


def test_closing_does_not_wait_for_an_expression_without_end(qtbot, window, photos, monkeypatch):
    monkeypatch.setattr(timed_regex, "_LIMIT_S", 600.0)
    window.photos.set_caption(photos[0], "a" * 60 + "b")
    window.replacing.replace.trigger()
    dialog = window.replacing.replace_dialog
    qtbot.waitUntil(lambda: bool(dialog._words))
    dialog.regex.setChecked(True)
    dialog.sought.setText(r"(a+)+$")
    qtbot.waitUntil(lambda: dialog._at_work is not None and not window.editing.finish(0))
    window.close_now()
    qtbot.waitUntil(window.isHidden)
