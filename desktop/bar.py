"""The bar over the grid: which model, what to ask, where to write, and Start."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.choice_words import ChoiceWords
from desktop.mnemonics import plain
from desktop.settings import OWN_PROMPT, Choices
from desktop.theme import FIELD_HEIGHT, TEXT_WIDTH
from desktop.write_choice import WriteChoice
from mqwen.hub import STARTER, installed_models

_CHOOSE_FOLDER = "\0choose"  # no model can have this name


class Bar(QWidget):
    """Shows and changes the Choices; Start becomes Cancel while a run is under way."""

    choices_changed = Signal()
    start_requested = Signal()
    cancel_requested = Signal()
    try_requested = Signal()
    pause_requested = Signal(bool)

    def __init__(self, choices: Choices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._running = self._stopping = False
        self._model_before = choices.model
        words = ChoiceWords(self)

        self.model = self._combo(self.tr("&Model"), self._models(choices.model), choices.model)
        self.model.setMinimumContentsLength(16)
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.style_ = self._combo(self.tr("St&yle"), words.styles(), choices.style)
        self.language = self._combo(self.tr("&Language"), words.languages(), choices.language)
        self.write = WriteChoice(choices.write)
        self.write.changed.connect(self._changed)
        self.existing = self._combo(self.tr("E&xisting text"), words.existing(), choices.existing)

        self.prompt = QLineEdit(choices.prompt)
        self.prompt.setAccessibleName(self.tr("Own prompt"))
        self.prompt.setPlaceholderText(self.tr("What to ask about each photo"))
        self.prompt.setToolTip(self.tr("{name}, {folder}, {date} and {existing} stand for each photo's own"))
        self.prompt.setClearButtonEnabled(True)
        self.prompt.textChanged.connect(self._changed)
        self.prompt.returnPressed.connect(self._press)
        variables = QLabel(self.tr("May hold {name} {folder} {date} {existing}"))
        variables.setObjectName("quiet")
        self._prompt_row = QWidget()
        prompt_row = QHBoxLayout(self._prompt_row)
        prompt_row.setContentsMargins(0, 2, 0, 2)
        self.prompt.setFixedHeight(FIELD_HEIGHT)
        self.prompt.setMaximumWidth(TEXT_WIDTH)
        prompt_row.addWidget(self.prompt, 1000)
        prompt_row.addWidget(variables)
        prompt_row.addStretch(1)

        self.button = QPushButton()
        self.button.setObjectName("primary")
        self.button.setFixedHeight(FIELD_HEIGHT)
        self.button.clicked.connect(self._press)
        self._start, self._cancel = self.tr("&Start"), self.tr("&Cancel")
        self.button.setText(self._cancel)
        self.button.setMinimumWidth(self.button.sizeHint().width() + 24)  # the same in both roles: nothing jumps

        self.side_button = QPushButton()
        self.side_button.setFixedHeight(FIELD_HEIGHT)
        self.side_button.clicked.connect(self._press_side)
        self._try, self._pause, self._resume = self.tr("&Try on 12"), self.tr("&Pause"), self.tr("&Go on")
        widths = []
        for text in (self._try, self._pause, self._resume):
            self.side_button.setText(text)
            widths.append(self.side_button.sizeHint().width())
        self.side_button.setMinimumWidth(max(widths))
        self._paused = False

        fields = QGridLayout()
        fields.setHorizontalSpacing(12)
        fields.setVerticalSpacing(3)
        self.write.setProperty("field", self.tr("&Write"))
        for column, combo in enumerate((self.model, self.style_, self.language, self.write, self.existing)):
            label = QLabel(str(combo.property("field")))
            label.setObjectName("fieldName")
            label.setBuddy(combo)
            fields.addWidget(label, 0, column)
            fields.addWidget(combo, 1, column)
        fields.setColumnStretch(5, 1)
        fields.addWidget(self.side_button, 1, 6)
        fields.addWidget(self.button, 1, 7)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(6, 6, 6, 10)  # a tool bar adds four at each side
        rows.addLayout(fields)
        rows.addWidget(self._prompt_row)
        self.set_running(False)
        self._changed()

    def choices(self) -> Choices:
        return Choices(
            model=self.model.currentData(),
            style=self.style_.currentData(),
            prompt=self.prompt.text().strip(),
            language=self.language.currentData(),
            write=self.write.names(),
            existing=self.existing.currentData(),
        )

    def summary(self) -> str:
        """Return the choices in one line, for the question before a run."""
        asked = self.prompt.text().strip() if self.style_.currentData() == OWN_PROMPT else self.style_.currentText()
        own = self.style_.currentData() == OWN_PROMPT
        parts = [self.model.currentText(), asked, "" if own else self.language.currentText()]
        existing = f"{self.existing.accessibleName()}: {self.existing.currentText()}"
        parts += [self.write.accessibleDescription(), existing]
        return " · ".join(part for part in parts if part)

    def set_running(self, running: bool, *, stopping: bool = False) -> None:
        """Turn Start into Cancel and back; the choices rest while a run uses them."""
        self._running, self._stopping = running, stopping
        self._paused = self._paused and running
        self._show_side()
        self.side_button.setEnabled(not stopping)
        self.button.setText(self._cancel if running else self._start)
        self.button.setProperty("running", running)
        self.button.style().polish(self.button)
        self.button.setEnabled(not stopping)
        for combo in (self.model, self.style_, self.language, self.write, self.existing, self.prompt):
            combo.setEnabled(not running)
        self.language.setEnabled(not running and self.style_.currentData() != OWN_PROMPT)

    def stopping(self) -> bool:
        return self._stopping

    def set_ready(self, ready: bool) -> None:
        """Say whether there is anything to start on."""
        if not self._running:
            self.button.setEnabled(ready)
            self.side_button.setEnabled(ready)

    def set_paused(self, paused: bool) -> None:
        """Say whether the run rests."""
        self._paused = paused
        self._show_side()

    def _show_side(self) -> None:
        if self._running:
            tip = self.tr("Let the run go on") if self._paused else self.tr("Let the run rest; nothing is lost")
            self.side_button.setText(self._resume if self._paused else self._pause)
        else:
            tip = self.tr("Caption a dozen different photos and write nothing")
            self.side_button.setText(self._try)
        self.side_button.setToolTip(tip)

    def _press_side(self) -> None:
        if self._running:
            self.pause_requested.emit(not self._paused)
        else:
            self.try_requested.emit()

    def choose_model_folder(self) -> None:
        """Ask for a model folder; a wrong one is told by the run, which names the file that is missing."""
        before = self._model_before if self._model_before != STARTER else ""
        folder = QFileDialog.getExistingDirectory(self, self.tr("Choose a model folder"), before)
        self.set_model(folder or self._model_before)

    def set_model(self, model: str) -> None:
        """Choose a model, which is added to the list if it is not there."""
        if self.model.findData(model) < 0:
            with QSignalBlocker(self.model):
                self.model.insertItem(self.model.count() - 1, Path(model).name, model)
                self.model.setItemData(self.model.findData(model), model, Qt.ItemDataRole.ToolTipRole)
        self.model.setCurrentIndex(self.model.findData(model))

    def refresh_models(self) -> None:
        """Look again which models are here; the chosen one stays chosen unless it has been removed."""
        chosen = before = self.model.currentData()
        if not Path(chosen).is_absolute() and chosen not in installed_models():
            chosen = STARTER
        with QSignalBlocker(self.model):
            self.model.clear()
            for value, text in self._models(chosen).items():
                self.model.addItem(text, value)
            self.model.setCurrentIndex(self.model.findData(chosen))
        if chosen != before:
            self._changed()

    def _models(self, chosen: str) -> dict[str, str]:
        names = list(dict.fromkeys([STARTER, *installed_models(), chosen]))
        shown = {name: Path(name).name if Path(name).is_absolute() else name for name in names}
        shown[STARTER] = self.tr("Starter: drawings only")
        shown[_CHOOSE_FOLDER] = self.tr("Choose a folder…")
        return shown

    def _combo(self, field: str, entries: dict[str, str], chosen: str) -> QComboBox:
        combo = QComboBox()
        combo.setFixedHeight(FIELD_HEIGHT)
        combo.setAccessibleName(plain(field))
        combo.setProperty("field", field)
        for value, text in entries.items():
            combo.addItem(text, value)
        combo.setCurrentIndex(max(0, combo.findData(chosen)))
        combo.currentIndexChanged.connect(self._changed)
        return combo

    def _changed(self) -> None:
        if self.model.currentData() == _CHOOSE_FOLDER:
            with QSignalBlocker(self.model):
                self.model.setCurrentIndex(self.model.findData(self._model_before))
            self.choose_model_folder()
            return
        self._model_before = self.model.currentData()
        own = self.style_.currentData() == OWN_PROMPT
        self._prompt_row.setVisible(own)
        self.language.setEnabled(not own and not self._running)
        self.choices_changed.emit()

    def _press(self) -> None:
        if self._running:
            self.cancel_requested.emit()
        elif self.button.isEnabled():
            self.start_requested.emit()
