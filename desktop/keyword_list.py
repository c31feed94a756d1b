"""A list of keywords: typed with completion, pasted as a list, dragged into order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.theme import FIELD_HEIGHT
from mqwen.engine.caption import split_keywords
from mqwen.library.metadata.words import folded

_KEYWORD = Qt.ItemDataRole.UserRole


class KeywordList(QWidget):
    """Shows keywords in order. The list changes by `added`, `removed`, `renamed` and `moved`, each a person's act.

    Args:
        complete: gives keywords that begin so, the most used first.
    """

    added = Signal(list)
    removed = Signal(list)
    arranged = Signal(list)  # all keywords, as they are now: after a move or another spelling

    def __init__(self, complete: Callable[[str], Sequence[str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._complete = complete
        self.input = QLineEdit()
        self.input.setAccessibleName(self.tr("New keyword"))
        self.input.setPlaceholderText(self.tr("Add keywords"))
        self.input.setToolTip(self.tr("Enter adds them. A list can be pasted: commas, semicolons or lines"))
        self._known = QStringListModel(self)
        completer = QCompleter(self._known, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        popup = completer.popup()
        if popup is not None:
            popup.setAccessibleName(self.tr("Known keywords"))
        self.input.setFixedHeight(FIELD_HEIGHT)
        self.input.setCompleter(completer)
        self.input.textEdited.connect(self._look_up)
        self.input.returnPressed.connect(self._add_typed)
        self.input.installEventFilter(self)
        completer.activated.connect(self._add_typed, Qt.ConnectionType.QueuedConnection)

        self.list = QListWidget()
        self.list.setObjectName("keywords")
        self.list.setAccessibleName(self.tr("Keywords"))
        self.list.setToolTip(self.tr("Drag to order, Del removes, F2 changes, Alt+Up and Alt+Down move"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # a long one is elided
        self.list.setSpacing(2)
        self.list.model().rowsMoved.connect(self._arranged)
        self.list.itemChanged.connect(self._renamed)
        for keys, act in (
            (QKeySequence(QKeySequence.StandardKey.Delete), self.remove_selected),
            (QKeySequence(QKeySequence.StandardKey.Copy), self.copy),
            (QKeySequence(QKeySequence.StandardKey.Paste), self.paste),
            (QKeySequence("Alt+Up"), lambda: self._move(-1)),
            (QKeySequence("Alt+Down"), lambda: self._move(1)),
        ):
            QShortcut(keys, self.list, act, context=Qt.ShortcutContext.WidgetShortcut)
        self.remove = QPushButton(self.tr("Re&move"))
        self.remove.setToolTip(self.tr("Remove the chosen keywords"))
        self.remove.clicked.connect(self.remove_selected)
        self.remove.setEnabled(False)
        self.list.itemSelectionChanged.connect(lambda: self.remove.setEnabled(bool(self.list.selectedItems())))

        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.input, 1)
        row.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.list, 1)
        column.addLayout(row)

    def keywords(self) -> list[str]:
        return [self.list.item(row).data(_KEYWORD) for row in range(self.list.count())]

    def show_keywords(self, keywords: Sequence[str], of_some: Mapping[str, int] | None = None) -> None:
        """Show keywords; no signal comes of it.

        Args:
            of_some: those that only so many of several photos have. None: of one photo, so that they have an order.
        """
        chosen = {item.data(_KEYWORD) for item in self.list.selectedItems()}
        self.list.blockSignals(True)
        self.list.clear()
        movable = of_some is None
        mode = QAbstractItemView.DragDropMode
        self.list.setDragDropMode(mode.InternalMove if movable else mode.NoDragDrop)
        for keyword in keywords:
            count = (of_some or {}).get(keyword)
            item = QListWidgetItem(keyword if count is None else self.tr("{keyword} ({count})").format(
                keyword=keyword, count=count
            ))  # fmt: skip
            item.setData(_KEYWORD, keyword)
            item.setToolTip(keyword)
            flags = item.flags() & ~Qt.ItemFlag.ItemIsDropEnabled
            item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if movable else flags)
            self.list.addItem(item)
            item.setSelected(keyword in chosen)
        self.list.blockSignals(False)
        self.remove.setEnabled(bool(self.list.selectedItems()))

    def add(self, text: str) -> None:
        """Add the keywords of a list, with commas, semicolons or lines between them; none is doubled."""
        there = {folded(keyword) for keyword in self.keywords()}
        fresh = [keyword for keyword in split_keywords(text) if folded(keyword) not in there]
        if fresh:
            self.show_keywords([*self.keywords(), *fresh])
            self.list.scrollToBottom()
            self.added.emit(fresh)

    def remove_selected(self) -> None:
        gone = [item.data(_KEYWORD) for item in self.list.selectedItems()]
        if gone:
            for item in self.list.selectedItems():
                self.list.takeItem(self.list.row(item))
            self.removed.emit(gone)

    def copy(self) -> None:
        chosen = [item.data(_KEYWORD) for item in self.list.selectedItems()]
        QApplication.clipboard().setText(", ".join(chosen or self.keywords()))

    def paste(self) -> None:
        self.add(QApplication.clipboard().text())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A pasted list loses its line ends in a line of text, so it is taken before."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            text = QApplication.clipboard().text()
            if event.matches(QKeySequence.StandardKey.Paste) and len(split_keywords(text)) > 1:
                self.paste()
                return True
        return super().eventFilter(watched, event)

    def _look_up(self, text: str) -> None:
        self._known.setStringList(self._complete(text.strip()) if text.strip() else [])

    def _add_typed(self, _text: str = "") -> None:
        text = self.input.text()
        self.input.clear()
        self.add(text)

    def _move(self, step: int) -> None:
        row = self.list.currentRow()
        if self.list.dragDropMode() is QAbstractItemView.DragDropMode.NoDragDrop or row < 0:
            return
        to = row + step
        if 0 <= to < self.list.count():
            item = self.list.takeItem(row)
            self.list.insertItem(to, item)
            self.list.setCurrentItem(item)
            self._arranged()

    def _renamed(self, item: QListWidgetItem) -> None:
        text = " ".join(item.text().split())
        if text == item.data(_KEYWORD):
            return
        self.list.blockSignals(True)
        item.setData(_KEYWORD, text or item.data(_KEYWORD))
        item.setText(item.data(_KEYWORD))
        self.list.blockSignals(False)
        self._arranged()

    def _arranged(self, *_: QModelIndex | int) -> None:
        self.arranged.emit(self.keywords())
