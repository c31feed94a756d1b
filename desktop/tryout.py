"""Try it on 12: a dozen different photos with what the model would say, beside the prompt; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.dozen import DOZEN, choose
from desktop.settings import OWN_PROMPT

if TYPE_CHECKING:
    from desktop.window import MainWindow
    from desktop.worker import Ending

_COLUMNS = 3  # at most
_MARGIN = 9  # of a card, its frame included
_SIDE, _EDGE, _GAP = 270, 16, 14  # the column of buttons, the dialog's margin, the space between
_PICTURE = QSize(220, 150)


class Card(QFrame):
    """One photo: the picture, its name, what stands there now and what the model would write."""

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


class TryDialog(QDialog):
    """The dozen and the prompt, which can be changed and tried again; `accepted` starts the run with it."""

    again_requested = Signal(str)  # the prompt
    others_requested = Signal(str)

    def __init__(self, prompt: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Try it on a dozen"))
        room = self.screen().availableGeometry()
        self.resize(min(1100, room.width() - 80), min(760, room.height() - 80))
        self.cards: dict[Path, Card] = {}
        self._given = prompt
        label = QLabel(self.tr("What the model is &asked"))
        self.prompt = QPlainTextEdit(prompt)
        self.prompt.setAccessibleName(self.tr("What the model is asked"))
        self.prompt.setTabChangesFocus(True)
        self.prompt.setToolTip(self.tr("{name}, {folder}, {date} and {existing} stand for each photo's own"))
        label.setBuddy(self.prompt)
        note = QLabel(self.tr("Nothing is written until you start the run."))
        note.setObjectName("quiet")
        note.setWordWrap(True)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress of the trial"))
        self.again = QPushButton(self.tr("Try a&gain"))
        self.others = QPushButton(self.tr("&Other photos"))
        self.start = QPushButton(self.tr("&Start with this prompt"))
        self.start.setObjectName("primary")
        close = QPushButton(self.tr("&Close"))
        side = QVBoxLayout()
        side.setSpacing(8)
        for widget in (label, self.prompt, note, self.again, self.others):
            side.addWidget(widget)
        self.prompt.setFixedHeight(170)
        side.addStretch()
        for below in (self.status, self.progress, self.start, close):
            side.addWidget(below)
        column = QWidget()
        column.setFixedWidth(_SIDE)
        column.setLayout(side)
        self._grid = QGridLayout()
        self._grid.setSpacing(10)
        inside = QWidget()
        inside.setLayout(self._grid)
        area = self._area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(self.tr("A dozen photos and their captions"))
        area.setWidget(inside)
        row = QHBoxLayout(self)
        row.setContentsMargins(_EDGE, _EDGE, _EDGE, _EDGE)
        row.setSpacing(_GAP)
        row.addWidget(column)
        row.addWidget(area, 1)
        self.again.clicked.connect(lambda: self.again_requested.emit(self.text()))
        self.others.clicked.connect(lambda: self.others_requested.emit(self.text()))
        self.start.clicked.connect(self.accept)
        close.clicked.connect(self.reject)

    def text(self) -> str:
        return " ".join(self.prompt.toPlainText().split())

    def is_own(self) -> bool:
        """Say whether the prompt is another than the one that was given."""
        return self.text() != self._given

    def show_photos(self, photos: Sequence[tuple[Path, str]]) -> None:
        """Show photos with the captions that they have now, and wait for what the model says."""
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        self.cards = {path: Card(path, before) for path, before in photos}
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Put the cards in as many columns as there is room for."""
        beside = _SIDE + 2 * _EDGE + _GAP + self._area.verticalScrollBar().sizeHint().width()
        room = (self.width() - beside) // (_PICTURE.width() + 2 * _MARGIN + self._grid.spacing())
        columns = max(1, min(_COLUMNS, room))
        for place, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, place // columns, place % columns)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, int(column < columns))

    def set_working(self, working: bool, text: str = "") -> None:
        for button in (self.again, self.others, self.start):
            button.setEnabled(not working)
        self.progress.setVisible(working)
        self.progress.setRange(0, len(self.cards) if working else 1)
        self.progress.setValue(0)
        self.status.setText(text)

    def show_words(self, path: Path, text: str, reason: str) -> None:
        card = self.cards.get(path)
        if card is not None:
            card.show_words(text, reason)
            self.progress.setValue(self.progress.value() + 1)


class TryOut(QObject):
    """Runs the trials of a window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._photos: list[Path] = []
        self._turn = 0
        self.dialog: TryDialog | None = None
        self.action = QAction(self.tr("&Try it on 12…"), self)
        self.action.setShortcut("Ctrl+T")
        self.action.triggered.connect(lambda: self.open())
        window.menus.run_menu.addAction(self.action)
        window.before_run.try_requested.connect(self.open)
        window.thumbnails.ready.connect(self._show_picture)
        window.captioning.tried.connect(self._tried)
        window.captioning.try_finished.connect(self._finished)

    def open(self, paths: Sequence[Path] | None = None) -> None:
        """Try the prompt of the bar on a dozen of the selected photos, of all where fewer than two are selected."""
        window = self._window
        settings = window.run_settings()
        if self.dialog is not None or window.captioning.busy() or settings is None:
            return
        selected = window.grid.selected_paths()
        self._photos = list(paths) if paths is not None else selected if len(selected) > 1 else window.photos.paths()
        if not self._photos:
            return
        self._turn = 0
        dialog = self.dialog = TryDialog(settings.question(), window)
        dialog.again_requested.connect(self._try)
        dialog.others_requested.connect(self._others)
        dialog.finished.connect(self._closed)
        self._show_dozen()
        dialog.open()
        self._try(dialog.text())

    def _others(self, prompt: str) -> None:
        self._turn += 1
        self._show_dozen()
        self._try(prompt)

    def _show_dozen(self) -> None:
        window, dialog = self._window, self.dialog
        assert dialog is not None
        known = [photo for photo in map(window.photos.photo, self._photos) if photo is not None]
        chosen = choose([(photo.path, photo.modified) for photo in known], DOZEN, self._turn)
        captions = {photo.path: photo.caption for photo in known}
        dialog.show_photos([(path, captions[path]) for path in chosen])
        for path in chosen:
            self._show_picture(path)

    def _try(self, prompt: str) -> None:
        window, dialog = self._window, self.dialog
        settings = window.run_settings()
        if dialog is None or settings is None or not prompt:
            return
        if dialog.is_own():
            settings = replace(settings, prompt=prompt)
        dialog.set_working(True, self.tr("Asking the model…"))
        window.captioning.try_out(list(dialog.cards), settings.model, settings)

    def _show_picture(self, path: Path) -> None:
        if self.dialog is not None and path in self.dialog.cards:
            pixmap = self._window.thumbnails.pixmap(path)
            if pixmap is not None:
                self.dialog.cards[path].show_picture(pixmap)

    def _tried(self, path: Path, text: str, reason: str) -> None:
        if self.dialog is not None:
            self.dialog.show_words(path, text, reason)

    def _finished(self, ending: Ending) -> None:
        if self.dialog is not None:
            self.dialog.set_working(False, ending.reason)

    def _closed(self, accepted: int) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is None:
            return
        dialog.deleteLater()
        if accepted and dialog.is_own():
            bar = self._window.bar
            bar.style_.setCurrentIndex(bar.style_.findData(OWN_PROMPT))
            bar.prompt.setText(dialog.text())
        if self._window.captioning.busy():
            self._window.captioning.cancel()
        elif accepted:
            self._window.before_run.ask(self._photos)
