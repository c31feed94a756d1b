"""How one photo looks in the grid: picture, badge, name, caption; and the editor of its caption."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPainterPath, QPen, QPixmap, QTextCursor
from PySide6.QtWidgets import QAbstractItemDelegate, QPlainTextEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.badges import BADGE, paint_badge
from desktop.elide import paint_lines
from desktop.photos import PHOTO_ROLE, Photo, PhotoModel, State
from desktop.theme import Colours, colours
from desktop.thumbnails import Thumbnails

MARGIN = 10
GAP = 8
CAPTION_LINES = 3
TILE_RATIO = 0.75
RADIUS = 8
# Qt itself leaves these keys to an editor of more than one line.
_ENDINGS = {
    Qt.Key.Key_Return: QAbstractItemDelegate.EndEditHint.NoHint,
    Qt.Key.Key_Enter: QAbstractItemDelegate.EndEditHint.NoHint,
    Qt.Key.Key_Tab: QAbstractItemDelegate.EndEditHint.EditNextItem,
    Qt.Key.Key_Backtab: QAbstractItemDelegate.EndEditHint.EditPreviousItem,
}


class PhotoDelegate(QStyledItemDelegate):
    """Paints a photo of a PhotoModel in the cell it is given; asks for a thumbnail only when it paints."""

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails

    # Measures.

    def columns(self, room: int, width: int) -> int:
        """Return how many columns there are in so much room, each at least `width` wide."""
        return max(1, room // width)

    def cell_size(self, width: int, font: QFont) -> QSize:
        """Return the cell for a column's width: the tile, one line for the name, CAPTION_LINES for the caption."""
        tile = round((width - 2 * MARGIN) * TILE_RATIO)
        text = QFontMetrics(small(font)).height() + CAPTION_LINES * QFontMetrics(font).lineSpacing()
        return QSize(width, MARGIN + tile + GAP + text + 4 + MARGIN)

    def picture_edge(self, cell: QSize) -> int:
        """Return the longest side that a picture is shown with."""
        return cell.width() - 2 * MARGIN

    def picture_rect(self, cell: QRect) -> QRect:
        """Return where in its cell a picture has its place."""
        width = cell.width() - 2 * MARGIN
        return QRect(cell.left() + MARGIN, cell.top() + MARGIN, width, round(width * TILE_RATIO))

    def _caption(self, cell: QRect, font: QFont) -> QRect:
        tile = self.picture_rect(cell)
        top = tile.bottom() + 1 + GAP + QFontMetrics(small(font)).height() + 2
        return QRect(tile.left(), top, tile.width(), CAPTION_LINES * QFontMetrics(font).lineSpacing())

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        size: QSize = self.cell_size(option.rect.width() or 200, option.font)
        return size

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
        tile = self.picture_rect(cell)

        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_ground(painter, cell, flags, scheme)
        picture = self._paint_picture(painter, tile, self._thumbnails.pixmap(photo.path), scheme)
        corner = picture if picture.width() > 3 * BADGE and picture.height() > 2 * BADGE else tile
        paint_badge(painter, QRectF(corner.right() - BADGE - 5, corner.top() + 6, BADGE, BADGE), state, scheme)
        self._paint_text(painter, cell, font, photo, state, scheme)
        painter.restore()

    @staticmethod
    def _paint_ground(painter: QPainter, cell: QRect, flags: QStyle.StateFlag, scheme: Colours) -> None:
        ground = QRectF(cell).adjusted(3, 3, -3, -3)
        if flags & QStyle.StateFlag.State_Selected:
            focused = (
                flags & QStyle.StateFlag.State_HasFocus
            )  # the one that the keys are about, and they are the grid's
            painter.setPen(QPen(QColor(scheme.accent), 2.4 if focused else 1))
            painter.setBrush(QColor(scheme.selected))
            painter.drawRoundedRect(ground, RADIUS + 3, RADIUS + 3)
        elif flags & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(scheme.muted), 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(ground, RADIUS + 3, RADIUS + 3)

    def _paint_picture(self, painter: QPainter, tile: QRect, pixmap: QPixmap | None, scheme: Colours) -> QRect:
        """Paint the picture, or an empty tile as long as there is none; return where it is."""
        shape = QPainterPath()
        if pixmap is None or pixmap.isNull():
            shape.addRoundedRect(QRectF(tile), RADIUS, RADIUS)
            painter.fillPath(shape, QColor(scheme.tile))
            if pixmap is not None:
                _paint_no_picture(painter, QRectF(tile).center(), scheme)
            return tile
        size = pixmap.size()  # small pictures are as large as they would be on a screen of one pixel a unit
        if size.width() > tile.width() or size.height() > tile.height():
            size = size.scaled(tile.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, max(1, size.width()), max(1, size.height()))
        self._align(place, tile)
        radius = min(RADIUS, place.width() / 8, place.height() / 8)
        shape.addRoundedRect(QRectF(place), radius, radius)
        painter.save()
        painter.setClipPath(shape)
        painter.drawPixmap(place, pixmap)
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(128, 128, 128, 60), 1))  # or a white picture has no edge
        painter.drawPath(shape)
        return place

    def _align(self, place: QRect, tile: QRect) -> None:
        place.moveBottomLeft(tile.bottomLeft())  # on one line with its neighbours and with the text under it

    def _paint_text(
        self, painter: QPainter, cell: QRect, font: QFont, photo: Photo, state: State, scheme: Colours
    ) -> None:
        font_of_name = small(font)
        tile = self.picture_rect(cell)
        name = QRect(tile.left(), tile.bottom() + 1 + GAP, tile.width(), QFontMetrics(font_of_name).height())
        painter.setFont(font_of_name)
        painter.setPen(QColor(scheme.muted))
        shown = QFontMetrics(font_of_name).elidedText(photo.path.name, Qt.TextElideMode.ElideMiddle, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        failed = state is State.FAILED and not photo.caption
        text, colour = (photo.reason, scheme.failed) if failed else (photo.caption, scheme.text)
        painter.setPen(QColor(colour))
        paint_lines(painter, self._caption(cell, font), text, font, CAPTION_LINES)

    # Editing: Enter saves, Tab saves and goes on to the next photo, Escape leaves all as it was.

    def createEditor(
        self, parent: QObject, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QPlainTextEdit:
        editor = QPlainTextEdit(parent)  # type: ignore[call-overload]
        editor.setObjectName("captionEditor")
        editor.setAccessibleName(self.tr("Caption of {name}").format(name=index.data(Qt.ItemDataRole.DisplayRole)))
        editor.setToolTip(self.tr("Enter saves, Tab saves and goes to the next photo, Esc leaves it as it was"))
        editor.document().setDocumentMargin(3)
        return editor

    def setEditorData(self, editor: QObject, index: QModelIndex | QPersistentModelIndex) -> None:
        # Views call this again when the photo's data changes, as it does when a run's caption arrives: never replace
        # what is being typed.
        assert isinstance(editor, QPlainTextEdit)
        if editor.property("before") is None:
            text = index.data(Qt.ItemDataRole.EditRole)
            editor.setProperty("before", text)
            editor.setPlainText(text)
            editor.moveCursor(QTextCursor.MoveOperation.End)

    def setModelData(self, editor: QObject, model: QObject, index: QModelIndex | QPersistentModelIndex) -> None:
        assert isinstance(editor, QPlainTextEdit) and isinstance(model, PhotoModel)
        photo: Photo = index.data(PHOTO_ROLE)
        text = editor.toPlainText()
        # Untouched text is no edit, even if a run's caption has arrived underneath it.
        if text != editor.property("before") or photo.unsaved:
            model.setData(index, text)

    def updateEditorGeometry(
        self, editor: QObject, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        assert isinstance(editor, QPlainTextEdit)
        cell: QRect = option.rect
        font: QFont = option.font
        place = self._caption(cell, font).adjusted(-6, -5, 6, 0)
        # Room for a few more lines than are shown, over the row below, but inside the view.
        place.setHeight(QFontMetrics(font).lineSpacing() * (CAPTION_LINES + 2) + 12)
        view = editor.parentWidget()
        if view is not None:
            place.moveBottom(min(place.bottom(), view.rect().bottom() - 2))
        editor.setGeometry(place)

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in _ENDINGS:
            self.commitData.emit(editor)
            self.closeEditor.emit(editor, _ENDINGS[Qt.Key(event.key())])
            return True
        return super().eventFilter(editor, event)


def small(font: QFont) -> QFont:
    """Return the font of what stands beside a caption."""
    smaller = QFont(font)
    smaller.setPointSizeF(font.pointSizeF() * 0.88)
    return smaller


def _paint_no_picture(painter: QPainter, centre: QPointF, scheme: Colours) -> None:
    """Draw a frame with a stroke through it: nothing here can be shown."""
    painter.setPen(QPen(QColor(scheme.muted), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    frame = QRectF(centre.x() - 17, centre.y() - 13, 34, 26)
    painter.drawRoundedRect(frame, 4, 4)
    painter.drawLine(frame.bottomLeft() + QPointF(-4, 4), frame.topRight() + QPointF(4, -4))
