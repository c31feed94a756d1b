"""The actions that change photos: undo and redo, copying and pasting captions, states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QMimeData, QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication

from desktop.shortcuts import LASTING_TEXT
from mqwen.library.edited_files import Words

if TYPE_CHECKING:
    from desktop.window import MainWindow
    from mqwen.library.records import EditStep

_MIME = "application/x-mqwen-caption"


class EditActions(QObject):
    """Adds its actions to a window's Edit menu; they act on the photos that are selected in the grid."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._editing = window.editing
        self._labels = {
            "caption": self.tr("caption"),
            "keywords": self.tr("keywords"),
            "alt text": self.tr("alt text"),
            "words": self.tr("words"),
            "replace": self.tr("find and replace"),
            "affix": self.tr("text before or after"),
            "paste": self.tr("paste caption"),
            "approved": self.tr("approve"),
            "rejected": self.tr("reject"),
            "redone": self.tr("another caption"),
        }
        menu = window.menus.edit_menu
        first = menu.actions()[0]
        self.undo = self._add(QKeySequence.StandardKey.Undo, self._editing.undo)
        self.redo = self._add(QKeySequence.StandardKey.Redo, self._editing.redo)
        self.undo.setProperty(LASTING_TEXT, self.tr("&Undo"))
        self.redo.setProperty(LASTING_TEXT, self.tr("Re&do"))
        self.copy = self._add("Ctrl+Shift+C", self.copy_caption, self.tr("&Copy caption"))
        self.paste = self._add("Ctrl+Shift+V", self.paste_caption, self.tr("&Paste caption"))
        self.approve = self._add("Ctrl+Shift+A", lambda: self._give_state("approved"), self.tr("Appro&ve caption"))
        menu.insertActions(first, [self.undo, self.redo])
        menu.insertSeparator(first)
        menu.addSeparator()
        menu.addActions([self.copy, self.paste, self.approve])
        self._editing.steps_changed.connect(self._name_steps)
        self._editing.progressed.connect(self._tell_progress)
        self._name_steps(None, None)

    def copy_caption(self) -> None:
        """Copy the captions of the selected photos, a line each."""
        captions = [photo.caption for path in self._selected() if (photo := self._window.photos.photo(path))]
        if any(captions):
            data = QMimeData()
            data.setText("\n".join(captions))
            data.setData(_MIME, captions[0].encode() if len(captions) == 1 else b"")
            QApplication.clipboard().setMimeData(data)

    def paste_caption(self) -> None:
        """Give the selected photos the captions that were copied: one to all, or as many lines as photos in turn."""
        lines = [line.strip() for line in QApplication.clipboard().text().splitlines() if line.strip()]
        paths = self._selected()
        if not lines or not paths:
            return
        given = dict(zip(paths, lines if len(lines) == len(paths) else [" ".join(lines)] * len(paths), strict=True))
        shown = {path: photo.caption for path in paths if (photo := self._window.photos.photo(path))}

        def pasted(path: Path, words: Words) -> Words:
            return words.with_line(shown.get(path, ""), given[path], "")

        self._editing.apply(paths, pasted, "paste")

    def _give_state(self, state: str) -> None:
        paths = [path for path in self._selected() if (photo := self._window.photos.photo(path)) and photo.caption]
        self._editing.set_state(paths, "approved", state)

    def _selected(self) -> list[Path]:
        self._window.grid.commit_edit()
        return self._window.grid.selected_paths()

    def _name_steps(self, undo: EditStep | None, redo: EditStep | None) -> None:
        self.undo.setEnabled(undo is not None)
        self.redo.setEnabled(redo is not None)
        self.undo.setText(self.tr("&Undo {what}").format(what=self._what(undo)) if undo else self.tr("&Undo"))
        self.redo.setText(self.tr("Re&do {what}").format(what=self._what(redo)) if redo else self.tr("Re&do"))

    def _tell_progress(self, done: int, total: int) -> None:
        if done == total:
            self._window.notice.clear("edits")
            return
        number = QLocale().toString
        text = self.tr("Changing photos: {done} of {total}").format(done=number(done), total=number(total))
        self._window.notice.say("edits", text)

    def _what(self, step: EditStep) -> str:
        name = self._labels.get(step.label, step.label)
        return name if len(step.photos) == 1 else self.tr("{what} of %n photos", "", len(step.photos)).format(what=name)

    def _add(
        self, shortcut: QKeySequence | QKeySequence.StandardKey | str, act: Callable[[], object], text: str = ""
    ) -> QAction:
        action = QAction(text, self._window)
        action.setShortcut(shortcut)
        action.triggered.connect(lambda: act())
        return action
