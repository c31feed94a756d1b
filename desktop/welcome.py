"""What the window shows before a folder is open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.icon import app_icon
from desktop.theme import colours


class Welcome(QWidget):
    """An invitation to drop a folder, and a button for those who would rather press one."""

    open_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(88, 88))
        picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        title = QLabel(self.tr("Drop a folder of photos here"))
        title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        title.setFont(font)
        below = QLabel(self.tr("Each photo gets a caption, written beside it. Nothing leaves this computer."))
        below.setObjectName("quiet")
        below.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        button = QPushButton(self.tr("&Open folder…"))
        button.setObjectName("primary")
        button.clicked.connect(self.open_requested)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addStretch(4)
        column.addWidget(picture)
        column.addSpacing(6)
        column.addWidget(title)
        column.addWidget(below)
        column.addSpacing(10)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(5)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours(self.palette()).line), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(24, 24, -24, -24), 16, 16)
