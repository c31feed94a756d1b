"""A quiet strip over the grid that says one thing until it is dismissed: never a box in the way."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget


class Notice(QFrame):
    """Shows one message at a time; `key` tells its owner which one was dismissed.

    What say() shows is gone with the next message; what add() was given stays, or comes back, until it is dismissed.
    """

    dismissed = Signal(str)  # key
    action_chosen = Signal(str)  # key

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._key = ""
        self._lasting = False  # what is shown has to be read
        self._waiting: list[tuple[str, str, str]] = []  # key, text, action
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
        self._action.clicked.connect(lambda: self.action_chosen.emit(self._key))
        self._action.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.addWidget(self._text, 1)
        row.addWidget(self._action, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def say(self, key: str, text: str, action: str = "", *, lasting: bool = False) -> None:
        """Show a message; `action` is a button for what can be done about it, `lasting` as if add() was given it."""
        if self._lasting and key != self._key:
            self._waiting.insert(0, (self._key, self._text.text(), self._action.text()))
        self._lasting = lasting
        self._key = key
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._text.setText(text)
        self._text.setAccessibleName(text)
        self.show()

    def add(self, key: str, text: str, action: str = "") -> None:
        """Show a message that has to be read: at once, or when another such one has been dismissed."""
        self._waiting.append((key, text, action))
        if self.isHidden() or not self._lasting:
            self._next()

    def text(self) -> str:
        """Return what is said now; "" while hidden."""
        return "" if self.isHidden() else self._text.text()

    def clear(self, key: str) -> None:
        """Take a message away that no longer holds; another one stays."""
        self._waiting = [message for message in self._waiting if message[0] != key]
        if self._key == key and not self.isHidden():
            self._next()

    def _dismiss(self) -> None:
        key = self._key
        self._next()
        self.dismissed.emit(key)

    def _next(self) -> None:
        self._lasting = False
        self.hide()
        if self._waiting:
            self.say(*self._waiting.pop(0), lasting=True)
