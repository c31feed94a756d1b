"""Help > Check the catalog: reads all of it, and makes a damaged one anew of what can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from desktop.reasons import repaired, told
from desktop.task import Task

if TYPE_CHECKING:
    from desktop.window import MainWindow
    from mqwen.library.records import Problem

_KEY = "catalog"


class CatalogCare(QObject):
    """Belongs to a window, whose help menu it enters and in whose notice it speaks."""

    finished = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._task: Task | None = None
        self.action = QAction(self.tr("Check the &catalog"), self)
        self.action.triggered.connect(self.check)
        window.menus.help_menu.insertAction(window.menus.help_menu.actions()[-1], self.action)

    def check(self) -> None:
        """Look the whole catalog through, and repair it where that is needed; not beside a run, which writes it."""
        if self._task is not None:
            return
        if self._window.captioning.busy():
            self._say(self.tr("The catalog can be checked when the run has ended."))
            return

        def work(task: Task) -> tuple[list[Problem], list[Problem], str]:
            catalog = self._window.catalog
            before = catalog.notice
            found = catalog.verify()
            left = catalog.verify(repair=True) if found else []
            now = catalog.notice
            return found, left, now if now and now != before else ""

        self._say(self.tr("Checking the catalog…"))
        task = self._task = Task(work, self)
        task.done.connect(lambda result: self._tell(*result))
        task.failed.connect(lambda error: self._say(told(error)))
        task.finished.connect(self._end)
        task.start()

    def close(self) -> None:
        """Wait for a check that is under way: what it repairs is then whole."""
        if self._task is not None:
            self._task.wait()

    def _tell(self, found: list[Problem], left: list[Problem], notice: str) -> None:
        if left:
            self._say(self.tr("The catalog is damaged, and could not be repaired: {what}").format(what=left[0].what))
        elif notice:
            self._say(repaired(notice))
        elif found:
            self._say(self.tr("The search index of the catalog was damaged, and is made anew."))
        else:
            self._say(self.tr("Nothing is wrong with the catalog."))

    def _end(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None
        self.finished.emit()

    def _say(self, text: str) -> None:
        self._window.notice.say(_KEY, text)
