"""Opening folders: rows stream in, captions with them, and 10,000 photos leave the window live."""

from __future__ import annotations

import os
import threading

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QListView

from desktop import scanning as scanning_module
from desktop import thumbnails as thumbnails_module
from desktop.grid import PhotoGrid
from desktop.photos import Order, Photo, State
from desktop.sidecars import places
from tests.desktop.fakes import draw_photos


@pytest.fixture
def many(tmp_path):
    """10,000 photos: one picture under many names."""
    [first] = draw_photos(tmp_path / "in", ["0.png"])
    for number in range(1, 10_000):
        os.link(first, tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


def test_ten_thousand_photos_stream_in_and_only_visible_ones_are_decoded(qtbot, window, many, monkeypatch):
    decoded = []
    real = thumbnails_module.read_thumbnail

    def spy(path, edge):
        decoded.append(path)
        return real(path, edge)

    monkeypatch.setattr(thumbnails_module, "read_thumbnail", spy)
    # The scan stops half way until a timer of the window has run with some rows shown: it must be live by then.
    live, held, seen = threading.Event(), [], []
    timer = QTimer(interval=5)
    timer.timeout.connect(lambda: live.set() if window.photos.rowCount() else None)
    timer.start()
    real_photo = scanning_module.look

    def hold_half_way(path, number, targets):
        if number == 5000:
            held.append(live.wait(60))
        return real_photo(path, number, targets)

    monkeypatch.setattr(scanning_module, "look", hold_half_way)
    window.photos.rowsInserted.connect(lambda _, first, last: seen.append(last - first + 1))
    window.open([many])
    qtbot.waitUntil(lambda: window.photos.rowCount() == 10_000 and not window.photos.scanning(), timeout=120_000)
    assert len(seen) > 5 and max(seen) <= 2000
    assert held == [True]
    qtbot.waitUntil(lambda: window.thumbnails.cached() >= len(window.grid.visible_paths()))
    assert 0 < len(window.grid.visible_paths()) < 100
    assert len(decoded) < 200
    assert [path.name for path in window.photos.paths()[:3]] == ["0.png", "1.png", "2.png"]
    # The end of the list can be reached, and is shown.
    last = window.photos.paths()[-1]

    def at_the_end():
        window.grid.scrollToBottom()  # as far as it is laid out by now
        return last in window.grid.visible_paths()

    qtbot.waitUntil(at_the_end)
    qtbot.waitUntil(lambda: window.thumbnails.pixmap(last) is not None)
    assert len(decoded) < 400


def test_a_second_folder_replaces_the_first_at_once(qtbot, window, many, tmp_path):
    other = draw_photos(tmp_path / "other", ["a.png", "b.png"])
    window.open([many])
    qtbot.waitUntil(lambda: window.photos.rowCount() > 0)
    abandoned = window.sources._scan
    window.open([tmp_path / "other"])
    # What the first scan had sent may arrive now.
    abandoned.found.emit(abandoned, [Photo(many / "late.png", 1)])
    abandoned.done.emit(abandoned)
    assert window.photos.scanning() and window.photos.photo(many / "late.png") is None
    qtbot.waitUntil(lambda: not window.photos.scanning())
    qtbot.wait(50)
    assert window.photos.paths() == other


def test_shows_the_captions_that_are_there(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "z.jpg", "z.png"])
    paths[0].with_suffix(".txt").write_text("from a .txt", "utf-8")
    paths[1].with_suffix(".caption").write_text("来自 .caption", "utf-8-sig")
    paths[2].with_suffix(".txt").write_text("  \n", "utf-8")
    paths[3].with_suffix(".txt").write_bytes(b"caf\xe9")
    (tmp_path / "in" / "z.txt").write_text("whose?", "utf-8")
    open_folder(window, tmp_path / "in", 6)
    photos = [window.photos.photo(path) for path in paths]
    assert [photo.caption for photo in photos] == ["from a .txt", "来自 .caption", "", "", "", ""]
    assert [photo.state for photo in photos[:4]] == [State.CAPTIONED, State.CAPTIONED, State.NEW, State.FAILED]
    assert window.failures.paths() == [paths[3]]


def test_natural_order_and_no_masks(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["img10.png", "img2.png", "img2-masklabel.png", ".hidden.png"])
    draw_photos(tmp_path / "in" / "deeper", ["图 1.png"])
    open_folder(window, tmp_path / "in", 3)
    assert [path.name for path in window.photos.paths()] == ["img2.png", "img10.png", "图 1.png"]


def test_sorts_by_name_date_and_state(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    for path, day in zip(paths, (2, 3, 1), strict=True):
        os.utime(path, (0, day * 86_400))
    paths[0].with_suffix(".txt").write_text("done", "utf-8")
    open_folder(window, tmp_path / "in", 3)
    actions = {action.text(): action for menu in window.menuBar().actions() for action in menu.menu().actions()}
    for name, order in (
        ("N&ewest first", [1, 0, 2]),
        ("Failed and &uncaptioned first", [1, 2, 0]),
        ("Sort by &name", [0, 1, 2]),
    ):
        actions[name].trigger()
        assert window.photos.paths() == [paths[place] for place in order]


def test_an_empty_folder_says_so(qtbot, window, open_folder, tmp_path):
    (tmp_path / "in").mkdir()
    open_folder(window, tmp_path / "in", 0)
    assert window.grid._hint == "No photos here"
    assert not window.bar.button.isEnabled() and not window.menus.start.isEnabled()


def test_start_waits_until_all_photos_are_listed(qtbot, window, captioner, tmp_path, monkeypatch):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(60)])
    go_on = threading.Event()
    real_photo = scanning_module.look

    def hold(path, number, targets):
        if number == 55:
            assert go_on.wait(60)
        return real_photo(path, number, targets)

    monkeypatch.setattr(scanning_module, "look", hold)
    window.open([tmp_path / "in"])
    qtbot.waitUntil(lambda: window.footer.summary() == "Looking for photos: 50 so far")
    assert not window.bar.button.isEnabled() and not window.menus.start.isEnabled()
    window.start()
    assert not window.captioning.running()
    go_on.set()
    qtbot.waitUntil(window.bar.button.isEnabled)
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    assert captioner.asked == paths


def test_finds_every_kind_of_text_beside_a_photo_and_nothing_else(qtbot, window, open_folder, tmp_path):
    """The listing of a folder decides who is asked for text: whatever Targets would find must be found."""
    folder = tmp_path / "in"
    names = ["plain.png", "UPPER.PNG", "two.png", "two.jpg", "grün.png", "c.png", "none.png"]
    draw_photos(folder, names)
    below = draw_photos(folder / "below", ["x.png", "y.png"])
    texts = {
        "plain.txt": "p",
        "UPPER.TXT": "no sidecar on a system that tells case",
        "two.png.txt": "t",
        "c.caption": "c",
    }
    texts["gr\u0075\u0308n.txt"] = "g"  # decomposed, as a Mac names it
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "metadata.jsonl").write_text('{"file_name": "below/x.png", "text": "from the table"}\n', "utf-8")
    open_folder(window, folder, 9)
    with places([folder], ["txt"]) as targets:
        for path in window.photos.paths():
            assert window.photos.photo(path).caption == (targets.text(path) or ""), path
    assert window.photos.photo(below[0]).caption == "from the table"
    (folder / "metadata.jsonl").unlink()
    window.reload()
    qtbot.waitUntil(lambda: window.photos.rowCount() == 9 and not window.photos.scanning())
    captions = {photo.path.name: photo.caption for photo in window.photos.listed() if photo.caption}
    assert captions["plain.png"] == "p" and captions["two.png"] == "t" and captions["c.png"] == "c"
    assert "none.png" not in captions and "x.png" not in captions


def test_a_caption_that_arrives_lays_nothing_out_anew(qtbot, make_window, loader, open_folder, tmp_path, monkeypatch):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    layouts = []

    def lay_out(grid):
        layouts.append(1)
        QListView.doItemsLayout(grid)

    monkeypatch.setattr(PhotoGrid, "doItemsLayout", lay_out, raising=False)
    window = make_window(loader)
    open_folder(window, tmp_path / "in", 2)
    qtbot.wait(300)
    assert layouts
    layouts.clear()
    cell = window.grid.visualRect(window.photos.index(1))
    before = window.grid.viewport().grab(cell).toImage()
    window.photos.set_caption(paths[1], "A caption that arrives.")
    qtbot.wait(200)
    assert window.grid.viewport().grab(cell).toImage() != before
    assert layouts == []
    window.photos.sort_by(Order.STATE)
    qtbot.wait(200)
    assert layouts, "the spy sees layouts"
