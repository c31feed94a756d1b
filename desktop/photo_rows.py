"""The rows of the photos: where each stands, in the order and under the filter that were chosen last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop import slices
from desktop.ordering import arranged
from desktop.photo import Order, Photo

AnyIndex = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()


class PhotoRows(QAbstractListModel):
    """Photos by path, of which those that the filter lets through have rows. A subclass says what happens to them.

    Arranging many takes longer than the window may be kept: it is done in slices, while the rows that are there stay.
    """

    counts_changed = Signal()
    about_to_arrange = Signal()  # the rows as they are now go in a moment
    arranged = Signal()  # the rows are as the order and the filter say

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: dict[Path, Photo] = {}
        self._photos: list[Photo] = []  # those with a row
        self._passing: Collection[Path] | None = None  # what the filter lets through, None without one
        self._order = Order.NAME
        self._arranging = slices.Slices(self)
        self._late: list[Photo] = []  # given a row while the others are being arranged
        self._leaving: list[Path] = []  # removed by a person, and still to be taken out

    def rowCount(self, parent: AnyIndex = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._photos)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsEditable
            | Qt.ItemFlag.ItemNeverHasChildren
        )

    def photo(self, path: Path) -> Photo | None:
        """Return a photo of the list, hidden or not."""
        return self._all.get(path)

    def index_of(self, path: Path) -> QModelIndex:
        """Return where a photo stands now; an invalid index for one that is hidden or not in the list."""
        photo = self._all.get(path)
        row = -1 if photo is None else self.row_of(photo)
        return QModelIndex() if row < 0 else self.index(row)

    def row_of(self, photo: Photo) -> int:
        """Return where this very object stands; -1 if it is hidden or no longer in the list."""
        for row in (photo.row, photo.next_row):  # while rows are arranged one of the two is ahead, or behind
            if 0 <= row < len(self._photos) and self._photos[row] is photo:
                return row
        return -1

    def paths(self) -> list[Path]:
        """Return the photos shown, in the order shown."""
        return [photo.path for photo in self._photos]

    def shown(self) -> Sequence[Photo]:
        """Return the photos of the rows, for a look that is over before any comes or goes."""
        return self._photos

    def listed(self) -> list[Photo]:
        """Return all photos of the list, hidden ones too, in the order in which they were found."""
        return list(self._all.values())

    # The order and the filter.

    def order(self) -> Order:
        return self._order

    def sort_by(self, order: Order) -> None:
        """Show the photos in another order; of many, a moment later: `arranged` follows."""
        self._order = order
        self._arrange()

    def set_filter(self, passing: Collection[Path] | None) -> None:
        """Show only these photos, None for all; of many, a moment later: `arranged` follows.

        Who is let through stays so until this is called again: nothing comes or goes while a run changes photos.
        """
        self._passing = passing
        self._arrange()

    def filtered(self) -> bool:
        return self._passing is not None

    def arranging(self) -> bool:
        """Say whether the rows are not yet as the order and the filter say."""
        return self._arranging.active()

    def _arrange(self) -> None:
        self._arranging.start(self._arrangement())
        if len(self._all) <= slices.SLICE:
            self._arranging.finish()

    def _arrangement(self) -> Iterator[None]:
        """Work out the rows while those that are there stay, then exchange them."""
        while self._leaving:
            self._take_out(self._leaving[-slices.SLICE :])
            del self._leaving[-slices.SLICE :]
            yield
        self._late = []
        shown = yield from arranged(list(self._all.values()), self._passing, self._order)
        yield from self._number_ahead(shown)
        self.about_to_arrange.emit()
        self.beginResetModel()
        self._photos = shown + self._late
        self._number_rows(len(shown))
        self.endResetModel()
        self._late = []
        self.counts_changed.emit()
        self._arranging.stop()
        self.arranged.emit()

    def _passes(self, photo: Photo) -> bool:
        return self._passing is None or photo.path in self._passing

    def _number_rows(self, first: int) -> None:
        for row, photo in enumerate(self._photos[first:], first):
            photo.row = row

    def _number_ahead(self, shown: Sequence[Photo]) -> Iterator[None]:
        """Note where photos will be while the rows are still others: to do so in one go would take too long."""
        for start in range(0, len(shown), slices.SLICE):
            for row, photo in enumerate(shown[start : start + slices.SLICE], start):
                if self.row_of(photo) != photo.row:
                    photo.row = photo.next_row
                photo.next_row = row
            if start + slices.SLICE < len(shown):
                yield

    def _take_out(self, paths: Sequence[Path]) -> list[Photo]:
        """Forget photos, but for their rows; return those that were known."""
        raise NotImplementedError
