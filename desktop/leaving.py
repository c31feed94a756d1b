"""The question whether a window that is at work may close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject
from PySide6.QtWidgets import QMessageBox

if TYPE_CHECKING:
    from desktop.window import MainWindow


class Leaving(QObject):
    """Asks once; when the work ends by itself meanwhile, the window closes without an answer."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.box: QMessageBox | None = None
        window.captioning.finished.connect(self._ended)
        window.captioning.try_finished.connect(self._ended)

    def ask(self) -> None:
        """Ask whether to stop; nothing waits for the answer."""
        if self.box is not None:
            self.box.raise_()
            return
        window, pace, number = self._window, self._window.captioning.pace, QLocale().toString
        box = self.box = QMessageBox(window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Close MQwen?"))
        box.setText(self.tr("MQwen is still captioning."))
        if window.captioning.running():
            box.setInformativeText(
                self.tr("{done} of {total} photos are done, and are kept. The next start offers to go on.").format(
                    done=number(pace.done), total=number(pace.total)
                )
            )
        stop = box.addButton(self.tr("&Stop and close"), QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton(self.tr("&Go on captioning"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.finished.connect(self._gone)
        stop.clicked.connect(window.close_now)
        box.open()

    def _gone(self) -> None:
        if self.box is not None:
            self.box.deleteLater()
        self.box = None

    def _ended(self) -> None:
        if self.box is not None:
            self.box.reject()
            self._window.close_now()
