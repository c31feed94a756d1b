"""Shortcuts: which action has which key, shown in a table where each can be changed, and kept in the settings.

An action is known by the shortcut that it has by default (no two of a window have the same), one without by its object
name: both stay what they are in every language.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QSettings, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QMenuBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.mnemonics import plain

LASTING_TEXT = "lastingText"  # property of an action whose own text says what it would do just now
_DEFAULT = "defaultShortcut"
_GROUP = "shortcuts"
_ROW_HEIGHT = 24


def menu_actions(bar: QMenuBar) -> list[QAction]:
    """Return the actions of all menus whose shortcuts can be changed, in the order in which they stand there."""
    found: list[QAction] = []
    waiting = list(bar.actions())
    while waiting:
        action = waiting.pop(0)
        menu = action.menu()
        if menu is not None:
            waiting[:0] = menu.actions()  # type: ignore[attr-defined]
        elif not action.isSeparator() and (action.objectName() or not action.shortcut().isEmpty()):
            found.append(action)
    return found


def apply_shortcuts(actions: Iterable[QAction], store: QSettings) -> None:
    """Give the actions the shortcuts that the user chose."""
    for action in actions:
        _remember_default(action)
        chosen = store.value(f"{_GROUP}/{_name(action)}")
        if isinstance(chosen, str):
            action.setShortcut(QKeySequence.fromString(chosen))


def keep_shortcuts(actions: Iterable[QAction], store: QSettings) -> None:
    """Keep what differs from the defaults."""
    store.remove(_GROUP)
    for action in actions:
        chosen = action.shortcut().toString()
        if chosen != _default(action):
            store.setValue(f"{_GROUP}/{_name(action)}", chosen)
    store.sync()


class ShortcutPage(QWidget):
    """A table of actions and their keys. Nothing changes before apply()."""

    clash_changed = Signal(bool)  # two actions have the same keys

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = list(actions)
        for action in self._actions:
            _remember_default(action)
        self._keys = [action.shortcut() for action in self._actions]
        self.table = QTreeWidget()
        self.table.setAccessibleName(self.tr("Shortcuts"))
        self.table.setHeaderLabels([self.tr("Action"), self.tr("Shortcut")])
        self.table.headerItem().setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.header().setStretchLastSection(False)
        self.table.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.table.header().setResizeContentsPrecision(-1)  # rows out of sight, too
        for action in self._actions:
            item = QTreeWidgetItem([plain(action.property(LASTING_TEXT) or action.text()), ""])
            item.setSizeHint(0, QSize(0, _ROW_HEIGHT))
            self.table.addTopLevelItem(item)
        self.edit = QKeySequenceEdit()
        self.edit.setMaximumSequenceLength(1)
        self.edit.setClearButtonEnabled(True)
        for field in (self.edit, *self.edit.findChildren(QLineEdit)):  # screen readers meet the one inside
            field.setAccessibleName(self.tr("Keys of the chosen action"))
        label = QLabel(self.tr("&Keys"))
        label.setBuddy(self.edit)
        self._usual = QPushButton(self.tr("&Usual keys"))
        self._usual.clicked.connect(self._take_default)
        self._clash = QLabel()
        self._clash.setObjectName("problem")
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.edit, 1)
        row.addWidget(self._usual)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        column.addWidget(self._clash)
        self.table.currentItemChanged.connect(self._chosen)
        self.edit.keySequenceChanged.connect(self._change)
        first = self.table.topLevelItem(0)
        if first is not None:
            self.table.setCurrentItem(first)
        self._show()

    def set_keys(self, action: QAction, keys: QKeySequence) -> None:
        """Put other keys into the table."""
        self._keys[self._actions.index(action)] = keys
        self._show()

    def clash(self) -> str:
        """Return the keys that two actions have, "" where there are none."""
        seen: set[str] = set()
        for keys in self._keys:
            text = keys.toString(QKeySequence.SequenceFormat.NativeText)
            if text and text in seen:
                return text
            seen.add(text)
        return ""

    def restore(self) -> None:
        """Put the defaults into the table."""
        self._keys = [QKeySequence.fromString(_default(action)) for action in self._actions]
        self._chosen()
        self._show()

    def apply(self) -> None:
        """Give the actions what the table says."""
        for action, keys in zip(self._actions, self._keys, strict=True):
            if action.shortcut() != keys:
                action.setShortcut(keys)

    def _row(self) -> int:
        item = self.table.currentItem()
        return self.table.indexOfTopLevelItem(item) if item is not None else -1

    def _chosen(self) -> None:
        if self._row() >= 0:
            self.edit.setKeySequence(self._keys[self._row()])

    def _change(self, keys: QKeySequence) -> None:
        if self._row() >= 0 and self._keys[self._row()] != keys:
            self._keys[self._row()] = keys
            self._show()

    def _take_default(self) -> None:
        if self._row() >= 0:
            self.edit.setKeySequence(QKeySequence.fromString(_default(self._actions[self._row()])))

    def _show(self) -> None:
        for place, keys in enumerate(self._keys):
            item = self.table.topLevelItem(place)
            if item is not None:
                item.setText(1, keys.toString(QKeySequence.SequenceFormat.NativeText))
                item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        clash = self.clash()
        self._clash.setText(self.tr("Two actions have {keys}.").format(keys=clash) if clash else "")
        self.clash_changed.emit(bool(clash))


def _remember_default(action: QAction) -> None:
    if action.property(_DEFAULT) is None:
        action.setProperty(_DEFAULT, action.shortcut().toString())


def _default(action: QAction) -> str:
    return str(action.property(_DEFAULT) or "")


def _name(action: QAction) -> str:
    return (action.objectName() or _default(action)).replace("/", "slash").replace("\\", "backslash")
