"""Find and replace, and text before or after: changes of many photos at once, each hit shown first."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

if TYPE_CHECKING:
    from desktop.change_dialog import ChangeDialog
    from desktop.replace_dialogs import AffixDialog, ReplaceDialog
    from desktop.window import MainWindow


class Replacing(QObject):
    """Adds both to a window's Edit menu."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.replace = QAction(self.tr("&Find and replace…"), window)
        self.replace.setShortcut("Ctrl+H")
        self.affix = QAction(self.tr("Add text &before or after…"), window)
        self.affix.setShortcut("Ctrl+Shift+T")
        window.menus.edit_menu.addActions([self.replace, self.affix])
        self.replace.triggered.connect(lambda: self._open(self.replace_dialog))
        self.affix.triggered.connect(lambda: self._open(self.affix_dialog))

    @cached_property
    def replace_dialog(self) -> ReplaceDialog:
        from desktop.replace_dialogs import ReplaceDialog

        return ReplaceDialog(self._window)

    @cached_property
    def affix_dialog(self) -> AffixDialog:
        from desktop.replace_dialogs import AffixDialog

        return AffixDialog(self._window)

    def give_up_search(self) -> None:
        """Close the dialog, which may be looking for hits that take long."""
        if "replace_dialog" in vars(self):
            self.replace_dialog.reject()

    def _open(self, dialog: ChangeDialog) -> None:
        self._window.grid.commit_edit()
        dialog.show()
        dialog.raise_()
