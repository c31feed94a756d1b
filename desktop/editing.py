"""What people change of photos: steps that can be undone, also after a restart, in the catalog and in the files."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from desktop.captioning import Captioning
from desktop.edited import Edited, note_of, write_photo
from desktop.known import known_of
from desktop.listed import listed
from desktop.photos import PhotoModel, State
from desktop.reasons import reason_of, unexpected
from desktop.sidecars import EditPlaces
from desktop.slices import Slices
from mqwen.errors import MqwenError
from mqwen.library import records
from mqwen.library.edited_files import Words, adopted, standing_words
from mqwen.library.unfinished_edits import UnfinishedEdit, unfinished_edits

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

log = logging.getLogger(__name__)

Change = Callable[[Path, Words], Words | None]  # None leaves a photo as it is, and says so
_AT_ONCE = 100  # photos that are shown anew in one go
_MANY = 20  # photos, from which on it is told how far an edit is
_PATIENCE_S = 0.05  # how long an edit of one photo may keep the window: most are on the disk by then
_CLOSING_S = 2.0  # how long files are still written when the window is to close; the next start goes on


class Editing(QObject):
    """Makes, undoes and redoes edits, one after the other, in a thread of its own.

    Each edit is in the catalog before the first file changes, and goes into the files through the writers that runs
    use. An edit of one photo is on the disk when the call returns, unless a longer one is under way or the disk is
    slow: then its words show at once. Files that a kill or the closing of the window left without it get it at the next
    start.
    """

    edited = Signal(object)  # list[Edited]: what an edit, undo or redo has changed
    steps_changed = Signal(object, object)  # EditStep | None twice: what undo() and redo() would come to
    words_read = Signal(int, object)  # the number that read() gave, and the list of Words
    previewed = Signal(object)  # what preview() worked out
    failed = Signal(object, str)  # path, reason
    recovered = Signal(object)  # path
    progressed = Signal(int, int)  # photos written, of how many: every now and then while an edit of many is made
    refused = Signal(str)  # nothing was changed at all, and why
    left_over = Signal(str)  # what of earlier edits is not in all files, and why
    idle = Signal()  # nothing is under way any more

    _done = Signal()
    _steps = Signal(object, object)

    def __init__(
        self,
        photos: PhotoModel,
        captioning: Captioning,
        catalog: Callable[[], Catalog],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._photos = photos
        self._captioning = captioning
        self._catalog = catalog
        self._lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edits")
        self._under_way: set[Future[None]] = set()
        self._long: set[Future[None]] = set()  # those under way that no edit of one photo waits for
        self._results: deque[list[Edited]] = deque()  # not yet shown
        self._showing = Slices(self)
        self._closed = False
        self._until: float | None = None  # when to leave files to the next start
        self._reads = 0
        self._done.connect(self._show)
        self._steps.connect(self.steps_changed)
        photos.edit_committed.disconnect(captioning.save)
        photos.edit_committed.connect(self.set_shown)
        QTimer.singleShot(0, self, self._tell_steps)

    # Edits.

    @Slot(object, str)
    def set_shown(self, path: Path, text: str) -> None:
        """Change the text that the list shows for a photo, whichever of its words that is."""
        photo = self._photos.photo(path)
        shown = photo.caption if photo is not None else ""
        if photo is not None and photo.unsaved:  # the disk does not have these words
            shown = ""
        if not self.apply([path], lambda _, words: words.with_line(shown, text, ""), "caption"):
            self._photos.set_caption(path, text, State.EDITED)  # until it is told how it went

    def apply(
        self,
        paths: Sequence[Path],
        change: Change,
        label: str,
        state: records.State | None = None,
        opened: Sequence[Collection[Path]] = (),
    ) -> bool:
        """Change the words of photos as one step; return whether that is done, and not still under way.

        Args:
            change: gives the new words for a photo's present ones, as its files say them; called in another thread.
            label: what the step is called, one of those in desktop.edit_actions.
            state: what the photos then are; None: "edited", those whose words stay are left as they are.
            opened: what was open at an earlier start, for photos that were of that.
        """
        if not paths or self._closed:
            return True
        self._captioning.guard(paths)
        where = self._captioning.places_of()
        where = EditPlaces((*where.opened, *opened), where.write)
        return self._submit(lambda: self._make(paths, change, label, state, where), at_once=len(paths) == 1)

    def set_state(self, paths: Sequence[Path], state: records.State, label: str) -> None:
        """Give photos a state: "approved", say."""
        self.apply(paths, lambda _, words: words, label, state)

    def undo(self) -> None:
        """Take the last step back, in the files too; `edited` follows."""
        self._swap(back=True)

    def redo(self) -> None:
        """Do again what was undone last; `edited` follows."""
        self._swap(back=False)

    def read(self, paths: Sequence[Path]) -> int:
        """Look up the words of photos; `words_read` follows, with the number that is returned.

        One photo's files are looked into; of several, what the catalog and the list know will do.
        """
        self._reads += 1
        number = self._reads
        if self._closed:
            return number
        where = self._captioning.places_of()
        listed = self._photos.photo  # asked in the lane: of 100,000 it would hold up the window

        def work() -> None:
            known = known_of(self._catalog(), paths)
            shown = ((path, photo.caption if (photo := listed(path)) else "") for path in paths)
            words = [Words.of(known.get(path)).as_shown(caption) for path, caption in shown]
            if len(paths) == 1:
                with suppress(MqwenError):  # unreadable: its badge says so already
                    words = [standing_words(paths[0], Words.of(known.get(paths[0])), where.targets(paths[0]))]
            self.words_read.emit(number, words)

        self._submit(work, quick=len(paths) == 1)
        return number

    def preview(self, work_out: Callable[[], object]) -> None:
        """Work something out that takes too long for the window; `previewed` brings it."""
        if not self._closed:
            self._submit(lambda: self.previewed.emit(work_out()))

    def finish(self, timeout_s: float | None = None) -> bool:
        """Wait until all edits are on the disk; return whether they are, and whether the photos show it."""
        done = not wait(list(self._under_way), timeout_s).not_done
        if timeout_s is None:
            self._showing.finish()
        return done and not self._showing.active()

    def hurry(self) -> None:
        """Take no more and come to an end: the words are kept, files that take long are left to the next start."""
        self._closed = True
        self._until = self._until or time.monotonic() + _CLOSING_S

    def go_on(self) -> None:
        """The window stays after all."""
        self._closed, self._until = False, None

    def close(self) -> None:
        """Hurry, and wait for it; before the catalog is closed."""
        self.hurry()
        self._lane.shutdown(wait=True)

    # In the lane.

    def _submit(self, work: Callable[[], None], *, quick: bool = False, at_once: bool = False) -> bool:
        """Do a piece of work after those before it; what goes wrong is told, whatever it is. Return whether it is done.

        Args:
            quick: one photo's worth of work.
            at_once: quick, and waited for unless something long is under way.
        """

        def safely() -> None:
            try:
                work()
            except MqwenError as error:
                self.refused.emit(reason_of(error))
            except Exception as error:
                log.exception("an edit failed")
                self.refused.emit(unexpected(error))

        soon = not self._long
        future = self._lane.submit(safely)
        self._under_way.add(future)
        if not (quick or at_once):
            self._long.add(future)
        future.add_done_callback(self._done_with)
        if at_once and soon:
            try:
                future.exception(timeout=_PATIENCE_S)
            except TimeoutError:
                return False  # it goes on, and tells when it is done
            self._show()
            return True
        return False

    def _done_with(self, future: Future[None]) -> None:
        self._under_way.discard(future)
        self._long.discard(future)
        if not self._under_way:
            self.idle.emit()

    def _make(
        self, paths: Sequence[Path], change: Change, label: str, state: records.State | None, where: EditPlaces
    ) -> None:
        try:
            catalog = self._catalog()
        except MqwenError as error:  # what a person typed must not be lost for that
            self._results.append([self._unmade(path, Words(), change, error) for path in paths])
            self._done.emit()
            return
        edits: list[records.PhotoEdit] = []
        olds: dict[Path, Words] = {}
        results: list[Edited] = []
        left: list[Path] = []
        for path in paths:
            known = None
            self._keep_run_from(path)
            try:
                known = catalog.photo(path) or catalog.observe(path)
                old = standing_words(path, Words.of(known), where.targets(path))
                if old != Words.of(known):
                    catalog.update(adopted(known, old))
                new = change(path, old)
            except MqwenError as error:
                results.append(self._unmade(path, Words.of(known), change, error))
                continue
            if new is None:
                left.append(path)
                results.append(self._write(catalog, path, old, where))
            elif new != old or state is not None:
                olds[path] = old
                edits.append(new.edit_of(path, old, state))
            elif (photo := self._photos.photo(path)) and photo.unsaved:  # the disk has them after all
                results.append(self._write(catalog, path, old, where))
        note = note_of(catalog, olds, where)
        try:
            step = catalog.edit(edits, label) if edits else None
        except MqwenError as error:  # the catalog's disk is full, say
            step, unmade = None, [self._unmade(edit.path, olds[edit.path], change, error) for edit in edits]
            results, olds = [*results, *unmade], {}
        written = self._write_all(catalog, step.photos if step else (), olds, where)
        self._tell([*results, *written], where, note, set(olds) - {one.path for one in written})
        self._tell_left(left)

    def _swap(self, *, back: bool) -> None:
        if self._closed:
            return
        where = self._captioning.places_of()

        def work() -> None:
            catalog = self._catalog()
            ahead = catalog.undoable() if back else catalog.redoable()
            for path in ahead.photos if ahead else ():
                self._keep_run_from(path)
            olds = {path: Words.of(catalog.photo(path)) for path in (ahead.photos if ahead else ())}
            note = note_of(catalog, olds, where)
            step = catalog.undo() if back else catalog.redo()
            written = self._write_all(catalog, step.photos if step else (), olds, where)
            kept = set(step.photos if step else ()) & set(olds) - {one.path for one in written}
            self._tell(written, where, note, kept)
            if step is not None:
                self._tell_left(step.left)

        self._submit(work)

    def _tell_left(self, paths: Sequence[Path]) -> None:
        if paths:
            names = listed((path.name for path in paths), 3)
            self.refused.emit(self.tr("Changed since, and left as it is: {names}").format(names=names))

    def _keep_run_from(self, path: Path) -> None:
        """Before the catalog has the edit: a run in the midst of this photo notes its caption in the catalog, too."""
        run = self._captioning.run_targets()
        if run is not None:
            run.leave_to_human(path)

    def _write_all(
        self, catalog: Catalog, paths: Sequence[Path], olds: Mapping[Path, Words], where: EditPlaces
    ) -> list[Edited]:
        results: list[Edited] = []
        for path in paths:
            if self._until is not None and time.monotonic() > self._until:
                break
            results.append(self._write(catalog, path, olds.get(path, Words()), where))
            if len(paths) > _MANY and (len(results) % _MANY == 0 or len(results) == len(paths)):
                self.progressed.emit(len(results), len(paths))
        return results

    def _write(self, catalog: Catalog, path: Path, old: Words, where: EditPlaces, *, again: bool = False) -> Edited:
        return write_photo(catalog, path, old, where, self._captioning.run_targets(), again=again)

    def _unmade(self, path: Path, known: Words, change: Change, error: MqwenError) -> Edited:
        """Return an edit that could not be made, with the words that it would have given the photo."""
        photo = self._photos.photo(path)
        words = known if known.captions or photo is None else Words({"": photo.caption} if photo.caption else {})
        return Edited(path, (change(path, words) or words).caption(), State.FAILED, reason_of(error))

    def _take_up(self) -> None:
        """Bring edits into the files that a kill, or closing, kept from them."""
        catalog = self._catalog()
        said: list[str] = []
        note = self.tr("An edit of last time may be missing in some files: its note cannot be read. It is now {path}")
        for edit in unfinished_edits(catalog.path, lambda aside: said.append(note.format(path=aside))):
            where = EditPlaces(edit.opened, edit.write)
            # A folder that is not there is on a disk that is not there; a photo alone was deleted.
            absent = {path for path in edit.olds if not path.parent.exists()}
            there = [path for path in edit.olds if path not in absent and path.exists()]
            results: list[Edited] = []
            for path in there:
                if self._until is not None and time.monotonic() > self._until:
                    break
                results.append(self._write(catalog, path, edit.olds[path], where, again=True))
            failed = [one for one in results if one.error is not None]
            late = there[len(results) :]
            self._tell(results, where, edit, {*absent, *late, *(one.path for one in failed)})
            if failed or absent:
                path = failed[0].path if failed else min(absent)
                reason = failed[0].error if failed else self.tr("its folder is not there")
                text = self.tr("An edit is not yet in all files; the next start tries again. {path}: {reason}")
                said.append(text.format(path=path, reason=reason))
        if said:
            self.left_over.emit("\n".join(said))

    def _tell(
        self, results: list[Edited], where: EditPlaces, note: UnfinishedEdit | None, left: Collection[Path]
    ) -> None:
        """End an edit; `left` are the photos whose files are for the next start."""
        try:
            where.close()
            if note is not None:
                note.keep(left)
        finally:
            self._results.append(results)
            self._done.emit()
            self._look_at_steps()

    def _look_at_steps(self) -> None:
        catalog = self._catalog()
        self._steps.emit(catalog.undoable(), catalog.redoable())

    # In the window.

    def _tell_steps(self) -> None:
        if not self._closed:
            self._submit(self._take_up)
            self._submit(self._look_at_steps, quick=True)

    @Slot()
    def _show(self) -> None:
        """Put what the lane has done on the photos; many in slices."""
        if self._showing.active():
            return  # it comes to these, too
        if sum(map(len, self._results)) > _AT_ONCE:
            self._showing.start(self._shown())
            return
        for _ in self._shown():
            pass

    def _shown(self) -> Iterator[None]:
        while self._results:
            results = self._results.popleft()
            self._captioning.guard([one.path for one in results])  # a run that began meanwhile
            for number, one in enumerate(results, 1):
                if one.error is None:
                    self._photos.set_caption(one.path, one.shown, one.state)
                    self.recovered.emit(one.path)
                else:
                    reason = self.tr("Your text is not saved: {reason}").format(reason=one.error)
                    self._photos.set_unsaved(one.path, one.shown, reason)
                    self.failed.emit(one.path, reason)
                if number % _AT_ONCE == 0:
                    yield
            self.edited.emit(results)
        if self._showing.active():
            self._showing.stop()
            if not self._under_way:
                self.idle.emit()
