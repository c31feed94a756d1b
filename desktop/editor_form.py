"""The fields of the editor beside the grid, one under the other; what becomes of them is the editor's."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from desktop.counters import Counter
from desktop.elide import ElidedLabel
from desktop.keyword_list import KeywordList
from desktop.theme import FIELD_HEIGHT


class EditorForm(QWidget):
    """Caption with its language, keywords and alt text, with their lengths.

    Attributes:
        languages: names of languages by code, as the box offers them.
        apply: for text about several photos.
    """

    def __init__(self, keywords: KeywordList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel()
        self.language = QComboBox()
        self.language.setAccessibleName(self.tr("Language of the caption"))
        self.language.setFixedHeight(FIELD_HEIGHT)
        self.languages = {"en": "English", "zh": "中文", "": self.tr("No language given")}
        for code, name in self.languages.items():
            self.language.addItem(name, code)
        self.caption = _text_field(self.tr("Caption"))
        self.caption_count = Counter(self.caption)
        self.keywords = keywords
        self.keywords.setMinimumHeight(150)
        self.alt_text = _text_field(self.tr("Alt text"))
        self.alt_count = Counter(self.alt_text, alt_text=True)
        self.apply = QPushButton()

        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addSpacing(6)
        head = QHBoxLayout()
        head.addWidget(_label(self.tr("Ca&ption"), self.caption), 1)
        head.addWidget(self.language)
        column.addLayout(head)
        column.addWidget(self.caption, 3)
        column.addWidget(self.caption_count)
        column.addSpacing(8)
        column.addWidget(_label(self.tr("&Keywords"), self.keywords.input))
        column.addWidget(self.keywords, 4)
        column.addSpacing(8)
        column.addWidget(_label(self.tr("Al&t text"), self.alt_text))
        column.addWidget(self.alt_text, 2)
        column.addWidget(self.alt_count)
        column.addWidget(self.apply)


def _text_field(name: str) -> QPlainTextEdit:
    field = QPlainTextEdit()
    field.setAccessibleName(name)
    field.setTabChangesFocus(True)
    field.setMinimumHeight(64)
    return field


def _label(text: str, field: QWidget) -> QLabel:
    label = QLabel(text)
    label.setObjectName("fieldName")
    label.setBuddy(field)
    return label
