"""Where captions go: a button with a menu in which several places can be ticked."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QMenu, QPushButton, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from desktop.choice_words import ChoiceWords
from desktop.listed import listed
from desktop.theme import FIELD_HEIGHT

_NONE = "none"


class WriteChoice(QPushButton):
    """Any of mqwen.library.targets.TARGETS; "none" stands alone."""

    changed = Signal()

    def __init__(self, chosen: Iterable[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(FIELD_HEIGHT)
        self.setAccessibleName(self.tr("Write"))
        self.setToolTip(self.tr("Where captions go; several places can be ticked"))
        self._short = ChoiceWords(self).places()
        names = {
            "txt": self.tr(".&txt beside each photo"),
            "caption": self.tr(".&caption beside each photo"),
            "xmp": self.tr("&XMP sidecar beside each photo"),
            "embed": self.tr("&Into the photo's own metadata"),
            "jsonl": self.tr("metadata.&jsonl per folder"),
            _NONE: self.tr("&Nothing, only show"),
        }
        menu = _StayingMenu(self)
        menu.setAccessibleName(self.tr("Places to write to"))
        self._actions: dict[str, QAction] = {}
        for name, text in names.items():
            if name == _NONE:
                menu.addSeparator()
            action = self._actions[name] = menu.addAction(text)
            action.setCheckable(True)
            action.toggled.connect(lambda on, name=name: self._toggled(name, on))
        self.setMenu(menu)
        self._settling = False
        self.choose(*chosen)

    def names(self) -> tuple[str, ...]:
        """Return the places that are ticked, at least one."""
        return tuple(name for name, action in self._actions.items() if action.isChecked())

    def choose(self, *names: str) -> None:
        """Tick these places and no others."""
        before = self.names()
        self._settling = True
        wanted = [name for name in names if name in self._actions] or ["txt"]
        for name, action in self._actions.items():
            action.setChecked(name in wanted and (name != _NONE or len(wanted) == 1))
        self._settling = False
        self._show()
        if self.names() != before:
            self.changed.emit()

    def sizeHint(self) -> QSize:
        """The same whatever is ticked, so that the bar does not jump; a long list is cut with dots."""
        hint = super().sizeHint()
        return QSize(self.fontMetrics().horizontalAdvance("metadata.jsonl, XMP") + 44, hint.height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _toggled(self, name: str, on: bool) -> None:
        if self._settling:
            return
        ticked = [other for other in self.names() if other != name]
        if on:
            self.choose(*([_NONE] if name == _NONE else [*(one for one in ticked if one != _NONE), name]))
        else:
            self.choose(*(ticked or [_NONE if name != _NONE else "txt"]))
        self.changed.emit()

    def _show(self) -> None:
        text = listed(self._short[name] for name in self.names())
        self.setText(text)
        self.setAccessibleDescription(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """As the boxes beside it, which open a list, too."""
        option = QStyleOptionComboBox()
        option.initFrom(self)
        opened = self.menu().isVisible()
        option.state |= QStyle.StateFlag.State_On if opened else QStyle.StateFlag.State_None
        inside = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, inside, self).width() - 8
        option.currentText = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class _StayingMenu(QMenu):
    """Stays open while entries are ticked, so that several need one trip only."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.actionAt(event.position().toPoint())
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
            return
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        action = self.activeAction()
        if event.key() == Qt.Key.Key_Space and action is not None and action.isCheckable():
            action.trigger()
            return
        super().keyPressEvent(event)
