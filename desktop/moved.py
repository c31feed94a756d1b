"""Photos that were renamed or moved since the catalog saw them: found again after a scan, with what it knows."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from desktop.quiet import rest_while_quiet
from mqwen.errors import ImageError, MqwenError
from mqwen.library import conditions, records

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

log = logging.getLogger(__name__)
_AT_ONCE = 500


class MovedSearch(QThread):
    """Looks for them once; `found` brings each with what the catalog knows. Use one for each scan."""

    found = Signal(object, object)  # self, records.Photo

    def __init__(
        self,
        folders: Sequence[Path],
        listed: Sequence[Path],
        catalog: Callable[[], Catalog],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._listed = listed
        self._catalog = catalog

    def run(self) -> None:
        try:
            for photo in moved(self._folders, self._listed, self._catalog(), self.isInterruptionRequested):
                self.found.emit(self, photo)
        except MqwenError as error:  # the list does without
            log.warning("moved photos are not looked for: %s", error)
        except Exception:  # Qt would only print it
            log.exception("the search for moved photos stopped")


def moved(
    folders: Sequence[Path], listed: Iterable[Path], catalog: Catalog, stopped: Callable[[], bool] = lambda: False
) -> Iterator[records.Photo]:
    """Yield what the catalog knows of listed photos that it had seen under another name in these folders.

    Only a file as large and as old as one that is missing is read: new photos cost a look at their size, no more.
    """
    known = set().union(*(catalog.paths(conditions.under(folder)) for folder in folders))
    new = [path for path in listed if path not in known]
    missing = list(known.difference(listed)) if new else []
    stamps = set()
    for start in range(0, len(missing), _AT_ONCE):
        if stopped():
            return
        for photo in catalog.find(conditions.at(missing[start : start + _AT_ONCE]), order="id"):
            stamps.add((photo.size, photo.mtime_ns))
    for path in new if stamps else ():
        if stopped():
            return
        rest_while_quiet()
        try:
            stat = os.stat(path)
            if (stat.st_size, stat.st_mtime_ns) in stamps:
                yield catalog.observe(path, stat)
        except (OSError, ImageError):  # gone, or no picture: its own reader says so
            continue
