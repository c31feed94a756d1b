"""The list of what went wrong, one line per photo, never a box in the way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)


class FailureDock(QDockWidget):
    """Photos that failed, each once, with the latest reason. Opening one shows it in the grid."""

    photo_opened = Signal(object)  # path
    retry_requested = Signal(list)  # paths
    count_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Failed"))
        self.setObjectName("failures")
        self.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea)
        self._items: dict[Path, QTreeWidgetItem] = {}

        self._tree = QTreeWidget()
        self._tree.setAccessibleName(self.tr("Photos that failed"))
        self._tree.setHeaderLabels([self.tr("Photo"), self.tr("Reason"), self.tr("Folder")])
        self._tree.setRootIsDecorated(False)
        self._tree.setUniformRowHeights(True)
        self._tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self._tree.setFrameShape(QTreeWidget.Shape.NoFrame)
        header = self._tree.header()
        header.setAccessibleName(self.tr("Columns"))
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        header.resizeSection(0, 220)
        header.resizeSection(2, 260)
        self._tree.itemActivated.connect(lambda item: self.photo_opened.emit(item.data(0, Qt.ItemDataRole.UserRole)))
        QShortcut(QKeySequence.StandardKey.Copy, self._tree, self.copy, context=Qt.ShortcutContext.WidgetShortcut)

        self._retry = QPushButton(self.tr("&Try again"))
        self._retry.clicked.connect(lambda: self.retry_requested.emit(self.paths()))
        copy = QPushButton(self.tr("C&opy list"))
        copy.clicked.connect(self.copy)
        clear = QPushButton(self.tr("C&lear"))
        clear.clicked.connect(self.clear)
        buttons = QVBoxLayout()
        for button in (self._retry, copy, clear):
            buttons.addWidget(button)
        buttons.addStretch()
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(12, 4, 12, 10)
        row.addWidget(self._tree, 1)
        row.addLayout(buttons)
        self.setWidget(inside)

    def add(self, path: Path, reason: str) -> None:
        """List a photo with its reason, or give one that is listed its new reason."""
        item = self._items.get(path)
        if item is None:
            item = self._items[path] = QTreeWidgetItem(self._tree)
            item.setText(0, path.name)
            item.setText(2, str(path.parent))
            item.setData(0, Qt.ItemDataRole.UserRole, path)
            item.setToolTip(2, str(path))
            self.count_changed.emit(len(self._items))
        item.setText(1, reason)
        item.setToolTip(1, reason)

    def discard(self, path: Path) -> None:
        """Take a photo from the list: it is well now."""
        item = self._items.pop(path, None)
        if item is not None:
            self._tree.takeTopLevelItem(self._tree.indexOfTopLevelItem(item))
            self.count_changed.emit(len(self._items))

    def discard_all(self, paths: Iterable[Path]) -> None:
        """Take many from the list, of which most are not there."""
        if self._items:
            for path in self._items.keys() & set(paths):
                self.discard(path)

    def clear(self) -> None:
        self._items.clear()
        self._tree.clear()
        self.count_changed.emit(0)

    def paths(self) -> list[Path]:
        return list(self._items)

    def reason(self, path: Path) -> str | None:
        """Return why a photo is listed; None if it is not."""
        item = self._items.get(path)
        return None if item is None else item.text(1)

    def set_running(self, running: bool) -> None:
        """While a run is under way, no other can be started."""
        self._retry.setEnabled(not running)

    def copy(self) -> None:
        """Copy the list as lines of path and reason."""
        lines = (f"{path}\t{item.text(1)}" for path, item in self._items.items())
        QApplication.clipboard().setText("\n".join(lines))
