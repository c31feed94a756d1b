"""The question before a run: what it will do and what stands in its way, looked up before the first byte is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QThread, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.reasons import told, unexpected
from mqwen.errors import MqwenError
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from desktop.window import MainWindow
    from mqwen.library.catalog import Catalog
    from mqwen.library.precheck import Precheck
    from mqwen.library.targets import Targets


_MARGIN = 16
_MARK = 20  # the room for a line's mark
_MOST_HEIGHT = 420


class Check(QThread):
    """One precheck in a thread of its own; requestInterruption() ends it after the photo at hand."""

    found = Signal(object)  # Precheck
    failed = Signal(str)

    def __init__(
        self,
        paths: Sequence[Path],
        settings: RunSettings,
        targets: Targets,
        catalog: Callable[[], Catalog],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._paths, self._settings, self._targets, self._catalog = tuple(paths), settings, targets, catalog

    def run(self) -> None:
        from mqwen.library.precheck import precheck

        try:
            catalog = self._catalog() if self._settings.writes() else None
            found = precheck(
                self._paths,
                self._settings,
                catalog=catalog,
                into=self._targets,
                stopped=self.isInterruptionRequested,
            )
        except MqwenError as error:
            self.failed.emit(told(error))
        except Exception as error:  # Qt would only print it, and the dialog would wait for ever
            self.failed.emit(unexpected(error))
        else:
            if not self.isInterruptionRequested():
                self.found.emit(found)


class CheckDialog(QDialog):
    """Says what a run will do; `accepted` means Start, `try_requested` that a dozen should be tried first."""

    try_requested = Signal()

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Before the run"))
        self.setMinimumWidth(560)
        self.heading = QLabel(self.tr("Looking at what is there…"))
        font = self.heading.font()
        font.setPointSizeF(font.pointSizeF() * 1.3)
        font.setBold(True)
        self.heading.setFont(font)
        self.heading.setWordWrap(True)
        self._what = QLabel(what)
        self._what.setObjectName("quiet")
        self._what.setWordWrap(True)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setAccessibleName(self.tr("Progress of the check"))
        self._lines = QVBoxLayout()
        self._lines.setSpacing(6)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._inside = QWidget()
        self._inside.setLayout(self._lines)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidget(self._inside)
        self._area.setAccessibleName(self.tr("What will happen"))
        self._area.hide()

        self.start = QPushButton(self.tr("&Start"))
        self.start.setObjectName("primary")
        self.start.setDefault(True)
        self.try_first = QPushButton(self.tr("&Try it on 12…"))
        self.try_first.setToolTip(self.tr("Caption a dozen different photos and write nothing"))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.addButton(self.try_first, QDialogButtonBox.ButtonRole.ActionRole)
        self.buttons.addButton(self.start, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.try_first.clicked.connect(self._try)
        self.start.setEnabled(False)

        rows = QVBoxLayout(self)
        rows.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        rows.setSpacing(10)
        for widget in (self.heading, self._what, self._busy, self._area):
            rows.addWidget(widget)
        rows.addStretch()
        rows.addSpacing(6)
        rows.addWidget(self.buttons)

    def show_found(self, found: Precheck, *, writes: bool) -> None:
        """Say what the check has found, and let the run be started."""
        from desktop.check_report import CheckReport

        report = CheckReport(found)
        self._done(report.heading)
        for text in report.facts:
            self._add("•", text)
        for text in report.warnings:
            self._add("⚠", text, warning=True)
        if not writes:
            self._add("•", self.tr("Nothing is written: captions are only shown"))
        elif found.to_caption:
            self._add("•", self.tr("Photos are never damaged, and the whole run can be taken back under Run > History"))
        self._fit()
        self.try_first.setEnabled(found.to_caption > 0)
        self.start.setEnabled(found.to_caption > 0)
        (self.start if found.to_caption else self.buttons.button(QDialogButtonBox.StandardButton.Cancel)).setFocus()

    def show_failed(self, reason: str) -> None:
        """Say that the check itself was not possible; so the run would not be either."""
        self._done(self.tr("The run cannot start"))
        self._add("⚠", reason, warning=True)
        self._fit()

    def lines(self) -> list[str]:
        """Return what is said, without the marks."""
        labels = self._inside.findChildren(QLabel, "line")
        return [label.accessibleName() for label in labels]

    def _done(self, heading: str) -> None:
        self._busy.hide()
        self.heading.setText(heading)
        self._area.show()

    def _fit(self) -> None:
        """Grow until all lines are seen, as far as a screen has room."""
        self._lines.addStretch()
        width = self.width() - 2 * _MARGIN - _MARK
        labels = self._inside.findChildren(QLabel, "line")
        wanted = sum(label.heightForWidth(width) + self._lines.spacing() for label in labels)
        self._area.setMinimumHeight(min(_MOST_HEIGHT, wanted))
        self._area.setMaximumHeight(wanted)
        layout = self.layout()
        if layout is not None:
            layout.activate()
        self.resize(self.width(), self.sizeHint().height())

    def _add(self, mark: str, text: str, *, warning: bool = False) -> None:
        label = QLabel(text)
        label.setObjectName("line")
        label.setProperty("warning", warning)
        label.setAccessibleName(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        one_line = label.sizeHint().height()  # Chinese text has higher lines than a bullet
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        sign = QLabel(mark)
        sign.setFixedSize(_MARK, one_line)
        line = QHBoxLayout()
        line.setSpacing(0)
        line.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(label, 1)
        self._lines.addLayout(line)

    def _try(self) -> None:
        self.reject()
        self.try_requested.emit()


class BeforeRun(QObject):
    """Asks before a run of the window starts."""

    try_requested = Signal(object)  # paths

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.dialog: CheckDialog | None = None

    def ask(self, paths: Sequence[Path] | None = None) -> None:
        """Check what a run over photos, by default all, would do, and ask whether to start it."""
        window = self._window
        if window.captioning.busy() or self.dialog is not None or (paths is None and window.photos.scanning()):
            return
        window.grid.commit_edit()
        settings = window.run_settings()
        chosen = window.photos.paths() if paths is None else list(paths)
        if settings is None or not chosen:
            return
        dialog = self.dialog = CheckDialog(window.bar.summary(), window)
        targets = window.captioning.targets_for(settings)
        check = Check(chosen, settings, targets, lambda: window.catalog, self)
        check.found.connect(lambda found: dialog.show_found(found, writes=settings.writes()))
        check.failed.connect(dialog.show_failed)
        dialog.accepted.connect(lambda: window.start(chosen))
        dialog.try_requested.connect(lambda: self.try_requested.emit(chosen))
        dialog.finished.connect(lambda: self._over(check))
        check.start()
        dialog.open()

    def _over(self, check: Check) -> None:
        """The dialog has gone: end the check that may still go on."""
        if self.dialog is not None:
            self.dialog.deleteLater()
        self.dialog = None
        check.requestInterruption()
        check.wait()
        check.deleteLater()
