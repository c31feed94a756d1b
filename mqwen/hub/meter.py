"""How far a download is, and how fast: what a command line or a window shows of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mqwen.hub.transfer import RemoteFile

_TELL_EVERY_S = 0.1
_SPEED_OVER_S = 10.0

Phase: TypeAlias = Literal["downloading", "checking", "waiting"]


@dataclass(frozen=True)
class DownloadState:
    """How far a download is, told about ten times a second.

    Attributes:
        phase: `waiting` is a pause between two tries; `checking` is the hash of a file.
        file: the file that it is about.
        done, total: bytes of all files.
        speed: bytes per second over the last ten seconds, 0 where nothing is known yet.
        note: why it waits.
    """

    phase: Phase
    file: str
    done: int
    total: int
    speed: float
    note: str = ""

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.speed if self.speed > 0 else None


Progress = Callable[[DownloadState], None]


class Meter:
    """Adds the files up and tells the progress, not too often."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._before = 0  # bytes of the files before this one
        self._seen: deque[tuple[float, int]] = deque()
        self._told_at = 0.0

    def file_done(self, file: RemoteFile) -> None:
        """Count a file as complete, whether it came just now or was here before."""
        self._before += file.size
        self._seen.clear()

    def tell(self, phase: Phase, file: RemoteFile, have: int, note: str = "") -> None:
        """Say that `have` bytes of a file are here."""
        now = time.monotonic()
        done = self._before + have
        if self._progress is None or (phase == "downloading" and now - self._told_at < _TELL_EVERY_S):
            return
        self._told_at = now
        if phase != "downloading" or (self._seen and done < self._seen[-1][1]):
            self._seen.clear()  # a pause, or a file begun anew, is no speed
        else:
            self._seen.append((now, done))
            while now - self._seen[0][0] > _SPEED_OVER_S:
                self._seen.popleft()
        first = self._seen[0] if self._seen else (now, done)
        speed = (done - first[1]) / (now - first[0]) if now - first[0] > 0.5 else 0.0
        self._progress(DownloadState(phase, file.name, done, self._total, speed, note))
