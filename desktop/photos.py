"""The photos in the window: a list model whose truth is keyed by path. Rows are only where a photo happens to stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
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

AnyIndex = QModelIndex | QPersistentModelIndex
PHOTO_ROLE = Qt.ItemDataRole.UserRole
NO_PARENT = QModelIndex()


class State(Enum):
    NEW = "new"
    CAPTIONED = "captioned"
    EDITED = "edited"
    FAILED = "failed"
    RUNNING = "running"


class Order(Enum):
    """How the grid is sorted."""

    NAME = "name"
    NEWEST = "newest"
    STATE = "state"


@dataclass(slots=True)
class Photo:
    """One photo of the list.

    Attributes:
        path: absolute; the photo's identity.
        number: its place in the scan, which is natural order.
        modified: the file's mtime, seconds since the epoch.
        caption: the text shown, "" without one.
        state: what is known about the caption; never RUNNING, which the model tells by its own set.
        reason: why it failed, a clause for people.
        unsaved: the caption is a human's words that the disk has refused so far.
    """

    path: Path
    number: int = 0
    modified: float = 0.0
    caption: str = ""
    state: State = State.NEW
    reason: str = ""
    unsaved: bool = False


_STATE_ORDER = {state: place for place, state in enumerate((State.FAILED, State.NEW, State.EDITED, State.CAPTIONED))}
_SORT_KEYS: dict[Order, Callable[[Photo], Any]] = {
    Order.NAME: lambda photo: photo.number,
    Order.NEWEST: lambda photo: (-photo.modified, photo.number),
    Order.STATE: lambda photo: (_STATE_ORDER[photo.state], photo.number),
}


class PhotoModel(QAbstractListModel):
    """The photos in the order shown.

    Everything that arrives late (a caption, a failure, a saved edit) names its photo by path and finds the row by
    itself, so that sorting, reloading and removing at any time cannot move a caption to another photo.
    """

    edit_committed = Signal(object, str)  # path, the human's words
    counts_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._photos: list[Photo] = []
        self._rows: dict[Path, int] = {}
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
            State.FAILED: self.tr("failed"),
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
        row = self._rows.get(path)
        return None if row is None else self._photos[row]

    def index_of(self, path: Path) -> QModelIndex:
        """Return where a photo stands now; an invalid index for one that is not in the list."""
        row = self._rows.get(path)
        return QModelIndex() if row is None else self.index(row)

    def paths(self) -> list[Path]:
        """Return all photos in the order shown."""
        return [photo.path for photo in self._photos]

    def state(self, photo: Photo) -> State:
        return State.RUNNING if photo.path in self._running else photo.state

    def count(self, *states: State) -> int:
        return sum(photo.state in states for photo in self._photos)

    # The list itself.

    def begin_scan(self) -> None:
        """Empty the list for what a scan will add; what this session knows of its photos comes back with them."""
        self.beginResetModel()
        self._before.update({photo.path: photo for photo in self._photos})
        self._photos, self._rows = [], {}
        self._landed = set()
        self._scanning = True
        self.endResetModel()
        self.counts_changed.emit()

    def add(self, photos: Iterable[Photo]) -> None:
        """Append photos that a scan found; those already in the list are left alone."""
        fresh = list({photo.path: photo for photo in photos if photo.path not in self._rows}.values())
        if not fresh:
            return
        first = len(self._photos)
        self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
        for row, photo in enumerate(fresh, first):
            known = self._before.pop(photo.path, None)
            self._photos.append(_merged(photo, known, photo.path in self._landed) if known else photo)
            self._rows[photo.path] = row
        self.endInsertRows()
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
        paths = set(paths)
        self._before.update({photo.path: photo for photo in map(self.photo, paths) if photo and photo.unsaved})
        rows = sorted((self._rows[path] for path in paths if path in self._rows), reverse=True)
        while rows:
            last = first = rows.pop(0)
            while rows and rows[0] == first - 1:
                first = rows.pop(0)
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._photos[first : last + 1]
            self._number_rows()
            self.endRemoveRows()
        self.counts_changed.emit()

    def sort_by(self, order: Order) -> None:
        self._order = order
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        paths = [self._photos[index.row()].path for index in old]
        self._photos.sort(key=_SORT_KEYS[order])
        self._number_rows()
        self.changePersistentIndexList(old, [self.index(self._rows[path]) for path in paths])
        self.layoutChanged.emit()

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

    def set_failed(self, path: Path, reason: str) -> None:
        """Mark a photo as failed; the caption it has stays."""
        self._set(path, state=State.FAILED, reason=reason)

    def set_unsaved(self, path: Path, caption: str, reason: str) -> None:
        """Keep a human's words that could not be written."""
        self._set(path, caption=caption, state=State.FAILED, reason=reason, unsaved=True)

    def unsaved(self) -> list[Photo]:
        """Return the photos with words that the disk has refused, those that are no longer listed too."""
        return [photo for photo in (*self._photos, *self._before.values()) if photo.unsaved]

    def _set(self, path: Path, **values: Any) -> None:
        photo = self.photo(path)
        if photo is None and self._scanning:
            photo = self._before.setdefault(path, Photo(path))
            self._landed.add(path)
        photo = photo or self._before.get(path)
        if photo is None:
            return
        for name, value in values.items():
            setattr(photo, name, value)
        if path in self._rows:
            self._touch(path)
            self.counts_changed.emit()

    def _touch(self, path: Path) -> None:
        index = self.index_of(path)
        if index.isValid():
            self.dataChanged.emit(index, index)

    def _number_rows(self) -> None:
        self._rows = {photo.path: row for row, photo in enumerate(self._photos)}


def _merged(found: Photo, known: Photo, landed: bool) -> Photo:
    """Return what a reload shows: the disk's caption, with what only this session knows (who wrote it, what failed)."""
    if landed and known.state is State.FAILED and not known.caption:
        return replace(found, state=State.FAILED, reason=known.reason)  # a failure says nothing about the text
    if landed or known.unsaved or (known.state is State.FAILED and not found.caption):
        return replace(known, number=found.number, modified=found.modified)
    if known.state is State.EDITED and known.caption == found.caption:
        return replace(found, state=State.EDITED)
    return found
