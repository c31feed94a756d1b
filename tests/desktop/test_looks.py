"""The window and its dialogs to look at: nothing is cut off in either language, nothing jumps, nothing is stretched."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QTreeView,
    QWidget,
)

from desktop.before_run import CheckDialog
from desktop.consent import ConsentDialog
from desktop.elide import ElidedLabel
from desktop.filter_help import FilterHelp
from desktop.history_dialog import HistoryDialog
from desktop.models_dialog import ModelsDialog
from desktop.pace import Pace
from desktop.parts_dialog import PartsDialog
from desktop.preferences import Preferences
from desktop.replace_dialogs import AffixDialog, ReplaceDialog
from desktop.settings_dialog import SettingsDialog
from desktop.shortcuts import menu_actions
from desktop.theme import DARK, LIGHT, TEXT_WIDTH, apply_theme, style_sheet
from desktop.trouble import DetailsDialog
from mqwen.hub.remote import Offer
from mqwen.library.precheck import Precheck
from tests.desktop.fakes import draw_photos
from tests.desktop.test_accessible import contrast, language

__all__ = ["language"]  # a fixture
LONG = "a holiday far away, the one with the boat and all of the children, 2019 copy (2).jpg"


def cut_off(top: QWidget) -> list[str]:
    """Texts in `top` that have less room than they take."""
    found = []
    for widget in top.findChildren(QWidget):
        if not widget.isVisibleTo(top) or widget.objectName().startswith("qt_") or isinstance(widget, ElidedLabel):
            continue
        inside = widget.parentWidget()
        short = ""
        if isinstance(widget, QLabel) and widget.text():
            wrapped = widget.heightForWidth(widget.width()) if widget.wordWrap() else widget.sizeHint().height()
            if widget.height() < wrapped or (not widget.wordWrap() and widget.width() < widget.sizeHint().width()):
                short = widget.text()
        elif isinstance(widget, QAbstractButton) and widget.text():
            if widget.width() < widget.sizeHint().width() or widget.height() < 14:
                short = widget.text()
        elif isinstance(widget, QLineEdit) and widget.placeholderText() and not isinstance(widget, QToolButton):
            if widget.width() < widget.fontMetrics().horizontalAdvance(widget.placeholderText()) + 12:
                short = widget.placeholderText()
        elif isinstance(widget, QHeaderView) and isinstance(inside, QTreeView):
            for column in range(widget.count()):
                if widget.sectionSize(column) < widget.sectionSizeHint(column):
                    short = str(inside.model().headerData(column, Qt.Orientation.Horizontal))
        if short:
            found.append(f"{short!r}: {widget.size().toTuple()} of {widget.sizeHint().toTuple()}")
    return found


def dialogs(window, tmp_path):
    offers = [
        Offer(
            "somebody-with-a-name/a-fine-model-for-photographs-of-mountains-and-lakes-v2",
            "c" * 40,
            "llava",
            (),
            None,
            (),
            True,
            tmp_path,
        )
    ]
    check = CheckDialog(window.bar.summary(), window)
    check.show_found(Precheck(to_caption=40_000, free_bytes=10, needed_bytes=10**9), writes=True)
    yield SettingsDialog(Preferences(), tmp_path, menu_actions(window.menuBar()), parent=window)
    yield PartsDialog(parent=window)
    yield PartsDialog(adapter_only=True, parent=window)
    yield ConsentDialog(offers, window)
    yield DetailsDialog("Report", "text", tmp_path, window)
    yield FilterHelp(window)
    yield HistoryDialog(window)
    yield ModelsDialog(window)
    yield ReplaceDialog(window)
    yield AffixDialog(window)
    yield check


def test_no_text_of_a_dialog_is_cut_off(qtbot, language, window, tmp_path):
    for dialog in dialogs(window, tmp_path):
        dialog.show()
        qtbot.waitExposed(dialog)
        tabs = getattr(dialog, "tabs", None)
        for page in range(tabs.count() if tabs else 1):
            if tabs:
                tabs.setCurrentIndex(page)
            QApplication.processEvents()
            assert not (found := cut_off(dialog)), f"{dialog.windowTitle()}: {found}"
        dialog.close()


def test_no_text_of_the_window_is_cut_off(qtbot, language, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [LONG, "2.png"])
    window.resize(1280, 720)
    QApplication.processEvents()
    assert not (found := cut_off(window)), found
    open_folder(window, tmp_path / "in", 2)
    window.failures.add(tmp_path / "in" / LONG, "the file ends before its picture does")
    window.failures.show()
    window.bar.style_.setCurrentIndex(window.bar.style_.findData("own"))
    window.grid.selectAll()
    qtbot.waitUntil(lambda: window.editor.apply.isVisible())
    QApplication.processEvents()
    assert not (found := cut_off(window)), found
    window.preview.open()
    QApplication.processEvents()
    assert not (found := cut_off(window)), found


def test_margins_of_the_dialogs_are_one(window, tmp_path):
    for dialog in dialogs(window, tmp_path):
        layout = dialog.layout()
        assert layout is not None
        margins = layout.contentsMargins()
        assert {margins.left(), margins.top(), margins.right(), margins.bottom()} == {16}, dialog.windowTitle()


def test_buttons_that_stand_in_a_row_are_of_one_height(qtbot, language, window, tmp_path):
    bar = window.bar
    row = (bar.model, bar.style_, bar.language, bar.write, bar.existing, bar.side_button, bar.button)
    assert {widget.height() for widget in row} == {bar.model.height()}
    for dialog in (ModelsDialog(window), ReplaceDialog(window)):
        dialog.show()
        qtbot.waitExposed(dialog)
        heights = {button.height() for button in dialog.findChildren(QPushButton) if button.isVisible()}
        assert len(heights) == 1, f"{dialog.windowTitle()}: {heights}"
        dialog.close()


def test_labels_stand_on_one_line_with_their_fields(qtbot, language, window, tmp_path):
    for dialog in (PartsDialog(), ReplaceDialog(window), SettingsDialog(Preferences(), tmp_path)):
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitExposed(dialog)
        if isinstance(dialog, SettingsDialog):
            dialog.tabs.setCurrentIndex(1)
        QApplication.processEvents()
        pairs = [(label, label.buddy()) for label in dialog.findChildren(QLabel) if label.buddy() and label.isVisible()]
        assert len(pairs) >= 2
        for label, field in pairs:
            here, there = (one.mapTo(dialog, one.rect().center()).y() for one in (label, field))
            assert abs(here - there) <= 1, f"{label.text()}: {here}, {there}"


def test_the_name_of_a_photo_makes_nothing_wider(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [LONG])
    open_folder(window, tmp_path / "in", 1)
    window.grid.setCurrentIndex(window.photos.index(0))
    qtbot.waitUntil(lambda: window.editor.paths() != ())
    form = window.editor._form
    assert form.width() <= form.parentWidget().width()
    assert form.title.text() == LONG
    right = form.caption.mapTo(window, form.caption.rect().topRight()).x()
    assert right < window.width()


def test_a_name_with_marks_of_html_is_shown_as_it_is(qtbot):
    label = ElidedLabel("a <b>&amp;.jpg")
    qtbot.addWidget(label)
    assert label.textFormat() is Qt.TextFormat.PlainText
    label.resize(label.sizeHint())
    label.show()
    whole = label.grab().toImage()
    label.resize(40, label.height())
    assert label.grab().toImage() != whole.copy(0, 0, 40, whole.height()), "what does not fit is elided"
    assert label.toolTip() == "a <b>&amp;.jpg"


def test_the_photos_do_not_jump_when_a_run_starts_fails_and_ends(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    window.notice.hide()
    pace = Pace(4)
    QApplication.processEvents()
    before = window.grid.geometry(), window.grid.mapTo(window, QPoint(0, 0))
    for change in (
        lambda: window.footer.show_busy("…"),
        lambda: window.footer.show_pace(pace),
        lambda: window.footer.set_failures(1),
        lambda: window.footer.show_paused(pace),
        lambda: window.bar.set_running(True),
        lambda: window.footer.show_rest("…"),
        lambda: window.bar.set_running(False),
        lambda: window.footer.set_failures(0),
    ):
        change()
        QApplication.processEvents()
        assert (window.grid.geometry(), window.grid.mapTo(window, QPoint(0, 0))) == before


def test_the_list_of_models_does_not_jump_when_a_download_begins(qtbot, window):
    dialog = ModelsDialog(window)
    dialog.show()
    qtbot.waitExposed(dialog)
    dialog.say("…")
    QApplication.processEvents()
    before = dialog.table.geometry()
    dialog.set_busy(True, "…")
    QApplication.processEvents()
    assert dialog.progress.isVisible() and dialog.table.geometry() == before


def test_a_paused_run_shows_how_far_it_is(window):
    pace = Pace(4)
    window.footer.show_pace(pace)
    for _ in range(3):
        pace.count(worked=True)
    window.footer.show_paused(pace)
    assert (window.footer.progress.value(), window.footer.progress.maximum()) == (3, 4)


def test_nothing_to_type_into_or_to_read_is_stretched_over_a_large_screen(window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    window.bar.style_.setCurrentIndex(window.bar.style_.findData("own"))
    window.preview.open()
    window.resize(2560, 1440)
    QApplication.processEvents()
    for widget in (window.filtering.bar.edit, window.bar.prompt, window.preview.caption):
        assert 0.9 * TEXT_WIDTH < widget.width() <= TEXT_WIDTH, widget


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_pictures_in_the_style_sheet_are_there_and_are_seen(qapp, scheme):
    paths = re.findall(r'url\("([^"]+)"\)', style_sheet(scheme))
    assert len(paths) >= 3
    apply_theme(qapp, "light" if scheme is LIGHT else "dark")
    for path in paths:
        picture = QPixmap(path).toImage()
        assert not picture.isNull(), path
        inks = [picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())]
        ink = max(inks, key=QColor.alpha)
        ground = scheme.accent if "tick" in path else scheme.window
        assert contrast(QColor(ink.rgb()), QColor(ground)) >= 3, path


def test_a_press_on_what_a_box_stands_for_ticks_it(qtbot, window, tmp_path):
    dialog = ConsentDialog([Offer("somebody/model", "c" * 40, "llava", (), None, (), True, tmp_path)], window)
    dialog.show()
    qtbot.waitExposed(dialog)
    assert isinstance(dialog, QDialog) and len(dialog.boxes) == 2
    for box in dialog.boxes:
        (words,) = (label for label in dialog.findChildren(QLabel) if label.text() == box.accessibleName())
        qtbot.mouseClick(words, Qt.MouseButton.LeftButton)
        assert box.isChecked()
    assert dialog.download.isEnabled()


def test_a_window_is_painted_anew_after_a_change_of_the_theme(qtbot, qapp, window):
    window.show()
    try:
        for theme in ("dark", "light"):
            apply_theme(qapp, theme)
            qtbot.waitUntil(window.updatesEnabled)
            shade = window.grab().toImage().pixelColor(4, window.height() // 2).lightness()
            assert (shade < 100) is (theme == "dark")
    finally:
        apply_theme(qapp, "light")  # as conftest.py has it
