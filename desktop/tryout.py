"""Try it on 12: a dozen different photos with what the model would say, beside the prompt; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
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

from desktop.dozen import DOZEN, Choice
from desktop.settings import OWN_PROMPT
from desktop.tryout_card import Card

if TYPE_CHECKING:
    from desktop.window import MainWindow
    from desktop.worker import Ending

_COLUMNS = 3  # at most
_SIDE, _EDGE, _GAP = 270, 16, 14  # the column of buttons, the dialog's margin, the space between


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
        """Show photos with the captions that they have now, and wait for what the model says.

        Those that are shown already stay where they are.
        """
        wanted = dict(photos)
        new = iter([Card(path, before) for path, before in photos if path not in self.cards])
        cards: list[Card] = []
        for path, card in self.cards.items():
            if path in wanted:
                cards.append(card)
                continue
            card.hide()
            card.deleteLater()
            cards += islice(new, 1)
        self.cards = {card.path: card for card in (*cards, *new)}
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Put the cards in as many columns as there is room for."""
        beside = _SIDE + 2 * _EDGE + _GAP + self._area.verticalScrollBar().sizeHint().width()
        room = (self.width() - beside) // (Card.WIDTH + self._grid.spacing())
        columns = max(1, min(_COLUMNS, room))
        for place, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, place // columns, place % columns)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, int(column < columns))

    def set_working(self, working: bool, text: str = "") -> None:
        for button in (self.again, self.others, self.start):
            button.setEnabled(not working)
        self.progress.setVisible(working)
        self.progress.setRange(0, max(1, len(self.cards)) if working else 1)
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
        self._shown: set[Path] = set()
        self.dialog: TryDialog | None = None
        self.action = QAction(self.tr("&Try it on 12…"), self)
        self.action.setShortcut("Ctrl+T")
        self.action.triggered.connect(lambda: self.open())
        window.menus.run_menu.addAction(self.action)
        window.before_run.try_requested.connect(self.open)
        window.thumbnails.ready.connect(self._show_picture)
        window.captioning.photos_chosen.connect(self._chosen)
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
        self._shown.clear()
        dialog = self.dialog = TryDialog(settings.question(), window)
        dialog.again_requested.connect(self._try_again)
        dialog.others_requested.connect(self._try_others)
        dialog.finished.connect(self._closed)
        dialog.open()
        self._try(dialog.text(), [], self._choice())

    def _choice(self) -> Choice:
        choice = Choice(self._photos, self._time_of, frozenset(self._shown))
        if len(self._photos) - len(self._shown) < DOZEN:
            self._shown.clear()  # all have had their turn then
        return choice

    def _time_of(self, path: Path) -> float | None:
        photo = self._window.photos.photo(path)  # in the worker's thread, which may look into a dict
        return photo.modified if photo else None

    def _try_again(self, prompt: str) -> None:
        if self.dialog is not None:
            self._try(prompt, list(self.dialog.cards))

    def _try_others(self, prompt: str) -> None:
        if self.dialog is not None:
            self._shown.update(self.dialog.cards)
            self._try(prompt, [], self._choice())

    def _try(self, prompt: str, paths: Sequence[Path], choice: Choice | None = None) -> None:
        window, dialog = self._window, self.dialog
        settings = window.run_settings()
        if dialog is None or settings is None or not prompt:
            return
        if dialog.is_own():
            settings = replace(settings, prompt=prompt)
        dialog.set_working(True, self.tr("Choosing photos that differ…") if choice else self.tr("Asking the model…"))
        window.captioning.try_out(paths, settings.model, settings, choice)

    def _chosen(self, paths: list[Path], final: bool) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        photos = {path: self._window.photos.photo(path) for path in paths}
        dialog.show_photos([(path, photo.caption if photo else "") for path, photo in photos.items()])
        for path in paths:
            self._show_picture(path)
        if final:
            dialog.set_working(True, self.tr("Asking the model…"))

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
