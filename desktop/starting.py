"""What is seen before the window is there: its empty frame, at once; all that makes the window is imported under it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from PySide6.QtCore import QByteArray, QSettings, QSize
from PySide6.QtWidgets import QWidget

USUAL_SIZE = QSize(1240, 820)
# Smaller parts before what is made of them, so that the frame can be painted, moved and closed between them.
MODULES = (
    "desktop.log",
    "mqwen.run_settings",
    "desktop.icon",
    "desktop.settings",
    "mqwen.library.records",
    "mqwen.library.targets",
    "mqwen.library.edited_files",
    "mqwen.hub",
    "desktop.photos",
    "desktop.delegate",
    "desktop.grid",
    "desktop.bar",
    "desktop.footer",
    "desktop.captioning",
    "desktop.editing",
    "desktop.edit_actions",
    "desktop.editor",
    "desktop.review",
    "desktop.before_run",
    "desktop.models_part",
    "desktop.filtering",
    "desktop.preview",
    "desktop.history",
    "desktop.tryout",
    "desktop.settings_part",
    "desktop.following",
    "desktop.window",
)


class StartFrame(QWidget):
    """Stands where the window will, and looks as it does before anything is in it."""

    def __init__(self, store: QSettings) -> None:
        super().__init__()
        self.setWindowTitle("MQwen")
        self.resize(USUAL_SIZE)
        geometry = store.value("window/geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)


def import_window(between: Callable[[], object]) -> None:
    """Import what the window is made of, and call `between` after each part."""
    for name in MODULES:
        import_module(name)
        between()
