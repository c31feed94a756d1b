"""Work of the window's own thread that takes too long for one go, done a little at each turn of the event loop."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer

from mqwen.library.sliced_sort import SLICE

__all__ = ["SLICE", "Slices"]


class Slices(QObject):
    """Goes on with one iterator, a step at a time. Another one takes its place."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work: Iterator[None] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)

    def start(self, work: Iterator[None]) -> None:
        """Do this work, and nothing more of what was under way."""
        self._work = work
        self._timer.start()

    def stop(self) -> None:
        """Do nothing more of it."""
        self._work = None
        self._timer.stop()

    def active(self) -> bool:
        """Say whether there is something left to do."""
        return self._work is not None

    def finish(self) -> None:
        """Do all the rest now."""
        while self._work is not None:
            self._step()

    def _step(self) -> None:
        work = self._work
        try:
            if work is not None:
                next(work)
        except StopIteration:
            if self._work is work:  # its last step may have started other work
                self.stop()
