"""The line over the photos: filter, saved filters, order, and how they are laid out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QToolButton, QWidget

from desktop.icon import symbol
from desktop.mnemonics import plain
from desktop.theme import FIELD_HEIGHT, TEXT_WIDTH


class FilterBar(QWidget):
    """Shows and changes the filter's text; what it means is somebody else's."""

    text_changed = Signal(str)
    apply_requested = Signal()
    left = Signal()  # back to the photos
    help_requested = Signal()
    listed_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Another theme comes with several changes of the palette, and all icons at once would hold it up.
        self._draw_soon = QTimer(self, interval=20, singleShot=True)
        self._draw_soon.timeout.connect(self._draw)
        self.setObjectName("filterBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.edit = QLineEdit()
        self.edit.setAccessibleName(self.tr("Filter"))
        self.edit.setPlaceholderText(self.tr('Filter: dog "red car" state:new name:IMG* taken:2019..2021'))
        self.edit.setToolTip(self.tr("Show only some photos (Ctrl+F). Enter looks again, Esc goes back to the photos."))
        self.edit.setClearButtonEnabled(True)
        self.edit.setFixedHeight(FIELD_HEIGHT)
        self.edit.setMaximumWidth(TEXT_WIDTH)
        self.edit.textChanged.connect(self.text_changed)
        self.edit.returnPressed.connect(self.apply_requested)
        self.edit.installEventFilter(self)
        self._found = self.edit.addAction(symbol("find", self.palette()), QLineEdit.ActionPosition.LeadingPosition)
        for inside in self.edit.findChildren(QToolButton):  # screen readers meet Qt's two, too
            inside.setAccessibleName(self.tr("Filter") if self._found in inside.actions() else self.tr("Clear"))
        self.outcome = QLabel()
        self.outcome.setObjectName("quiet")
        self.saved_menu = QMenu(self)
        self.saved = self._button(self.tr("Saved filters"), self.saved_menu)
        self.help = self._button(self.tr("What can be typed into the filter"))
        self.help.clicked.connect(self.help_requested)
        self.order_menu = QMenu(self)
        self.order = self._button(self.tr("Order of the photos"), self.order_menu)
        self.order.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.grid = self._button(self.tr("Show as a grid"))
        self.list = self._button(self.tr("Show as a list"))
        for button, listed in ((self.grid, False), (self.list, True)):
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.clicked.connect(lambda _=False, listed=listed: self.listed_changed.emit(listed))
        self.grid.setChecked(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(4)
        row.addWidget(self.edit, 1000)
        row.addWidget(self.saved)
        row.addWidget(self.help)
        row.addSpacing(4)
        row.addWidget(self.outcome)
        row.addSpacing(8)
        row.addStretch(1)
        for widget in (self.order, self.grid, self.list):
            row.addWidget(widget)
        self._draw()

    def set_outcome(self, text: str, *, wrong: bool = False) -> None:
        """Say what the filter found, or what is wrong with it."""
        self.outcome.setText(text)
        self.outcome.setObjectName("wrong" if wrong else "quiet")
        self.outcome.style().polish(self.outcome)

    def set_listed(self, listed: bool) -> None:
        (self.list if listed else self.grid).setChecked(True)

    def set_orders(self, actions: Sequence[QAction]) -> None:
        """Offer these orders, of which one is checked."""
        self.order_menu.addActions(list(actions))
        for action in actions:
            action.toggled.connect(self._show_order)
        self._show_order()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if watched is self.edit and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                if self.edit.text():
                    self.edit.clear()
                else:
                    self.left.emit()
                return True
            if event.key() == Qt.Key.Key_Down:
                self.left.emit()
                return True
        return False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_soon.start()

    def _show_order(self) -> None:
        chosen = next((action for action in self.order_menu.actions() if action.isChecked()), None)
        self.order.setText(f"{plain(chosen.text())}  ▾" if chosen else "")

    def _button(self, name: str, menu: QMenu | None = None) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setAutoRaise(True)
        button.setIconSize(QSize(20, 20))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if menu is not None:
            menu.setAccessibleName(name)
            button.setMenu(menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _draw(self) -> None:
        palette = self.palette()
        self._found.setIcon(symbol("find", palette))
        for button, name in (
            (self.saved, "saved"),
            (self.help, "question"),
            (self.order, "sort"),
            (self.grid, "grid"),
            (self.list, "list"),
        ):
            button.setIcon(symbol(name, palette))
