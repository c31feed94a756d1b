"""One photo of a trial, as it is shown."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

_PICTURE = QSize(220, 150)
_MARGIN = 9  # its frame included


class Card(QFrame):
    """One photo: the picture, its name, what stands there now and what the model would write."""

    WIDTH = _PICTURE.width() + 2 * _MARGIN  # at least

    def __init__(self, path: Path, before: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.path = path
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setFixedHeight(_PICTURE.height())
        self._picture.setAccessibleName(path.name)
        name = QLabel(path.name)
        name.setObjectName("quiet")
        self.words = QLabel(self.tr("Waiting…"))
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.words.setMinimumHeight(3 * self.fontMetrics().lineSpacing())  # nothing jumps when the words come
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 8, 8, 8)
        rows.setSpacing(4)
        rows.addWidget(self._picture)
        rows.addWidget(name)
        if before:
            now = QLabel(self.tr("Now: {caption}").format(caption=before))
            now.setObjectName("quiet")
            now.setWordWrap(True)
            now.setTextFormat(Qt.TextFormat.PlainText)
            rows.addWidget(now)
        rows.addWidget(self.words)
        rows.addStretch()

    def show_picture(self, pixmap: QPixmap) -> None:
        if not pixmap.isNull():
            ratio = self.devicePixelRatioF()
            scaled = pixmap.scaled(
                _PICTURE * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            scaled.setDevicePixelRatio(ratio)
            self._picture.setPixmap(scaled)

    def show_words(self, text: str, reason: str) -> None:
        self.words.setText(text or self.tr("Failed: {reason}").format(reason=reason))
