"""How the photos are laid out and ordered, kept from one start to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings
from PySide6.QtGui import QAction, QActionGroup

from desktop.photos import Order

if TYPE_CHECKING:
    from desktop.filter_bar import FilterBar
    from desktop.window import MainWindow


class Arranging(QObject):
    """Belongs to a window; joins the view menu, the buttons beside the filter, and what the grid shows."""

    def __init__(self, window: MainWindow, bar: FilterBar, store: QSettings) -> None:
        super().__init__(window)
        self._grid = window.grid
        self._bar = bar
        self._store = store
        menu = window.menus.view_menu
        first = menu.actions()[0]
        both = QActionGroup(self)
        self.as_grid = QAction(self.tr("Show as a &grid"), both)
        self.as_list = QAction(self.tr("Show as a l&ist"), both)
        for action, keys in ((self.as_grid, "Ctrl+1"), (self.as_list, "Ctrl+2")):
            action.setCheckable(True)
            action.setShortcut(keys)
            menu.insertAction(first, action)
        menu.insertSeparator(first)
        self.as_grid.setChecked(True)
        self.as_list.toggled.connect(self._lay_out)
        bar.listed_changed.connect(lambda listed: (self.as_list if listed else self.as_grid).setChecked(True))

        orders = window.menus.orders
        bar.set_orders(list(orders.values()))
        for order, action in orders.items():
            action.triggered.connect(lambda _=False, order=order: store.setValue("grid/order", order.value))
        kept = {order.value: order for order in Order}.get(str(store.value("grid/order")), Order.NAME)
        if kept is not Order.NAME:
            orders[kept].trigger()
        if store.value("grid/listed", False) in (True, "true"):
            self.as_list.setChecked(True)

    def _lay_out(self, listed: bool) -> None:
        self._grid.set_listed(listed)
        self._bar.set_listed(listed)
        self._store.setValue("grid/listed", listed)
