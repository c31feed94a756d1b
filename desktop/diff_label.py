"""Two texts as one, with what is gone struck out and what is new underlined."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from desktop.theme import colours


def diff_html(old: str, new: str, palette: QPalette) -> str:
    """Return the difference of two texts, word by word; shape as well as colour tells what is gone and what is new."""
    from mqwen.library.word_diff import word_diff

    scheme = colours(palette)
    styles = {
        "gone": f"color: {scheme.failed}; text-decoration: line-through",
        "new": f"color: {scheme.good}; text-decoration: underline; font-weight: 600",
    }
    html, before = "", ""
    for piece in word_diff(old, new):
        text = escape(piece.text)
        if (before, piece.kind) == ("gone", "new"):
            html += "\u2009"  # or the two would read as one word
        html += text if piece.kind == "same" else f'<span style="{styles[piece.kind]}">{text}</span>'
        before = piece.kind
    return f'<span style="white-space: pre-wrap">{html}</span>' if html else ""


class DiffLabel(QLabel):
    """Shows a difference; to a screen reader it says both texts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts = ("", "")
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)

    def show_diff(self, old: str, new: str) -> None:
        self._texts = (old, new)
        self.setText(diff_html(old, new, self.palette()))
        both = self.tr("Before: {old}. After: {new}").format(
            old=old or self.tr("nothing"), new=new or self.tr("nothing")
        )
        self.setAccessibleName(both if old != new else new)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and any(self._texts):
            self.setText(diff_html(*self._texts, self.palette()))
