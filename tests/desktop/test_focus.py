"""The window by keyboard: Tab reaches every control, and one sees where it is."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from desktop.preferences import Preferences
from desktop.replace_dialogs import ReplaceDialog
from desktop.settings_dialog import SettingsDialog
from desktop.shortcuts import menu_actions
from desktop.theme import apply_theme
from tests.desktop.fakes import draw_photos
from tests.desktop.test_accessible import controls


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tab_reaches_every_control_and_the_focus_is_seen(qapp, qtbot, window, open_folder, tmp_path, theme):
    apply_theme(qapp, theme)
    draw_photos(tmp_path / "in", ["1.png", "2.png"])
    open_folder(window, tmp_path / "in", 2)
    window.notice.say("x", "text", "&Act")
    window.failures.add(tmp_path / "in" / "1.png", "reason")
    window.failures.show()
    window.grid.setCurrentIndex(window.photos.index(0))
    qtbot.waitUntil(lambda: window.editor._form.isEnabled())
    settings = SettingsDialog(Preferences(), tmp_path, menu_actions(window.menuBar()))
    settings.tabs.setCurrentIndex(1)
    for top in (window, settings, ReplaceDialog(window)):
        if top is not window:
            qtbot.addWidget(top)
            top.show()
        top.activateWindow()
        qtbot.waitUntil(lambda top=top: top.isActiveWindow() and QApplication.focusWidget() is not None)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached: dict[QWidget, bool] = {}  # with whether one sees that it has the focus
        while (here := QApplication.focusWidget()) not in reached:
            with_focus = here.grab().toImage()
            QTest.keyClick(here, Qt.Key.Key_Tab)
            reached[here] = bool(here.grab().toImage() != with_focus)
        unseen = [widget for widget, seen in reached.items() if not seen]
        assert not unseen, [
            (type(widget).__name__, widget.accessibleName(), widget.property("text")) for widget in unseen
        ]
        left_out = [widget for widget in controls(top) if expects_tab(widget) and widget not in reached]
        assert not left_out, [(widget, widget.accessibleName()) for widget in left_out]


def expects_tab(widget: QWidget) -> bool:
    """Of buttons of which one at a time is chosen, Tab goes to that one; the arrows go to the others."""
    resting = isinstance(widget, QAbstractButton) and widget.autoExclusive() and not widget.isChecked()
    able = widget.isVisible() and widget.isEnabled() and not resting
    return able and widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
