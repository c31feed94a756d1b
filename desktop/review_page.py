"""How a review looks: the picture, its text as a difference to what it was, and the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLocale, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.counters import Counter
from desktop.diff_label import DiffLabel
from desktop.listed import listed
from desktop.picture_pane import PicturePane
from desktop.theme import FIELD_HEIGHT

if TYPE_CHECKING:
    from desktop.review_queue import Entry

_SIDE = 400


class ReviewPage(QWidget):
    """Shows one Entry; every button has its key."""

    approve_requested = Signal()
    reject_requested = Signal()
    redo_requested = Signal(str)  # another prompt, "" for another try with the same
    text_edited = Signal(str)
    next_requested = Signal()
    previous_requested = Signal()
    leave_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Review"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._entry: Entry | None = None
        self._latest = ""  # the new text if there is one, else the one that stands
        self._reasons = {
            "cut off": self.tr("it was cut off"),
            "repetition": self.tr("it repeats itself"),
            "unsure": self.tr("the model was not sure"),
            "hedging": self.tr("it hedges"),
            "no text": self.tr("it has no text"),
        }
        self.picture = PicturePane()
        self.where = self._quiet()
        self.name = QLabel()
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.why = self._quiet()
        self.which = self._quiet()
        self.text = DiffLabel()
        font = self.text.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        self.text.setFont(font)
        self.editor = QPlainTextEdit()
        self.editor.setAccessibleName(self.tr("Caption"))
        self.editor.setFont(font)
        self.editor.setTabChangesFocus(True)
        self.editor.setToolTip(self.tr("Enter saves, Esc leaves it as it was"))
        self.editor.installEventFilter(self)
        self.count = Counter(self.editor)
        self.prompt = QLineEdit()
        self.prompt.setAccessibleName(self.tr("Another prompt"))
        self.prompt.setPlaceholderText(self.tr("What to ask instead. Enter asks, Esc leaves it"))
        self.prompt.installEventFilter(self)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self._build()
        self._take_keys()
        self._stop_typing()

    def _build(self) -> None:
        side = QWidget()
        side.setFixedWidth(_SIDE)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 12, 16, 12)
        column.setSpacing(8)
        for widget in (self.where, self.name, self.why, self.which):
            column.addWidget(widget)
        column.addWidget(self.text, 1)
        column.addWidget(self.editor, 1)
        column.addWidget(self.count)
        column.addWidget(self.prompt)
        column.addWidget(self.status)
        self.buttons: dict[str, QPushButton] = {}
        rows: tuple[tuple[tuple[str, str, Callable[[], object]], ...], ...] = (
            (
                ("A", self.tr("Approve"), self.approve_requested.emit),
                ("E", self.tr("Edit"), self.edit),
                ("X", self.tr("Reject"), self.reject_requested.emit),
            ),
            (
                ("R", self.tr("Redo"), lambda: self.redo_requested.emit("")),
                ("P", self.tr("Redo with another prompt"), self.ask),
            ),
            (
                ("←", self.tr("Back"), self.previous_requested.emit),
                ("→", self.tr("Next"), self.next_requested.emit),
                ("Esc", self.tr("Leave"), self.leave_requested.emit),
            ),
        )
        keys = QGridLayout()
        keys.setSpacing(6)
        for line, row in enumerate(rows):
            place = 0
            for key, name, act in row:
                button = self.buttons[key] = QPushButton(f"{name}  {key}")
                button.setAccessibleName(name)
                button.setToolTip(self.tr("Key: {key}").format(key=key))
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                button.setFixedHeight(FIELD_HEIGHT)
                button.clicked.connect(lambda _=False, act=act: act())
                width = 2 if key == "P" else 1
                keys.addWidget(button, line, place, 1, width)
                place += width
        for place in range(3):
            keys.setColumnStretch(place, 1)
        column.addLayout(keys)
        self.buttons["A"].setObjectName("reviewApprove")
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.picture, 1)
        whole.addWidget(side)

    def _quiet(self) -> QLabel:
        label = QLabel()
        label.setObjectName("quiet")
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def _take_keys(self) -> None:
        keys: tuple[tuple[str, str], ...] = (
            ("A", "A"), ("E", "E"), ("X", "X"), ("R", "R"), ("P", "P"), ("Shift+R", "P"), ("Left", "←"), ("Right", "→"),
            ("Up", "←"), ("Down", "→"), ("Esc", "Esc"),
        )  # fmt: skip
        self._shortcuts = [
            QShortcut(
                QKeySequence(key), self, self.buttons[button].click,
                context=Qt.ShortcutContext.WidgetWithChildrenShortcut,
            )
            for key, button in keys
        ]  # fmt: skip

    # Showing.

    def show_waiting(self) -> None:
        """Say that the queue is being made."""
        self._show_none(self.tr("Looking for what should be reviewed first…"))

    def show_done(self, count: int) -> None:
        """Say that the last photo has been reviewed."""
        self._show_none(self.tr("That was the last of %n photo(s). Esc goes back to the grid.", "", count))

    def _show_none(self, text: str) -> None:
        self._entry = None
        self._stop_typing()
        for label in (self.where, self.name, self.why, self.which):
            label.setText("")
        self.text.show_diff("", "")
        self.say(text)
        self._enable()
        self.setFocus()

    def show_entry(self, entry: Entry, proposal: str | None, state: str, place: int, count: int) -> None:
        """Show one photo.

        Args:
            proposal: a new text that the model was asked for, None without one.
            place, count: which one of the queue it is.
        """
        if self._entry is None or entry.path != self._entry.path:
            self._stop_typing()
        self._entry, self._latest = entry, entry.shown if proposal is None else proposal
        number = QLocale().toString
        self.where.setText(
            self.tr("{place} of {count}").format(place=number(place), count=number(count)) + f" · {state}"
        )
        self.name.setText(entry.path.name)
        self.name.setToolTip(str(entry.path))
        reasons = [self._reasons[reason] for reason in entry.risk.reasons]
        text = self.tr("Look closely: {reasons}").format(reasons=listed(reasons)) if reasons else ""
        hedges = " (" + listed(entry.hedges) + ")" if entry.hedges else ""
        self.why.setText(text + hedges if text else self.tr("Nothing speaks against it"))
        old, new = entry.shown, entry.shown
        if proposal is not None:
            new, which = proposal, self.tr("New text: A takes it, X keeps the one that stands")
        elif (former := entry.former.line()) is not None:
            old, which = (
                " ".join(former.split()),
                self.tr("Changed by the last run: X brings back the one before"),
            )
        else:
            which = self.tr("X takes the text away")
        self.which.setText(which)
        self.text.show_diff(old, new)
        if not self._typing():
            self.say("")
        self._enable()
        if not self._typing():
            self.setFocus()

    def say(self, text: str) -> None:
        """Say something under the text."""
        self.status.setText(text)

    # Typing.

    def edit(self) -> None:
        """Change the text here."""
        if self._entry is not None:
            self._start_typing(self.editor)
            self.editor.setPlainText(self._latest)
            self.editor.selectAll()

    def ask(self) -> None:
        """Type another prompt for this photo."""
        if self._entry is not None:
            self._start_typing(self.prompt)
            self.prompt.selectAll()

    def eventFilter(self, field: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            if event.key() == Qt.Key.Key_Escape:  # or it would leave the review
                event.accept()
                return True
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self._stop_typing()
                self.setFocus()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._typed(field)
                return True
        return super().eventFilter(field, event)

    def _typed(self, field: QObject) -> None:
        text = " ".join((self.editor.toPlainText() if field is self.editor else self.prompt.text()).split())
        self._stop_typing()
        self.setFocus()
        if field is self.prompt:
            self.redo_requested.emit(text)
        elif self._entry is not None and text and text != self._entry.shown:
            self.text_edited.emit(text)

    def _typing(self) -> bool:
        return not self.editor.isHidden() or not self.prompt.isHidden()

    def _start_typing(self, field: QWidget) -> None:
        self.editor.setVisible(field is self.editor)
        self.count.setVisible(field is self.editor)
        self.text.setVisible(field is not self.editor)
        self.prompt.setVisible(field is self.prompt)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
        field.setFocus()

    def _stop_typing(self) -> None:
        for widget in (self.editor, self.count, self.prompt):
            widget.hide()
        self.text.show()
        for shortcut in self._shortcuts:
            shortcut.setEnabled(True)

    def _enable(self) -> None:
        for key, button in self.buttons.items():
            button.setEnabled(self._entry is not None or key in ("←", "Esc"))
