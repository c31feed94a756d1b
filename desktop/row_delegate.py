"""How one photo looks in the list: a small picture, its state and name, and most of its caption beside it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from desktop.badges import BADGE, paint_badge
from desktop.delegate import MARGIN, PhotoDelegate, small
from desktop.elide import paint_lines
from desktop.photos import PHOTO_ROLE, Photo, PhotoModel, State
from desktop.theme import colours
from desktop.thumbnails import Thumbnails

_PADDING = 7
_GAP = 14
_SHORTEST = 58  # of a picture


class RowDelegate(PhotoDelegate):
    """As PhotoDelegate, one photo in each row.

    Attributes:
        width: how wide a photo of the grid would be; the pictures of the list grow with it.
    """

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(thumbnails, parent)
        self.width = 220

    # Measures.

    def columns(self, room: int, width: int) -> int:
        return 1

    def cell_size(self, width: int, font: QFont) -> QSize:
        text = QFontMetrics(small(font)).height() + 2 + 2 * QFontMetrics(font).lineSpacing()
        return QSize(width, max(_SHORTEST, round(self.width * 0.38), text) + 2 * _PADDING)

    def picture_edge(self, cell: QSize) -> int:
        return round((cell.height() - 2 * _PADDING) * 4 / 3)

    def picture_rect(self, cell: QRect) -> QRect:
        width = self.picture_edge(cell.size())
        return QRect(cell.left() + MARGIN, cell.top() + _PADDING, width, cell.height() - 2 * _PADDING)

    def _align(self, place: QRect, tile: QRect) -> None:
        place.moveCenter(tile.center())

    def _name(self, cell: QRect, font: QFont) -> QRect:
        left = self.picture_rect(cell).right() + 1 + _GAP
        return QRect(left, cell.top() + _PADDING, cell.right() - MARGIN - left, QFontMetrics(small(font)).height())

    def _caption(self, cell: QRect, font: QFont) -> QRect:
        name = self._name(cell, font)
        top = name.bottom() + 3
        lines = max(1, (cell.bottom() - _PADDING + 2 - top) // QFontMetrics(font).lineSpacing())
        return QRect(name.left(), top, name.width(), lines * QFontMetrics(font).lineSpacing())

    # Painting.

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        photo: Photo = index.data(PHOTO_ROLE)
        model = index.model()
        assert isinstance(model, PhotoModel)
        cell: QRect = option.rect
        font: QFont = option.font
        scheme = colours(option.palette)
        flags: QStyle.StateFlag = option.state
        state = model.state(photo)

        painter.save()
        painter.setPen(QColor(scheme.line))
        painter.drawLine(cell.left() + MARGIN, cell.bottom(), cell.right() - MARGIN, cell.bottom())
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_ground(painter, cell, flags, scheme)
        self._paint_picture(painter, self.picture_rect(cell), self._thumbnails.pixmap(photo.path), scheme)

        name, font_of_name = self._name(cell, font), small(font)
        metrics = QFontMetrics(font_of_name)
        badge = QRectF(name.left(), name.center().y() - BADGE / 2, BADGE, BADGE)
        paint_badge(painter, badge, state, scheme)
        painter.setFont(font_of_name)
        painter.setPen(QColor(scheme.muted))
        right = self._right(model, photo, state)
        room = name.adjusted(BADGE + 6, 0, -metrics.horizontalAdvance(right) - 24, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        shown = metrics.elidedText(photo.path.name, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | middle, shown)
        painter.drawText(name.adjusted(0, 0, -4, 0), Qt.AlignmentFlag.AlignRight | middle, right)

        failed = state is State.FAILED and not photo.caption
        text, colour = (photo.reason, scheme.failed) if failed else (photo.caption, scheme.text)
        painter.setPen(QColor(colour))
        place = self._caption(cell, font)
        paint_lines(painter, place, text, font, place.height() // QFontMetrics(font).lineSpacing())
        painter.restore()

    @staticmethod
    def _right(model: PhotoModel, photo: Photo, state: State) -> str:
        """Return what stands at the right end of the name's line: folder, state."""
        return f"{photo.path.parent.name}   ·   {model.state_name(state)}"
