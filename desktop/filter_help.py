"""What can be typed into the filter box, by examples."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget


class FilterHelp(QDialog):
    """Stays beside the window while the user tries things; a press on an example puts it into the box."""

    example_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Filter"))
        examples = {
            'dog "red car"': self.tr("words and phrases in captions, keywords, alt text and file names"),
            "dog*": self.tr("words that begin so"),
            "caption:dog": self.tr("words in the caption only; alt: looks in the alt text"),
            'keyword:"new york"': self.tr("a keyword, as a whole"),
            "name:IMG_2*": self.tr("the file's name; path: looks at folders, too"),
            "state:new,failed": self.tr("new, captioned, edited, approved, failed or skipped"),
            "model:qwen": self.tr("which model wrote the caption"),
            "chars:<125": self.tr("how long the caption is; also chars:>=40 and chars:40..80"),
            "taken:2019..2021": self.tr("when it was taken; also taken:2019-05 and taken:..2018-12-24"),
            "dog NOT (cat OR state:approved)": self.tr("AND, OR, NOT in capitals, and parentheses"),
        }
        intro = QLabel(self.tr("Several parts narrow down together. The asterisk * stands for anything."))
        intro.setWordWrap(True)
        table = QGridLayout()
        table.setHorizontalSpacing(18)
        table.setVerticalSpacing(4)
        for row, (example, meaning) in enumerate(examples.items()):
            button = QPushButton(example)
            button.setObjectName("flat")
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.setAccessibleDescription(meaning)
            button.setToolTip(self.tr("Put this into the filter"))
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, example=example: self.example_chosen.emit(example))
            table.addWidget(button, row, 0, Qt.AlignmentFlag.AlignLeft)
            table.addWidget(QLabel(meaning), row, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(intro)
        column.addLayout(table)
        column.addWidget(buttons)
