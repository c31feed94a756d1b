"""What the window's own work says when it ends in an error, for desktop.reasons."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP

_TEXTS = (
    QT_TRANSLATE_NOOP("Reasons", "another filter is wanted"),
    QT_TRANSLATE_NOOP("Reasons", "stopped before the model was loaded"),
    QT_TRANSLATE_NOOP("Reasons", "the adapter is missing"),
    QT_TRANSLATE_NOOP("Reasons", "Choose its folder."),
    QT_TRANSLATE_NOOP("Reasons", "{name} cannot be the name of a model"),
    QT_TRANSLATE_NOOP("Reasons", "Take letters, digits, - and _."),
    QT_TRANSLATE_NOOP("Reasons", "there is a model of this name already"),
    QT_TRANSLATE_NOOP("Reasons", "Take another name."),
    # What is kept of a damaged catalog, by its tables.
    QT_TRANSLATE_NOOP("Reasons", "{runs} runs, {photos} photos, {changes} changes, {steps} edit steps, {edits} edits"),
)
OWN: tuple[str, ...] = tuple(map(str, _TEXTS))
