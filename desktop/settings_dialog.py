"""The settings dialog: a page each for the window, for models, for files and for shortcuts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.labelled import label_of
from desktop.preferences import MOST_CARD_GB, MOST_THREADS, Preferences, is_device
from desktop.shortcuts import ShortcutPage
from desktop.theme import FIELD_HEIGHT


class SettingsDialog(QDialog):
    """Shows Preferences and the folder of models; preferences() and models_folder() say what was chosen.

    Args:
        fixed_models: the environment names the folder of models, so that it cannot be chosen here.
        actions: those whose shortcuts can be changed.
    """

    def __init__(
        self,
        preferences: Preferences,
        models: Path,
        actions: Sequence[QAction] = (),
        *,
        fixed_models: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumWidth(560)
        self._before = preferences
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.tr("Settings"))
        self.tabs.addTab(self._window_page(preferences), self.tr("&Window"))
        self.tabs.addTab(self._model_page(preferences, models, fixed_models), self.tr("&Models"))
        self.tabs.addTab(self._file_page(preferences), self.tr("&Files"))
        self.shortcuts = ShortcutPage(actions)
        self.tabs.addTab(self.shortcuts, self.tr("&Shortcuts"))
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(standard.Ok | standard.Cancel | standard.RestoreDefaults)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.buttons.button(standard.RestoreDefaults).clicked.connect(self._restore)
        self.shortcuts.clash_changed.connect(
            lambda clash: self.buttons.button(standard.Ok).setEnabled(not clash and self._device_known())
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.buttons)

    def preferences(self) -> Preferences:
        return Preferences(
            ui_language=self.language.currentData(),
            theme=self.theme.currentData(),
            device=self._device(),
            precision=self.precision.currentData(),
            quantize=self.quantize.currentData(),
            card_gb=self.card_gb.value(),
            threads=self.threads.value(),
            sidecar_naming=self.naming.currentData(),
            keep_mtime=self.keep_mtime.isChecked(),
        )

    def models_folder(self) -> Path:
        return Path(self.models.text())

    def _window_page(self, chosen: Preferences) -> QWidget:
        page, form = _page()
        languages = {"system": self.tr("As the system"), "en": "English", "zh_CN": "简体中文"}
        self.language = _combo(languages, chosen.ui_language)
        _row(form, self.tr("&Language"), self.language)
        form.addRow("", _note(self.tr("Another language is spoken from the next start on.")))
        themes = {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        self.theme = _combo(themes, chosen.theme)
        _row(form, self.tr("&Theme"), self.theme)
        return page

    def _model_page(self, chosen: Preferences, models: Path, fixed: bool) -> QWidget:
        page, form = _page()
        devices = {
            "auto": self.tr("Choose by itself"),
            "cuda": self.tr("Graphics card"),
            "cpu": self.tr("Processor"),
        }
        devices.setdefault(chosen.device, chosen.device)
        self.device = _combo(devices, chosen.device)
        self.device.setEditable(True)
        self.device.setToolTip(self.tr("Of several graphics cards, name one: cuda:0, cuda:1 and so on"))
        self.device.editTextChanged.connect(self._check_device)
        _row(form, self.tr("&Device"), self.device)
        precisions = {
            "auto": self.tr("Choose by itself"),
            "float32": self.tr("32 bits"),
            "bfloat16": self.tr("16 bits (bfloat16)"),
            "float16": self.tr("16 bits (float16)"),
        }
        self.precision = _combo(precisions, chosen.precision)
        _row(form, self.tr("&Precision"), self.precision)
        kinds = {
            "auto": self.tr("Only what does not fit otherwise"),
            "none": self.tr("Never"),
            "int8": self.tr("To 8 bits"),
            "nf4": self.tr("To 4 bits (graphics card only)"),
        }
        self.quantize = _combo(kinds, chosen.quantize)
        _row(form, self.tr("S&hrink the weights"), self.quantize)
        self.card_gb = QDoubleSpinBox()
        self.card_gb.setRange(0, MOST_CARD_GB)
        self.card_gb.setDecimals(1)
        self.card_gb.setSuffix(" GB")
        self.card_gb.setSpecialValueText(self.tr("All that is free"))
        self.card_gb.setValue(chosen.card_gb)
        self.card_gb.setToolTip(self.tr("A model that needs more keeps the rest in main memory, and is slower"))
        _row(form, self.tr("Memory of the &card to use"), self.card_gb)
        self.threads = QSpinBox()
        self.threads.setRange(0, MOST_THREADS)
        self.threads.setSpecialValueText(self.tr("Choose by itself"))
        self.threads.setValue(chosen.threads)
        _row(form, self.tr("Threads of the p&rocessor"), self.threads)
        form.addRow("", _note(self.tr("These hold from the next time a model is loaded.")))

        self.models = QLineEdit(str(models))
        self.models.setEnabled(not fixed)
        browse = QPushButton(self.tr("&Browse…"))
        browse.setAccessibleName(self.tr("Choose the folder of models"))
        browse.setEnabled(not fixed)
        browse.clicked.connect(self._browse)
        for field in (self.models, browse):
            field.setFixedHeight(FIELD_HEIGHT)
        place = QHBoxLayout()
        place.setSpacing(8)
        place.addWidget(self.models, 1)
        place.addWidget(browse)
        form.addRow(label_of(self.models, self.tr("Fo&lder of models")), place)
        if fixed:
            form.addRow("", _note(self.tr("The environment variable MQWEN_MODELS names this folder.")))
        else:
            form.addRow("", _note(self.tr("Models that are in the old folder stay there: move what you want to keep.")))
        return page

    def _file_page(self, chosen: Preferences) -> QWidget:
        page, form = _page()
        self.naming = _combo({"name": "IMG_1234.jpg.xmp", "stem": "IMG_1234.xmp"}, chosen.sidecar_naming)
        _row(form, self.tr("&Name of new XMP files"), self.naming)
        form.addRow("", _note(self.tr("darktable and digiKam read the first, Lightroom the second.")))
        self.keep_mtime = QCheckBox(self.tr("&Keep a photo's date of change when a caption is written into it"))
        self.keep_mtime.setChecked(chosen.keep_mtime)
        form.addRow(self.keep_mtime)
        return page

    def _device(self) -> str:
        text = self.device.currentText().strip()
        place = self.device.findText(text)
        return str(self.device.itemData(place)) if place >= 0 else text

    def _device_known(self) -> bool:
        return is_device(self._device())

    def _check_device(self) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(
            self._device_known() and not self.shortcuts.clash()
        )

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Choose the folder of models"), self.models.text())
        if folder:
            self.models.setText(folder)

    def _restore(self) -> None:
        """Put the defaults into the fields; nothing is settled before OK."""
        usual = Preferences()
        for combo, value in (
            (self.language, usual.ui_language),
            (self.theme, usual.theme),
            (self.device, usual.device),
            (self.precision, usual.precision),
            (self.quantize, usual.quantize),
            (self.naming, usual.sidecar_naming),
        ):
            combo.setCurrentIndex(combo.findData(value))
        self.card_gb.setValue(usual.card_gb)
        self.threads.setValue(usual.threads)
        self.keep_mtime.setChecked(usual.keep_mtime)
        self.shortcuts.restore()


def _page() -> tuple[QWidget, QFormLayout]:
    page = QWidget()
    form = QFormLayout(page)
    form.setContentsMargins(16, 16, 16, 16)
    form.setHorizontalSpacing(16)
    form.setVerticalSpacing(10)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return page, form


def _row(form: QFormLayout, text: str, field: QWidget) -> None:
    field.setFixedHeight(FIELD_HEIGHT)
    form.addRow(label_of(field, text), field)


def _note(text: str) -> QLabel:
    note = QLabel(text)
    note.setObjectName("quiet")
    note.setWordWrap(True)
    return note


def _combo(entries: dict[str, str], chosen: str) -> QComboBox:
    combo = QComboBox()
    for value, text in entries.items():
        combo.addItem(text, value)
    combo.setCurrentIndex(max(0, combo.findData(chosen)))
    return combo
