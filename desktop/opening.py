"""What can be opened beside the dialogs: recent folders, subfolders or not, and what other programs hand over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QFileOpenEvent
from PySide6.QtWidgets import QApplication, QDialog, QMenu

if TYPE_CHECKING:
    from desktop.window import MainWindow

_RECENT = 10
_TOGETHER_MS = 120  # Finder sends one event for each file of a selection


class Opening(QObject):
    """Belongs to a window, whose file menu it enters. What was opened is kept in the window's settings file."""

    def __init__(self, window: MainWindow, store: QSettings) -> None:
        super().__init__(window)
        self._window = window
        self._store = store
        self._waiting: list[Path] = []  # received while a dialog asked something about what is open
        self.recent_menu = QMenu(self.tr("Open &recent"), window)
        self.recent_menu.setToolTipsVisible(True)
        self.subfolders = QAction(self.tr("Include &subfolders"), self)
        self.subfolders.setCheckable(True)
        self.subfolders.setChecked(store.value("open/subfolders", True) in (True, "true"))
        self.subfolders.setToolTip(self.tr("Show the photos of folders inside the folder, too"))
        menu = window.menus.file_menu
        reload = menu.actions()[2]
        menu.insertMenu(reload, self.recent_menu)
        menu.insertAction(reload, self.subfolders)
        window.sources.recursive = self.subfolders.isChecked()
        self.subfolders.toggled.connect(self._choose_subfolders)
        window.sources.opened.connect(self._remember)
        window.sources.failed.connect(self._say_unreadable)
        self._fill()

    def recent(self) -> list[Path]:
        """Return what was opened, the latest first."""
        try:
            kept = json.loads(str(self._store.value("open/recent", "[]")))
        except ValueError:
            return []
        return [Path(text) for text in kept if isinstance(text, str)] if isinstance(kept, list) else []

    def receive(self, paths: Iterable[Path]) -> None:
        """Open what another start or the system's file manager asks for, and bring the window to the front.

        Under a dialog that waits for an answer nothing changes: the paths are opened when it has gone.
        """
        window = self._window
        window.setWindowState(window.windowState() & ~window.windowState().WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()
        self._waiting = list(paths) or self._waiting
        self._open_waiting()

    def _open_waiting(self) -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QDialog):
            dialog.raise_()
            # Not from within its own signal: what it was asked for, a run say, begins first.
            dialog.finished.connect(self._open_soon, Qt.ConnectionType.UniqueConnection)
        elif self._waiting:
            paths, self._waiting = self._waiting, []
            self._window.open(paths)

    @Slot()
    def _open_soon(self) -> None:
        QTimer.singleShot(0, self, self._open_waiting)

    @Slot(object, str)
    def _say_unreadable(self, path: Path, reason: str) -> None:
        """Say over the photos, too, why nothing of what was to be opened is there: else they are just none."""
        if path in self._window.sources.paths:
            self._window.notice.say("open", f"{path}: {reason}")

    def _choose_subfolders(self, checked: bool) -> None:
        self._store.setValue("open/subfolders", checked)
        self._window.sources.recursive = checked
        if any(path.is_dir() for path in self._window.sources.paths):
            self._window.reload()

    def _remember(self, paths: Sequence[Path]) -> None:
        """Keep folders; of single files, the folder they lie in is none that was opened."""
        self._window.notice.clear("open")
        folders = [path for path in paths if path.is_dir()]
        if folders:
            self._keep([*folders, *(path for path in self.recent() if path not in folders)])

    def _keep(self, paths: Sequence[Path]) -> None:
        self._store.setValue("open/recent", json.dumps([str(path) for path in paths[:_RECENT]]))
        self._fill()

    def _fill(self) -> None:
        self.recent_menu.clear()
        recent = self.recent()
        names = [path.name or str(path) for path in recent]
        for number, path in enumerate(recent, 1):
            shown = names[number - 1] if names.count(names[number - 1]) == 1 else str(path)
            action = self.recent_menu.addAction(f"&{number % 10} {shown.replace('&', '&&')}")
            action.setToolTip(str(path))
            action.triggered.connect(lambda _=False, path=path: self._reopen(path))
        self.recent_menu.setEnabled(bool(recent))
        if recent:
            self.recent_menu.addSeparator()
            self.recent_menu.addAction(self.tr("&Clear this list")).triggered.connect(lambda: self._keep([]))

    def _reopen(self, path: Path) -> None:
        if path.exists():
            self._window.open([path])
            return
        self._keep([other for other in self.recent() if other != path])
        text = self.tr("{folder} is no longer there. If it is on a drive, plug that in and open the folder again.")
        self._window.notice.say("open", text.format(folder=path))


class FileOpenWatch(QObject):
    """Opens what the system hands to a running app as QEvent.FileOpen, as macOS does; events close together are one."""

    def __init__(self, app: QApplication, opening: Opening) -> None:
        super().__init__(opening)
        self._opening = opening
        self._paths: list[Path] = []
        self._soon = QTimer(self, interval=_TOGETHER_MS, singleShot=True)
        self._soon.timeout.connect(self._open)
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FileOpen and isinstance(event, QFileOpenEvent) and event.file():
            self._paths.append(Path(event.file()))
            self._soon.start()
            return True
        return False

    def _open(self) -> None:
        paths, self._paths = self._paths, []
        self._opening.receive(paths)
