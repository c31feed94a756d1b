"""What the window shows before a folder is open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.icon import app_icon
from desktop.theme import colours


class Welcome(QWidget):
    """An invitation to drop a folder, and buttons: open one, try the sample pictures, get a model for photographs."""

    open_requested = Signal()
    samples_requested = Signal()
    models_requested = Signal()

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
        samples = QPushButton(self.tr("Try it on the sa&mple pictures"))
        samples.setToolTip(self.tr("Works at once and offline: with the starter model, on a copy of our own pictures"))
        samples.clicked.connect(self.samples_requested)
        models = QPushButton(self.tr("&Get a model for photographs…"))
        models.setToolTip(self.tr("Shows which models fit this machine; a download is the only use of the network"))
        models.clicked.connect(self.models_requested)
        more = QHBoxLayout()
        more.setSpacing(4)
        more.addStretch(1)
        for other in (samples, models):
            other.setObjectName("flat")
            other.setCursor(Qt.CursorShape.PointingHandCursor)
            more.addWidget(other)
        more.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addStretch(4)
        column.addWidget(picture)
        column.addSpacing(6)
        column.addWidget(title)
        column.addWidget(below)
        column.addSpacing(10)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(more)
        column.addStretch(5)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours(self.palette()).line), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(24, 24, -24, -24), 16, 16)
