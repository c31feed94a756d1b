"""Ctrl+C in the terminal and SIGTERM, brought to the event loop."""

from __future__ import annotations

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class SignalWatch(QObject):
    """Emits `arrived` in the GUI thread when the process is asked to end.

    Python runs its signal handlers between bytecodes, which a Qt event loop at rest never reaches; the byte that
    Python writes into a socket for every signal wakes it.
    """

    arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno())
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _nothing)

    def _wake(self) -> None:
        if self._read.recv(64):
            self.arrived.emit()


def _nothing(number: int, frame: FrameType | None) -> None:
    """The byte in the socket says it all."""
