"""Every control of the window and its dialogs has a name and a role for screen readers, and is reached by keyboard."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QScrollBar,
    QTabBar,
    QToolButton,
    QWidget,
)

from desktop.consent import ConsentDialog
from desktop.language import set_language
from desktop.mnemonics import plain
from desktop.parts_dialog import PartsDialog
from desktop.preferences import Preferences
from desktop.settings_dialog import SettingsDialog
from desktop.shortcuts import menu_actions
from desktop.theme import DARK, LIGHT, apply_theme
from desktop.trouble import DetailsDialog
from mqwen.hub.remote import Offer
from tests.desktop.fakes import draw_photos

CONTROLS = (
    *(QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox),
    *(QLineEdit, QPlainTextEdit, QProgressBar),
)
ROLES_OF_NOTHING = (QAccessible.Role.NoRole, QAccessible.Role.Client)


def controls(top: QWidget) -> list[QWidget]:
    """Every control of ours: parts of Qt's own widgets, and what nobody can use, are none."""
    found = []
    for widget in top.findChildren(QWidget):
        inside = widget.parentWidget()
        of_qt = (
            widget.objectName().startswith(("qt_", "_q_"))
            or isinstance(widget, QScrollBar | QHeaderView)
            or isinstance(inside, QComboBox | QAbstractSpinBox | QLineEdit | QTabBar)
            or "Container" in type(widget).__name__
            or (inside is not None and inside.metaObject().className() in ("QComboBoxPrivateContainer", "QTabBar"))
            or widget.metaObject().className() in ("QComboBoxListView", "QTableCornerButton", "QDockWidgetTitleButton")
            or (
                isinstance(widget, QToolButton) and inside is not None and inside.metaObject().className() == "QToolBar"
            )
        )
        if isinstance(widget, CONTROLS) and widget.window() is top and not of_qt:
            found.append(widget)
    return found


def assert_accessible(top: QWidget, least: int) -> None:
    found = controls(top)
    assert len(found) >= least, f"{len(found)} controls: the test looks at the wrong place"
    for widget in found:
        interface = QAccessible.queryAccessibleInterface(widget)
        where = f"{widget.metaObject().className()} {widget.objectName()!r} in {widget.parentWidget()!r}"
        assert interface is not None and interface.role() not in ROLES_OF_NOTHING, where
        assert interface.text(QAccessible.Text.Name).strip(), f"no accessible name: {where}"
        if not isinstance(widget, QProgressBar) and widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
            raise AssertionError(f"not reached by keyboard: {where}")


def assert_mnemonics_differ(top: QWidget) -> None:
    seen: dict[str, str] = {}
    for widget in top.findChildren(QWidget):
        if not isinstance(widget, QLabel | QAbstractButton) or not widget.isVisibleTo(top):
            continue
        text = widget.text().replace("&&", "")
        if "&" in text and (isinstance(widget, QAbstractButton) or widget.buddy() is not None):
            letter = text[text.index("&") + 1].lower()
            assert letter not in seen, f"{text!r} and {seen[letter]!r} have the same mnemonic"
            seen[letter] = text


@pytest.fixture(params=["en", "zh_CN"])
def language(qapp, request):
    set_language(qapp, request.param)
    yield request.param
    set_language(qapp, "en")


def dialogs(tmp_path):
    offer = Offer("somebody/model", "c" * 40, "llava", (), None, (), True, tmp_path)
    yield SettingsDialog(Preferences(), tmp_path), 14
    yield PartsDialog(), 9
    yield PartsDialog(adapter_only=True), 4
    yield ConsentDialog([offer]), 4
    yield DetailsDialog("Report", "text", tmp_path), 4


def test_dialogs_are_named_and_reached(qtbot, language, tmp_path):
    for dialog, least in dialogs(tmp_path):
        qtbot.addWidget(dialog)
        assert dialog.windowTitle()
        assert_accessible(dialog, least)
        pages = getattr(dialog, "tabs", None)
        for page in range(pages.count() if pages else 1):
            if pages:
                pages.setCurrentIndex(page)
            assert_mnemonics_differ(dialog)


def test_the_window_and_what_its_menus_open(qtbot, language, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png", "2.png"])
    open_folder(window, tmp_path / "in", 2)
    window.grid.setCurrentIndex(window.photos.index(0))
    window.failures.show()
    assert_accessible(window, 25)
    for part in (window.settings_part.action, window.models_part.action, window.trouble.action):
        part.trigger()
        (dialog,) = (top for top in window.findChildren(QDialog) if top.isVisible())
        assert_accessible(dialog, 3)
        dialog.close()
        qtbot.waitUntil(lambda dialog=dialog: not any(top.isVisible() for top in window.findChildren(QDialog)))
    qtbot.waitUntil(lambda: window.models_part._looking is None)


def test_where_tab_stops_there_is_a_control_with_a_name(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    window.grid.setCurrentIndex(window.photos.index(0))
    window.activateWindow()
    window.grid.setFocus()
    qtbot.waitUntil(lambda: window.grid.hasFocus() and window.editor.caption.isEnabled())
    stops: list[QWidget] = []
    while (stop := QApplication.focusWidget()) not in stops:
        assert stop is not None
        stops.append(stop)
        QTest.keyClick(stop, Qt.Key.Key_Tab)
    assert {window.editor.caption, window.bar.button, window.footer.size_slider} <= set(stops)
    names = {stop: QAccessible.queryAccessibleInterface(stop).text(QAccessible.Text.Name) for stop in stops}
    assert [stop for stop, name in names.items() if not name.strip()] == []


def test_every_action_has_a_mnemonic_of_its_own_in_its_menu(language, window):
    for top in window.menuBar().actions():
        seen: dict[str, str] = {}
        for action in top.menu().actions():
            if action.isSeparator():
                continue
            text = action.text().replace("&&", "")
            assert plain(text).strip()
            if "&" not in text:
                continue
            letter = text[text.index("&") + 1].lower()
            assert letter not in seen, f"{top.text()}: {text!r} and {seen[letter]!r}"
            seen[letter] = text
    assert len(menu_actions(window.menuBar())) > 10


def test_the_focus_is_seen_wherever_it_is(qapp, qtbot, tmp_path):
    for theme in ("light", "dark"):
        apply_theme(qapp, theme)
        dialog = DetailsDialog("Report", "text", tmp_path)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitExposed(dialog)
        dialog.activateWindow()
        qtbot.waitUntil(dialog.isActiveWindow)
        dialog.buttons.buttons()[0].setFocus()
        plain_look = dialog.copy.grab().toImage()
        for _ in range(4):
            if not dialog.copy.hasFocus():
                QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert dialog.copy.hasFocus()
        assert dialog.copy.grab().toImage() != plain_look, f"{theme}: a button with the focus looks like one without"


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_text_of_the_palette_is_readable_on_what_it_stands_on(qapp, scheme):
    apply_theme(qapp, "light" if scheme is LIGHT else "dark")
    palette, role = qapp.palette(), QPalette.ColorRole
    for text, ground in (
        (role.WindowText, role.Window),
        (role.Text, role.Base),
        (role.Text, role.AlternateBase),
        (role.ButtonText, role.Button),
        (role.HighlightedText, role.Highlight),
        (role.PlaceholderText, role.Base),
        (role.ToolTipText, role.ToolTipBase),
        (role.Link, role.Window),
        (role.Link, role.Base),
        (role.BrightText, role.Window),
    ):
        found = contrast(palette.color(text), palette.color(ground))
        assert found >= 4.5, f"{text} on {ground}: {found:.2f}"
    for name in ("warning", "failed", "muted", "accent", "good"):
        for ground in ("window", "base"):
            found = contrast(QColor(getattr(scheme, name)), QColor(getattr(scheme, ground)))
            assert found >= 4.5, f"{name} on {ground}: {found:.2f}"
    for ground in ("window", "base"):
        found = contrast(QColor(scheme.edge), QColor(getattr(scheme, ground)))
        assert found >= 3, f"edges on {ground}: {found:.2f}"


def contrast(one: QColor, other: QColor) -> float:
    """WCAG 2.2's ratio."""

    def luminance(colour: QColor) -> float:
        red, green, blue = (
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour.getRgbF()[:3]
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_window_is_usable_at_1280_by_720(qtbot, language, window):
    window.resize(1280, 720)
    QApplication.processEvents()
    assert (window.width(), window.height()) == (1280, 720), "nothing in it asks for more"
    button = window.bar.button
    assert window.rect().contains(button.mapTo(window, button.rect().bottomRight()))
    assert button.mapTo(window, QPoint(0, 0)).x() > 0


def test_no_name_holds_the_letter_of_a_mnemonic(language, window):
    named = [widget for widget in controls(window) if isinstance(widget, QComboBox | QLineEdit | QAbstractSlider)]
    assert len(named) > 4
    for widget in named:
        name = QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
        assert not re.search(r"\([A-Z]\)", name), f"{widget!r}: {name!r}"
