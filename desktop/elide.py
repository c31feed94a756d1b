"""A paragraph in a few lines, the last one ending in an ellipsis if there is more."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QTextLayout, QTextOption


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
