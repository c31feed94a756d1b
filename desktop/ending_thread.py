"""A thread that can be told to end."""

from __future__ import annotations

from PySide6.QtCore import QThread


class EndingThread(QThread):
    """Its run() asks isInterruptionRequested() now and then, as after each photo: a slow disk may take its time."""

    def abandon(self) -> None:
        """End soon, without being waited for."""
        self.requestInterruption()
        self.finished.connect(self.deleteLater)
        if self.isFinished():
            self.deleteLater()

    def stop(self) -> None:
        """End soon, and wait for that."""
        self.requestInterruption()
        self.wait()
