"""Text where there is too little room for it: as much as fits, and an ellipsis."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QLabel


def paint_lines(painter: QPainter, place: QRect, text: str, font: QFont, lines: int) -> None:
    """Draw `text` in at most `lines` lines from the top of `place`, with the painter's pen."""
    if not text:
        return
    metrics = QFontMetrics(font)
    layout = QTextLayout(text, font)
    option = QTextOption(Qt.AlignmentFlag.AlignLeft)
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    painter.setFont(font)
    layout.beginLayout()
    top = float(place.top())
    for number in range(lines):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(place.width())
        if number == lines - 1 and line.textStart() + line.textLength() < len(layout.text()):
            rest = metrics.elidedText(text[line.textStart() :], Qt.TextElideMode.ElideRight, place.width())
            painter.drawText(QPointF(place.left(), top + metrics.ascent()), rest)
        else:
            line.draw(painter, QPointF(place.left(), top))
        top += metrics.lineSpacing()
    layout.endLayout()


class ElidedLabel(QLabel):
    """One line of plain text, a file's name say, that asks for no room: what does not fit is left out in the middle."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        self.setToolTip(self.text() if shown != self.text() else "")
