"""The menus of the main window and their shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMessageBox

from desktop.photos import Order
from mqwen import __version__

if TYPE_CHECKING:
    from desktop.window import MainWindow

Shortcut = QKeySequence | QKeySequence.StandardKey | str | None


class Menus(QObject):
    """Fills the menu bar of a window; the attributes are its menus, to which parts of the window add
    their own actions, and the actions that the window switches on and off."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.file_menu = self._menu(self.tr("&File"))
        self.edit_menu = self._menu(self.tr("&Edit"))
        self.view_menu = self._menu(self.tr("&View"))
        self.run_menu = self._menu(self.tr("&Run"))
        self.help_menu = self._menu(self.tr("&Help"))
        self._file()
        edit = self._edit()
        self._view()
        self._run()
        self._help()
        window.grid.set_menu([*edit, self.start_selected])

    def _file(self) -> None:
        window, menu = self._window, self.file_menu
        _add(menu, self.tr("&Open folder…"), QKeySequence.StandardKey.Open, window.choose_folder)
        _add(menu, self.tr("Open &photos…"), "Ctrl+Shift+O", window.choose_files)
        _add(menu, self.tr("Re&load"), QKeySequence.StandardKey.Refresh, window.reload)
        menu.addSeparator()
        leave = _add(menu, self.tr("&Quit"), QKeySequence.StandardKey.Quit, window.close)
        leave.setMenuRole(QAction.MenuRole.QuitRole)

    def _edit(self) -> list[QAction]:
        window, menu = self._window, self.edit_menu
        edit = _add(menu, self.tr("&Edit caption"), "F2", window.edit_caption)
        remove = _add(menu, self.tr("&Remove from the list"), None, window.remove_selected)
        _add(menu, self.tr("Select &all"), QKeySequence.StandardKey.SelectAll, window.grid.selectAll)
        return [edit, remove]

    def _view(self) -> None:
        window, menu = self._window, self.view_menu
        orders = QActionGroup(self)
        self.orders: dict[Order, QAction] = {}
        names = {
            Order.NAME: self.tr("Sort by &name"),
            Order.NEWEST: self.tr("N&ewest first"),
            Order.OLDEST: self.tr("&Oldest first"),
            Order.STATE: self.tr("Failed and &uncaptioned first"),
            Order.LENGTH: self.tr("S&hortest caption first"),
        }
        for order, name in names.items():
            action = _add(menu, name, None, lambda order=order: window.photos.sort_by(order))  # type: ignore[misc]
            action.setCheckable(True)
            action.setChecked(order is Order.NAME)
            orders.addAction(action)
            self.orders[order] = action
        menu.addSeparator()
        size = window.footer.size_slider
        _add(menu, self.tr("&Larger photos"), QKeySequence.StandardKey.ZoomIn, lambda: size.setValue(size.value() + 40))
        _add(
            menu, self.tr("&Smaller photos"), QKeySequence.StandardKey.ZoomOut, lambda: size.setValue(size.value() - 40)
        )
        menu.addSeparator()
        failures = window.failures.toggleViewAction()
        failures.setText(self.tr("F&ailed photos"))
        menu.addAction(failures)

    def _run(self) -> None:
        window, menu = self._window, self.run_menu
        self.start = _add(menu, self.tr("&Start"), "Ctrl+Return", lambda: window.before_run.ask())
        text = self.tr("Start with the s&elected photos")
        self.start_selected = _add(menu, text, "Ctrl+Shift+Return", window.start_selected)
        self.cancel = _add(menu, self.tr("&Cancel"), "Ctrl+.", window.cancel)

    def _help(self) -> None:
        about = _add(self.help_menu, self.tr("&About MQwen"), None, self.show_about)
        about.setMenuRole(QAction.MenuRole.AboutRole)

    def _menu(self, title: str) -> QMenu:
        return self._window.menuBar().addMenu(title)

    def show_about(self) -> None:
        text = self.tr("Captions folders of photos on your own machine. Nothing leaves it.")
        QMessageBox.about(self._window, self.tr("About MQwen"), f"MQwen {__version__}\n\n{text}\n\nApache License 2.0")


def _add(menu: QMenu, text: str, shortcut: Shortcut, act: Callable[[], object]) -> QAction:
    action = QAction(text, menu)
    if shortcut is not None:
        action.setShortcut(shortcut)
    action.triggered.connect(lambda: act())
    menu.addAction(action)
    return action
