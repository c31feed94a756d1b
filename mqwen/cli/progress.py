"""How far a run is: a bar on a terminal, a plain line now and then in a pipe; always on stderr."""

from __future__ import annotations

import shutil
import sys
import time

_BAR_EVERY_S = 0.1
_LINE_EVERY_S = 10.0


class Progress:
    """Counts pictures and shows count, images per second and the time left.

    Args:
        total: pictures that the run will come to.
        to_do: how many of them need the model; the time left is told by these.
    """

    def __init__(self, total: int, to_do: int) -> None:
        self._total = total
        self._to_do = to_do
        self._seen = 0
        self._done = 0
        self._terminal = sys.stderr.isatty()
        self._start = time.monotonic()
        self._shown_at = self._start if not self._terminal else 0.0
        self._bar = False

    def advance(self, *, by_model: bool) -> None:
        """Count one picture; by_model: it took the model's time, so it counts for the speed."""
        self._seen += 1
        self._done += by_model
        now = time.monotonic()
        if now - self._shown_at >= (_BAR_EVERY_S if self._terminal else _LINE_EVERY_S):
            self._shown_at = now
            self._show()

    def say(self, text: str, *, stdout: bool = False) -> None:
        """Print a line without disturbing the bar, on stderr or on stdout."""
        self._clear()
        print(text, file=sys.stdout if stdout else sys.stderr, flush=True)
        if self._terminal and self._shown_at:
            self._show()

    def close(self) -> None:
        """Show the last state for good."""
        self._clear()
        print(self.describe(), file=sys.stderr, flush=True)

    def describe(self) -> str:
        """Return e.g. "120/2000 pictures, 6.2 images/s, 5 min left"."""
        parts = [f"{self._seen}/{self._total} pictures"]
        seconds = time.monotonic() - self._start
        if self._done and seconds > 0:
            parts.append(f"{self._done / seconds:.1f} images/s")
            if self._done < self._to_do and self._seen < self._total:
                parts.append(f"{duration((self._to_do - self._done) * seconds / self._done)} left")
        return ", ".join(parts)

    def _show(self) -> None:
        if not self._terminal:
            print(self.describe(), file=sys.stderr, flush=True)
            return
        columns = shutil.get_terminal_size().columns
        text = self.describe()
        width = max(0, min(30, columns - len(text) - 4))
        filled = width * self._seen // max(1, self._total)
        bar = f"[{'#' * filled}{'.' * (width - filled)}] " if width >= 5 else ""
        # No longer than the line: a wrapped bar could not be erased.
        print("\r\x1b[K" + (bar + text)[: columns - 1], end="", file=sys.stderr, flush=True)
        self._bar = True

    def _clear(self) -> None:
        if self._bar:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._bar = False


def duration(seconds: float) -> str:
    """Return a length of time as people say it: "40 s", "5 min", "2 h 10 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
