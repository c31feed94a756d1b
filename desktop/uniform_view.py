"""A list view whose cells all have one size: where each stands is worked out when it is asked for.

QListView lays every item out instead, again whenever rows come or go, and loses the place where 100,000 of them were
scrolled to meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
)
from PySide6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyleOptionViewItem, QWidget

_Action = QAbstractItemView.CursorAction
_Hint = QAbstractItemView.ScrollHint
_FEW = 100  # selected photos that are told to a screen reader: Qt asks the model about each
_STEPS = {_Action.MoveNext: 1, _Action.MovePrevious: -1}


class UniformView(QListView):
    """Cells of gridSize(), in as many columns as `columns` says, scrolled by the pixel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = 1
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def rows_in(self, area: QRect) -> range:
        """Return the rows of which at least a part is on these lines of the viewport."""
        height, top = self.gridSize().height(), self.verticalOffset()
        count = self.model().rowCount()
        if height <= 0:
            return range(0)
        first = max(0, (area.top() + top) // height) * self.columns
        end = ((area.bottom() + top) // height + 1) * self.columns
        return range(min(first, count), max(0, min(end, count)))

    # Where things are.

    def visualRect(self, index: QModelIndex | QPersistentModelIndex) -> QRect:
        if not index.isValid():
            return QRect()
        line, column = divmod(index.row(), self.columns)
        cell = self.gridSize()
        return QRect(column * cell.width(), line * cell.height() - self.verticalOffset(), cell.width(), cell.height())

    def indexAt(self, point: QPoint) -> QModelIndex:
        cell, y = self.gridSize(), point.y() + self.verticalOffset()
        if cell.isEmpty() or point.x() < 0 or y < 0:
            return QModelIndex()
        column = point.x() // cell.width()
        row = y // cell.height() * self.columns + column
        inside = column < self.columns and row < self.model().rowCount()
        return self.model().index(row, 0) if inside else QModelIndex()

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def scrollTo(self, index: QModelIndex | QPersistentModelIndex, hint: _Hint = _Hint.EnsureVisible) -> None:
        if not index.isValid():
            return
        self.executeDelayedItemsLayout()  # rows may have come that the scroll bar does not know of
        place, room = self.visualRect(index), self.viewport().height()
        above, below = place.top() < 0, place.bottom() >= room
        by = 0
        if hint == _Hint.PositionAtTop or (hint == _Hint.EnsureVisible and above):
            by = place.top()
        elif hint == _Hint.PositionAtBottom or (hint == _Hint.EnsureVisible and below):
            by = min(place.top(), place.bottom() + 1 - room)
        elif hint == _Hint.PositionAtCenter:
            by = place.center().y() - room // 2
        self.verticalScrollBar().setValue(self.verticalOffset() + by)

    # What Qt would lay out.

    def doItemsLayout(self) -> None:
        QAbstractItemView.doItemsLayout(self)

    def updateGeometries(self) -> None:
        QAbstractItemView.updateGeometries(self)
        lines = -(-self.model().rowCount() // self.columns) if self.model() is not None else 0
        room = self.viewport().height()
        bar = self.verticalScrollBar()
        bar.setPageStep(room)
        bar.setRange(0, max(0, lines * self.gridSize().height() - room))

    def resizeEvent(self, event: QResizeEvent) -> None:
        QAbstractItemView.resizeEvent(self, event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(0, dy)

    # Moving and selecting.

    def is_selected(self, row: int) -> bool:
        """Say whether a row is shown as selected."""
        return self.selectionModel().isSelected(self.model().index(row, 0))

    def moveCursor(self, action: _Action, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        count, row = self.model().rowCount(), self.currentIndex().row()
        if count == 0:
            return QModelIndex()
        if row < 0:
            return self.model().index(0, 0)
        column = row % self.columns
        page = max(1, self.viewport().height() // max(1, self.gridSize().height())) * self.columns
        match action:
            case _Action.MoveLeft if column > 0:
                row -= 1
            case _Action.MoveRight if column + 1 < self.columns:
                row += 1
            case _Action.MoveUp if row >= self.columns:
                row -= self.columns
            case _Action.MoveDown:
                row = self._down(row, self.columns)
            case _Action.MovePageUp:
                row = row - page if row >= page else column
            case _Action.MovePageDown:
                row = self._down(row, page)
            case _Action.MoveHome:
                row = 0
            case _Action.MoveEnd:
                row = count - 1
            case _Action.MoveNext | _Action.MovePrevious:
                return self.model().index(row + _STEPS[action], 0)  # none beyond the ends
        return self.model().index(min(row, count - 1), 0)

    def _down(self, row: int, by: int) -> int:
        """Return the row so far below, or in the last line the one that is nearest to that."""
        last = self.model().rowCount() - 1
        if row // self.columns == last // self.columns:
            return row
        lines = min(by // self.columns, last // self.columns - row // self.columns)
        return min(row + lines * self.columns, last)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select what a pulled frame touches, or all from the photo at its first corner to that at its last."""
        if self.state() == QAbstractItemView.State.DragSelectingState:
            ranges = self._framed(rect.normalized())
        else:
            first, last = self.indexAt(rect.topLeft()), self.indexAt(rect.bottomRight())
            ranges = [sorted((first.row(), last.row()))] if first.isValid() and last.isValid() else []
        self.choose(ranges, command)

    def choose(self, ranges: Sequence[Sequence[int]], command: QItemSelectionModel.SelectionFlag) -> None:
        """Change the selection by rows, given as the first and the last of those that adjoin."""
        if command & QItemSelectionModel.SelectionFlag.Clear:
            self._clear_scattered()
        selection = QItemSelection()
        for first, last in ranges:
            self.add_rows(selection, first, last)
        self.selectionModel().select(selection, command)

    def selectAll(self) -> None:
        count = self.model().rowCount()
        self.choose([[0, count - 1]] if count else [], QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _clear_scattered(self) -> None:
        """Clear a selection in thousands of pieces: for a range over them all Qt would cut it for a minute."""
        if self.selectionModel().selection().size() > _FEW:
            self.selectionModel().clearSelection()

    def _framed(self, rect: QRect) -> list[list[int]]:
        rows, width = self.rows_in(rect), self.gridSize().width()
        left = max(0, rect.left() // width)
        right = min(self.columns - 1, rect.right() // width)
        if left == 0 and right == self.columns - 1:
            return [[rows.start, rows.stop - 1]] if rows else []
        lines = range(rows.start, rows.stop, self.columns) if left <= right else range(0)
        return [[line + left, min(line + right, rows.stop - 1)] for line in lines if line + left < rows.stop]

    def add_rows(self, selection: QItemSelection, first: int, last: int) -> None:
        """Add the rows from the first to the last to a selection."""
        begin = self.model().index(first, 0)
        end = begin if last == first else self.model().index(last, 0)
        selection.append(QItemSelectionRange(begin, end))

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        # What is in sight of it; Qt's own goes through all that is selected.
        region, area = QRegion(), self.viewport().rect()
        shown = self.rows_in(area)
        if selection.size() > _FEW:
            return QRegion(area)
        for part in ranges_of(selection):
            for row in range(max(part.top(), shown.start), min(part.bottom() + 1, shown.stop)):
                region += self.visualRect(self.model().index(row, 0))
        return region

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        few = selected.size() + deselected.size() <= _FEW
        few = few and sum(part.height() for parts in (selected, deselected) for part in ranges_of(parts)) <= _FEW
        (QListView if few else QAbstractItemView).selectionChanged(self, selected, deselected)

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        usual = option.state
        painter = QPainter(self.viewport())
        delegate, model = self.itemDelegate(), self.model()
        current = self.currentIndex().row() if self.hasFocus() or self.viewport().hasFocus() else -1
        for row in self.rows_in(event.rect()):
            index = model.index(row, 0)
            option.rect = self.visualRect(index)
            if not option.rect.intersects(event.rect()):
                continue
            option.state = usual
            if self.is_selected(row):
                option.state |= QStyle.StateFlag.State_Selected
            if row == current:
                option.state |= QStyle.StateFlag.State_HasFocus
            delegate.paint(painter, option, index)


def ranges_of(selection: QItemSelection) -> Iterable[QItemSelectionRange]:
    """Return a selection as what it is and its type does not say."""
    return cast("Iterable[QItemSelectionRange]", selection)
