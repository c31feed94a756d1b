"""What the window costs when all of a large folder is arranged, selected, searched, changed or let go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from desktop.photos import Order
from desktop.theme import apply_theme

if TYPE_CHECKING:
    from desktop.window import MainWindow

_SETTLED_S = 0.5


def measure_changes(
    window: MainWindow,
    app: QApplication,
    take: Callable[[str], dict[str, float]],
    until: Callable[[Callable[[], bool]], float],
) -> dict[str, float]:
    """Do one thing after the other; return the figures of each, and its seconds.

    Args:
        take: gives the figures of the event loop since it was called last.
        until: lets the event loop run until something is so; returns the seconds that took.
    """
    figures: dict[str, float] = {}
    grid, photos = window.grid, window.photos

    def settled() -> bool:
        return not window.filtering.searching() and not grid.arranging() and window.editing.finish(0)

    def do(phase: str, act: Callable[[], object]) -> None:
        until(settled)
        take("")
        began = time.perf_counter()
        act()
        until(settled)
        figures[f"{phase} s"] = time.perf_counter() - began
        end = time.perf_counter() + _SETTLED_S
        until(lambda: time.perf_counter() >= end)
        figures.update(take(phase))

    for order in (Order.OLDEST, Order.STATE, Order.LENGTH, Order.NAME):
        do(f"sort {order.value}", lambda order=order: photos.sort_by(order))  # type: ignore[misc]
    do("select all", grid.selectAll)
    do("sort selected", lambda: photos.sort_by(Order.NEWEST))
    do("filter selected", lambda: window.filtering.set_text("name:*1.jpg OR name:*4.jpg OR name:*7.jpg"))
    do("clear filter, scattered selection", lambda: window.filtering.set_text(""))
    do("sort, scattered selection", lambda: photos.sort_by(Order.NAME))
    do("select all again", grid.selectAll)
    do("theme", lambda: apply_theme(app, "dark"))
    do("list view", window.arranging.as_list.trigger)
    do("find and replace", window.replacing.replace.trigger)
    dialog = window.replacing.replace_dialog
    dialog.sought.setText("quiet")
    dialog.by.setText("silent")
    do("find", dialog.preview)
    do("replace", dialog.make)
    dialog.reject()
    half = photos.paths()[: photos.rowCount() // 2]
    do("remove half", lambda: photos.remove(half))
    do("remove selected", window.remove_selected)
    return figures
