"""What the next start needs to go on with a run that was killed: a small file, there as long as the run is."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mqwen.errors import MqwenError
from mqwen.library.atomic import write_atomic
from mqwen.library.data_folder import data_folder
from mqwen.library.journal_lock import BusyError, hold
from mqwen.run_settings import RunSettings

log = logging.getLogger(__name__)
_NAME = "desktop-run.json"


@dataclass(frozen=True)
class InterruptedRun:
    """A run of the window as it was started.

    Attributes:
        sources: the folders and files that were open.
        paths: the photos, in their order: with the same ones the catalog knows the run again.
        settings: with the model's name.
    """

    sources: tuple[Path, ...]
    paths: tuple[Path, ...]
    settings: RunSettings


class InterruptedRuns:
    """Keeps the note of the run that is under way. Only one window at a time writes it: the first to hold its lock."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or data_folder()) / _NAME
        self._lock: int | None = None
        self._kept = False

    def note(self, run: InterruptedRun) -> None:
        """Note a run before its first photo. What cannot be noted only cannot be resumed: the run goes on."""
        about = {
            "sources": [os.fspath(path) for path in run.sources],
            "paths": [os.fspath(path) for path in run.paths],
            "settings": asdict(run.settings),
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._take_lock():
                write_atomic(self._path, json.dumps(about).encode())
        except (OSError, MqwenError) as error:
            log.warning("the run cannot be resumed after a crash: %s", error)

    def forget(self) -> None:
        """The run has ended in good order, or nobody wants to go on with it."""
        if self._lock is None and not self._take_lock():
            return
        if not self._kept:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._release_lock()

    def keep(self, kept: bool = True) -> None:
        """Say that the run under way is stopped only because the window closes: the next start is to know of it."""
        self._kept = kept

    def exists(self) -> bool:
        return self._path.exists()

    def find(self) -> InterruptedRun | None:
        """Return the run that was killed; None without one, or where another window is making it."""
        if self._lock is not None or not self.exists() or not self._take_lock():
            return None
        try:
            about = json.loads(self._path.read_bytes())
            known = {field.name for field in fields(RunSettings)}
            settings = {name: value for name, value in about["settings"].items() if name in known}
            for name in ("write", "trigger"):
                settings[name] = tuple(settings.get(name, ()))
            sources, paths = (tuple(Path(path) for path in about[name]) for name in ("sources", "paths"))
            return InterruptedRun(sources, paths, RunSettings(**settings)) if paths else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, MqwenError) as error:
            log.warning("%s cannot be read: %s", self._path, error)
            return None
        finally:
            self._release_lock()

    def _take_lock(self) -> bool:
        if self._lock is not None:
            return True
        path = self._path.with_suffix(".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return False
        try:
            hold(descriptor, path)
        except (BusyError, OSError):
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
