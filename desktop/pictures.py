"""Whole pictures for the preview, decoded by one thread: the one that is looked at first, then its neighbours."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, QThreadPool, Signal, Slot
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader

from desktop.thumbnails import prime_reading, read_thumbnail

log = logging.getLogger(__name__)
_KEPT = 5  # the current one, and two on either side
WHOLE = 1 << 20  # as the longest side: all that there is


@dataclass(frozen=True)
class Picture:
    """A decoded picture: upright, no longer than was asked for.

    Attributes:
        image: null for a file that nothing can read.
        size: of the whole picture.
    """

    path: Path
    image: QImage
    size: QSize


def read_picture(path: Path, edge: int) -> Picture:
    """Decode a picture with its longest side at most `edge` pixels."""
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    size = reader.size()
    if bytes(reader.format().data()) == b"jpeg" and size.isValid():
        turned = reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90
        image = read_thumbnail(path, edge)
        return Picture(path, image, size.transposed() if turned else size)
    image = read_thumbnail(path, WHOLE)  # these are decoded whole in any case, and only this tells their size
    size = image.size()
    return Picture(path, _at_most(image, edge), size)


def _at_most(image: QImage, edge: int) -> QImage:
    if max(image.width(), image.height()) <= edge:
        return image
    return image.scaled(edge, edge, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


class Pictures(QObject):
    """Gives pictures by path: `ready` when one has come. What was asked for and is no longer wanted is not decoded."""

    ready = Signal(object)  # Picture, of the size of the screen
    whole_ready = Signal(object)  # Picture, all of it

    _decoded = Signal(object, int, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        prime_reading()
        self._kept: OrderedDict[Path, Picture] = OrderedDict()
        self._lock = threading.Lock()
        self._wanted: list[tuple[Path, int]] = []
        self._busy = False
        self._round = 0  # grows when what is kept no longer holds
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._decoded.connect(self._keep)

    def kept(self, path: Path) -> Picture | None:
        """Return a picture that is there already."""
        return self._kept.get(path)

    def want(self, paths: Sequence[Path], edge: int) -> None:
        """Decode these, in this order, instead of what was wanted before; those that are there are not sent again."""
        self._ask([(path, edge) for path in paths if path not in self._kept])

    def want_whole(self, path: Path) -> None:
        """Decode all of one picture, before anything else."""
        with self._lock:
            rest = list(self._wanted)
        self._ask([(path, WHOLE), *(one for one in rest if one != (path, WHOLE))])

    def clear(self) -> None:
        """Forget all: the files may have changed."""
        with self._lock:
            self._wanted = []
            self._round += 1
        self._kept.clear()

    def close(self) -> None:
        """Stop after the picture being decoded now, and wait for it."""
        with self._lock:
            self._wanted = []
        self._pool.waitForDone()

    def _ask(self, wanted: list[tuple[Path, int]]) -> None:
        with self._lock:
            self._wanted = wanted
            start = bool(wanted) and not self._busy
            self._busy = self._busy or start
        if start:
            self._pool.start(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._busy = False
                    return
                (path, edge), round_ = self._wanted.pop(0), self._round
            try:
                picture = read_picture(path, edge)
            except Exception:  # it would end this thread
                log.exception("no picture of %s", path)
                picture = Picture(path, QImage(), QSize())
            self._decoded.emit(picture, edge, round_)

    @Slot(object, int, int)
    def _keep(self, picture: Picture, edge: int, round_: int) -> None:
        if round_ != self._round:
            return
        if edge == WHOLE:
            self.whole_ready.emit(picture)
            return
        self._kept[picture.path] = picture
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self.ready.emit(picture)
