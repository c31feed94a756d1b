"""Lets a window live while its pictures are taken: for a while, until something is true, with a dialog open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import QEventLoop, QTimer  # noqa: TID251 - not the engine
from PySide6.QtGui import QPixmap  # noqa: TID251
from PySide6.QtWidgets import QDialog, QWidget  # noqa: TID251

if TYPE_CHECKING:
    from desktop.window import MainWindow

Scenes: TypeAlias = Iterator[tuple[str, QWidget | QPixmap]]

_PATIENCE_MS = 120_000


def dialogs(window: MainWindow, actions: Mapping[str, Callable[[], object]]) -> Scenes:
    """Open each dialog, yield it when what it looks up is there, and close it."""
    for name, action in actions.items():
        action()
        until(lambda: any(dialog.isVisible() for dialog in window.findChildren(QDialog)))
        dialog = next(dialog for dialog in window.findChildren(QDialog) if dialog.isVisible())
        until(window.models_part.idle_now)
        if name == "settings" and window.settings_part.dialog is not None:
            window.settings_part.dialog.tabs.setCurrentIndex(1)
        wait(1500)
        yield name, dialog
        dialog.close()
        wait(100)


def wait(ms: int) -> None:
    """Let the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def until(true: Callable[[], bool]) -> None:
    """Let the window live until something is true."""
    waited = 0
    while not true():
        if waited > _PATIENCE_MS:
            raise SystemExit("the window does not get there")
        wait(50)
        waited += 50
