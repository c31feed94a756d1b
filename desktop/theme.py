"""Colours: one light and one dark palette, one accent; the system's choice is followed while the app runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from mqwen.resources import resources_path

THEMES = ("system", "light", "dark")
FIELD_HEIGHT = 28  # of boxes, lines of text and buttons that stand in a row
TEXT_WIDTH = 900  # beyond it the eye loses the line

_PAINT_MS = 10
_CHOSEN = "mqwenTheme"  # property of the app: "system", "light" or "dark"


@dataclass(frozen=True)
class Colours:
    """What is painted with; text on window, base and tile keeps a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3),
    the edge of what is ticked or typed into one of 3:1 (1.4.11)."""

    window: str
    base: str
    tile: str
    line: str
    edge: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_hover: str
    selected: str
    good: str
    warning: str
    failed: str
    notice: str


LIGHT = Colours(
    window="#f4f4f2",
    base="#ffffff",
    tile="#e9e9e6",
    line="#d3d3cf",
    edge="#84858a",
    text="#1e1f22",
    muted="#5f6167",
    accent="#2b5fc4",
    on_accent="#ffffff",
    accent_hover="#244fa6",
    selected="#dde7fa",
    good="#1f7a45",
    warning="#8a5a00",
    failed="#b3261e",
    notice="#eef2fb",
)
DARK = Colours(
    window="#1b1c1e",
    base="#242629",
    tile="#2b2d31",
    line="#3d4046",
    edge="#76797f",
    text="#e9eaec",
    muted="#a5a8af",
    accent="#8ab0ff",
    on_accent="#10131a",
    accent_hover="#a6c3ff",
    selected="#2c3a57",
    good="#6cc48f",
    warning="#e3b261",
    failed="#f2928b",
    notice="#232a38",
)


def colours(palette: QPalette) -> Colours:
    """Return the colours that belong to a palette."""
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def palette_of(scheme: Colours) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for where, colour in (
        (role.Window, scheme.window),
        (role.WindowText, scheme.text),
        (role.Base, scheme.base),
        (role.AlternateBase, scheme.tile),
        (role.Text, scheme.text),
        (role.Button, scheme.base),
        (role.ButtonText, scheme.text),
        (role.BrightText, scheme.failed),
        (role.PlaceholderText, scheme.muted),
        (role.ToolTipBase, scheme.base),
        (role.ToolTipText, scheme.text),
        (role.Highlight, scheme.accent),
        (role.HighlightedText, scheme.on_accent),
        (role.Accent, scheme.accent),
        (role.Link, scheme.accent),
        (role.LinkVisited, scheme.accent),
        (role.Light, scheme.base),
        (role.Midlight, scheme.tile),
        (role.Mid, scheme.line),
        (role.Dark, scheme.line),
        (role.Shadow, scheme.line),
    ):
        palette.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        faint = QColor(scheme.muted)
        faint.setAlpha(150)
        palette.setColor(QPalette.ColorGroup.Disabled, where, faint)
    return palette


def style_sheet(scheme: Colours) -> str:
    """Return the rules for the few widgets that the palette alone cannot make calm."""
    return f"""
    QToolTip {{ color: {scheme.text}; background: {scheme.base}; border: 1px solid {scheme.line}; padding: 4px; }}
    QCheckBox, QRadioButton {{ padding-right: 10px; }}
    QCheckBox::indicator, QTreeView::indicator, QRadioButton::indicator {{
        border: 1px solid {scheme.edge}; background: {scheme.base}; width: 12px; height: 12px; }}
    QCheckBox::indicator, QTreeView::indicator {{ border-radius: 3px; }}
    QRadioButton::indicator {{ border-radius: 7px; }}
    QCheckBox::indicator:hover, QCheckBox::indicator:checked, QCheckBox::indicator:focus,
    QRadioButton::indicator:hover, QRadioButton::indicator:checked {{ border-color: {scheme.accent}; }}
    QCheckBox::indicator:checked, QTreeView::indicator:checked {{
        background: {scheme.accent}; image: url("{_tick(scheme)}"); }}
    QRadioButton::indicator:checked {{ background: qradialgradient(cx: 0.5, cy: 0.5, radius: 0.5, fx: 0.5, fy: 0.5,
        stop: 0 {scheme.accent}, stop: 0.5 {scheme.accent}, stop: 0.6 {scheme.base}, stop: 1 {scheme.base}); }}
    QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{ border-color: {scheme.line}; }}
    QCheckBox::indicator:checked:disabled {{ background: {scheme.muted}; border-color: {scheme.muted}; }}
    QPushButton {{ min-height: 22px; padding: 2px 8px; }}
    QDialog QPushButton {{ padding: 2px 14px; }}
    QLineEdit, QPlainTextEdit, #keywords {{
        border: 1px solid {scheme.edge}; border-radius: 4px; background: {scheme.base}; padding: 2px; }}
    QLineEdit:focus, QPlainTextEdit:focus, #keywords:focus {{ border-color: {scheme.accent}; }}
    QLineEdit:disabled, QPlainTextEdit:disabled, #keywords:disabled {{ border-color: {scheme.line}; }}
    QDialog QLineEdit {{ min-height: 22px; }}
    QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ border: none; padding: 0; min-height: 0; }}
    #fieldName, #quiet {{ color: {scheme.muted}; }}
    #bar, #footer, #filterBar {{ background: {scheme.window}; }}
    #filterBar {{ border-bottom: 1px solid {scheme.line}; }}
    #filterBar QToolButton::menu-indicator {{ image: none; }}
    #wrong {{ color: {scheme.failed}; }}
    #choices {{ background: {scheme.window}; border: none; border-bottom: 1px solid {scheme.line}; padding: 0; }}
    #shownCaption {{ border: none; background: transparent; padding: 0; }}
    QMainWindow::separator {{ background: {scheme.window}; width: 6px; height: 6px; }}
    QMainWindow::separator:hover {{ background: {scheme.line}; }}
    QSplitter::handle {{ image: none; }}
    QDockWidget {{ titlebar-close-icon: url("{_icon("close", scheme)}");
        titlebar-normal-icon: url("{_icon("float", scheme)}"); }}
    QDockWidget::title {{ text-align: left; padding: 6px 8px; }}
    QHeaderView {{ background: {scheme.base}; }}
    QHeaderView::section {{ color: {scheme.muted}; background: {scheme.base}; border: none;
        border-bottom: 1px solid {scheme.line}; padding: 4px 5px; }}
    QTreeView::item {{ padding: 3px 2px; }}
    QTreeView {{ border: 1px solid {scheme.line}; border-radius: 4px; }}
    QTreeView:focus {{ border-color: {scheme.accent}; }}
    QStatusBar {{ border-top: 1px solid {scheme.line}; }}
    QStatusBar::item {{ border: none; }}
    QMenuBar {{ border: none; background: {scheme.window}; }}
    #captionEditor {{ color: {scheme.text}; background: {scheme.base}; border: 2px solid {scheme.accent};
        border-radius: 6px; }}
    #notice {{ background: {scheme.notice}; border-bottom: 1px solid {scheme.line}; }}
    #primary {{ color: {scheme.on_accent}; background: {scheme.accent}; border: 1px solid {scheme.accent};
        border-radius: 5px; padding: 2px 20px; font-weight: 600; }}
    #primary:hover {{ background: {scheme.accent_hover}; }}
    #primary:focus {{ border: 2px solid {scheme.text}; padding: 1px 19px; }}
    #primary:disabled {{ color: {scheme.muted}; background: {scheme.tile}; border-color: {scheme.tile}; }}
    #primary[running="true"] {{ color: {scheme.text}; background: {scheme.base}; border-color: {scheme.line}; }}
    #flat {{ color: {scheme.accent}; border: none; padding: 3px 6px; background: transparent; }}
    #flat, #problem {{ min-height: 0; }}
    #alone {{ padding: 0; spacing: 0; }}
    #flat:hover, #flat:focus {{ text-decoration: underline; }}
    #tooLong {{ color: {scheme.warning}; }}
    #problem {{ color: {scheme.failed}; border: none; padding: 3px 6px; background: transparent; }}
    #problem:hover, #problem:focus {{ text-decoration: underline; }}
    QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
    QScrollBar::handle {{ background: {scheme.line}; border-radius: 4px; margin: 2px; }}
    QScrollBar::handle:vertical {{ min-height: 36px; }}
    QScrollBar::handle:horizontal {{ min-width: 36px; }}
    QScrollBar::handle:hover {{ background: {scheme.muted}; }}
    QScrollBar::handle:disabled {{ background: transparent; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QProgressBar {{ background: {scheme.tile}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
    QProgressBar::chunk {{ background: {scheme.accent}; border-radius: 3px; }}
    """


def _tick(scheme: Colours) -> str:
    name = "tick-on-pale.svg" if scheme is DARK else "tick-on-blue.svg"
    return (resources_path() / "icons" / name).as_posix()


def _icon(name: str, scheme: Colours) -> str:
    return (resources_path() / "icons" / f"{name}-on-{'dark' if scheme is DARK else 'light'}.svg").as_posix()


def apply_theme(app: QApplication, theme: str = "system") -> None:
    """Dress the app: "light", "dark", or "system", which is looked up again whenever the system's choice changes.

    May be called again at any time: what is on the screen changes with it.
    """
    hints = QGuiApplication.styleHints()
    first = app.property(_CHOSEN) is None
    app.setProperty(_CHOSEN, theme)
    if first:
        app.setStyle("Fusion")
        hints.colorSchemeChanged.connect(lambda _: _dress(app))
    if theme == "system":
        hints.unsetColorScheme()
    else:  # what the system draws, the frame of a window, goes with it
        hints.setColorScheme(Qt.ColorScheme.Dark if theme == "dark" else Qt.ColorScheme.Light)
    _dress(app)


def is_dark(app: QApplication) -> bool:
    """Say whether the app is to be dark now."""
    chosen = app.property(_CHOSEN) or "system"
    if chosen == "system":
        return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return bool(chosen == "dark")


def _dress(app: QApplication) -> None:
    scheme = DARK if is_dark(app) else LIGHT
    sheet = style_sheet(scheme)
    if app.styleSheet() == sheet:
        app.setPalette(palette_of(scheme))
        return
    # Qt takes its time to restyle all there is: painting it comes in a turn of its own.
    for window in app.topLevelWidgets():
        if window.isVisible() and window.updatesEnabled():
            window.setUpdatesEnabled(False)
            QTimer.singleShot(_PAINT_MS, window, partial(window.setUpdatesEnabled, True))
    app.setPalette(palette_of(scheme))
    app.setStyleSheet(sheet)
