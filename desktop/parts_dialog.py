"""Asks for the original recipe's three folders: language model, vision tower, adapter."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.labelled import label_of
from desktop.mnemonics import plain


class PartsDialog(QDialog):
    """The folders that were chosen are attributes once it is accepted.

    Args:
        adapter_only: the other two come from the hub.
    """

    def __init__(self, *, adapter_only: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Join three parts"))
        self.setMinimumWidth(560)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._needed: list[QLineEdit] = []
        if not adapter_only:
            self._language_model = self._folder(self.tr("&Language model (Qwen)"))
            self._vision_tower = self._folder(self.tr("&Vision tower (CLIP)"))
        self._adapter = self._folder(self.tr("&Adapter (LoRA and projector)"))
        self._name = QLineEdit("my-model")
        if not adapter_only:
            self._name.textChanged.connect(self._update)
            self._needed.append(self._name)
            self._form.addRow(label_of(self._name, self.tr("&Name of the new model")), self._name)
        note = QLabel(
            self.tr(
                "The adapter folder is what the training left: adapter_config.json, adapter_model.bin and "
                "other_params.bin. The parts stay as they are; the new model is a folder of its own."
            )
        )
        note.setObjectName("quiet")
        note.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(self._form)
        column.addWidget(note)
        column.addWidget(self.buttons)
        self._update()

    @property
    def language_model(self) -> Path:
        return Path(self._language_model.text())

    @property
    def vision_tower(self) -> Path:
        return Path(self._vision_tower.text())

    @property
    def adapter(self) -> Path:
        return Path(self._adapter.text())

    @property
    def name(self) -> str:
        return self._name.text().strip()

    def fields(self) -> list[QLineEdit]:
        """Return what has to be filled in, in the order shown."""
        return self._needed

    def _folder(self, text: str) -> QLineEdit:
        field = QLineEdit()
        spoken = plain(text)
        field.textChanged.connect(self._update)
        browse = QPushButton(self.tr("Browse…"))
        browse.setAccessibleName(self.tr("Browse: {field}").format(field=spoken))
        browse.setAutoDefault(False)

        def choose() -> None:
            folder = QFileDialog.getExistingDirectory(self, spoken, field.text())
            if folder:
                field.setText(folder)

        browse.clicked.connect(choose)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(field, 1)
        row.addWidget(browse)
        self._form.addRow(label_of(field, text), row)
        self._needed.append(field)
        return field

    def _update(self) -> None:
        if hasattr(self, "buttons"):
            filled = all(field.text().strip() for field in self._needed)
            self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(filled)
