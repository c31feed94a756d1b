"""Looking for photos in a thread of its own: rows stream in while folders are still being read."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.ending_thread import EndingThread
from desktop.photos import Photo, State
from desktop.quiet import rest_while_quiet
from desktop.reasons import reason_of, unexpected
from mqwen.errors import InputError, MqwenError
from mqwen.library.image_faults import unreadable
from mqwen.library.metadata_jsonl import JOURNAL, NAME
from mqwen.library.scan import is_photo_name, scan
from mqwen.library.sidecar import fold
from mqwen.library.targets import Targets

log = logging.getLogger(__name__)
Settle = Callable[[list[Photo]], None]

# A view lays out again whenever rows come, so batches grow with what is there; the first ones come at once.
_FIRST_BATCH = 50
_LARGEST_BATCH = 1000
_BATCH_SECONDS = 0.25
_SUFFIXES = {"txt": ".txt", "caption": ".caption", "jsonl": ".jsonl", "xmp": ".xmp"}


class FolderScan(EndingThread):
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

    def run(self) -> None:
        try:
            self._scan()
            if not self.isInterruptionRequested():
                self.done.emit(self)
        except Exception as error:  # Qt would only print it, and the list would just be short
            log.exception("the scan stopped")
            self.folder_failed.emit(self, self._paths[0], unexpected(error))
            self.done.emit(self)

    def _scan(self) -> None:
        """Read folders, and captions with them; they are only read here, so there is nothing to close."""
        batch: list[Photo] = []
        sent, since = 0, time.monotonic()
        there = self._there()
        beside = _Beside(self._targets)
        for number, path in enumerate(scan(there, recursive=self._recursive, on_error=self._tell)):
            if self.isInterruptionRequested():
                return
            rest_while_quiet()
            batch.append(look(path, number, self._targets if beside.may_hold(path) else None))
            enough = min(_LARGEST_BATCH, max(_FIRST_BATCH, sent // 2))
            if len(batch) >= enough or time.monotonic() - since > _BATCH_SECONDS:
                self._send(batch)
                sent, since, batch = sent + len(batch), time.monotonic(), []
        if batch:
            self._send(batch)

    def _there(self) -> list[Path]:
        """Return the given paths that exist; the others are told, for a folder that is gone is no photo."""
        found = []
        for path in self._paths:
            try:
                path.lstat()
                found.append(path)
            except (OSError, ValueError) as error:
                self._tell(unreadable(error, path))
        return found

    def _send(self, batch: list[Photo]) -> None:
        if self._settle is not None:
            self._settle(batch)
        self.found.emit(self, batch)

    def _tell(self, error: MqwenError) -> None:
        self.folder_failed.emit(self, error.path, reason_of(error))


class _Beside:
    """Says from the listing of a folder whether anything may stand in it about a photo, so that thousands of photos
    without captions are not asked for three files each."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._suffixes = tuple(_SUFFIXES[name] for name in targets.names if name in _SUFFIXES)
        self._knows_all = len(self._suffixes) == len(targets.names)
        self._folder = ""
        self._named: set[str] = set()
        self._table = False

    def may_hold(self, path: Path) -> bool:
        if not self._knows_all or not is_photo_name(path.name):
            return True  # what is embedded is seen in the photo only; other names have other sidecars
        folder = os.path.dirname(path)
        if folder != self._folder:
            self._read(folder, path)
        return self._table or fold(path.stem) in self._named or fold(path.name) in self._named

    def _read(self, folder: str, path: Path) -> None:
        self._folder, self._named = folder, set()
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if entry.name.lower().endswith(self._suffixes)]
        except OSError:
            self._table = True  # it cannot be listed: ask for each file
            return
        self._named = {fold(os.path.splitext(name)[0]) for name in names}
        table = self._targets.table_folder(path)
        self._table = "jsonl" in self._targets.names and any((table / name).exists() for name in (NAME, JOURNAL))


def look(path: Path, number: int, targets: Targets | None) -> Photo:
    """Return a photo as the disk shows it; without targets, as one beside which nothing stands."""
    photo = Photo(path, number)
    try:
        photo.modified = path.stat().st_mtime
    except (OSError, ValueError):
        photo.modified = 0.0  # gone, or never there: reading it will say so
    if targets is None:
        return photo
    try:
        text = targets.text(path)
    except InputError as error:
        photo.state, photo.reason = State.FAILED, reason_of(error)
        return photo
    if text:
        photo.caption, photo.state = text, State.CAPTIONED
    return photo
