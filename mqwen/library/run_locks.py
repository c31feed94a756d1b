"""Which runs are being made at this moment: each holds a lock on a small file beside the catalog, which the system
takes away when its process ends, however it ends."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from mqwen.library.journal_lock import BusyError, hold


class RunLocks:
    """The locks of one catalog; thread-safe."""

    def __init__(self, catalog: Path) -> None:
        self._catalog = catalog
        self._held: dict[int, int] = {}
        self._lock = threading.Lock()

    def take(self, run: int) -> None:
        """Say that this process makes a run. Raises OSError where no file can be made."""
        path = self._path(run)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            hold(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        with self._lock:
            self._held[run] = descriptor

    def release(self, run: int) -> None:
        """Say that it no longer does."""
        with self._lock:
            descriptor = self._held.pop(run, None)
        if descriptor is None:
            return
        # Unlinked while it is held: nobody can find the file free and take it for a killed run's.
        with suppress(OSError):
            self._path(run).unlink(missing_ok=True)
        os.close(descriptor)
        with suppress(OSError):  # Windows deletes no file that is open
            self._path(run).unlink(missing_ok=True)

    def release_all(self) -> None:
        """Say that this process makes none."""
        for run in list(self._held):
            self.release(run)

    def is_held(self, run: int) -> bool:
        """Say whether any process, this one included, makes this run now."""
        with self._lock:
            if run in self._held:
                return True
        path = self._path(run)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError:
            return False
        try:
            hold(descriptor, path)
        except BusyError:
            return True
        finally:
            os.close(descriptor)
        with suppress(OSError):
            path.unlink()
        return False

    def _path(self, run: int) -> Path:
        return self._catalog.with_name(f"{self._catalog.name}.run-{run}.lock")
