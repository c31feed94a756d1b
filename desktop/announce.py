"""What the desktop shows of a run while the window is not looked at: progress at the dock, a word at the end."""

from __future__ import annotations

import logging
import shutil

from PySide6.QtCore import QObject, QProcess
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from desktop.dock import Dock, dock_of

log = logging.getLogger(__name__)
_SHOWN_MS = 10_000


class Announcer(QObject):
    """Shows a window's runs at the system's dock, where one is known, and in Qt's notifications everywhere."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self._dock: Dock | None = None
        self._told: int | None = None
        self._silent = False  # the dock has failed once: a run is not to be troubled by it again

    def show_progress(self, share: float) -> None:
        """Show how far the run is, from 0 to 1; the dock hears of whole percents only."""
        self._tell(min(100, max(0, round(100 * share))))

    def end_progress(self) -> None:
        """Show that there is no run (any more)."""
        self._tell(None)

    def announce(self, title: str, text: str) -> None:
        """Tell a user who is elsewhere; one who looks at the window sees it there."""
        if self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            if notifier := shutil.which("notify-send"):  # GNOME has no tray, and this
                QProcess.startDetached(notifier, ["--app-name=MQwen", "--icon=mqwen", "--", title, text])
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(QGuiApplication.windowIcon(), self)
            self._tray.messageClicked.connect(self._show_window)
        self._tray.show()  # a message needs it; it goes as soon as the user is back
        self._tray.showMessage(title, text, QGuiApplication.windowIcon(), _SHOWN_MS)
        QGuiApplication.instance().applicationStateChanged.connect(self._hide_tray)  # type: ignore[union-attr]

    def _hide_tray(self) -> None:
        if self._tray is not None and self._window.isActiveWindow():
            self._tray.hide()

    def _show_window(self) -> None:
        self._window.raise_()
        self._window.activateWindow()

    def _tell(self, percent: int | None) -> None:
        if self._told == percent or self._silent:
            return
        self._told = percent
        try:
            self._dock = self._dock or dock_of(self._window)
            if self._dock is not None:
                self._dock.show(percent)
        except Exception as error:  # ctypes raises whatever a system that is other than expected makes of it
            self._silent = True
            log.warning("the dock shows no progress: %s", error)
