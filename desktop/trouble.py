"""The one place for errors that nobody expected: a line over the grid, and all of it to read and to copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.log import Reporter, about
from desktop.reasons import known, unexpected

if TYPE_CHECKING:
    from desktop.window import MainWindow

_KEY = "trouble"
_CATALOG = "catalog"


class DetailsDialog(QDialog):
    """Shows a text that can be copied, for somebody who is asked for help."""

    def __init__(self, title: str, text: str, folder: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(720, 460)
        note = QLabel(
            self.tr("Nothing of this is sent anywhere. It may name folders and photos: look before you pass it on.")
        )
        note.setObjectName("quiet")
        note.setWordWrap(True)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.text.setAccessibleName(self.tr("Details"))
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = self.buttons.addButton(self.tr("&Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        if folder is not None:
            show = self.buttons.addButton(self.tr("Show the &folder"), QDialogButtonBox.ButtonRole.ActionRole)
            show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.addWidget(note)
        column.addWidget(self.text, 1)
        column.addWidget(self.buttons)


class Trouble(QObject):
    """Belongs to a window, whose help menu it enters; start() lets it hear of errors."""

    _told = Signal(str, object)
    _catalog_told = Signal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._reporter: Reporter | None = None
        self._report: Path | None = None
        self._of_catalog = ""
        self.dialog: DetailsDialog | None = None
        self.action = QAction(self.tr("&Log and reports…"), self)
        self.action.triggered.connect(self.show_log)
        window.menus.help_menu.insertAction(window.menus.help_menu.actions()[-1], self.action)
        window.notice.action_chosen.connect(lambda key: self.show_report() if key == _KEY else None)
        window.notice.action_chosen.connect(lambda key: self._show_catalog() if key == _CATALOG else None)
        self._told.connect(self._say)
        self._catalog_told.connect(self._say_catalog)

    def start(self, reporter: Reporter) -> None:
        """Tell the user of errors from now on, and of the crash before this start."""
        self._reporter = reporter
        reporter.told = self._told.emit
        if reporter.left_by_crash is not None:
            self._report = reporter.left_by_crash
            text = self.tr("MQwen ended unexpectedly the last time. Your photos and what was written are untouched.")
            self._window.notice.add(_KEY, text, self.tr("Details"))

    def show_report(self) -> None:
        """Show the last report."""
        if self._report is None:
            self.show_log()
            return
        try:
            text = self._report.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            text = unexpected(error)
        self._show(self.tr("Report"), text)

    def show_log(self) -> None:
        """Show the log as far as it is."""
        lines = self._reporter.last_lines() if self._reporter is not None else []
        self._show(self.tr("Log"), "\n".join(about()) + "\n\n" + "".join(lines))

    def _say(self, error: str, report: Path | None) -> None:
        self._report = report
        text = self.tr("Something went wrong that should not have: {error}. MQwen goes on; your photos are safe.")
        self._window.notice.say(_KEY, text.format(error=known(error) or error), self.tr("Details"))

    def tell_of_catalog(self, what: str) -> None:
        """Say that the catalog was damaged and replaced; may be called in any thread.

        Args:
            what: mqwen.library.catalog.Catalog.notice.
        """
        self._catalog_told.emit(what)

    def _say_catalog(self, what: str) -> None:
        self._of_catalog = what
        text = self.tr(
            "MQwen's catalog was damaged, and is made anew of what could be read. Your photos are untouched."
        )
        self._window.notice.say(_CATALOG, text, self.tr("Details"))

    def _show_catalog(self) -> None:
        self._show(self.tr("Report"), self._of_catalog)

    def _show(self, title: str, text: str) -> None:
        folder = self._reporter.folder if self._reporter is not None else None
        self.dialog = DetailsDialog(title, text, folder, self._window)
        self.dialog.finished.connect(self.dialog.deleteLater)
        self.dialog.open()
