"""What is open: folders and files, and the scan that lists their photos."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from desktop.known import settle, settle_all
from desktop.moved import MovedSearch
from desktop.photos import Photo, PhotoModel, State
from desktop.quiet import quiet
from desktop.scanning import FolderScan
from desktop.sidecars import places
from mqwen.errors import MqwenError
from mqwen.library import records

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

log = logging.getLogger(__name__)


class Sources(QObject):
    """Keeps a PhotoModel filled with the photos of the paths that are open; one scan at a time.

    Args:
        catalog: gives the catalog, which is asked for the photos' states; it is called in the scan's thread.

    Attributes:
        paths: what is open.
        recursive: whether scans descend into subfolders.
    """

    failed = Signal(object, str)  # path, reason: a folder or a sidecar that cannot be read
    recovered = Signal(list)  # paths: found well
    finished = Signal()  # the last photo has come
    opened = Signal(object)  # tuple[Path, ...]: what is open now

    def __init__(
        self, photos: PhotoModel, parent: QObject | None = None, *, catalog: Callable[[], Catalog] | None = None
    ) -> None:
        super().__init__(parent)
        self._photos = photos
        self._catalog = catalog
        self._scan: FolderScan | None = None
        self.paths: tuple[Path, ...] = ()
        self.recursive = True
        self._spared = 0

    def open(self, paths: Sequence[Path], write: Sequence[str]) -> None:
        """List the photos of other paths; `write` says whose captions are looked at first, see desktop.sidecars."""
        self.paths = tuple(path.absolute() for path in paths)
        self.reload(write)
        self.opened.emit(self.paths)

    def reload(self, write: Sequence[str]) -> None:
        """Look at the disk again."""
        if self._scan is not None:
            self._scan.abandon()
        self._photos.begin_scan()
        self._spared = 0
        targets = places(self.paths, write)
        self._scan = FolderScan(self.paths, targets, self, recursive=self.recursive, settle=self._settle)
        self._scan.found.connect(self._found)
        self._scan.folder_failed.connect(self._folder_failed)
        self._scan.done.connect(self._done)
        self._scan.start()

    def close(self) -> None:
        """End all scans, and wait for them."""
        for scan in self.findChildren(FolderScan):
            scan.stop()
        for search in self.findChildren(MovedSearch):
            search.requestInterruption()
            search.wait()

    def _settle(self, photos: list[Photo]) -> None:
        """Add what the catalog knows; the list does without where it cannot be read."""
        if self._catalog is None:
            return
        try:
            settle_all(photos, self._catalog())
        except MqwenError as error:
            log.warning("states of photos are not known: %s", error)

    @Slot(object, object)
    def _found(self, scan: FolderScan, photos: list[Photo]) -> None:
        if scan is not self._scan:
            return
        with quiet():
            self._take(photos)

    def _take(self, photos: list[Photo]) -> None:
        self._photos.add(photos)
        self._spare_the_collector()
        well: list[Path] = []
        for photo in photos:
            listed = self._photos.photo(photo.path)
            if photo.state is State.FAILED:
                self.failed.emit(photo.path, photo.reason)
            elif listed is not None and listed.state is not State.FAILED:
                well.append(photo.path)
        self.recovered.emit(well)

    def _spare_the_collector(self) -> None:
        """Keep Python's garbage collector from going through all photos again and again: 50 ms for 100,000.

        They hold no cycles, so they are freed without it. Nothing else that is frozen with them is large.
        """
        if self._photos.total() > 2 * self._spared + 1000:
            self._spared = self._photos.total()
            gc.freeze()

    @Slot(object, object, str)
    def _folder_failed(self, scan: FolderScan, folder: Path, reason: str) -> None:
        if scan is self._scan:
            self.failed.emit(folder, reason)

    @Slot(object)
    def _done(self, scan: FolderScan) -> None:
        if scan is self._scan:
            self._photos.end_scan()
            self._look_for_moved()
            self.finished.emit()

    def _look_for_moved(self) -> None:
        for search in self.findChildren(MovedSearch):
            search.requestInterruption()
        folders = [path for path in self.paths if path.is_dir()]
        if self._catalog is None or not folders:
            return
        listed = [photo.path for photo in self._photos.listed()]
        search = MovedSearch(folders, listed, self._catalog, self)
        search.found.connect(self._found_again)
        search.finished.connect(search.deleteLater)
        search.start()

    @Slot(object, object)
    def _found_again(self, search: MovedSearch, known: records.Photo) -> None:
        photo = self._photos.photo(known.path)
        if photo is not None:
            again = replace(photo)
            settle(again, known)
            self._photos.refresh(again, photo.changes)
