"""The photos in the window: a list model whose truth is keyed by path. Rows are only where a photo happens to stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from desktop.photo import Order, Photo, State, merged, sort_photos

__all__ = ["NO_PARENT", "PHOTO_ROLE", "AnyIndex", "Order", "Photo", "PhotoModel", "State"]

AnyIndex = QModelIndex | QPersistentModelIndex
PHOTO_ROLE = Qt.ItemDataRole.UserRole
NO_PARENT = QModelIndex()
_FEW_GAPS = 32  # rows taken out in more pieces than this are one reset: each piece renumbers all that follows


class PhotoModel(QAbstractListModel):
    """The photos of the list, of which those that the filter lets through have rows, in the order shown.

    Everything that arrives late (a caption, a failure, a saved edit) names its photo by path and finds the row by
    itself, so that sorting, filtering, reloading and removing at any time cannot move a caption to another photo.
    """

    edit_committed = Signal(object, str)  # path, the human's words
    counts_changed = Signal()
    photos_added = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: dict[Path, Photo] = {}
        self._photos: list[Photo] = []  # those with a row
        self._passing: Collection[Path] | None = None  # what the filter lets through, None without one
        self._states: Counter[State] = Counter()
        self._running: set[Path] = set()
        # While a scan is under way: what the list knew before it, and the photos among them that were given a caption
        # since. The scan may have read their sidecars too early. Unsaved words stay beyond it, whatever is opened.
        self._scanning = False
        self._before: dict[Path, Photo] = {}
        self._landed: set[Path] = set()
        self._order = Order.NAME
        self._state_names = {
            State.NEW: self.tr("no caption yet"),
            State.CAPTIONED: self.tr("captioned"),
            State.EDITED: self.tr("edited"),
            State.APPROVED: self.tr("approved"),
            State.FAILED: self.tr("failed"),
            State.SKIPPED: self.tr("skipped"),
            State.RUNNING: self.tr("being captioned"),
        }

    # What views ask.

    def rowCount(self, parent: AnyIndex = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._photos)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._photos):
            return None
        photo = self._photos[index.row()]
        if role == PHOTO_ROLE:
            return photo
        if role == Qt.ItemDataRole.DisplayRole:
            return photo.path.name
        if role == Qt.ItemDataRole.EditRole:
            return photo.caption
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(part for part in (photo.caption, photo.reason, str(photo.path)) if part)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (photo.path.name, self._state_names[self.state(photo)], photo.caption, photo.reason)
            return ", ".join(part for part in parts if part)
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsEditable
            | Qt.ItemFlag.ItemNeverHasChildren
        )

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take a human's words for a caption; empty ones change nothing, because a sidecar is never empty."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        photo = self._photos[index.row()]
        text = " ".join(str(value).split())
        if not text or (text == photo.caption and not photo.unsaved):
            return False
        self.edit_committed.emit(photo.path, text)
        return True

    # Looking photos up.

    def photo(self, path: Path) -> Photo | None:
        """Return a photo of the list, hidden or not."""
        return self._all.get(path)

    def index_of(self, path: Path) -> QModelIndex:
        """Return where a photo stands now; an invalid index for one that is hidden or not in the list."""
        photo = self._all.get(path)
        return QModelIndex() if photo is None or photo.row < 0 else self.index(photo.row)

    def paths(self) -> list[Path]:
        """Return the photos shown, in the order shown."""
        return [photo.path for photo in self._photos]

    def listed(self) -> list[Photo]:
        """Return all photos of the list, hidden ones too, in the order in which they were found."""
        return list(self._all.values())

    def total(self) -> int:
        """Return how many photos the list has, hidden ones too."""
        return len(self._all)

    def state(self, photo: Photo) -> State:
        return State.RUNNING if photo.path in self._running else photo.state

    def state_name(self, state: State) -> str:
        """Return what a state is called on the screen."""
        return self._state_names[state]

    def count(self, *states: State) -> int:
        """Return how many photos of the list are in one of these states."""
        return sum(self._states[state] for state in states)

    def order(self) -> Order:
        return self._order

    # The list itself.

    def begin_scan(self) -> None:
        """Empty the list for what a scan will add; what this session knows of its photos comes back with them."""
        self.beginResetModel()
        self._before.update(self._all)
        self._photos, self._all = [], {}
        self._states.clear()
        self._landed = set()
        self._scanning = True
        self.endResetModel()
        self.counts_changed.emit()

    def add(self, photos: Iterable[Photo]) -> None:
        """Append photos that a scan found; those already in the list are left alone."""
        fresh = list({photo.path: photo for photo in photos if photo.path not in self._all}.values())
        if not fresh:
            return
        for place, photo in enumerate(fresh):
            if known := self._before.pop(photo.path, None):
                fresh[place] = photo = merged(photo, known, photo.path in self._landed)
            photo.row = -1
            self._all[photo.path] = photo
            self._states[photo.state] += 1
        shown = [photo for photo in fresh if self._passes(photo)]
        if shown:
            first = len(self._photos)
            self.beginInsertRows(QModelIndex(), first, first + len(shown) - 1)
            self._photos += shown
            self._number_rows(first)
            self.endInsertRows()
        self.photos_added.emit()
        self.counts_changed.emit()

    def scanning(self) -> bool:
        return self._scanning

    def end_scan(self) -> None:
        """The last photo has come: sort, and forget photos that are gone from disk."""
        self._scanning = False
        self._before = {path: photo for path, photo in self._before.items() if photo.unsaved}
        if self._order is not Order.NAME:
            self.sort_by(self._order)

    def remove(self, paths: Iterable[Path]) -> None:
        """Take photos from the list; nothing happens to the files, and unsaved words are kept."""
        gone = {path: photo for path in paths if (photo := self._all.pop(path, None))}
        self._before.update({path: photo for path, photo in gone.items() if photo.unsaved})
        for photo in gone.values():
            self._states[photo.state] -= 1
        pieces = _pieces(sorted((photo.row for photo in gone.values() if photo.row >= 0), reverse=True))
        if len(pieces) > _FEW_GAPS:
            self._reset([photo for photo in self._photos if photo.path not in gone])
        else:
            for first, last in pieces:
                self.beginRemoveRows(QModelIndex(), first, last)
                del self._photos[first : last + 1]
                self._number_rows(first)
                self.endRemoveRows()
        self.counts_changed.emit()

    def sort_by(self, order: Order) -> None:
        self._order = order
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        photos = [self._photos[index.row()] for index in old]
        sort_photos(self._photos, order)
        self._number_rows()
        self.changePersistentIndexList(old, [self.index(photo.row) for photo in photos])
        self.layoutChanged.emit()

    def set_filter(self, passing: Collection[Path] | None, photos: Iterable[Photo] | None = None) -> None:
        """Show only these photos, None for all. Who is let through stays so until this is called again: nothing comes
        or goes while a run changes photos.

        Args:
            photos: the list's own objects of these paths, where the caller has them: looking 100,000 up takes 0.1 s.
        """
        self._passing = passing
        for photo in self._photos:
            photo.row = -1
        if passing is None or photos is None:
            shown = list(filter(self._passes, self._all.values()))
        else:
            for photo in photos:
                photo.row = 0  # a mark; their rows are given below
            shown = [photo for photo in self._all.values() if photo.row == 0]
        sort_photos(shown, self._order)
        self._reset(shown)
        self.counts_changed.emit()

    def filtered(self) -> bool:
        return self._passing is not None

    def _passes(self, photo: Photo) -> bool:
        return self._passing is None or photo.path in self._passing

    def _reset(self, photos: list[Photo]) -> None:
        self.beginResetModel()
        self._photos = photos
        self._number_rows()
        self.endResetModel()

    # What happens to photos, always by path.

    def set_running(self, paths: Iterable[Path], running: bool = True) -> None:
        """Mark photos as being captioned now, or no longer."""
        for path in list(paths):
            if running:
                self._running.add(path)
            else:
                self._running.discard(path)
            self._touch(path)

    def running(self) -> frozenset[Path]:
        return frozenset(self._running)

    def set_caption(self, path: Path, caption: str, state: State = State.CAPTIONED) -> None:
        self._set(path, caption=caption, state=state, reason="", unsaved=False)

    def set_state(self, path: Path, state: State, reason: str = "") -> None:
        """Give a photo another state; the caption it has stays. Words that the disk has refused stay as they are."""
        photo = self._all.get(path) or self._before.get(path)
        if photo is None or not photo.unsaved:
            self._set(path, state=state, reason=reason)

    def set_failed(self, path: Path, reason: str) -> None:
        """Mark a photo as failed; the caption it has stays."""
        self._set(path, state=State.FAILED, reason=reason)

    def set_unsaved(self, path: Path, caption: str, reason: str) -> None:
        """Keep a human's words that could not be written."""
        self._set(path, caption=caption, state=State.FAILED, reason=reason, unsaved=True)

    def refresh(self, found: Photo, changes: int) -> None:
        """Take what a new look at a photo found, unless it has changed in the list since the look began.

        Args:
            changes: Photo.changes when it began.
        """
        photo = self._all.get(found.path)
        if photo is not None and photo.changes == changes and not photo.unsaved:
            photo.modified = found.modified
            if (photo.caption, photo.state, photo.reason) != (found.caption, found.state, found.reason):
                self._set(found.path, caption=found.caption, state=found.state, reason=found.reason)

    def unsaved(self) -> list[Photo]:
        """Return the photos with words that the disk has refused, those that are no longer listed too."""
        return [photo for photo in (*self._all.values(), *self._before.values()) if photo.unsaved]

    def _set(self, path: Path, **values: Any) -> None:
        photo = self._all.get(path)
        if photo is None and self._scanning:
            photo = self._before.setdefault(path, Photo(path))
            self._landed.add(path)
        photo = photo or self._before.get(path)
        if photo is None:
            return
        before = photo.state
        for name, value in values.items():
            setattr(photo, name, value)
        photo.changes += 1
        if path in self._all:
            self._states[before] -= 1
            self._states[photo.state] += 1
            self._touch(path)
            self.counts_changed.emit()

    def _touch(self, path: Path) -> None:
        index = self.index_of(path)
        if index.isValid():
            self.dataChanged.emit(index, index)

    def _number_rows(self, first: int = 0) -> None:
        for row in range(first, len(self._photos)):
            self._photos[row].row = row


def _pieces(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return rows, given from the last to the first, as (first, last) of those that adjoin, in the same order."""
    pieces: list[tuple[int, int]] = []
    for row in rows:
        if pieces and pieces[-1][0] == row + 1:
            pieces[-1] = (row, pieces[-1][1])
        else:
            pieces.append((row, row))
    return pieces
