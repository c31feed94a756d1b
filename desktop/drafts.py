"""What was typed about several photos and not applied: kept with them, and said, until a person decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget


@dataclass(frozen=True)
class Draft:
    """Texts for several photos.

    Attributes:
        language: of a caption.
        texts: those that were typed, by field.
        opened: what was open at an earlier start, when they were typed, and before, the latest first.
    """

    paths: tuple[Path, ...]
    language: str
    texts: Mapping[str, str]
    opened: Sequence[Collection[Path]] = ()


class Drafts(QFrame):
    """Holds drafts and shows the latest one, to be applied or discarded; hidden while there is none."""

    apply_requested = Signal(object)  # Draft
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drafts: list[Draft] = []
        self.setObjectName("notice")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self.apply = QPushButton(self.tr("Appl&y"))
        self.discard = QPushButton(self.tr("&Discard"))
        for button in (self.apply, self.discard):
            button.setObjectName("flat")
        self.apply.clicked.connect(self._apply)
        self.discard.clicked.connect(self._discard)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.apply)
        row.addWidget(self.discard)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 6)
        column.addWidget(self._text)
        column.addLayout(row)
        self._show()

    def keep(self, draft: Draft) -> None:
        """Keep a draft; one of the same photos and language is replaced."""
        self.take(draft.paths, draft.language)
        self._drafts.append(draft)
        self._show()

    def take(self, paths: tuple[Path, ...], language: str | None = None) -> Draft | None:
        """Give the draft for just these photos back, which the fields then hold; None where there is none.

        Args:
            language: None for any.
        """
        for draft in reversed(self._drafts):
            if set(draft.paths) == set(paths) and language in (None, draft.language):
                self._drafts.remove(draft)
                self._show()
                return draft
        return None

    def all(self) -> list[Draft]:
        return list(self._drafts)

    def _apply(self) -> None:
        draft = self._drafts.pop()
        self._show()
        self.apply_requested.emit(draft)

    def _discard(self) -> None:
        self._drafts.pop()
        self._show()

    def _show(self) -> None:
        self.changed.emit()
        self.setVisible(bool(self._drafts))
        if self._drafts:
            draft = self._drafts[-1]
            self._text.setText(self.tr("Not applied yet, to %n photo(s):", "", len(draft.paths)))
            said = " / ".join(draft.texts.values())
            self._text.setText(f"{self._text.text()} {said if len(said) <= 80 else said[:79] + '…'}")
            self._text.setToolTip(f"<p>{escape(said)}</p>")
