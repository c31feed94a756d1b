"""The photos in the window: a list model whose truth is keyed by path. Rows are only where a photo happens to stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, Qt, Signal

from desktop import slices
from desktop.listed import listed
from desktop.photo import Order, Photo, State, merged
from desktop.photo_rows import NO_PARENT, AnyIndex, PhotoRows

__all__ = ["NO_PARENT", "PHOTO_ROLE", "AnyIndex", "Order", "Photo", "PhotoModel", "State"]

PHOTO_ROLE = Qt.ItemDataRole.UserRole
_FEW_GAPS = 32  # rows taken out in more pieces than this are one reset: each piece renumbers all that follows


class PhotoModel(PhotoRows):
    """The photos of the list, of which those that the filter lets through have rows, in the order shown.

    Everything that arrives late (a caption, a failure, a saved edit) names its photo by path and finds the row by
    itself, so that sorting, filtering, reloading and removing at any time cannot move a caption to another photo.
    """

    edit_committed = Signal(object, str)  # path, the human's words
    photos_added = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._states: Counter[State] = Counter()
        self._running: set[Path] = set()
        # While a scan is under way: what the list knew before it, and the photos among them that were given a caption
        # since. The scan may have read their sidecars too early. Unsaved words stay beyond it, whatever is opened.
        self._scanning = False
        self._before: dict[Path, Photo] = {}
        self._landed: set[Path] = set()
        self._letting_go = slices.Slices(self)
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
            return listed(parts)
        return None

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

    # The list itself.

    def begin_scan(self) -> None:
        """Empty the list for what a scan will add; what this session knows of its photos comes back with them."""
        self._arranging.stop()
        self._late, self._leaving = [], []
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
            self._all[photo.path] = photo
            self._states[photo.state] += 1
        shown = [photo for photo in fresh if self._passes(photo)]
        if shown:
            first = len(self._photos)
            self.beginInsertRows(QModelIndex(), first, first + len(shown) - 1)
            self._photos += shown
            if self._arranging.active():
                self._late += shown
            self._number_rows(first)
            self.endInsertRows()
        self.photos_added.emit()
        self.counts_changed.emit()

    def scanning(self) -> bool:
        return self._scanning

    def end_scan(self) -> None:
        """The last photo has come: sort, and forget photos that are gone from disk."""
        self._scanning = False
        before = self._before
        self._before = {path: photo for path, photo in before.items() if photo.unsaved}
        self._letting_go.start(_let_go(before))
        if self._order is not Order.NAME:
            self.sort_by(self._order)

    def remove(self, paths: Sequence[Path]) -> None:
        """Take photos from the list; nothing happens to the files, and unsaved words are kept."""
        if len(paths) > slices.SLICE:
            self._leaving += paths
            self._arrange()
            return
        gone = self._take_out(paths)
        pieces = _pieces(sorted((row for photo in gone if (row := self.row_of(photo)) >= 0), reverse=True))
        if len(pieces) > _FEW_GAPS or self._arranging.active():
            self._arrange()
        else:
            for first, last in pieces:
                self.beginRemoveRows(QModelIndex(), first, last)
                del self._photos[first : last + 1]
                self._number_rows(first)
                self.endRemoveRows()
        self.counts_changed.emit()

    def _take_out(self, paths: Iterable[Path]) -> list[Photo]:
        gone = [photo for path in paths if (photo := self._all.pop(path, None))]
        for photo in gone:
            self._states[photo.state] -= 1
            if photo.unsaved:
                self._before[photo.path] = photo
        return gone

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


def _let_go(photos: dict[Path, Photo]) -> Iterator[None]:
    """Free photos in slices: 100,000 at once hold up the window."""
    while photos:
        for _ in range(min(slices.SLICE, len(photos))):
            photos.popitem()
        yield


def _pieces(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return rows, given from the last to the first, as (first, last) of those that adjoin, in the same order."""
    pieces: list[tuple[int, int]] = []
    for row in rows:
        if pieces and pieces[-1][0] == row + 1:
            pieces[-1] = (row, pieces[-1][1])
        else:
            pieces.append((row, row))
    return pieces
