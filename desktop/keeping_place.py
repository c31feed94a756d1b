"""The current photo and the selection, kept through changes of all rows: they belong to photos, not to rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QObject

from desktop import slices
from desktop.photo import Photo
from desktop.uniform_view import ranges_of

if TYPE_CHECKING:
    from desktop.grid import PhotoGrid

_Flag = QItemSelectionModel.SelectionFlag
_RANGES = 500  # of a selection, made in one go
_SELECTED = re.compile(b"\1+")


class KeepingPlace(QObject):
    """Knows for each row of a grid whether it is selected, and for each photo when the rows are arranged anew.

    Qt's selection knows ranges of rows: slow to make, to look through and to ask when there are thousands. After the
    rows were arranged it follows in slices what is known here.
    """

    def __init__(self, grid: PhotoGrid) -> None:
        super().__init__(grid)
        self._grid = grid
        self._model = model = grid.photo_model()
        self._selection = grid.selectionModel()
        self._marks = bytearray(model.rowCount())  # 1 for each row that is selected
        self._following = slices.Slices(self)  # Qt's selection, what is marked
        self._known = False  # what Qt's selection tells now is marked already
        self._kept: list[Photo] = []  # selected before the rows were arranged, and not yet marked
        self._current: Photo | None = None
        self._editing = False
        model.rowsInserted.connect(self._insert)
        model.rowsRemoved.connect(self._remove)
        model.modelReset.connect(self._reset)
        model.about_to_arrange.connect(self._remember)
        model.arranged.connect(self._restore)
        self._selection.selectionChanged.connect(self._take)

    def is_selected(self, row: int) -> bool:
        return bool(self._marks[row])

    def selected(self) -> list[Photo]:
        """Return the selected photos in the order shown."""
        while self._kept:
            self._mark()
        return list(compress(self._model.shown(), self._marks))

    def change(self, ranges: Iterable[Sequence[int]], *, selected: bool) -> bool:
        """Select or deselect rows in a selection of thousands of pieces, which Qt takes too long for; say whether it is
        one. A single row is turned over while Qt's selection is not complete, as Qt then cannot know what it was.
        """
        coming = self._following.active()
        if not coming and self._selection.selection().size() <= _RANGES:
            return False
        self.selected()
        for first, last in ranges:
            mark = not self._marks[first] if coming and first == last else selected
            self._marks[first : last + 1] = bytes([mark]) * (last + 1 - first)
        self._tell(QItemSelection())
        self._following.start(self._follow())
        return True

    def coming(self) -> bool:
        """Say whether Qt's selection is not complete yet."""
        return self._following.active()

    # The same rows.

    def _insert(self, _: QModelIndex, first: int, last: int) -> None:
        self._marks[first:first] = bytes(last + 1 - first)

    def _remove(self, _: QModelIndex, first: int, last: int) -> None:
        del self._marks[first : last + 1]

    def _take(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Mark what has changed; where that is more than what is selected now, all of that."""
        if self._known:
            return
        if self._following.active():  # another choice was made meanwhile
            self._following.stop()
            self._marks, self._kept = bytearray(self._model.rowCount()), []
        now = self._selection.selection()
        if now.size() < deselected.size():
            self._marks, selected, deselected = bytearray(self._model.rowCount()), now, QItemSelection()
        for parts, mark in ((deselected, b"\0"), (selected, b"\1")):
            for part in ranges_of(parts):
                self._marks[part.top() : part.bottom() + 1] = mark * part.height()

    # All rows anew.

    def _reset(self) -> None:
        self._following.stop()
        self._marks = bytearray(self._model.rowCount())

    def _remember(self) -> None:
        self._editing = self._grid.editor() is not None
        self._grid.commit_typed()
        row = self._grid.currentIndex().row()
        self._current = self._model.shown()[row] if row >= 0 else None
        self._kept = self.selected()

    def _restore(self) -> None:
        grid, current = self._grid, self._current
        if current is not None and (row := self._model.row_of(current)) >= 0:
            index = self._model.index(row)
            self._selection.setCurrentIndex(index, _Flag.NoUpdate)
            grid.scrollTo(index)
            if self._editing:
                grid.edit(index)
        self._current = None
        many = len(self._kept) > slices.SLICE
        self._following.start(self._follow())
        if not many:
            self._following.finish()

    def _mark(self) -> None:
        """Mark the rows of a slice of the photos that were selected before."""
        for photo in self._kept[-slices.SLICE :]:
            if (row := self._model.row_of(photo)) >= 0:
                self._marks[row] = 1
        del self._kept[-slices.SLICE :]

    def _follow(self) -> Iterator[None]:
        while self._kept:
            self._mark()
            yield
        self._grid.viewport().update()
        selection = QItemSelection()
        for number, found in enumerate(_SELECTED.finditer(bytes(self._marks)), 1):
            self._grid.add_rows(selection, found.start(), found.end() - 1)
            if number % _RANGES == 0:
                yield
        self._following.stop()
        self._tell(selection)

    def _tell(self, selection: QItemSelection) -> None:
        """Let Qt select what is marked here already, or nothing until it follows."""
        self._known = True
        self._selection.select(selection, _Flag.ClearAndSelect)
        self._known = False
