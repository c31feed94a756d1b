"""Whether a window may close: what is being typed is saved, runs and edits come to an end, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from desktop.listed import listed

if TYPE_CHECKING:
    from desktop.window import MainWindow

_MOMENT_S = 0.3  # how long closing waits for edits without a word


class Closing(QObject):
    """Belongs to a window, which asks it before it goes. Nothing here keeps the window's thread waiting.

    Attributes:
        wanted: the window is to close as soon as the run that is stopping has ended.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.wanted = False
        self._ending_edits = False
        self._given_up: set[tuple[Path, str]] = set()  # unsaved words that the user was warned of

    def ready(self) -> bool:
        """Save what is being typed, and say whether the window can go at once; else it goes by itself, or asks."""
        window = self._window
        window.grid.commit_edit()
        if window.captioning.busy():
            if not self.wanted:
                window.leaving.ask()
            return False
        return not (self._words_would_be_lost() or self._drafts_would_be_lost() or self._edits_end_first())

    def now(self) -> None:
        """Close without a question; a run stops first, and the next start offers to go on with it."""
        window = self._window
        self.wanted = True
        if window.captioning.busy():
            window.interrupted.keep()
            window.cancel()
            window.setEnabled(False)
            return
        window.close()

    def end_parts(self) -> None:
        """End what works in threads, and wait for it: the readers first, the writers after those that feed them."""
        window = self._window
        for part in (
            window.history,
            window.export,
            window.following,
            window.sources,
            window.filtering,
            window.preview.pictures,
            window.thumbnails,
            window.captioning,
            window.models_part,
            window.catalog_care,
            window.review,
            window.editing,
            window.kept_drafts,
        ):
            part.close()

    def _words_would_be_lost(self) -> bool:
        """Try once more to save what the disk has refused; if it still does, say so and stay, once for the same."""
        window = self._window
        window.captioning.save_again()
        lost = window.photos.unsaved()
        words = {(photo.path, photo.caption) for photo in lost}
        if words <= self._given_up:
            return False
        self._given_up, self.wanted = words, False
        self._stay()
        names = listed((photo.path.name for photo in lost), 3)
        text = self.tr("Your words about {names} could not be saved. Closing again gives them up.")
        window.notice.say("unsaved", text.format(names=names))
        return True

    def _drafts_would_be_lost(self) -> bool:
        """Say, once for the same, that text about several photos was not applied and cannot be kept for later."""
        window = self._window
        drafts = window.kept_drafts.keep()
        said = {(path, text) for draft in drafts for path in draft.paths for text in draft.texts.values()}
        if said <= self._given_up:
            return False
        self._given_up, self.wanted = self._given_up | said, False
        self._stay()
        window.editor.show()
        count = len({path for path, _ in said})
        text = self.tr("What you typed about %n photo(s) is not applied, and cannot be kept.", "", count)
        text = f"{text} {self.tr('Closing again gives it up.')}"
        window.notice.say("unsaved", text)
        return True

    def _edits_end_first(self) -> bool:
        """Say whether edits are under way that take a while; the window then goes by itself when they have ended."""
        window = self._window
        window.replacing.give_up_search()
        if window.editing.finish(_MOMENT_S):
            return False
        if not self._ending_edits:
            self._ending_edits = True
            window.editing.hurry()
            window.setEnabled(False)
            window.notice.say("edit", self.tr("Finishing your edit, then MQwen closes…"))
            window.editing.idle.connect(self._close_if_idle)
            QTimer.singleShot(0, self, self._close_if_idle)  # it may have ended before this was connected
        return True

    def _close_if_idle(self) -> None:
        if self._ending_edits and self._window.isVisible() and self._window.editing.finish(0):
            self.now()

    def _stay(self) -> None:
        self._window.setEnabled(True)
        self._ending_edits = False
        self._window.editing.go_on()
