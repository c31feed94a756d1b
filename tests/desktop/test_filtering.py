"""The filter box over the photos, on real files and a real catalog."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.photos import PHOTO_ROLE, Order, State
from mqwen.library.records import PhotoUpdate
from tests.desktop.fakes import draw_photos


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos with captions from other programs, one with a date."""
    folder = tmp_path / "in"
    paths = draw_photos(folder, ["dog.png", "cat.png", "IMG_20.png", "IMG_3.png", "new.png"])
    draw_photos(folder / "holiday", ["boat.png"])
    for path, text in zip(paths, ("A red car.", "A car, red.", "一辆红色汽车停在街上", "Café"), strict=False):
        path.with_suffix(".txt").write_text(text, "utf-8")
    exif = Image.Exif()
    exif[0x0132] = "2019:05:17 12:00:00"
    Image.new("RGB", (40, 30)).save(folder / "dated.jpg", exif=exif)
    for path in folder.rglob("*.png"):
        os.utime(path, (1_600_000_000, 1_600_000_000))  # September 2020
    return folder


def shown(window):
    return [path.stem for path in window.photos.paths()]


@pytest.fixture
def filtered(qtbot, window, open_folder, folder):
    open_folder(window, folder, 7)
    window.catalog.update(
        PhotoUpdate(folder / "cat.png", captions={"en": "A car, red."}, keywords=["New York", "pets"], model="qwen-2"),
        PhotoUpdate(folder / "new.png", state="failed", reason="x", alt_text="a boat far away"),
    )
    window.reload()
    qtbot.waitUntil(lambda: window.photos.total() == 7 and not window.photos.scanning())

    def do(text):
        window.filtering.set_text(text)
        qtbot.waitUntil(lambda: not window.filtering.searching())
        return shown(window)

    return do


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red car", ["cat", "dog"]),
        ('"red car"', ["dog"]),
        ("汽车", ["IMG_20"]),
        ("cafe OR 红色", ["IMG_3", "IMG_20"]),
        ("caption:boat", []),
        ("boat", ["new", "boat"]),  # an alt text, and a name
        ("alt:boat", ["new"]),
        ('keyword:"new york"', ["cat"]),
        ("keyword:new", []),
        ("keyword:new*", ["cat"]),
        ("name:img", ["IMG_3", "IMG_20"]),
        ("name:img_?0*", []),
        ("name:*_20.png", ["IMG_20"]),
        ("path:holiday", ["boat"]),
        ("model:qwen", ["cat"]),
        ("state:failed", ["new"]),
        ("state:new", ["dated", "boat"]),
        ("NOT state:new,failed red", ["cat", "dog"]),
        ("chars:<10", ["IMG_3"]),
        ("chars:10..11", ["cat", "dog", "IMG_20"]),
        ("chars:<1", []),
        ("taken:2019", ["dated"]),
        ("taken:2020-09 (red OR state:new)", ["cat", "dog", "boat"]),
        ("NOT (name:* )", []),
    ],
)
def test_shows_what_the_filter_lets_through(filtered, text, expected):
    assert filtered(text) == expected


def test_says_how_many_and_what_is_wrong(filtered, window):
    filtered("red car")
    assert window.filtering.bar.outcome.text() == "2 of 7"
    filtered("state:odd")
    assert "no state 'odd'" in window.filtering.bar.outcome.text()
    assert shown(window) == ["cat", "dog"], "a filter that means nothing changes nothing"
    filtered("")
    assert len(shown(window)) == 7 and window.filtering.bar.outcome.text() == ""


def test_typing_filters_and_escape_shows_all_again(qtbot, filtered, window):
    window.filtering.action.trigger()
    qtbot.keyClicks(window.filtering.bar.edit, "name:boat")
    qtbot.waitUntil(lambda: shown(window) == ["boat"])
    QTest.keyClick(window.filtering.bar.edit, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(shown(window)) == 7)


def test_the_selection_and_the_current_photo_survive(qtbot, filtered, window, folder):
    window.show_photo(folder / "dog.png")
    window.grid.selectAll()
    filtered("red car")
    assert [path.stem for path in window.grid.selected_paths()] == ["cat", "dog"]
    assert window.grid.currentIndex().data(PHOTO_ROLE).path.stem == "dog"
    filtered("")
    assert [path.stem for path in window.grid.selected_paths()] == ["cat", "dog"]


def test_nothing_comes_or_goes_while_captions_arrive(filtered, window, folder):
    assert filtered("state:new") == ["dated", "boat"]
    window.photos.set_caption(folder / "dated.jpg", "A date.")
    assert shown(window) == ["dated", "boat"]
    assert window.photos.photo(folder / "dated.jpg").state is State.CAPTIONED
    assert filtered("state:new ") == ["boat"]


def test_the_filter_holds_through_sorting_reloading_and_new_photos(qtbot, filtered, window, folder):
    assert filtered("red OR caf*") == ["cat", "dog", "IMG_3"]
    window.photos.sort_by(Order.LENGTH)
    assert shown(window) == ["IMG_3", "dog", "cat"]
    draw_photos(folder, ["zebra.png"])
    (folder / "zebra.txt").write_text("red and white", "utf-8")
    window.reload()
    qtbot.waitUntil(lambda: not window.photos.scanning() and not window.filtering.searching())
    qtbot.waitUntil(lambda: shown(window) == ["IMG_3", "dog", "cat", "zebra"])


def test_another_folder_is_shown_whole(qtbot, filtered, window, tmp_path):
    filtered("red")
    draw_photos(tmp_path / "other", ["1.png"])
    window.open([tmp_path / "other"])
    qtbot.waitUntil(lambda: shown(window) == ["1"])
    assert window.filtering.bar.edit.text() == ""


def test_start_captions_what_is_shown(qtbot, filtered, window, captioner):
    filtered("state:new")
    window.start()
    qtbot.waitUntil(lambda: bool(captioner.asked) and not window.captioning.running())
    assert {path.stem for path in captioner.asked} == {"dated", "boat"}


def test_saved_filters_survive_a_restart(qtbot, filtered, window, make_window, loader, open_folder, folder):
    filtered('caption:"red car"  OR  汽车')
    save = next(a for a in window.filtering.bar.saved_menu.actions() if "Save" in a.text())
    save.trigger()
    window.filtering.save()  # twice is once
    again = make_window(loader)
    open_folder(again, folder, 7)
    assert again.filtering.saved() == ['caption:"red car" OR 汽车']
    again.filtering.bar.saved_menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: shown(again) == ["dog", "IMG_20"])
    again.filtering.forget(again.filtering.saved()[0])
    assert again.filtering.saved() == []


def test_every_example_of_the_help_is_a_filter(qtbot, filtered, window):
    from PySide6.QtWidgets import QPushButton

    from mqwen.library.filter import parse

    window.filtering.show_help()
    help_ = window.filtering._help
    examples = [button for button in help_.findChildren(QPushButton) if button.objectName() == "flat"]
    assert len(examples) >= 10
    for button in examples:
        assert parse(button.text()) is not None
        button.click()
        assert window.filtering.bar.edit.text() == button.text()
    help_.close()


def test_list_and_order_are_kept(qtbot, filtered, window, make_window, loader):
    cells = window.grid.gridSize()
    window.arranging.as_list.trigger()
    assert window.grid.listed() and window.grid.gridSize().width() > 2 * cells.width()
    assert window.filtering.bar.list.isChecked()
    window.menus.orders[Order.OLDEST].trigger()
    assert "Oldest" in window.filtering.bar.order.text()
    again = make_window(loader)
    assert again.grid.listed() and again.photos.order() is Order.OLDEST
    again.filtering.bar.grid.click()
    assert not again.grid.listed() and again.arranging.as_grid.isChecked()
