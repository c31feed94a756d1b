"""When photos were taken: read from the files when it is asked for, and remembered while the window is open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from desktop.photo import Photo


def _read_date(path: Path) -> datetime | None:
    from mqwen.library.image import taken_at  # Pillow and numpy: not before they are needed

    return taken_at(path)


class TakenDates:
    """Dates by path; a file that has changed is read again. The file's own date stands in for one that is missing."""

    def __init__(self, read: Callable[[Path], datetime | None] = _read_date) -> None:
        self._read = read
        self._known: dict[Path, tuple[float, datetime | None]] = {}

    def of(self, photo: Photo) -> datetime | None:
        """Return when a photo was taken; None for a file that is gone."""
        known = self._known.get(photo.path)
        if known is None or known[0] != photo.modified:
            known = (photo.modified, self._read(photo.path) or _date(photo.modified))
            self._known[photo.path] = known
        return known[1]


def _date(modified: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(modified) if modified else None
    except (ValueError, OverflowError, OSError):
        return None
