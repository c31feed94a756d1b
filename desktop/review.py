"""Reviewing captions by keys alone: one picture, its text, one key each to approve, edit, redo or reject."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from desktop.photo import HAVE_TEXT
from desktop.photos import State
from desktop.review_page import ReviewPage
from mqwen.library.edited_files import Words
from mqwen.library.former_words import FormerWords
from mqwen.run_settings import SEEDS

if TYPE_CHECKING:
    from desktop.edited import Edited
    from desktop.review_queue import Entry
    from desktop.window import MainWindow
    from desktop.worker import Ending

_TEMPERATURE = 0.8  # of a second try: without chance it would say the same again


class Review(QObject):
    """The queue and what becomes of each photo in it. Everything goes through Editing, so that undo takes it back.

    Approve: the text is right; a new one that was asked for is taken. Reject: a new one that was asked for is dropped;
    else the words from before the last run come back, or, where there were none, its text goes and the photo is new.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._editing = window.editing
        self._queue: list[Path] = []
        self._place = 0
        self._entry: Entry | None = None
        self._proposal: str | None = None
        self._asking: Path | None = None
        self._closed = False
        self._hidden: list[QWidget] = []  # parts of the window that come back after the review
        self.page = ReviewPage()
        window.stack.addWidget(self.page)
        window.stack.currentChanged.connect(self._left)
        self.action = QAction(self.tr("Re&view captions"), window)
        self.action.setShortcut("Ctrl+Shift+R")
        self.action.triggered.connect(self.open)
        window.menus.view_menu.addAction(self.action)
        page = self.page
        page.approve_requested.connect(self.approve)
        page.reject_requested.connect(self.reject)
        page.redo_requested.connect(self.redo)
        page.text_edited.connect(self._save)
        page.next_requested.connect(lambda: self._go(1))
        page.previous_requested.connect(lambda: self._go(-1))
        page.leave_requested.connect(self.leave)
        self._editing.previewed.connect(self._take)
        self._editing.edited.connect(self._edited)
        window.captioning.tried.connect(self._tried)
        window.captioning.try_finished.connect(self._try_finished)

    def current(self) -> Path | None:
        """Return the photo that is under review."""
        return self._queue[self._place] if self._place < len(self._queue) else None

    def queue(self) -> list[Path]:
        return list(self._queue)

    # Coming and going.

    def open(self) -> None:
        """Review the selected photos, all that are shown where fewer than two are selected; the approved are done."""
        window = self._window
        window.grid.commit_edit()
        selected = window.grid.selected_paths()
        paths = selected if len(selected) > 1 else window.photos.paths()
        shown = [
            (path, photo.caption)
            for path in paths
            if (photo := window.photos.photo(path)) and photo.caption
            and (photo.state in HAVE_TEXT and photo.state is not State.APPROVED)
        ]  # fmt: skip
        if not shown:
            window.notice.say("review", self.tr("There is nothing to review: no photo here has a caption to approve."))
            return
        window.notice.clear("review")
        if not self.is_open():
            self._hidden = [part for part in (window.editor, window.filtering.bar) if part.isVisible()]
        for part in self._hidden:  # nothing of theirs is of use here, and the picture wants the room
            part.hide()
        window.stack.setCurrentWidget(self.page)
        self._queue, self._place, self._entry = [], 0, None
        self.page.show_waiting()
        from desktop.review_queue import queue_of

        self._editing.preview(lambda: ("queue", queue_of(window.catalog, shown)))

    def leave(self) -> None:
        """Go back to the grid, to the photo that was under review."""
        window, path = self._window, self.current()
        window.stack.setCurrentWidget(window.grid)
        window.grid.setFocus()
        if path is not None:
            window.show_photo(path)

    def _left(self) -> None:
        """Bring back what was hidden, whatever ended the review: opening another folder does, too."""
        if self.is_open():
            return
        if self._asking is not None:
            self._window.captioning.cancel()
        hidden, self._hidden = self._hidden, []
        for part in hidden:
            part.show()

    def is_open(self) -> bool:
        return self._window.stack.currentWidget() is self.page

    def close(self) -> None:
        """Before the window goes."""
        self._closed = True
        self.page.picture.close_pool()

    def _go(self, step: int) -> None:
        place = self._place + step
        if self._proposal is not None or not 0 <= place <= len(self._queue):
            self._proposal = None
        if 0 <= place <= len(self._queue):
            self._place = place
            self._look()

    def _look(self) -> None:
        """Show the photo whose turn it is."""
        path, self._proposal = self.current(), None
        if path is None:
            self._entry = None
            self.page.show_done(len(self._queue))
            return
        photo = self._window.photos.photo(path)
        shown = photo.caption if photo is not None else ""
        self.page.picture.show_photo(path, self._window.thumbnails.pixmap(path))
        from desktop.review_queue import entry_of

        self._editing.preview(lambda: ("entry", entry_of(self._window.catalog, path, shown)))

    @Slot(object)
    def _take(self, found: tuple[object, object]) -> None:
        from desktop.review_queue import Entry

        match found:
            case ("queue", list(queue)) if self.is_open():
                self._queue, self._place = queue, 0
                self._look()
            case ("entry", Entry() as entry) if entry.path == self.current():
                self._entry = entry
                self._show()

    def _show(self) -> None:
        if self._entry is None:
            return
        photo = self._window.photos.photo(self._entry.path)
        state = self._window.photos.state_name(self._window.photos.state(photo)) if photo is not None else ""
        self.page.show_entry(self._entry, self._proposal, state, self._place + 1, len(self._queue))

    # What a key does.

    def approve(self) -> None:
        """The text is right, or the new one is."""
        if self._entry is None:
            return
        if self._proposal is not None:
            self._change(self._entry.shown, self._proposal, "redone", "approved")
        else:
            self._editing.set_state([self._entry.path], "approved", "approved")
        self._go(1)

    def reject(self) -> None:
        """The text is wrong, or the new one is."""
        if self._entry is None:
            return
        if self._proposal is not None:
            self._proposal = None
            self._show()
            return
        former = self._entry.former
        there_was = any((former.text, former.keywords, former.alt_text))
        change = partial(_put_back, former, self._entry.shown)
        self._editing.apply([self._entry.path], change, "rejected", None if there_was else "new")
        self._go(1)

    def redo(self, prompt: str) -> None:
        """Ask the model again about this photo: with another prompt, or by another throw of the dice."""
        window = self._window
        settings = window.run_settings()
        if self._entry is None or settings is None:
            return
        if window.captioning.busy():
            self.page.say(self.tr("The model is at work. Wait for it, or cancel it, and ask again."))
            return
        own = {"prompt": prompt} if prompt else {}
        seed = random.randrange(SEEDS.stop)
        settings = replace(settings, seed=seed, temperature=max(settings.temperature, _TEMPERATURE), **own)  # type: ignore[arg-type]
        self._asking = self._entry.path
        self.page.say(self.tr("Asking the model again…"))
        window.captioning.try_out([self._entry.path], settings.model, settings)

    def _save(self, text: str) -> None:
        if self._entry is not None:
            shown = self._entry.shown
            self._proposal = None
            self._change(shown, text, "caption", None)

    def _change(self, shown: str, text: str, label: str, state: str | None) -> None:
        if self._entry is not None:
            change: Callable[[Path, Words], Words] = partial(_with_line, shown, text)
            self._editing.apply([self._entry.path], change, label, state)  # type: ignore[arg-type]

    # What comes back.

    def _tried(self, path: Path, text: str, reason: str) -> None:
        if path != self._asking:
            return
        if path == self.current() and self.is_open():
            self._proposal = text or None
            self.page.say(self.tr("The new text is there") if text else "")  # seen by who types just now
            self._show()
            if reason:
                self.page.say(self.tr("The model gave no text: {reason}").format(reason=reason))

    def _try_finished(self, ending: Ending) -> None:
        if self._asking is not None:
            self._asking = None
            if ending.how == "failed" and self.is_open():
                self.page.say(ending.reason)
            elif self._proposal is None and ending.how == "cancelled":
                self.page.say("")

    def _edited(self, results: list[Edited]) -> None:
        """Words have changed, by undo say: show the photo as it is now."""
        if self.is_open() and not self._closed and any(one.path == self.current() for one in results):
            self._look()


def _with_line(shown: str, text: str, _: Path, words: Words) -> Words:
    return words.with_line(shown, text, "")


def _put_back(former: FormerWords, shown: str, _: Path, words: Words) -> Words | None:
    """Return the words without those that were rejected; None where somebody has written others in their place."""
    return former.put_back(words, shown) if words.says(shown) else None
