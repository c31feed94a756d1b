"""Looking for photos in a thread of its own: rows stream in while folders are still being read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from desktop.photos import Photo, State
from mqwen.errors import InputError, MqwenError
from mqwen.library.scan import scan
from mqwen.library.targets import Targets

log = logging.getLogger(__name__)
Settle = Callable[[list[Photo]], None]

# A view lays out again whenever rows come, so batches grow with what is there; the first ones come at once.
_FIRST_BATCH = 50
_LARGEST_BATCH = 2000
_BATCH_SECONDS = 0.25


class FolderScan(QThread):
    """Scans paths; `found` brings Photos with the captions that stand in `targets`. Use one for each scan.

    Args:
        recursive: descend into subfolders.
        settle: called in this thread with photos as the disk shows them, to add what else is known.
    """

    # Each says which scan it is from: what an abandoned one had sent may still be on its way.
    found = Signal(object, object)  # self, list[Photo]
    folder_failed = Signal(object, object, str)  # self, path, reason
    done = Signal(object)  # self

    def __init__(
        self,
        paths: Sequence[Path],
        targets: Targets,
        parent: QObject | None = None,
        *,
        recursive: bool = True,
        settle: Settle | None = None,
    ) -> None:
        super().__init__(parent)
        self._paths = tuple(paths)
        self._targets = targets
        self._recursive = recursive
        self._settle = settle

    def abandon(self) -> None:
        """End after the photo at hand, without waiting for it: a slow disk may take its time."""
        self.requestInterruption()
        self.finished.connect(self.deleteLater)
        if self.isFinished():
            self.deleteLater()

    def stop(self) -> None:
        """End after the photo at hand, and wait for that."""
        self.requestInterruption()
        self.wait()

    def run(self) -> None:
        try:
            self._scan()
            if not self.isInterruptionRequested():
                self.done.emit(self)
        except Exception as error:  # Qt would only print it, and the list would just be short
            log.exception("the scan stopped")
            self.folder_failed.emit(self, self._paths[0], f"{type(error).__name__}: {error}")
            self.done.emit(self)

    def _scan(self) -> None:
        """Read folders, and captions with them; they are only read here, so there is nothing to close."""
        batch: list[Photo] = []
        sent, since = 0, time.monotonic()
        for number, path in enumerate(scan(self._paths, recursive=self._recursive, on_error=self._tell)):
            if self.isInterruptionRequested():
                return
            batch.append(look(path, number, self._targets))
            enough = min(_LARGEST_BATCH, max(_FIRST_BATCH, sent // 2))
            if len(batch) >= enough or time.monotonic() - since > _BATCH_SECONDS:
                self._send(batch)
                sent, since, batch = sent + len(batch), time.monotonic(), []
        if batch:
            self._send(batch)

    def _send(self, batch: list[Photo]) -> None:
        if self._settle is not None:
            self._settle(batch)
        self.found.emit(self, batch)

    def _tell(self, error: MqwenError) -> None:
        self.folder_failed.emit(self, error.path, reason_of(error))


def reason_of(error: MqwenError) -> str:
    """Return an error as a clause for a list that names the file beside it."""
    return f"{error.what}. {error.hint}" if error.hint else error.what


def look(path: Path, number: int, targets: Targets) -> Photo:
    """Return a photo as the disk shows it."""
    photo = Photo(path, number)
    try:
        photo.modified = path.stat().st_mtime
    except (OSError, ValueError):
        photo.modified = 0.0  # gone, or never there: reading it will say so
    try:
        text = targets.text(path)
    except InputError as error:
        photo.state, photo.reason = State.FAILED, str(error)
        return photo
    if text:
        photo.caption, photo.state = text, State.CAPTIONED
    return photo
