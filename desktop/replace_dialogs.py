"""What find and replace, and text before or after, ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit

from desktop.change_dialog import ChangeDialog
from desktop.labelled import label_of
from mqwen.errors import InputError
from mqwen.library.text_changes import TextChange, affixing, replacing

if TYPE_CHECKING:
    from desktop.window import MainWindow


class ReplaceDialog(ChangeDialog):
    """Finds a text or a regular expression, and replaces it."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window, self.tr("Find and replace"), "replace")

    def fill_form(self) -> None:
        self.sought, self.by = QLineEdit(), QLineEdit()
        self.form.addRow(label_of(self.sought, self.tr("&Find")), self.sought)
        self.form.addRow(label_of(self.by, self.tr("&Replace with")), self.by)
        self.match_case = QCheckBox(self.tr("&Match case"))
        self.whole_words = QCheckBox(self.tr("&Whole words"))
        self.regex = QCheckBox(self.tr("Re&gular expression"))
        self.regex.setToolTip(self.tr(r"As Python has them; \1 or \g<name> in the replacement stand for groups"))
        row = QHBoxLayout()
        for box in (self.match_case, self.whole_words, self.regex):
            row.addWidget(box)
            box.toggled.connect(self.typed)
        row.addStretch()
        self.form.addRow("", row)
        for field in (self.sought, self.by):
            field.textChanged.connect(self.typed)

    def change(self) -> TextChange:
        if not self.sought.text():
            raise InputError(self.tr("Type what to look for"))
        try:
            return replacing(
                self.sought.text(),
                self.by.text(),
                regex=self.regex.isChecked(),
                match_case=self.match_case.isChecked(),
                whole_words=self.whole_words.isChecked(),
            )
        except InputError as error:
            text = self.tr("This is no regular expression: {reason}")
            raise InputError(text.format(reason=error.__cause__ or error.what)) from error

    def begin(self) -> None:
        self.sought.setFocus()
        self.sought.selectAll()


class AffixDialog(ChangeDialog):
    """Puts text before or after each text, a trigger word for training say."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window, self.tr("Add text before or after"), "affix")

    def fill_form(self) -> None:
        self.before, self.after = QLineEdit(), QLineEdit()
        for field in (self.before, self.after):
            field.setToolTip(self.tr("Taken as it is typed, blanks too; where it stands already it is not added again"))
            field.textChanged.connect(self.typed)
        self.form.addRow(label_of(self.before, self.tr("&Before")), self.before)
        self.form.addRow(label_of(self.after, self.tr("Af&ter")), self.after)

    def change(self) -> TextChange:
        if not self.before.text() and not self.after.text():
            raise InputError(self.tr("Type what to add"))
        return affixing(self.before.text(), self.after.text())

    def begin(self) -> None:
        self.before.setFocus()
