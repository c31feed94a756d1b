"""The preview: real pictures, real keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, features
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.photos import PHOTO_ROLE, State
from desktop.pictures import WHOLE, read_picture
from tests.desktop.fakes import draw_photos


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A large photo, red on the left and blue on the right; small ones; one that is turned; one that is no picture."""
    folder = tmp_path / "in"
    draw_photos(folder, ["2.png", "3.png"])
    large = Image.new("RGB", (4000, 2000), (220, 0, 0))
    large.paste((0, 0, 220), (2000, 0, 4000, 2000))
    large.save(folder / "1.jpg", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: left becomes top
    large.resize((400, 200)).save(folder / "4.jpg", exif=exif, quality=90)
    (folder / "5.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def preview(qtbot, window, open_folder, folder):
    open_folder(window, folder, 5)
    window.show_photo(folder / "1.jpg")
    QTest.keyClick(window.grid, Qt.Key.Key_Space)
    assert window.stack.currentWidget() is window.preview
    qtbot.waitUntil(window.preview.view.has_picture)
    return window.preview


def colour(view, x, y):
    image = view.grab().toImage()
    return QColor(image.pixel(round(x * image.width()), round(y * image.height())))


def reds(view, x, y):
    shown = colour(view, x, y)
    return shown.red() > 180 and shown.blue() < 60


def test_fits_zooms_and_pans(qtbot, preview):
    view = preview.view
    assert view.fits() and view.zoom() == pytest.approx(min(view.width() / 4000, view.height() / 2000))
    assert reds(view, 0.25, 0.5) and not reds(view, 0.75, 0.5)
    QTest.keyClick(view, Qt.Key.Key_1)
    assert view.zoom() == 1.0 and preview.zoom.text() == "100 %"
    for _ in range(60):
        QTest.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert reds(view, 0.01, 0.5) and reds(view, 0.99, 0.5), "moved to the left end, and no further"
    for _ in range(60):
        QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert not reds(view, 0.01, 0.5)
    assert colour(view, 0.99, 0.5).blue() > 180
    for _ in range(60):
        QTest.keyClick(view, Qt.Key.Key_Minus)
    assert view.zoom() == pytest.approx(min(view.width() / 4000, view.height() / 2000)), "no smaller than whole"
    QTest.keyClick(view, Qt.Key.Key_0)
    assert view.fits()


def test_zooming_keeps_what_is_under_the_pointer(preview):
    view = preview.view
    point = QPointF(view.width() * 0.3, view.height() * 0.5)
    before = view._at(point)
    view.zoom_by(12, point)
    after = view._at(point)
    assert (after - before).manhattanLength() < 2
    view.zoom_by(100)
    assert view.zoom() <= 16


def test_dragging_moves_the_picture(preview):
    view = preview.view
    view.zoom_to(1.0)
    before = view._at(QPointF(0, 0))

    def mouse(kind, x, y):
        button = Qt.MouseButton.LeftButton
        where = QPointF(x, y)
        event = QMouseEvent(kind, where, view.mapToGlobal(where), button, button, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(view, event)

    mouse(QEvent.Type.MouseButtonPress, 200, 200)
    mouse(QEvent.Type.MouseMove, 150, 180)
    mouse(QEvent.Type.MouseButtonRelease, 150, 180)
    moved = view._at(QPointF(0, 0)) - before
    assert (moved.x(), moved.y()) == (50, 20)


def test_all_pixels_come_when_the_zoom_asks_for_them(qtbot, preview):
    assert preview.view._images[-1].width() < 2000
    QTest.keyClick(preview.view, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: preview.view._images[-1].width() == 4000)
    assert preview.view.zoom() == 1.0


def test_keys_go_from_photo_to_photo_and_the_grid_follows(qtbot, preview, window, folder):
    seen = []
    for _ in range(6):
        seen.append(preview.path().name)
        QTest.keyClick(preview.view, Qt.Key.Key_Right)
    assert seen == ["1.jpg", "2.png", "3.png", "4.jpg", "5.jpg", "5.jpg"]
    assert not preview.next.isEnabled() and preview.previous.isEnabled()
    assert preview.place.text() == "5 of 5"
    QTest.keyClick(preview.view, Qt.Key.Key_PageUp)
    assert window.grid.currentIndex().data(PHOTO_ROLE).path.name == "4.jpg"
    QTest.keyClick(preview.view, Qt.Key.Key_Home)
    assert preview.path().name == "1.jpg"
    QTest.keyClick(preview.view, Qt.Key.Key_Escape)
    assert window.stack.currentWidget() is window.grid and window.grid.hasFocus()


def test_a_turned_photo_stands_upright_and_what_is_no_picture_is_said(qtbot, preview, folder):
    preview._window.show_photo(folder / "4.jpg")
    preview.view.setFocus()
    qtbot.waitUntil(lambda: preview.path() == folder / "4.jpg" and preview.view.has_picture())
    assert (preview.view._size.width(), preview.view._size.height()) == (200, 400)
    assert reds(preview.view, 0.5, 0.4) and colour(preview.view, 0.5, 0.6).blue() > 180
    QTest.keyClick(preview.view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: "cannot be shown" in preview.view._message)
    assert preview.zoom.text() == ""


def test_shows_a_caption_while_it_is_written(qtbot, preview, window, folder):
    path = folder / "1.jpg"
    window.photos.set_running([path])
    window.captioning.caption_streamed.emit(path, "A red and")
    assert preview.caption.toPlainText() == "A red and" and preview.state.text() == "being captioned"
    window.captioning.caption_streamed.emit(folder / "2.png", "Another photo's")
    assert preview.caption.toPlainText() == "A red and"
    window.photos.set_running([path], False)
    window.photos.set_caption(path, "A red and blue flag.")
    assert preview.caption.toPlainText() == "A red and blue flag."
    window.captioning.caption_streamed.emit(path, "A red")  # late
    assert preview.caption.toPlainText() == "A red and blue flag."
    window.photos.set_state(path, State.APPROVED)
    assert preview.state.text() == "approved"


def test_stepping_on_from_a_photo_that_is_gone(qtbot, preview, window, folder):
    QTest.keyClick(preview.view, Qt.Key.Key_Right)
    window.photos.remove([folder / "2.png"])
    QTest.keyClick(preview.view, Qt.Key.Key_Left)
    assert preview.path() == folder / "1.jpg"
    window.photos.remove(window.photos.paths())
    QTest.keyClick(preview.view, Qt.Key.Key_Right)
    QTest.keyClick(preview.view, Qt.Key.Key_Escape)
    assert window.stack.currentWidget() is window.grid


def test_a_double_click_on_the_picture_opens_it_on_the_words_edits_them(qtbot, window, open_folder, folder):
    open_folder(window, folder, 5)
    index = window.photos.index_of(folder / "1.jpg")
    cell = window.grid.visualRect(index)
    picture = window.grid.itemDelegate().picture_rect(cell).center()
    left = Qt.MouseButton.LeftButton
    QTest.mouseDClick(window.grid.viewport(), left, pos=picture)
    assert window.preview.path() == folder / "1.jpg"
    window.preview.leave()
    words = picture + (cell.bottomLeft() - cell.topLeft()) * 0.4
    QTest.mouseClick(window.grid.viewport(), left, pos=words)
    QTest.mouseDClick(window.grid.viewport(), left, pos=words)
    assert window.grid.editor() is not None


@pytest.mark.parametrize(("suffix", "made_by"), [(".avif", "avif"), (".webp", "webp"), (".tif", None)])
def test_reads_what_pillow_reads(tmp_path, suffix, made_by):
    if made_by and not features.check(made_by):
        pytest.skip(f"Pillow was built without {made_by}")
    path = tmp_path / f"x{suffix}"
    Image.new("RGB", (600, 300), (0, 200, 0)).save(path)
    small, whole = read_picture(path, 200), read_picture(path, WHOLE)
    assert (small.size.width(), small.size.height()) == (600, 300)
    assert small.image.width() == 200 and whole.image.width() == 600
    assert QColor(whole.image.pixel(10, 10)).green() > 180
