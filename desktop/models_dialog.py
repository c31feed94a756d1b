"""The models dialog: what there is, what fits this machine, and everything that can be done with a model."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.model_words import ModelWords
from desktop.model_work import Row, Seen
from mqwen.hub import STARTER

_ROW_HEIGHT = 26


class ModelsDialog(QDialog):
    """Shows rows and says what is asked for; the work is done elsewhere (models_part.py)."""

    get_requested = Signal(str)  # name or hub id
    use_requested = Signal(str)
    test_requested = Signal(str)
    check_requested = Signal(str)
    remove_requested = Signal(str)
    folder_requested = Signal()
    parts_requested = Signal()
    unload_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Models"))
        self.resize(880, 600)
        self.words = ModelWords(self)
        self._seen: Seen | None = None
        self._busy = self._running = False

        self.machine = QLabel(self.tr("Looking at this machine…"))
        self.machine.setObjectName("quiet")
        self.table = QTreeWidget()
        self.table.setAccessibleName(self.tr("Models"))
        self.table.setHeaderLabels([self.tr("Model"), self.tr("On this machine"), self.tr("Size"), self.tr("State")])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAllColumnsShowFocus(True)
        self.table.header().setStretchLastSection(False)
        for column in (0, 2, 3):
            self.table.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.table.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.currentItemChanged.connect(self._show_chosen)
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.details = QLabel()
        self.details.setObjectName("quiet")
        self.details.setWordWrap(True)
        for label in (self.about, self.details):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

        self.use = self._button(self.tr("&Use"), self.use_requested, self.tr("Caption with this model"))
        self.use.setObjectName("primary")
        self.table.itemActivated.connect(self.use.click)
        self.get = self._button(self.tr("&Download"), self.get_requested)
        self.test = self._button(
            self.tr("&Test"), self.test_requested, self.tr("Load it and caption one of the sample pictures")
        )
        self.check = self._button(
            self.tr("&Verify"), self.check_requested, self.tr("Read all of it: is it whole and unchanged?")
        )
        self.remove = self._button(self.tr("&Remove…"), self.remove_requested)
        self.hub_id = QLineEdit()
        self.hub_id.setPlaceholderText(self.tr("OWNER/NAME of another model on the hub"))
        self.hub_id.setAccessibleName(self.tr("Another model on the hub"))
        self.hub_id.setClearButtonEnabled(True)
        self.other = QPushButton(self.tr("D&ownload this"))
        self.other.clicked.connect(self._get_other)
        self.hub_id.returnPressed.connect(self._get_other)
        self.hub_id.textChanged.connect(self._update)
        self.folder = QPushButton(self.tr("Add a &folder…"))
        self.folder.setToolTip(self.tr("A model folder that is on this machine already"))
        self.folder.clicked.connect(self.folder_requested)
        self.parts = QPushButton(self.tr("&Join three parts…"))
        self.parts.setToolTip(self.tr("A language model, a vision tower and the adapter of your own training"))
        self.parts.clicked.connect(self.parts_requested)
        self.unload = QPushButton(self.tr("Free the &memory"))
        self.unload.setToolTip(self.tr("Unload the model; the next run loads it again"))
        self.unload.clicked.connect(self.unload_requested)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress"))
        kept = self.progress.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # nothing jumps when it comes
        self.progress.setSizePolicy(kept)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.cancel = QPushButton(self.tr("&Cancel"))
        self.cancel.clicked.connect(self.cancel_requested)
        self.close_ = QPushButton(self.tr("C&lose"))
        self.close_.clicked.connect(self.close)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)
        self._lay_out()
        self.set_busy(False)

    def _button(self, text: str, wanted: SignalInstance, tip: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self._emit_chosen(wanted))
        return button

    def _lay_out(self) -> None:
        actions, others, bottom = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for button in (self.use, self.get, self.test, self.check, self.remove):
            actions.addWidget(button)
        actions.addStretch(1)
        actions.addWidget(self.unload)
        others.addWidget(self.hub_id, 1)
        for button in (self.other, self.folder, self.parts):
            others.addWidget(button)
        bottom.addWidget(self.status, 1)
        bottom.addWidget(self.cancel)
        bottom.addWidget(self.close_)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        column.addWidget(self.machine)
        column.addWidget(self.table, 1)
        column.addWidget(self.about)
        column.addWidget(self.details)
        column.addLayout(actions)
        column.addSpacing(6)
        column.addLayout(others)
        column.addSpacing(6)
        column.addWidget(self.progress)
        column.addLayout(bottom)

    def show_models(self, seen: Seen) -> None:
        """Show a list; what was chosen stays chosen, at first the one to begin with."""
        chosen = self.chosen()
        self._seen = seen
        if seen.machine is not None:
            self.machine.setText(self.words.machine(seen.machine))
        self.table.clear()
        for row in seen.rows:
            words = self.words
            item = QTreeWidgetItem([row.name, words.fit(row, seen.machine), words.to_get(row), words.state(row)])
            item.setData(0, Qt.ItemDataRole.UserRole, row)
            item.setSizeHint(1, QSize(0, _ROW_HEIGHT))
            item.setToolTip(0, row.name)
            if row.recommended:
                item.setText(0, self.tr("{name} (recommended)").format(name=row.name))
                font = QFont(self.table.font())
                font.setBold(True)
                item.setFont(0, font)
            self.table.addTopLevelItem(item)
            if row.name == chosen.name if chosen is not None else row.recommended:
                self.table.setCurrentItem(item)
        self._show_chosen()

    def chosen(self) -> Row | None:
        item = self.table.currentItem()
        return item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None

    def choose(self, name: str) -> None:
        """Choose a model of the list."""
        for place in range(self.table.topLevelItemCount()):
            item = self.table.topLevelItem(place)
            if item is not None and item.data(0, Qt.ItemDataRole.UserRole).name == name:
                self.table.setCurrentItem(item)

    def set_busy(self, busy: bool, text: str = "", *, can_cancel: bool = True) -> None:
        """Say what is being done; one thing at a time."""
        self._busy = busy
        self.progress.setRange(0, 0 if busy else 1000)
        self.progress.setValue(0)
        self.progress.setVisible(busy)
        self.cancel.setVisible(busy and can_cancel)
        self.cancel.setEnabled(True)
        self.say(text)
        self._update()

    def set_running(self, running: bool) -> None:
        """Say whether a run uses the model: it cannot be tested or unloaded then."""
        self._running = running
        self._update()

    def show_progress(self, told: object) -> None:
        text, share = self.words.progress(told)
        self.status.setText(text)
        self.progress.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self.progress.setValue(round(1000 * share))

    def say(self, text: str) -> None:
        self.status.setText(text)
        self.status.setAccessibleName(text)

    def _emit_chosen(self, wanted: SignalInstance) -> None:
        row = self.chosen()
        if row is not None:
            wanted.emit(row.name)

    def _get_other(self) -> None:
        name = self.hub_id.text().strip()
        if name and not self._busy:
            self.get_requested.emit(name)

    def _show_chosen(self) -> None:
        row = self.chosen()
        self.about.setText(self.words.about(row) if row else "")
        self.details.setText("\n".join(f"{field}: {value}" for field, value in self.words.details(row)) if row else "")
        self._update()

    def _update(self) -> None:
        row, free = self.chosen(), not self._busy
        here = row is not None and row.folder is not None
        ours = row is not None and row.name != STARTER
        goes_on = row is not None and row.folder is None and row.partial > 0
        self.get.setText(self.tr("&Go on downloading") if goes_on else self.tr("&Download"))
        self.use.setEnabled(free and here)
        self.get.setEnabled(free and ours and not here and row is not None and row.known is not None)
        self.test.setEnabled(free and here and not self._running)
        self.check.setEnabled(free and here)
        self.remove.setEnabled(free and ours and row is not None and (here or row.partial > 0))
        self.other.setEnabled(free and bool(self.hub_id.text().strip()))
        self.unload.setEnabled(not self._running and free)
        for button in (self.folder, self.parts):
            button.setEnabled(free)
