"""The line under the grid: how many, how far, how fast, how big."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSlider, QWidget

from desktop.grid import LARGEST, SMALLEST
from desktop.pace import Pace


class Footer(QWidget):
    """Summary on the left, progress in the middle, failures and thumbnail size on the right."""

    failures_requested = Signal()
    width_changed = Signal(int)

    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("footer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._summary = QLabel()
        self.progress = QProgressBar()
        self.progress.setAccessibleName(self.tr("Progress of the run"))
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(220)
        self._pace = QLabel()
        self._pace.setObjectName("quiet")
        self._memory = QLabel()
        self._memory.setObjectName("quiet")
        self._memory.setToolTip(self.tr("Memory of the graphics card in use, by all programs"))
        self._failures = QPushButton()
        self._failures.setObjectName("problem")
        self._failures.setCursor(Qt.CursorShape.PointingHandCursor)
        self._failures.clicked.connect(self.failures_requested)
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setRange(SMALLEST, LARGEST)
        self.size_slider.setSingleStep(20)
        self.size_slider.setPageStep(60)
        self.size_slider.setValue(width)
        self.size_slider.setFixedWidth(120)
        self.size_slider.setAccessibleName(self.tr("Size of the photos"))
        self.size_slider.setToolTip(self.tr("Size of the photos"))
        self.size_slider.valueChanged.connect(self.width_changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 14, 6)
        row.setSpacing(14)
        for widget in (self._summary, self.progress, self._pace, self._memory):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self._failures)
        row.addWidget(self.size_slider)
        self._failures.ensurePolished()
        # The highest of all comes and goes, and the photos must not jump.
        self.setFixedHeight(self._failures.sizeHint().height() + 12)
        self.progress.hide()
        self.set_failures(0)

    def summary(self) -> str:
        return self._summary.text()

    def pace(self) -> str:
        return self._pace.text()

    def set_summary(self, text: str) -> None:
        self._summary.setText(text)

    def set_failures(self, count: int) -> None:
        self._failures.setVisible(count > 0)
        self._failures.setText(self.tr("Failed: {count}").format(count=QLocale().toString(count)))

    def show_busy(self, text: str) -> None:
        """Show that something goes on whose length nobody knows."""
        self.progress.setRange(0, 0)
        self.progress.show()
        self._pace.setText(text)

    def show_pace(self, pace: Pace) -> None:
        self.progress.setRange(0, max(1, pace.total))
        self.progress.setValue(pace.done)
        self.progress.show()
        parts = [self.tr("{done} of {total}").format(done=_number(pace.done), total=_number(pace.total))]
        speed, left = pace.per_second(), pace.seconds_left()
        if speed is not None and left is not None:
            parts.append(self.tr("{speed} images/s").format(speed=_speed(speed)))
            if pace.done < pace.total:
                parts.append(self.tr("{time} left").format(time=self._duration(left)))
        self._pace.setText(" · ".join(parts))

    def show_paused(self, pace: Pace) -> None:
        """The run rests."""
        self.progress.setRange(0, max(1, pace.total))
        self.progress.setValue(pace.done)
        text = self.tr("Paused at {done} of {total}")
        self._pace.setText(text.format(done=_number(pace.done), total=_number(pace.total)))

    def show_memory(self, used: int, total: int) -> None:
        """Show how full the graphics card is."""
        text = self.tr("Card: {used} of {total} GB")
        self._memory.setText(text.format(used=QLocale().toString(used / 1e9, "f", 1), total=round(total / 1e9)))

    def memory(self) -> str:
        return self._memory.text()

    def show_rest(self, text: str = "") -> None:
        """Nothing goes on; `text` says how the last run ended."""
        self.progress.hide()
        self._memory.clear()
        self._pace.setText(text)

    def _duration(self, seconds: float) -> str:
        if seconds < 60:
            return self.tr("{n} s").format(n=max(1, round(seconds)))
        minutes = round(seconds / 60)
        if minutes < 60:
            return self.tr("{n} min").format(n=minutes)
        return self.tr("{h} h {n} min").format(h=minutes // 60, n=minutes % 60)


def _number(value: int) -> str:
    return QLocale().toString(value)


def _speed(value: float) -> str:
    return QLocale().toString(value, "f", 2 if value < 1 else 1)
