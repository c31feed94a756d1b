"""What other processes change in the catalog while its photos are open here, a run of the command line say."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from desktop.known import is_shown, settle_all
from desktop.photo import Photo
from desktop.scanning import look
from desktop.sidecars import places
from mqwen.errors import MqwenError
from mqwen.library import records

if TYPE_CHECKING:
    from desktop.window import MainWindow

log = logging.getLogger(__name__)

EVERY_MS = 1500
_PAUSE_MS = 20
_AT_ONCE = 100  # shown in 17 ms: more would hold up the window


class Following(QObject):
    """Asks the catalog for what changed, and looks again at those listed photos that are not shown so.

    All of it happens in one thread of its own; photos are told apart by their paths. While this window captions or
    edits it waits: what it does itself it shows itself.
    """

    _changed = Signal(list)  # records.Photo: changed since the last time
    _seen = Signal(list)  # (Photo as the disk and the catalog have it, Photo.changes when the look began)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._lane = ThreadPoolExecutor(1, "following")
        self._at_work: Future[None] | None = None
        self._more = False
        self._revision: int | None = None  # the lane's own, as the next one
        self._failing = False
        self._closed = False
        self._changed.connect(self._compare)
        self._seen.connect(self._show)
        window.sources.opened.connect(self._begin)
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.look)

    def close(self) -> None:
        """Before the window goes: stop, and wait for what is being read."""
        self._closed = True  # what Qt has already queued may still come
        self._timer.stop()
        self._lane.shutdown(cancel_futures=True)

    @Slot()
    def look(self) -> None:
        """Ask once, unless something is under way."""
        window = self._window
        idle = self._at_work is None or self._at_work.done()
        if idle and not self._closed and not window.captioning.busy() and window.editing.finish(0):
            self._at_work = self._lane.submit(self._ask)

    def _begin(self) -> None:
        if not self._closed and not self._timer.isActive():
            self._at_work = self._lane.submit(self._ask)
            self._timer.start()

    # In the lane.

    def _ask(self) -> None:
        try:
            catalog = self._window.catalog
            if self._revision is None:
                self._revision = catalog.revision()
            changed = catalog.changed_since(self._revision, _AT_ONCE)
        except Exception as error:  # the list does without; nobody asks the future
            if not self._failing:  # once, not every second
                known = isinstance(error, MqwenError)
                log.warning("what other processes change is not seen: %s", error, exc_info=not known)
            self._failing = True
            return
        self._failing = False
        if changed:
            self._revision = changed[-1].revision
            self._changed.emit(changed)

    def _look_at(self, photos: Sequence[Photo], sources: Sequence[Path], write: Sequence[str]) -> None:
        try:
            targets = places(sources, write)  # not closed: who only reads leaves what another process holds alone
            found = [(look(photo.path, photo.number, targets), photo.changes) for photo in photos]
            # Asked anew: an edit of this window may have been made, and shown, since the catalog told of the change.
            settle_all([photo for photo, _ in found], self._window.catalog)
        except Exception:  # nobody asks the future
            log.exception("changed photos are not looked at")
            return
        self._seen.emit(found)

    # In the window.

    @Slot(list)
    def _compare(self, changed: list[records.Photo]) -> None:
        photos, running = self._window.photos, self._window.photos.running()
        other = [
            replace(photo)
            for known in changed
            if (photo := photos.photo(known.path)) is not None
            and known.path not in running
            and not photo.unsaved
            and not is_shown(photo, known)
        ]
        self._more = len(changed) == _AT_ONCE
        if other and self._timer.isActive():
            write = self._window.bar.choices().write
            self._at_work = self._lane.submit(self._look_at, other, self._window.sources.paths, write)
        else:
            self._go_on()

    @Slot(list)
    def _show(self, seen: list[tuple[Photo, int]]) -> None:
        for photo, changes in seen:
            self._window.photos.refresh(photo, changes)
        self._go_on()

    def _go_on(self) -> None:
        """Ask again soon where there was more than one answer holds."""
        if self._more and self._timer.isActive():
            QTimer.singleShot(_PAUSE_MS, self, self.look)
