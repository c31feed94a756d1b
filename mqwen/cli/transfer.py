"""How far a download, an import or an export is: a bar on a terminal, a line now and then in a pipe; on stderr."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mqwen.cli.progress import duration

if TYPE_CHECKING:
    from mqwen.hub.meter import DownloadState

_BAR_EVERY_S = 0.1
_LINE_EVERY_S = 10.0


def say(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def size(count: float) -> str:
    """Return a number of bytes as people read it: "840 kB", "12.3 MB", "8.53 GB"."""
    for unit, factor, digits in (("GB", 1e9, 2), ("MB", 1e6, 1)):
        if count >= factor:
            return f"{count / factor:.{digits}f} {unit}"
    return f"{count / 1e3:.0f} kB"


def byte_lines(done_verb: str) -> Callable[[int, int], None]:
    """Return a function that shows bytes done and bytes in all, and the time left."""
    line = Line()
    start = time.monotonic()

    def show(done: int, total: int) -> None:
        seconds = time.monotonic() - start
        left = f", {duration(seconds * (total - done) / done)} left" if 0 < done < total and seconds > 2 else ""
        line.show(f"{size(done)} of {size(total)} {done_verb}{left}", done / max(1, total))
        if done == total:
            line.close()

    return show


def describe(state: DownloadState) -> str:
    """Return e.g. "1.20 of 8.53 GB, 14 %, 12.3 MB/s, 10 min left"."""
    if state.phase == "waiting":
        return f"{size(state.done)} are here: {state.note}"
    if state.phase == "checking":
        return f"{size(state.done)} of {size(state.total)}, checking {state.file}"
    parts = [f"{size(state.done)} of {size(state.total)}", f"{100 * state.done // max(1, state.total)} %"]
    if state.seconds_left is not None:
        parts += [f"{size(state.speed)}/s", f"{duration(state.seconds_left)} left"]
    return ", ".join(parts)


class Line:
    """One line that is written over on a terminal, and now and then written anew elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown_at = 0.0 if self._terminal else time.monotonic()
        self._text = ""
        self._open = False

    def show(self, text: str, share: float, *, at_once: bool = False) -> None:
        """Show a text, with a bar that is filled to `share`; not more often than it can be read, unless at once."""
        self._text = text
        now = time.monotonic()
        if not at_once and now - self._shown_at < (_BAR_EVERY_S if self._terminal else _LINE_EVERY_S):
            return
        self._shown_at = now
        if not self._terminal:
            say(text)
            self._text = ""
            return
        columns = shutil.get_terminal_size().columns
        width = max(0, min(30, columns - len(text) - 4))
        filled = round(width * min(1.0, share))
        bar = f"[{'#' * filled}{'.' * (width - filled)}] " if width >= 5 else ""
        print("\r\x1b[K" + (bar + text)[: columns - 1], end="", file=sys.stderr, flush=True)
        self._open = True

    def close(self) -> None:
        """Leave the last text for good."""
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr)
            self._open = False
        if self._text:
            say(self._text)
            self._text = ""
