"""The label of a field in a form."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget

from desktop.mnemonics import plain
from desktop.theme import FIELD_HEIGHT


def label_of(field: QWidget, text: str) -> QLabel:
    """Return a label that stands on one line with its field, leads there by its mnemonic, and names it."""
    label = QLabel(text)
    label.setBuddy(field)
    label.setMinimumHeight(FIELD_HEIGHT)
    field.setAccessibleName(plain(text))
    return label
