"""Lists so long that they are arranged in slices: whatever comes between, order, selection and place are right."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest

from desktop import keeping_place, slices
from desktop.grid import PhotoGrid
from desktop.photo import Photo, State
from desktop.photos import Order, PhotoModel
from desktop.thumbnails import Thumbnails

COUNT = 900
KEYS = {
    Order.NAME: lambda photo: photo.number,
    Order.NEWEST: lambda photo: (-photo.modified, photo.number),
    Order.OLDEST: lambda photo: (photo.modified, photo.number),
    Order.STATE: lambda photo: (photo.state.rank, photo.number),
    Order.LENGTH: lambda photo: (len(photo.caption), photo.number),
}


def photos(count: int, start: int = 0) -> list[Photo]:
    rng = random.Random(start)
    made = []
    for number in range(start, start + count):
        caption = "x" * rng.randrange(40)
        state = State.CAPTIONED if caption else State.NEW
        made.append(Photo(Path(f"/p/{number}.jpg"), number, float(rng.randrange(50)), caption, state))
    return made


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch):
    monkeypatch.setattr(slices, "SLICE", 40)
    monkeypatch.setattr(keeping_place, "_RANGES", 10)


@pytest.fixture
def model(qtbot):
    model = PhotoModel()
    model.begin_scan()
    model.add(photos(COUNT))
    model.end_scan()
    return model


@pytest.fixture
def grid(qtbot, model):
    grid = PhotoGrid(model, Thumbnails(model))
    qtbot.addWidget(grid)
    grid.resize(700, 600)
    with qtbot.waitExposed(grid):
        grid.show()
    return grid


def expected(model: PhotoModel, passing: set[Path] | None = None) -> list[Path]:
    shown = [photo for photo in model.listed() if passing is None or photo.path in passing]
    return [photo.path for photo in sorted(shown, key=KEYS[model.order()])]


def select(grid: PhotoGrid, paths: list[Path]) -> None:
    flag = QItemSelectionModel.SelectionFlag
    for path in paths:
        index = grid.photo_model().index_of(path)
        grid.selectionModel().select(index, flag.Select)


def rows_in_qt(grid: PhotoGrid) -> list[Path]:
    """What Qt itself has as selected, by rows."""
    rows = sorted(index.row() for index in grid.selectionModel().selectedIndexes())
    return [grid.photo_model().shown()[row].path for row in rows]


@pytest.mark.parametrize("order", Order)
def test_sorts_while_the_rows_that_are_there_stay(qtbot, model, order):
    model.sort_by(Order.OLDEST if order is Order.NAME else Order.NAME)
    qtbot.waitUntil(lambda: not model.arranging())
    before = model.paths()
    model.sort_by(order)
    assert model.arranging() and model.paths() == before
    for row in (0, 77, COUNT - 1):
        assert model.index_of(before[row]).row() == row
    with qtbot.waitSignal(model.arranged):
        pass
    assert not model.arranging() and model.paths() == expected(model)
    assert [model.index_of(path).row() for path in model.paths()] == list(range(COUNT))


def test_the_last_of_several_orders_and_filters_counts(qtbot, model):
    passing = {photo.path for photo in model.listed() if photo.number % 3}
    model.sort_by(Order.LENGTH)
    model.set_filter(passing)
    model.sort_by(Order.NEWEST)
    qtbot.waitUntil(lambda: not model.arranging())
    assert model.paths() == expected(model, passing)
    assert not model.index_of(Path("/p/3.jpg")).isValid()
    model.set_filter(None)
    model.sort_by(Order.NAME)
    qtbot.waitUntil(lambda: not model.arranging())
    assert model.paths() == [photo.path for photo in photos(COUNT)]


def test_photos_that_come_or_go_meanwhile_are_shown_once_or_not_at_all(qtbot, model):
    model.begin_scan()
    model.add(photos(500))
    model.sort_by(Order.LENGTH)
    model.add(photos(100, 500))
    model.remove([Path("/p/7.jpg"), Path("/p/550.jpg")])
    model.add(photos(300, 600))
    model.remove([Path(f"/p/{number}.jpg") for number in range(100, 300)])
    model.add(photos(30, 900))
    qtbot.waitUntil(lambda: not model.arranging())
    model.end_scan()
    qtbot.waitUntil(lambda: not model.arranging())
    gone = {7, 550, *range(100, 300)}
    assert {photo.number for photo in model.shown()} == set(range(930)) - gone
    assert model.paths() == expected(model) and model.total() == 930 - len(gone)
    model.sort_by(Order.NAME)
    model.begin_scan()  # a reload in the midst of it
    model.add(photos(10))
    model.end_scan()
    assert not model.arranging() and model.paths() == [photo.path for photo in photos(10)]


def test_captions_land_on_their_photos_while_rows_are_arranged(qtbot, model):
    model.sort_by(Order.LENGTH)
    model.set_caption(Path("/p/5.jpg"), "five", State.EDITED)
    changed: list[Path] = []
    model.dataChanged.connect(lambda first, last: changed.append(model.shown()[first.row()].path))
    model.set_caption(Path("/p/800.jpg"), "eight hundred")
    assert changed == [Path("/p/800.jpg")]
    qtbot.waitUntil(lambda: not model.arranging())
    assert model.photo(Path("/p/5.jpg")).caption == "five"
    model.sort_by(Order.STATE)
    qtbot.waitUntil(lambda: not model.arranging())
    assert model.paths()[-1] == Path("/p/5.jpg") and model.paths() == expected(model)


def test_selection_and_current_photo_stay_with_their_photos(qtbot, grid, model):
    chosen = [Path(f"/p/{number}.jpg") for number in range(0, COUNT, 2)]
    grid.setCurrentIndex(model.index(600))
    select(grid, chosen)
    assert len(grid.selected_paths()) == len(chosen)
    for order in (Order.OLDEST, Order.LENGTH, Order.NAME):
        model.sort_by(order)
        qtbot.waitUntil(lambda: not model.arranging())
        wanted = [path for path in model.paths() if path in set(chosen)]
        assert grid.selected_paths() == wanted, "also before Qt's selection is complete"
        qtbot.waitUntil(lambda: not grid.arranging())
        assert rows_in_qt(grid) == wanted == grid.selected_paths()
        assert model.shown()[grid.currentIndex().row()].number == 600
        assert grid.currentIndex().row() in grid.rows_in(grid.viewport().rect())
    model.set_filter(set(chosen[:100]))
    qtbot.waitUntil(lambda: not grid.arranging())
    assert grid.selected_paths() == chosen[:100] == rows_in_qt(grid)


def test_a_scattered_selection_is_changed_by_clicks_before_and_after_it_is_complete(qtbot, grid, model):
    chosen = [Path(f"/p/{number}.jpg") for number in range(0, COUNT, 2)]
    select(grid, chosen)
    model.sort_by(Order.NEWEST)
    qtbot.waitUntil(lambda: not model.arranging())

    def click(path: Path, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.ControlModifier) -> None:
        grid.scrollTo(model.index_of(path))
        place = grid.visualRect(model.index_of(path)).topLeft() + QPoint(5, 5)
        QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, modifiers, place)

    wanted = set(chosen) ^ {Path("/p/2.jpg"), Path("/p/3.jpg")}
    click(Path("/p/2.jpg"))
    click(Path("/p/3.jpg"))
    assert set(grid.selected_paths()) == wanted
    qtbot.waitUntil(lambda: not grid.arranging())
    assert set(rows_in_qt(grid)) == wanted
    click(Path("/p/4.jpg"))
    qtbot.waitUntil(lambda: not grid.arranging())
    assert set(rows_in_qt(grid)) == set(grid.selected_paths()) == wanted - {Path("/p/4.jpg")}
    grid.selectAll()
    assert grid.selected_paths() == model.paths() and not grid.arranging()
    model.sort_by(Order.NAME)
    qtbot.waitUntil(lambda: not model.arranging())
    click(Path("/p/9.jpg"), Qt.KeyboardModifier.NoModifier)
    assert grid.selected_paths() == [Path("/p/9.jpg")] == rows_in_qt(grid)


def test_what_is_typed_in_the_grid_is_kept_when_the_rows_are_arranged(qtbot, grid, model):
    edits: list[tuple[Path, str]] = []
    model.edit_committed.connect(lambda path, text: edits.append((path, text)))
    grid.setCurrentIndex(model.index(3))
    grid.edit(grid.currentIndex())
    editor = grid.editor()
    assert editor is not None
    editor.setPlainText("half a sentence")
    model.sort_by(Order.OLDEST)
    qtbot.waitUntil(lambda: not grid.arranging())
    assert edits == [(Path("/p/3.jpg"), "half a sentence")]
    assert grid.editor() is not None and model.shown()[grid.currentIndex().row()].number == 3


@pytest.mark.parametrize("seed", range(4))
def test_random_operations_between_slices(qtbot, grid, model, seed):
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.QtTest, model)
    rng = random.Random(seed)
    passing: set[Path] | None = None
    chosen: set[Path] = set()
    model.arranged.connect(lambda: chosen.intersection_update(model.paths()))  # what has no row is not selected
    fresh = COUNT
    for _ in range(150):
        match rng.randrange(7):
            case 0:
                model.sort_by(rng.choice(list(Order)))
            case 1:
                every = [photo.path for photo in model.listed()]
                passing = rng.choice([None, set(rng.sample(every, len(every) // 2))])
                model.set_filter(passing)
            case 2:
                model.add(photos(9, fresh))
                fresh += 9
            case 3:
                gone = rng.sample(model.paths(), min(rng.choice([1, 5, 60]), model.rowCount()))
                model.remove(gone)
                chosen -= set(gone)
            case 4 if model.rowCount():
                row = rng.randrange(model.rowCount())
                path = model.shown()[row].path
                flag = QItemSelectionModel.SelectionFlag
                grid.choose([[row, row]], flag.Deselect if path in chosen else flag.Select)
                chosen ^= {path}
            case 5:
                model.set_caption(rng.choice(model.listed()).path, "y" * rng.randrange(90))
            case _:
                qtbot.wait(rng.randrange(4))
    qtbot.waitUntil(lambda: not grid.arranging())
    model.sort_by(Order.LENGTH)
    qtbot.waitUntil(lambda: not grid.arranging())
    assert model.paths() == expected(model, passing)
    assert [model.index_of(path).row() for path in model.paths()] == list(range(model.rowCount()))
    assert grid.selected_paths() == rows_in_qt(grid)
    assert set(grid.selected_paths()) == chosen
    assert tester is not None


def test_keys_move_by_cells_lines_and_pages(qtbot, grid, model):
    columns = grid.columns
    assert columns > 1
    page = grid.viewport().height() // grid.gridSize().height() * columns
    grid.setFocus()
    grid.setCurrentIndex(model.index(0))
    last_line = (COUNT - 1) // columns * columns
    for key, row in (
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Down, columns + 1),
        (Qt.Key.Key_Left, columns),
        (Qt.Key.Key_Left, columns),  # the edge
        (Qt.Key.Key_PageDown, columns + page),
        (Qt.Key.Key_PageUp, columns),
        (Qt.Key.Key_End, COUNT - 1),
        (Qt.Key.Key_Down, COUNT - 1),
        (Qt.Key.Key_Up, COUNT - 1 - columns),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_Up, 0),
    ):
        QTest.keyClick(grid, key)
        assert grid.currentIndex().row() == row, key
        assert grid.viewport().rect().contains(grid.visualRect(grid.currentIndex()))
    grid.setCurrentIndex(model.index(last_line - 1))
    QTest.keyClick(grid, Qt.Key.Key_Down)
    assert grid.currentIndex().row() == COUNT - 1 or (COUNT - 1) % columns == columns - 1
    QTest.keyClick(grid, Qt.Key.Key_Home)
    QTest.keyClick(grid, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert grid.selected_paths() == model.paths()[: columns + 1]


def test_a_click_finds_the_photo_under_it_and_none_beside(qtbot, grid, model):
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    for row in (COUNT - 1, COUNT - grid.columns):
        assert grid.indexAt(grid.visualRect(model.index(row)).center()).row() == row
    beyond = grid.visualRect(model.index(COUNT - 1)).bottomRight() + QPoint(20, 20)
    assert not grid.indexAt(beyond).isValid()


def test_what_is_in_sight_stays_there_when_sizes_change(qtbot, grid, model):
    grid.setCurrentIndex(model.index(500))
    grid.set_width(400)
    assert 500 in grid.rows_in(grid.viewport().rect())
    grid.set_listed(True)
    assert 500 in grid.rows_in(grid.viewport().rect()) and grid.columns == 1
    grid.set_listed(False)
    grid.clearSelection()
    grid.verticalScrollBar().setValue(0)
    model.sort_by(Order.OLDEST)
    qtbot.waitUntil(lambda: not grid.arranging())
    assert grid.currentIndex().row() in grid.rows_in(grid.viewport().rect())
