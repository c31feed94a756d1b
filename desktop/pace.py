"""How fast a run goes, and how long it will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

# The last so many seconds tell the pace: long enough not to flicker, short enough to follow a change.
WINDOW_SECONDS = 30.0


class Pace:
    """Counts photos and gives images per second over the last half minute.

    Args:
        total: photos that the run comes to.
        to_do: how many of them need the model, as far as is known; None means all.
    """

    def __init__(self, total: int, to_do: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.done = 0
        self._to_do = total if to_do is None else to_do
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._worked = 0
        self._paused_at: float | None = None

    def count(self, *, worked: bool) -> None:
        """Count a photo as done; one that was only skipped tells nothing about the pace (`worked` false)."""
        self.done += 1
        now = self._clock()
        if not worked:
            return
        self._worked += 1
        self._marks.append((now, self._worked))
        while len(self._marks) > 2 and now - self._marks[1][0] > WINDOW_SECONDS:
            self._marks.popleft()

    def pause(self) -> None:
        """The run rests: until resume() time does not count."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        if self._paused_at is None:
            return
        rested, self._paused_at = self._clock() - self._paused_at, None
        self._marks = deque((at + rested, worked) for at, worked in self._marks)

    def per_second(self) -> float | None:
        """Return images per second; None before the first."""
        (begin, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - begin) if end > begin and last > first else None

    def seconds_left(self) -> float | None:
        """Return the seconds that the rest will take; None before the first."""
        speed = self.per_second()
        rest = min(self.total - self.done, max(0, self._to_do - self._worked))
        return None if speed is None else rest / speed
