"""The menus of the main window and their shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMessageBox

from desktop.photos import Order
from mqwen import __version__

if TYPE_CHECKING:
    from desktop.window import MainWindow

Shortcut = QKeySequence | QKeySequence.StandardKey | str | None


def add_menus(window: MainWindow) -> None:
    """Give the window its menus, and the actions that it switches on and off itself."""
    tr = window.tr
    bar = window.menuBar()

    file = bar.addMenu(tr("&File"))
    _add(file, tr("&Open folder…"), QKeySequence.StandardKey.Open, window.choose_folder)
    _add(file, tr("Open &photos…"), "Ctrl+Shift+O", window.choose_files)
    _add(file, tr("&Reload"), QKeySequence.StandardKey.Refresh, window.reload)
    file.addSeparator()
    leave = _add(file, tr("&Quit"), QKeySequence.StandardKey.Quit, window.close)
    leave.setMenuRole(QAction.MenuRole.QuitRole)

    edit = bar.addMenu(tr("&Edit"))
    _add(edit, tr("&Edit caption"), "F2", window.edit_caption)
    _add(edit, tr("&Remove from the list"), None, window.remove_selected)
    _add(edit, tr("Select &all"), QKeySequence.StandardKey.SelectAll, window.grid.selectAll)

    view = bar.addMenu(tr("&View"))
    orders = QActionGroup(window)
    for order, name in (
        (Order.NAME, tr("Sort by &name")),
        (Order.NEWEST, tr("&Newest first")),
        (Order.STATE, tr("Failed and &uncaptioned first")),
    ):
        action = _add(view, name, None, lambda order=order: window.photos.sort_by(order))  # type: ignore[misc]
        action.setCheckable(True)
        action.setChecked(order is Order.NAME)
        orders.addAction(action)
    view.addSeparator()
    size = window.footer.size_slider
    _add(view, tr("&Larger photos"), QKeySequence.StandardKey.ZoomIn, lambda: size.setValue(size.value() + 40))
    _add(view, tr("&Smaller photos"), QKeySequence.StandardKey.ZoomOut, lambda: size.setValue(size.value() - 40))
    view.addSeparator()
    failures = window.failures.toggleViewAction()
    failures.setText(tr("&Failed photos"))
    view.addAction(failures)

    run = bar.addMenu(tr("&Run"))
    window.start_action = _add(run, tr("&Start"), "Ctrl+Return", lambda: window.start())
    window.start_selected_action = _add(
        run, tr("Start with the s&elected photos"), "Ctrl+Shift+Return", window.start_selected
    )
    window.cancel_action = _add(run, tr("&Cancel"), "Ctrl+.", window.cancel)

    about = bar.addMenu(tr("&Help"))
    _add(about, tr("&About MQwen"), None, lambda: _about(window)).setMenuRole(QAction.MenuRole.AboutRole)

    photo = [window.start_selected_action, *edit.actions()]
    window.grid.addActions(photo[:3])


def _add(menu: QMenu, text: str, shortcut: Shortcut, act: Callable[[], object]) -> QAction:
    action = QAction(text, menu)
    if shortcut is not None:
        action.setShortcut(shortcut)
    action.triggered.connect(lambda: act())
    menu.addAction(action)
    return action


def _about(window: MainWindow) -> None:
    text = QCoreApplication.translate(
        "MainWindow",
        "MQwen {version}\n\nCaptions folders of photos on your own machine. Nothing leaves it.\n\nApache License 2.0",
    )
    QMessageBox.about(window, window.tr("About MQwen"), text.format(version=__version__))
