"""A quiet strip over the grid that says one thing until it is dismissed: never a box in the way."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget


class Notice(QFrame):
    """Shows one message at a time, the latest; those before it come back when it goes, so that no offer is lost.

    `key` tells its owner which one was dismissed.
    """

    dismissed = Signal(str)  # key
    action_chosen = Signal(str)  # key

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._said: list[tuple[str, str, str]] = []  # key, text, action; the latest is the last
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._close = QPushButton(self.tr("Got it"))
        self._close.setObjectName("flat")
        self._close.setCursor(Qt.CursorShape.PointingHandCursor)
        self._close.clicked.connect(self._dismiss)
        self._action = QPushButton()
        self._action.setObjectName("flat")
        self._action.setCursor(Qt.CursorShape.PointingHandCursor)
        self._action.clicked.connect(lambda: self.action_chosen.emit(self._said[-1][0]))
        self._action.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.addWidget(self._text, 1)
        row.addWidget(self._action, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def say(self, key: str, text: str, action: str = "") -> None:
        """Show a message in place of others with this key; `action` is a button for what can be done about it."""
        self._said = [message for message in self._said if message[0] != key]
        self.add(key, text, action)

    def add(self, key: str, text: str, action: str = "") -> None:
        """Show a message and keep those with the same key: each has to be read."""
        self._said.append((key, text, action))
        self._show_latest()

    def text(self) -> str:
        """Return what is said now; "" while hidden."""
        return "" if self.isHidden() else self._text.text()

    def texts(self) -> list[str]:
        """Return all that is said, what is shown first."""
        return [text for _, text, _ in reversed(self._said)]

    def says(self, key: str) -> bool:
        """Tell whether a message is there, shown or waiting beneath another."""
        return any(message[0] == key for message in self._said)

    def clear(self, key: str) -> None:
        """Take messages away that no longer hold; others stay."""
        if self.says(key):
            self._said = [message for message in self._said if message[0] != key]
            self._show_latest()

    def _dismiss(self) -> None:
        if self._said:
            key, _, _ = self._said.pop()
            self._show_latest()
            self.dismissed.emit(key)

    def _show_latest(self) -> None:
        if not self._said:
            self.hide()
            return
        _, text, action = self._said[-1]
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._text.setText(text)
        self._text.setAccessibleName(text)
        self.show()
