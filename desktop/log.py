"""The log file, and a report of every error that nobody expected: in a folder of MQwen's own, never sent anywhere."""

from __future__ import annotations

import faulthandler
import logging
import os
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO

import platformdirs
import PySide6
from PySide6.QtCore import QtMsgType, qInstallMessageHandler, qVersion

from mqwen import __version__

LOG_NAME = "mqwen.log"
_NATIVE = "crash.txt"  # written by faulthandler while the process dies
_BYTES, _OLD_FILES = 1_000_000, 2
_KEPT_REPORTS = 20
_TAIL = 200  # lines of the log in a report
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
log = logging.getLogger(__name__)


def log_folder() -> Path:
    """Return where the log is: in $MQWEN_DATA_DIR, else the system's usual place."""
    given = os.environ.get("MQWEN_DATA_DIR")
    if given:
        return Path(os.path.abspath(given)) / "logs"
    return Path(platformdirs.user_log_dir("mqwen", appauthor=False))


class Reporter:
    """Writes the log and the reports of one process; close() undoes what it installed.

    Args:
        folder: where; one that cannot be written costs the log, not the start.

    Attributes:
        left_by_crash: the report of a process that died before this one, None if none did.
        told: called in any thread with the error in one line and its report, None if that cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left_by_crash: Path | None = None
        self.told: Callable[[str, Path | None], None] = lambda error, report: None
        self._handler: logging.Handler | None = None
        self._native: IO[str] | None = None
        self._hooks = (sys.excepthook, threading.excepthook)
        self._faults_before = faulthandler.is_enabled()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._handler = RotatingFileHandler(
                folder / LOG_NAME, maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8", errors="replace"
            )
            self._collect_crash()
            self._native = open(folder / _NATIVE, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process
            faulthandler.enable(self._native)
        except OSError as error:
            log.warning("no log can be written in %s: %s", folder, error)
        if self._handler is not None:
            self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            logging.getLogger().addHandler(self._handler)
            for name in ("mqwen", "desktop"):
                logging.getLogger(name).setLevel(logging.INFO)
        self._qt_handler = qInstallMessageHandler(_log_qt)
        sys.excepthook = self._take
        threading.excepthook = lambda told: self._take(told.exc_type, told.exc_value, told.exc_traceback)
        log.info("started: %s", ", ".join(about()))

    def close(self) -> None:
        """The process ends as it should."""
        log.info("ended")
        sys.excepthook, threading.excepthook = self._hooks
        qInstallMessageHandler(self._qt_handler)
        faulthandler.disable()
        if self._faults_before and sys.__stderr__ is not None:
            with suppress(OSError, ValueError):  # no terminal behind it
                faulthandler.enable()
        if self._native is not None:
            self._native.close()
            (self.folder / _NATIVE).unlink(missing_ok=True)
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler.close()

    def write(self, what: str) -> Path | None:
        """Write a report with versions and the end of the log; return its file, None if that cannot be written."""
        stamp = datetime.now()
        path = self.folder / f"report-{stamp:%Y%m%d-%H%M%S-%f}.txt"
        tail = "".join(self.last_lines())
        text = f"{stamp:%Y-%m-%d %H:%M:%S}\n" + "\n".join(about()) + f"\n\n{what}\n\nThe end of the log:\n{tail}"
        try:
            path.write_text(text, encoding="utf-8", errors="replace")
            for old in sorted(self.folder.glob("report-*.txt"))[:-_KEPT_REPORTS]:
                old.unlink(missing_ok=True)
        except OSError:
            return None
        return path

    def _take(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """Note an error that nobody caught; the window stays."""
        if issubclass(kind, KeyboardInterrupt):
            self._hooks[0](kind, error or kind(), trace)
            return
        where = "".join(traceback.format_exception(kind, error, trace))
        log.error("not expected:\n%s", where)
        self.told(f"{kind.__name__}: {error}", self.write(where))

    def _collect_crash(self) -> None:
        """Make a report of what faulthandler left when the last process died."""
        native = self.folder / _NATIVE
        with suppress(OSError):
            what = native.read_text(encoding="utf-8", errors="replace")
            if what.strip():
                self.left_by_crash = self.write(f"The process died:\n{what}")

    def last_lines(self) -> list[str]:
        """Return the end of the log."""
        try:
            with (self.folder / LOG_NAME).open(encoding="utf-8", errors="replace") as lines:
                return list(lines)[-_TAIL:]
        except OSError:
            return []


def about() -> list[str]:
    """Return what a report says of program and machine: no names, no photos."""
    found = [
        f"MQwen {__version__}",
        f"Python {platform.python_version()}",
        f"Qt {qVersion()}, PySide6 {PySide6.__version__}",
        platform.platform(),
    ]
    torch = sys.modules.get("torch")
    return [*found, f"torch {torch.__version__}"] if torch is not None else found


def _log_qt(kind: QtMsgType, context: object, text: str) -> None:
    category = getattr(context, "category", None) or "default"
    logging.getLogger(f"qt.{category}").log(_LEVELS.get(kind, logging.WARNING), "%s", text)
