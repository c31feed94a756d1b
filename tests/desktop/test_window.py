"""What the window offers beside runs: drops, editing by keys, what it remembers, what it says to screen readers."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QAccessible, QColor, QDragEnterEvent, QDropEvent, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QLineEdit, QSlider

from desktop import theme
from desktop.photos import State
from desktop.settings import Choices, Settings
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos


def drop(window, paths):
    where = QPoint(300, 300)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button, key = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where, action, mime, button, key)
    QApplication.sendEvent(window, enter)
    event = QDropEvent(QPointF(where), action, mime, button, key)
    QApplication.sendEvent(window, event)
    return enter.isAccepted() and event.isAccepted()


def test_a_folder_dropped_on_the_window_is_opened(qtbot, window, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    assert window.stack.currentWidget() is window.welcome
    assert drop(window, [tmp_path / "in"])
    qtbot.waitUntil(lambda: window.photos.rowCount() == 2)
    assert window.stack.currentWidget() is window.grid
    assert window.photos.paths() == paths


def test_files_dropped_together_are_opened_whatever_their_suffix(qtbot, window, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    odd = paths[2].rename(tmp_path / "in" / "picture.data")
    assert drop(window, [odd, paths[0]])
    qtbot.waitUntil(lambda: window.photos.rowCount() == 2)
    assert window.photos.paths() == [odd, paths[0]]


def test_the_grid_and_the_welcome_page_let_drops_through(qtbot, window):
    for child in (window.grid, window.grid.viewport(), window.welcome, window.bar, window.footer):
        assert not child.acceptDrops(), "the window takes drops for all of them"


def test_drops_of_text_and_web_addresses_are_refused(qtbot, window):
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/cat.jpg")])
    event = QDragEnterEvent(
        QPoint(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    event.ignore()
    QApplication.sendEvent(window, event)
    assert not event.isAccepted()


def test_edits_by_keyboard_enter_tab_escape(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    open_folder(window, tmp_path / "in", 3)
    window.grid.setFocus()
    window.grid.setCurrentIndex(window.photos.index(0))
    QTest.keyClick(window.grid, Qt.Key.Key_Return)
    qtbot.keyClicks(window.grid.editor(), "first, in one go")
    QTest.keyClick(window.grid.editor(), Qt.Key.Key_Tab)
    # Tab saved it and went on to the next photo.
    assert paths[0].with_suffix(".txt").read_text("utf-8") == "first, in one go"
    assert window.grid.currentIndex().row() == 1
    qtbot.keyClicks(window.grid.editor(), "second")
    QTest.keyClick(window.grid.editor(), Qt.Key.Key_Return)
    assert window.grid.editor() is None
    assert paths[1].with_suffix(".txt").read_text("utf-8") == "second"
    assert window.photos.photo(paths[1]).state is State.EDITED
    QTest.keyClick(window.grid, Qt.Key.Key_Right)
    QTest.keyClick(window.grid, Qt.Key.Key_F2)
    qtbot.keyClicks(window.grid.editor(), "never mind")
    QTest.keyClick(window.grid.editor(), Qt.Key.Key_Escape)
    assert not paths[2].with_suffix(".txt").exists()
    assert window.photos.photo(paths[2]).state is State.NEW


def test_an_edit_of_one_photo_leaves_its_neighbour_with_the_same_stem_alone(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["z.jpg", "z.png"])
    open_folder(window, tmp_path / "in", 2)
    for path in paths:
        window.photos.setData(window.photos.index_of(path), f"about {path.name}")
    assert (tmp_path / "in" / "z.jpg.txt").read_text("utf-8") == "about z.jpg"
    assert (tmp_path / "in" / "z.png.txt").read_text("utf-8") == "about z.png"


def test_what_is_being_typed_survives_a_reload_and_another_folder(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png"])
    (tmp_path / "other").mkdir()
    open_folder(window, tmp_path / "in", 1)
    for text, leave in (("reloaded", window.reload), ("elsewhere", lambda: window.open([tmp_path / "other"]))):
        qtbot.waitUntil(lambda: window.photos.rowCount() == 1 and not window.photos.scanning())
        window.grid.setCurrentIndex(window.photos.index(0))
        window.edit_caption()
        window.grid.editor().setPlainText(text)
        leave()
        assert paths[0].with_suffix(".txt").read_text("utf-8") == text


def test_removing_takes_from_the_list_not_from_disk(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    open_folder(window, tmp_path / "in", 3)
    window.grid.setCurrentIndex(window.photos.index(1))
    QTest.keyClick(window.grid, Qt.Key.Key_Delete)
    assert window.photos.paths() == [paths[0], paths[2]]
    assert paths[1].exists()


def test_says_once_that_the_starter_knows_drawings(qtbot, make_window, tmp_path):
    window = make_window(Loader(FakeCaptioner()))
    assert "drawings, not photographs" in window.notice.text()
    assert window.bar.model.currentText() == "Starter: drawings only"
    window.notice._close.click()
    assert window.notice.text() == ""
    again = make_window(Loader(FakeCaptioner()))
    assert again.notice.text() == ""
    assert again.bar.model.currentText() == "Starter: drawings only"


def test_a_choice_puts_no_hint_over_what_was_said_since(window):
    window.notice.say("interrupted", "A run did not come to its end", "Go on with it")
    window.bar.style_.setCurrentIndex(1)
    assert window.notice.text() == "A run did not come to its end"


def test_the_hint_goes_when_another_model_is_chosen(qtbot, window, tmp_path):
    window.bar.set_model(str(tmp_path))
    assert window.notice.text() == ""
    assert window.bar.choices().model == str(tmp_path)


def test_remembers_choices_and_size(qtbot, make_window, tmp_path):
    window = make_window(Loader(FakeCaptioner()))
    for combo, value in (
        (window.bar.style_, "own"),
        (window.bar.language, "zh"),
        (window.bar.existing, "append"),
    ):
        combo.setCurrentIndex(combo.findData(value))
    window.bar.write.choose("caption", "xmp")
    window.bar.prompt.setText("What is this?")
    window.bar.set_model(str(tmp_path / "a model"))
    window.footer.size_slider.setValue(300)
    window.resize(900, 640)
    window.close()
    again = make_window(Loader(FakeCaptioner()))
    assert again.bar.choices() == Choices(
        str(tmp_path / "a model"), "own", "What is this?", "zh", ("caption", "xmp"), "append"
    )
    assert again.footer.size_slider.value() == 300
    assert again.bar.prompt.isVisible()


def test_settings_that_make_no_sense_fall_back(qtbot, tmp_path):
    path = tmp_path / "broken.ini"
    path.write_bytes(b"[choices]\nstyle=haiku\nwrite=\nexisting=@Variant(\\0\\0)\n[grid]\nwidth=wide\n\xff\xfe")
    settings = Settings(QSettings(str(path), QSettings.Format.IniFormat))
    choices = settings.choices()
    assert (choices.style, choices.write, choices.existing) == ("brief", ("txt",), "skip")
    assert settings.column_width(220) == 220
    assert settings.layout()[0].isEmpty()


def test_columns_fill_the_width_and_grow_with_the_slider(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [f"{number}.png" for number in range(30)])
    open_folder(window, tmp_path / "in", 30)
    for width in (160, 300, 400):
        window.footer.size_slider.setValue(width)
        qtbot.wait(20)
        room, cell = window.grid.viewport().width(), window.grid.gridSize().width()
        columns = room // cell
        assert cell >= width
        assert room - columns * cell <= columns, "nothing but rounding is left over"
        assert window.grid.visualRect(window.photos.index(columns - 1)).top() == 0
        assert window.grid.visualRect(window.photos.index(columns)).top() >= window.grid.gridSize().height() - 1


def test_every_control_has_a_name_for_screen_readers(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    window.failures.show()
    kinds = (QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QSlider)
    controls = [
        widget
        for kind in kinds
        for widget in window.findChildren(kind)
        if widget.isVisible() and not widget.objectName().startswith("qt_")
    ]
    assert len(controls) >= 12
    for control in controls:
        interface = QAccessible.queryAccessibleInterface(control)
        assert interface.text(QAccessible.Text.Name), f"{control!r} has no accessible name"
    grid = QAccessible.queryAccessibleInterface(window.grid)
    assert "1.png, no caption yet" in [
        grid.child(number).text(QAccessible.Text.Name) for number in range(grid.childCount())
    ]


def test_fields_are_reached_by_keyboard(qtbot, window):
    for label, combo in (("Model", window.bar.model), ("Style", window.bar.style_), ("Write", window.bar.write)):
        assert combo.focusPolicy() & Qt.FocusPolicy.TabFocus, label
    labels = {label.text(): label for label in window.bar.findChildren(type(window.footer._summary))}
    assert labels["&Model"].buddy() is window.bar.model
    letters = [text[text.index("&") + 1].lower() for text in [*labels, window.bar.button.text()] if "&" in text]
    assert len(letters) == len(set(letters)) == 6, "each mnemonic is there once"


def luminance(colour: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue, _ = QColor(colour).getRgbF()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [theme.LIGHT, theme.DARK])
def test_text_is_readable_in_light_and_dark(scheme):
    pairs = [(text, ground) for text in ("text", "muted", "failed") for ground in ("window", "base", "selected")]
    pairs += [("on_accent", "accent"), ("on_accent", "accent_hover"), ("accent", "notice"), ("text", "notice")]
    pairs += [("muted", "tile"), ("base", "good"), ("base", "accent"), ("base", "failed"), ("base", "text")]
    for text, ground in pairs:
        found = contrast(getattr(scheme, text), getattr(scheme, ground))
        assert found >= 4.5, f"{text} on {ground}: {found:.2f}"


def test_follows_dark_and_light(qapp, qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    grounds = []
    for name in ("light", "dark"):
        theme.apply_theme(qapp, name)
        qtbot.wait(20)
        image = window.grab().toImage()
        grounds.append(image.pixelColor(image.width() // 2, image.height() - 60).lightness())
        assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(getattr(theme, name.upper()).window)
    assert grounds[0] > 200 and grounds[1] < 60


def test_qt_signals_lose_no_references(qtbot, window):
    # PySide6 6.12.0 on Python <= 3.11 drops one at every emit(), until the interpreter dies (facts/desktop.md).
    before = sys.getrefcount(True), sys.getrefcount(None)
    for _ in range(5000):
        window.photos.counts_changed.emit()
    after = sys.getrefcount(True), sys.getrefcount(None)
    assert before[0] - after[0] < 1000 and before[1] - after[1] < 1000


def test_the_window_opens_without_torch(tmp_path):
    code = """
import sys
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
app = QApplication([])
from desktop.settings import Settings
from desktop.window import MainWindow
window = MainWindow(Settings(QSettings(sys.argv[1], QSettings.Format.IniFormat)))
window.show()
app.processEvents()
window.close()
print([name for name in ("torch", "transformers") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s.ini")], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_bar_fits_into_the_smallest_window(qtbot, window):
    window.resize(100, 100)
    button = window.bar.button
    assert window.rect().contains(button.mapTo(window, button.rect().bottomRight()))
    assert window.bar.existing.geometry().right() < button.geometry().left()
