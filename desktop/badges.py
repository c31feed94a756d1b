"""The badge of a photo's state. Shape as well as colour tells the states apart."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop.photos import State
from desktop.theme import Colours

BADGE = 20


def paint_badge(painter: QPainter, place: QRectF, state: State, scheme: Colours) -> None:
    """Draw a ring (new), dots (running), tick (captioned), pencil (edited), two ticks (approved), dash
    (skipped) or exclamation mark (failed)."""
    centre = place.center()
    if state is State.NEW:
        painter.setBrush(QColor(0, 0, 0, 60))
        painter.setPen(QPen(QColor(255, 255, 255, 220), 1.6))
        painter.drawEllipse(centre, 5, 5)
        return
    ground = {
        State.RUNNING: scheme.text,
        State.CAPTIONED: scheme.good,
        State.EDITED: scheme.accent,
        State.APPROVED: scheme.good,
        State.SKIPPED: scheme.muted,
        State.FAILED: scheme.failed,
    }[state]
    painter.setPen(QPen(QColor(scheme.base), 1.5))
    painter.setBrush(QColor(ground))
    painter.drawEllipse(place.adjusted(1, 1, -1, -1))
    ink = QPen(QColor(scheme.base), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(ink)

    def at(x: float, y: float) -> QPointF:
        return QPointF(centre.x() + x, centre.y() + y)

    if state is State.CAPTIONED:
        painter.drawPolyline(QPolygonF([at(-4, 0.3), at(-1.2, 3.2), at(4, -3)]))
    elif state is State.APPROVED:
        painter.drawPolyline(QPolygonF([at(-5.6, 0.3), at(-2.8, 3.2), at(1.4, -3)]))
        painter.drawPolyline(QPolygonF([at(0.2, 3.2), at(5.4, -3)]))
    elif state is State.SKIPPED:
        painter.drawLine(at(-4, 0), at(4, 0))
    elif state is State.EDITED:
        painter.drawLine(at(-3.6, 3.6), at(3.4, -3.4))
        painter.drawLine(at(-3.6, 3.6), at(-1.2, 3.4))
        painter.drawLine(at(-3.6, 3.6), at(-3.4, 1.2))
    elif state is State.FAILED:
        painter.drawLine(at(0, -4.4), at(0, 0.8))
        painter.drawPoint(at(0, 4.2))
    else:
        for x in (-4, 0, 4):
            painter.drawPoint(at(x, 0))
