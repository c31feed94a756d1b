"""One photo as large as there is room, decoded in a thread of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from desktop.thumbnails import prime_reading, read_thumbnail

_STEP = 256  # pixels: a small change of the window decodes nothing anew


class PicturePane(QWidget):
    """Shows one photo upright. The thumbnail stands in for it until it is decoded."""

    _decoded = Signal(object, QImage)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        prime_reading()
        self._path: Path | None = None
        self._pixmap = QPixmap()
        self._whole = False  # the picture itself, no longer the thumbnail
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="picture")
        self._decoded.connect(self._take)
        self.setMinimumSize(240, 180)

    def show_photo(self, path: Path, thumbnail: QPixmap | None) -> None:
        if path == self._path:
            return
        self._path, self._whole = path, False
        self._pixmap = thumbnail or QPixmap()
        self.setAccessibleName(path.name)
        self.update()
        edge = max(self.width(), self.height()) * self.devicePixelRatioF()
        self._pool.submit(self._decode, path, (int(edge) // _STEP + 1) * _STEP)

    def shows(self) -> Path | None:
        """Return the photo that is shown as large as there is room; None as long as it is not decoded."""
        return self._path if self._whole else None

    def close_pool(self) -> None:
        """Drop what is waited for, and wait for what is being decoded."""
        self._path = None
        self._pool.shutdown(wait=True, cancel_futures=True)

    def sizeHint(self) -> QSize:
        return QSize(640, 480)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._pixmap.isNull():
            if self._whole:
                painter.setPen(self.palette().placeholderText().color())
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("This picture cannot be shown"))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        place = self.rect().adjusted(12, 12, -12, -12)
        size = self._pixmap.size()  # small pictures are as large as they would be on a screen of one pixel a unit
        if not self._whole or size.width() > place.width() or size.height() > place.height():
            size = size.scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = place.adjusted(0, 0, 0, 0)
        target.setSize(size)
        target.moveCenter(place.center())
        painter.drawPixmap(target, self._pixmap)

    def _decode(self, path: Path, edge: int) -> None:
        if path == self._path:
            self._decoded.emit(path, read_thumbnail(path, edge))

    @Slot(object, QImage)
    def _take(self, path: Path, image: QImage) -> None:
        if path == self._path:
            self._whole = True
            if not image.isNull():
                self._pixmap = QPixmap.fromImage(image)
            self.update()
