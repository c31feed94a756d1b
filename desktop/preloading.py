"""What the first paint does without is imported right after it, a little at a time: dialogs then open at once."""

from __future__ import annotations

from importlib import import_module

from PySide6.QtCore import QObject, QTimer

# Smaller parts before what is made of them, so that none keeps the window busy for long.
MODULES = (
    "mqwen.library.records",
    "mqwen.library.database",
    "mqwen.library.observing",
    "mqwen.library.catalog",
    "mqwen.library.metadata.fields",
    "mqwen.library.metadata.jpeg",
    "mqwen.library.metadata.tiff",
    "mqwen.library.metadata.xmp_fields",
    "mqwen.library.metadata.splice",
    "mqwen.library.metadata.plan",
    "mqwen.library.filter",
    "desktop.finding",
    "desktop.review_queue",
    "mqwen.library.photo_writer",
    "mqwen.run",
    "mqwen.library.precheck",
    "desktop.check_report",
    "desktop.settings_dialog",
    "desktop.replace_dialogs",
    "desktop.history_dialog",
    "mqwen.library.revert",
)


def preload(parent: QObject) -> QTimer:
    """Import them one by one whenever the window has nothing else to do; the timer ends when all are there."""
    left = list(MODULES)
    timer = QTimer(parent)

    def one() -> None:
        import_module(left.pop(0))
        if not left:
            timer.stop()

    timer.timeout.connect(one)
    timer.start()
    return timer
