"""Thumbnails: decoded by two threads, only for what is in sight, kept in a cache with a limit in bytes."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, QThreadPool, Signal, Slot
from PySide6.QtGui import QColorSpace, QImage, QImageIOHandler, QImageReader, QPixmap

from mqwen.errors import MqwenError

log = logging.getLogger(__name__)

THREADS = 2
CACHE_BYTES = 64 << 20
# Other formats than JPEG are decoded whole: beyond this a thumbnail would cost gigabytes, and the tile stays empty.
_WHOLE_DECODE_PIXELS = 128_000_000
_NO_FILE = ":/mqwen/no such file"


def read_thumbnail(path: Path, edge: int) -> QImage:
    """Decode a photo upright (EXIF), its longer side at most `edge` pixels; a null image for what nothing can read.

    JPEG is Qt's, decoded small. The rest is read as the captioner reads it: Qt ignores the EXIF orientation of PNG and
    WebP, and trips over TIFF files that Pillow reads.
    """
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)  # a PNG named .jpg is still a PNG
    size = reader.size()
    if not size.isValid() or bytes(reader.format().data()) != b"jpeg":
        return QImage() if size.width() * size.height() > _WHOLE_DECODE_PIXELS else _read_with_pillow(path, edge)
    if max(size.width(), size.height()) > edge:
        reader.setScaledSize(size.scaled(edge, edge, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    image = reader.read()
    return _for_screen(image) if not image.isNull() else _read_with_pillow(path, edge)


def _read_with_pillow(path: Path, edge: int) -> QImage:
    from mqwen.library.image import read_image

    try:
        picture = read_image(path, at_least=edge)
    except (MqwenError, OSError, MemoryError):
        return QImage()
    picture.thumbnail((edge, edge))
    data = picture.tobytes("raw", "RGB")
    image = QImage(data, picture.width, picture.height, 3 * picture.width, QImage.Format.Format_RGB888)
    return image.convertToFormat(QImage.Format.Format_RGB32)  # a copy: `data` may go


def _for_screen(image: QImage) -> QImage:
    space = image.colorSpace()
    srgb = QColorSpace(QColorSpace.NamedColorSpace.SRgb)
    if space.isValid() and space != srgb and space.colorModel() == QColorSpace.ColorModel.Rgb:
        image.convertToColorSpace(srgb)
    return image.convertToFormat(QImage.Format.Format_RGB32)


@cache
def prime_reading() -> None:
    """Use in the GUI thread all of Qt that reading takes, before threads do.

    PySide (6.11) makes its classes and enumerations when they are first used, and crashes where two threads do so at
    once: one in nine starts with a switch interval of 1 us.
    """
    reader = QImageReader(_NO_FILE)
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)
    bytes(reader.format().data())
    reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90
    size = reader.size().transposed().scaled(1, 1, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
    reader.setScaledSize(size)
    reader.read().isNull()
    image = QImage(bytes(3), 1, 1, 3, QImage.Format.Format_RGB888)
    image.setColorSpace(QColorSpace(QColorSpace.NamedColorSpace.DisplayP3))
    _for_screen(image).scaled(2, 2, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


class Thumbnails(QObject):
    """Gives pixmaps by path: the one it has, or None now and `ready` when it has come.

    Args:
        edge: longer side of a thumbnail in device pixels.
        cache_bytes: how much the pixmaps may take; the ones not looked at for longest go first.
    """

    ready = Signal(object)  # path
    _decoded = Signal(object, QImage, int)

    def __init__(self, parent: QObject | None = None, *, edge: int = 320, cache_bytes: int = CACHE_BYTES) -> None:
        super().__init__(parent)
        prime_reading()
        self._edge = edge
        self._limit = cache_bytes
        self._bytes = 0
        self._cache: OrderedDict[Path, QPixmap] = OrderedDict()
        self._lock = threading.Lock()
        self._wanted: OrderedDict[Path, int] = OrderedDict()  # waiting, with the edge asked for
        self._decoding: set[Path] = set()
        self._busy = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        self._decoded.connect(self._keep, Qt.ConnectionType.QueuedConnection)

    def pixmap(self, path: Path) -> QPixmap | None:
        """Return a thumbnail; None while it is being made; a null pixmap for a file that cannot be shown."""
        found = self._cache.get(path)
        if found is not None:
            self._cache.move_to_end(path)
            return found
        with self._lock:
            if path in self._wanted or path in self._decoding:
                return None
            self._wanted[path] = self._edge
            start = self._busy < THREADS
            self._busy += start
        if start:
            self._pool.start(self._work)
        return None

    def retain(self, paths: Iterable[Path]) -> None:
        """Drop what is waiting except `paths`: called when the user has scrolled on."""
        keep = set(paths)
        with self._lock:
            for path in [path for path in self._wanted if path not in keep]:
                del self._wanted[path]

    def set_edge(self, edge: int) -> None:
        """Ask for another size from now on; what is there is shown until it is asked for again."""
        if edge != self._edge:
            self._edge = edge
            self.clear()

    def clear(self) -> None:
        """Forget all: the files may have changed."""
        with self._lock:
            self._wanted.clear()
        self._cache.clear()
        self._bytes = 0

    def cached(self) -> int:
        """Return how many thumbnails are kept."""
        return len(self._cache)

    def close(self) -> None:
        """Stop after the pictures being decoded now, and wait for them."""
        with self._lock:
            self._wanted.clear()
        self._pool.waitForDone()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._busy -= 1
                    return
                path, edge = self._wanted.popitem(last=False)
                self._decoding.add(path)
            try:
                image = read_thumbnail(path, edge)
            except Exception:  # it would end this thread, and with it half of all thumbnails
                log.exception("no thumbnail of %s", path)
                image = QImage()
            self._decoded.emit(path, image, edge)

    @Slot(object, QImage, int)
    def _keep(self, path: Path, image: QImage, edge: int) -> None:
        with self._lock:
            self._decoding.discard(path)
        if edge == self._edge:
            pixmap = QPixmap.fromImage(image)
            self._cache[path] = pixmap
            self._bytes += _bytes_of(pixmap)
            while self._bytes > self._limit and len(self._cache) > 1:
                self._bytes -= _bytes_of(self._cache.popitem(last=False)[1])
        self.ready.emit(path)


def _bytes_of(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
