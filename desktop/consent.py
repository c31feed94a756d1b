"""Asks before a download: what comes, how much, under which licence. What has to be agreed to has a box to tick."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

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
                page.setWordWrap(True)
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
        column.addStretch()
        column.addWidget(self.buttons)
        self._update()

    def _ask(self, text: str, column: QVBoxLayout) -> None:
        box = QCheckBox()
        box.setObjectName("alone")
        box.setAccessibleName(text)
        box.toggled.connect(self._update)
        self.boxes.append(box)
        said = _Said(text, box)  # a box of Qt's has its text in one line, and a narrow screen would cut it off
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(box, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(said, 1)
        column.addLayout(row)

    def _update(self) -> None:
        self.download.setEnabled(all(box.isChecked() for box in self.boxes))


class _Said(QLabel):
    """What a box stands for, in as many lines as it takes; a press on it ticks the box."""

    def __init__(self, text: str, box: QCheckBox) -> None:
        super().__init__(text)
        self._box = box
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._box.click()
