"""One picture, as large as there is room, to be zoomed and moved about."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.theme import colours

_STEP = 1.25  # of a key, or of a notch of the wheel
_LARGEST = 16.0


class PictureView(QWidget):
    """Shows a picture of which it may have two images: one about as large as the screen, and all of it.

    Zoom is in device pixels for each pixel of the picture: 1.0 is 100 %. None of it is more than that needs: a photo
    that fits is shown at 100 %.
    """

    zoom_changed = Signal(float)
    detail_wanted = Signal()  # the zoom asks for more than the image has

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 90)
        self._images: list[QImage] = []  # of the same picture, the smaller first
        self._size = QSize()
        self._zoom: float | None = None  # None: fits
        self._centre = QPointF()  # of what is shown, in pixels of the picture
        self._dragged: QPoint | None = None
        self._message = ""

    # What is shown.

    def set_picture(self, image: QImage, size: QSize) -> None:
        """Show another picture, whole.

        Args:
            size: of the whole picture, upright; the image may be smaller.
        """
        self._images = [] if image.isNull() else [image]
        self._size = size
        self._message = ""
        self.fit()

    def add_detail(self, image: QImage) -> None:
        """Take a larger image of the same picture; nothing moves."""
        if not image.isNull() and self._images:
            self._images = [self._images[0], image]
            self.update()

    def set_message(self, text: str) -> None:
        """Show words instead of a picture."""
        self._images, self._message = [], text
        self.zoom_changed.emit(self.zoom())
        self.update()

    def has_picture(self) -> bool:
        return bool(self._images)

    # Zoom.

    def zoom(self) -> float:
        return self._fitting() if self._zoom is None else self._zoom

    def fits(self) -> bool:
        """Say whether the picture follows the size of the window."""
        return self._zoom is None

    def fit(self) -> None:
        self._zoom = None
        self._centre = QPointF(self._size.width() / 2, self._size.height() / 2)
        self._changed()

    def zoom_to(self, zoom: float, around: QPointF | None = None) -> None:
        """Zoom so that what is at `around` (in this widget, by default its middle) stays there."""
        if not self._images:
            return
        around = around or QRectF(self.rect()).center()
        before = self._at(around)
        self._zoom = max(min(self._fitting(), 1.0), min(_LARGEST, zoom))
        shift = (around - QRectF(self.rect()).center()) * self._pixels()
        self._centre = before - shift
        self._changed()

    def zoom_by(self, steps: float, around: QPointF | None = None) -> None:
        self.zoom_to(self.zoom() * _STEP**steps, around)

    def toggle(self, around: QPointF | None = None) -> None:
        """Go from the whole picture to its pixels, and back."""
        if self.fits() or self.zoom() <= self._fitting():
            self.zoom_to(max(1.0, self._fitting() * 2), around)
        else:
            self.fit()

    def pan(self, by: QPointF) -> None:
        """Move what is seen, by this widget's units."""
        self._centre -= by * self._pixels()
        self._changed()

    def _fitting(self) -> float:
        if self._size.isEmpty():
            return 1.0
        ratio = self.devicePixelRatioF()
        room = (self.width() * ratio / self._size.width(), self.height() * ratio / self._size.height())
        return min(*room, 1.0)

    def _pixels(self) -> float:
        """Return how many pixels of the picture one unit of this widget covers."""
        return self.devicePixelRatioF() / self.zoom()

    def _at(self, point: QPointF) -> QPointF:
        return self._centre + (point - QRectF(self.rect()).center()) * self._pixels()

    def _changed(self) -> None:
        """Keep the picture's edges out of the view where it is larger, its middle in the middle where it is not."""
        pixels = self._pixels()
        for side in ("x", "y"):
            length = self._size.width() if side == "x" else self._size.height()
            half = (self.width() if side == "x" else self.height()) * pixels / 2
            value = getattr(self._centre, side)()
            value = length / 2 if 2 * half >= length else max(half, min(length - half, value))
            (self._centre.setX if side == "x" else self._centre.setY)(value)
        self.setCursor(Qt.CursorShape.OpenHandCursor if self._larger() else Qt.CursorShape.ArrowCursor)
        self.zoom_changed.emit(self.zoom())
        self.update()
        if self._images and self._images[-1].width() < self._size.width() * min(1.0, self.zoom()) * 0.98:
            self.detail_wanted.emit()

    def _larger(self) -> bool:
        return self.zoom() > self._fitting() * 1.001

    # Events.

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._changed()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.pixelDelta().isNull() or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(event.angleDelta().y() / 120, event.position())
        else:  # two fingers on a touchpad
            self.pan(QPointF(event.pixelDelta()))
        event.accept()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_to(self.zoom() * (1 + event.value()), event.position())
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragged = event.position().toPoint()
            if self._larger():
                self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            now = event.position().toPoint()
            self.pan(QPointF(now - self._dragged))
            self._dragged = now

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged = None
        self._changed()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.toggle(event.position())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        scheme = colours(self.palette())
        painter.fillRect(self.rect(), QColor(scheme.tile))
        if not self._images:
            painter.setPen(QColor(scheme.muted))
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), _CENTRED, self._message)
            return
        needed = self._size.width() * self.zoom()
        image = next((one for one in self._images if one.width() >= needed * 0.98), self._images[-1])
        unit = self.zoom() / self.devicePixelRatioF()
        corner = QRectF(self.rect()).center() - self._centre * unit
        place = QRectF(corner.x(), corner.y(), self._size.width() * unit, self._size.height() * unit)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.zoom() < 3)
        painter.drawImage(place, image)


_CENTRED = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
