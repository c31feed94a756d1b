"""What the desktop shows of a run while the window is not looked at: progress at the dock, a word at the end."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

if TYPE_CHECKING:
    from PySide6.QtDBus import QDBusMessage

_SHOWN_MS = 10_000


class Announcer(QObject):
    """Speaks Unity's launcher protocol on Linux (KDE and docks for GNOME follow it), Qt's notifications everywhere."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self._told: tuple[int, bool] | None = None

    def show_progress(self, share: float) -> None:
        """Show how far the run is, from 0 to 1; the bus hears of whole percents only."""
        self._tell(round(100 * share), visible=True)

    def end_progress(self) -> None:
        self._tell(0, visible=False)

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

    def _tell(self, percent: int, *, visible: bool) -> None:
        if not sys.platform.startswith("linux") or self._told == (percent, visible):
            return
        self._told = (percent, visible)
        from PySide6.QtDBus import QDBusConnection

        bus = QDBusConnection.sessionBus()
        if bus.isConnected():
            bus.send(launcher_message(QGuiApplication.desktopFileName(), percent, visible=visible))


def launcher_message(desktop_file: str, percent: int, *, visible: bool) -> QDBusMessage:
    """Return the signal com.canonical.Unity.LauncherEntry.Update."""
    from PySide6.QtDBus import QDBusMessage

    message = QDBusMessage.createSignal("/com/mqwen/launcher", "com.canonical.Unity.LauncherEntry", "Update")
    properties = {"progress": percent / 100, "progress-visible": visible}
    message.setArguments([f"application://{desktop_file}.desktop", properties])
    return message
