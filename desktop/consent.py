"""Asks before a download: what comes, how much, under which licence. What has to be agreed to has a box to tick."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from desktop.model_words import ModelWords
from mqwen.hub.remote import Offer


class ConsentDialog(QDialog):
    """Can be accepted only when every box is ticked."""

    def __init__(self, offers: list[Offer], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Download a model"))
        self.setMinimumWidth(480)
        words = ModelWords(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        what = QLabel(words.offer(offers) or self.tr("All parts are here already."))
        what.setTextFormat(Qt.TextFormat.PlainText)
        what.setWordWrap(True)
        column.addWidget(what)
        where = QLabel(self.tr("An interrupted download goes on where it broke. Every file is checked."))
        where.setObjectName("quiet")
        where.setWordWrap(True)
        column.addWidget(where)
        self.boxes: list[QCheckBox] = []
        for offer in offers:
            if not offer.permissive:
                page = QLabel(f'<a href="{offer.page}">{offer.page}</a>')
                page.setOpenExternalLinks(True)
                column.addWidget(page)
                text = self.tr("I have read and accept the licence of {name}")
                self._ask(text.format(name=offer.hub_id), column)
            if offer.pickles:
                text = self.tr("I trust the owner of {name}: its weights are pickles (MQwen runs no code in them)")
                self._ask(text.format(name=offer.hub_id), column)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.download = self.buttons.addButton(self.tr("&Download"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column.addSpacing(6)
        column.addWidget(self.buttons)
        self._update()

    def _ask(self, text: str, column: QVBoxLayout) -> None:
        box = QCheckBox(text)
        box.toggled.connect(self._update)
        self.boxes.append(box)
        column.addWidget(box)

    def _update(self) -> None:
        self.download.setEnabled(all(box.isChecked() for box in self.boxes))
