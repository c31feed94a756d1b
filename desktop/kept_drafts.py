"""Keeps what was typed and not applied on the disk as it is typed, and brings it back at the next start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.draft_files import DraftFiles, Found
from desktop.drafts import Draft
from mqwen.errors import MqwenError
from mqwen.library.data_folder import data_folder

if TYPE_CHECKING:
    from desktop.window import MainWindow

log = logging.getLogger(__name__)
_KEY = "drafts"
_Key = tuple[frozenset[Path], str]  # photos and language


class KeptDrafts(QObject):
    """Belongs to a window, whose editor's drafts it keeps; the files are written in a thread, one after the other.

    Attributes:
        looked: whether what the last start left is back.
    """

    _found = Signal(object)  # Found

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._files = DraftFiles(data_folder() / "unapplied-drafts")
        self._kept: dict[_Key, tuple[Draft, Path]] = {}
        self._refused: set[_Key] = set()  # which the disk did not take
        self._lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drafts")
        self._under_way: set[Future[None]] = set()
        self.looked = False
        self._soon = QTimer(self, interval=0, singleShot=True)  # a draft may be on its way from the strip to the fields
        self._soon.timeout.connect(self._keep)
        window.editor.draft_changed.connect(self._soon.start)
        window.editing.idle.connect(self._soon.start)
        self._found.connect(self._restore)
        self._submit(lambda: self._found.emit(self._files.read()))

    def keep(self) -> list[Draft]:
        """Bring all that is typed and not applied to the disk, and return what the disk does not take."""
        self._keep()
        wait(list(self._under_way))
        return [self._kept[key][0] for key in self._refused if key in self._kept]

    def close(self) -> None:
        """Wait for what is being written."""
        self._soon.stop()
        self._lane.shutdown(wait=True)

    def _keep(self) -> None:
        """Write what is new, and remove what is applied or discarded; not before an edit has been made of it."""
        drafts = {_key(draft): draft for draft in self._window.editor.unapplied()}
        opened = self._window.captioning.places_of().opened
        for key, draft in drafts.items():
            before, file = self._kept.get(key, (None, None))
            if draft.texts != (before and before.texts) or key in self._refused:
                file = file or self._files.new()
                self._kept[key] = draft, file
                self._submit(partial(self._write, key, draft, file, (*opened, *draft.opened)))
        done_with = self._kept.keys() - drafts.keys()
        if done_with and self._window.editing.finish(0):  # else its end asks again
            for key in done_with:
                self._submit(partial(self._remove, self._kept.pop(key)[1]))

    def _restore(self, found: Found) -> None:
        photos: set[Path] = set()
        for file, draft in found.drafts.items():
            if _key(draft) not in self._kept:  # else typed anew meanwhile: this waits for the next start
                self._kept[_key(draft)] = draft, file
                self._window.editor.drafts.keep(draft)
                photos.update(draft.paths)
        if photos:
            self._window.editor.show()
            text = self.tr("What you typed about %n photo(s) and did not apply is back: see Words.", "", len(photos))
            self._window.notice.add(_KEY, text)
        for path in found.set_aside:
            text = self.tr("Text that was typed and not applied cannot be read. Its file is now {path}")
            self._window.notice.add(_KEY, text.format(path=path))
        self.looked = True

    # In the lane.

    def _submit(self, work: Callable[[], None]) -> None:
        future = self._lane.submit(work)
        self._under_way.add(future)
        future.add_done_callback(self._done)

    def _done(self, future: Future[None]) -> None:
        self._under_way.discard(future)
        if (error := future.exception()) is not None:
            log.error("drafts are not kept or not read", exc_info=error)

    def _write(self, key: _Key, draft: Draft, file: Path, opened: Sequence[Collection[Path]]) -> None:
        try:
            self._files.write(file, draft, opened)
            self._refused.discard(key)
        except (OSError, MqwenError):
            log.exception("a draft is not kept")
            self._refused.add(key)

    def _remove(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError:
            log.exception("a draft that is done with comes back")


def _key(draft: Draft) -> _Key:
    return frozenset(draft.paths), draft.language
