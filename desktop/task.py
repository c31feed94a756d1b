"""A piece of slow work in a thread of its own: its progress, its result or its error arrive as signals."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from desktop.reasons import unexpected
from mqwen.errors import Cancelled, MqwenError

log = logging.getLogger(__name__)
_STACK_BYTES = 16 << 20  # macOS gives threads 512 KB, too little for torch


class Task(QThread):
    """Calls `work(task)` once; exactly one of `done`, `failed` and `cancelled` follows.

    The work may call tell() as often as it likes and should end with Cancelled soon after stopping() is true.
    """

    progressed = Signal(object)
    done = Signal(object)
    failed = Signal(object)  # MqwenError
    cancelled = Signal()

    def __init__(self, work: Callable[[Task], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._stop = threading.Event()
        self.setStackSize(_STACK_BYTES)

    def run(self) -> None:
        try:
            result = self._work(self)
        except Cancelled:
            self.cancelled.emit()
        except MqwenError as error:
            self.failed.emit(error)
        except Exception as error:  # Qt would only print it, and the window would wait for ever
            log.exception("a task stopped")
            self.failed.emit(MqwenError(unexpected(error)))
        else:
            self.done.emit(result)

    def tell(self, progress: object) -> None:
        self.progressed.emit(progress)

    def stop(self) -> None:
        """Ask the work to end; returns at once."""
        self._stop.set()

    def stopping(self) -> bool:
        return self._stop.is_set()

    def check(self) -> None:
        """Raise Cancelled if the work is to end."""
        if self.stopping():
            raise Cancelled("stopped")
