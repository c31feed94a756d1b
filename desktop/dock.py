"""The app's entry in the dock or taskbar, which shows how far a run is: each system has its own way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from PySide6.QtDBus import QDBusMessage


class Dock(Protocol):
    """One system's dock."""

    def show(self, percent: int | None) -> None:
        """Show how far a run is, from 0 to 100; None: there is no run. May raise what the system makes of it."""


def dock_of(window: QWidget, platform: str = sys.platform) -> Dock | None:
    """Return the dock in which a window's app has its entry, None on a system of which none is known."""
    if platform == "win32":
        from desktop.taskbar import Taskbar, taskbar_list

        return Taskbar(taskbar_list(), int(window.window().winId()))
    if platform == "darwin":
        from desktop.dock_tile import DockTile, objective_c

        return DockTile(objective_c())
    return LauncherEntry() if platform.startswith("linux") else None


class LauncherEntry:
    """Unity's launcher protocol on the session bus, which KDE and docks for GNOME follow."""

    def show(self, percent: int | None) -> None:
        from PySide6.QtDBus import QDBusConnection

        bus = QDBusConnection.sessionBus()
        if bus.isConnected():
            bus.send(launcher_message(QGuiApplication.desktopFileName(), percent))


def launcher_message(desktop_file: str, percent: int | None) -> QDBusMessage:
    """Return the signal com.canonical.Unity.LauncherEntry.Update."""
    from PySide6.QtDBus import QDBusMessage

    message = QDBusMessage.createSignal("/com/mqwen/launcher", "com.canonical.Unity.LauncherEntry", "Update")
    properties = {"progress": (percent or 0) / 100, "progress-visible": percent is not None}
    message.setArguments([f"application://{desktop_file}.desktop", properties])
    return message
