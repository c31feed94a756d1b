"""Runs: what was captioned when and how, what each run changed, and taking it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMessageBox

from desktop.listed import listed
from desktop.reasons import shown, told, unexpected
from mqwen.errors import MqwenError

if TYPE_CHECKING:
    from desktop.history_dialog import HistoryDialog
    from desktop.window import MainWindow
    from mqwen.library.catalog import Catalog
    from mqwen.library.records import Change, Run
    from mqwen.library.restore import Restored

MOST_CHANGES = 2000  # lines shown of one run
_TELL_S = 0.1


class Work(QThread):
    """Something slow with the catalog; `done` brings what it returned, `failed` why it did not."""

    done = Signal(object)
    failed = Signal(str)
    advanced = Signal(int)

    def __init__(self, act: Callable[[Work], object], parent: QObject) -> None:
        super().__init__(parent)
        self._act = act

    def run(self) -> None:
        try:
            self.done.emit(self._act(self))
        except MqwenError as error:
            self.failed.emit(told(error))
        except Exception as error:  # Qt would only print it, and the dialog would wait for ever
            self.failed.emit(unexpected(error))


class History(QObject):
    """The runs of a window's catalog, in a dialog that stays open beside the window."""

    reverted = Signal(int)  # run

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._work: list[Work] = []
        self._reverting: Work | None = None
        self.dialog: HistoryDialog | None = None
        self.question: QMessageBox | None = None
        self.action = QAction(self.tr("&History…"), self)
        self.action.setShortcut("Ctrl+Shift+H")
        self.action.triggered.connect(self.open)
        window.menus.run_menu.addSeparator()
        window.menus.run_menu.addAction(self.action)
        window.captioning.finished.connect(self.refresh)

    def open(self) -> None:
        """Show the dialog."""
        if self.dialog is not None:
            self.dialog.raise_()
            self.dialog.activateWindow()
            return
        from desktop.history_dialog import HistoryDialog

        dialog = self.dialog = HistoryDialog(self._window)
        dialog.run_chosen.connect(self._show_changes)
        dialog.revert_requested.connect(self._look_first)
        dialog.stop_requested.connect(self._stop)
        dialog.photo_opened.connect(self._show_photo)
        dialog.finished.connect(self._closed)
        dialog.show()
        self.refresh()

    def refresh(self) -> None:
        """Read the list of runs again."""
        if self.dialog is not None:
            self._do(lambda work, catalog: catalog.runs(), self._show_runs)

    def close(self) -> None:
        """End what goes on, and wait for it: one file's work."""
        for work in list(self._work):
            work.requestInterruption()
            work.wait()

    def _show_runs(self, runs: list[Run]) -> None:
        if self.dialog is not None:
            self.dialog.show_runs(runs)

    def _show_changes(self, run: int) -> None:
        def read(work: Work, catalog: Catalog) -> tuple[int, list[Change]]:
            found: list[Change] = []
            for change in catalog.changes(run):
                if len(found) >= MOST_CHANGES or work.isInterruptionRequested():
                    break
                found.append(change)
            return run, found

        def show(result: tuple[int, list[Change]]) -> None:
            if self.dialog is not None:
                self.dialog.show_changes(*result, most=MOST_CHANGES)

        self._do(read, show)

    # Taking back.

    def _look_first(self, run: int) -> None:
        """Find out what would become of each file, then ask."""
        self._revert(run, dry_run=True, done=lambda found: self._ask(run, found))

    def _ask(self, run: int, found: list[Restored]) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        back = sum(one.status == "restored" for one in found)
        touched = [one for one in found if one.status != "restored"]
        box = self.question = QMessageBox(dialog)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Take the run back?"))
        box.setText(self.tr("%n file(s) will be as they were before the run.", "", back))
        if touched:
            names = listed((one.file.name for one in touched), 3)
            text = self.tr("%n file(s) were changed since, and stay as they are: {names}", "", len(touched))
            box.setInformativeText(text.format(names=names))
        take = box.addButton(self.tr("&Take back"), QMessageBox.ButtonRole.AcceptRole)
        take.setEnabled(back > 0)
        box.addButton(QMessageBox.StandardButton.Cancel)
        take.clicked.connect(lambda: self._revert(run, dry_run=False, done=lambda found: self._reverted(run, found)))
        box.finished.connect(box.deleteLater)
        box.finished.connect(self._asked)
        box.open()

    def _asked(self) -> None:
        self.question = None

    def _revert(self, run: int, *, dry_run: bool, done: Callable[[list[Restored]], None]) -> None:
        def act(work: Work, catalog: Catalog) -> list[Restored]:
            from mqwen.library.revert import revert

            found: list[Restored] = []
            told = time.monotonic()
            for one in revert(catalog, run, dry_run=dry_run):
                found.append(one)
                if time.monotonic() - told > _TELL_S:
                    told = time.monotonic()
                    work.advanced.emit(len(found))
                if work.isInterruptionRequested():
                    break
            return found

        if self.dialog is not None:
            self.dialog.set_working(True, self.tr("Looking at the files…") if dry_run else self.tr("Taking back…"))
        self._reverting = self._do(act, lambda found: self._worked(found, done))
        if self._reverting is not None and self.dialog is not None:
            self._reverting.advanced.connect(self.dialog.show_progress)

    def _worked(self, found: list[Restored], done: Callable[[list[Restored]], None]) -> None:
        stopped = self._reverting is not None and self._reverting.isInterruptionRequested()
        self._reverting = None
        if self.dialog is not None:
            self.dialog.set_working(False, "")
        if not stopped or any(one.undone for one in found):
            done(found)

    def _reverted(self, run: int, found: list[Restored]) -> None:
        back = sum(one.status == "restored" for one in found)
        text = self.tr("%n file(s) are as they were before the run.", "", back)
        for one in found:
            if one.status == "failed":
                self._window.failures.add(one.file, shown(one.reason or ""))
        if self.dialog is not None:
            self.dialog.set_working(False, text)
        self.refresh()
        self._window.reload()
        self.reverted.emit(run)

    def _stop(self) -> None:
        if self._reverting is not None:
            self._reverting.requestInterruption()

    # The rest.

    def _do(self, act: Callable[[Work, Catalog], object], done: Callable[..., object]) -> Work:
        work = Work(lambda work: act(work, self._window.catalog), self)
        self._work.append(work)
        work.done.connect(done)
        work.failed.connect(self._fail)
        work.finished.connect(lambda: self._forget(work))
        work.start()
        return work

    def _forget(self, work: Work) -> None:
        if work in self._work:
            self._work.remove(work)
            work.deleteLater()

    def _fail(self, reason: str) -> None:
        self._reverting = None
        if self.dialog is not None:
            self.dialog.set_working(False, reason)

    def _show_photo(self, path: Path) -> None:
        self._window.show_photo(path)

    def _closed(self) -> None:
        self._stop()
        if self.dialog is not None:
            self.dialog.deleteLater()
        self.dialog = None
