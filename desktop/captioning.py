"""The window's side of a run: starts and stops the worker, puts what it says on the photos, and guards human edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, QTimer, Signal, Slot

from desktop.dozen import Choice
from desktop.interrupted import InterruptedRun, InterruptedRuns
from desktop.pace import Pace
from desktop.photos import PhotoModel, State
from desktop.reasons import reason_of, shown
from desktop.sidecars import EditPlaces, RunTargets, save_edit, sources_of
from desktop.trial import Trial
from desktop.worker import CaptionWorker, Ending, Job
from mqwen.engine.prompts import fill
from mqwen.errors import MqwenError
from mqwen.outcome import Outcome
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

_STREAM_MS = 100
_STACK_BYTES = 16 << 20  # macOS gives threads 512 KB, too little for torch


class Captioning(QObject):
    """One run at a time over a PhotoModel.

    A human's edit always wins over the run that is under way: a photo not yet begun is left out of the run, and what
    the run has for one that was is dropped.
    """

    started = Signal()
    loading = Signal()
    model_loaded = Signal(str, bool)
    progressed = Signal()
    failed = Signal(object, str)  # path, reason
    recovered = Signal(object)  # path: captioned or saved after all
    finished = Signal(object)  # Ending
    paused_changed = Signal(bool)
    caption_streamed = Signal(object, str)  # path, its caption as far as it is; several times a second
    memory_changed = Signal(object, object)  # bytes of the card's memory in use, and in all
    photos_chosen = Signal(object, bool)  # the photos of a trial, and whether it stays at them
    tried = Signal(object, str, str)  # path, what the model would write, why it says nothing
    try_finished = Signal(object)  # Ending

    _job_given = Signal(object)
    _unload_asked = Signal()
    _trial_given = Signal(object)

    def __init__(
        self,
        photos: PhotoModel,
        parent: QObject | None = None,
        *,
        worker: CaptionWorker | None = None,
        catalog: Callable[[], Catalog] | None = None,
    ) -> None:
        super().__init__(parent)
        self._photos = photos
        self._catalog = catalog
        self._job: Job | None = None
        self._trial: Trial | None = None
        self._paused = False
        self._edited: set[Path] = set()
        self._opened: list[frozenset[Path]] = []  # what is open, and before it what was open earlier
        self._write: tuple[str, ...] = ("txt",)
        self.pace = Pace(0)
        self.tally: Counter[str] = Counter()  # outcomes of the run, by status; "edited": the human's words count
        photos.edit_committed.connect(self.save)

        self._thread = QThread(self)
        self._thread.setStackSize(_STACK_BYTES)
        self._worker = worker or CaptionWorker()
        self._worker.moveToThread(self._thread)
        self._job_given.connect(self._worker.work)
        self._unload_asked.connect(self._worker.unload)
        self._worker.loading_started.connect(self.loading)
        self._worker.model_loaded.connect(self.model_loaded)
        self._worker.photo_begun.connect(self._begin)
        self._worker.photo_passed_over.connect(self._pass_over)
        self._worker.outcome_ready.connect(self._take)
        self._worker.finished.connect(self._finish)
        self._worker.memory_changed.connect(self.memory_changed)
        self._trial_given.connect(self._worker.try_out)
        self._worker.photos_chosen.connect(self.photos_chosen)
        self._worker.tried.connect(self.tried)
        self._worker.try_finished.connect(self._finish_trial)
        self._look_at_stream = QTimer(self, interval=_STREAM_MS)
        self._look_at_stream.timeout.connect(self._tell_stream)

    # A run.

    def running(self) -> bool:
        return self._job is not None

    def busy(self) -> bool:
        """Say whether the model is at work, for a run or for a trial."""
        return self._job is not None or self._trial is not None

    def start(
        self, paths: Sequence[Path], model: str, settings: RunSettings, interrupted: InterruptedRuns | None = None
    ) -> None:
        """Start a run over photos; what is under way goes on, and nothing else happens.

        Words that the disk has refused are saved first if it takes them now; their photos stay out of the run.

        Args:
            interrupted: where to note that the run is under way, for a next start after a crash.
        """
        if self.busy() or not paths:
            return
        keeps = settings.existing == "skip"
        words = self.save_again()
        paths = [path for path in paths if path not in words]
        if not paths:
            return
        with_text = (
            {path for path in paths if (photo := self._photos.photo(path)) and photo.caption} if keeps else set()
        )
        to_do = len(paths) - len(with_text)
        self._job = Job(tuple(paths), model, settings, self.targets_for(settings), self._catalog)
        if interrupted is not None and settings.writes():
            sources = tuple(self._opened[0]) if self._opened else ()
            interrupted.keep(False)
            note = InterruptedRun(sources, tuple(paths), replace(settings, model=model))
            self._job = replace(self._job, begin=lambda: interrupted.note(note), end=interrupted.forget)
        self._edited = set(words)
        self._job.withdrawn.update(words)  # a folder among the paths may hold them
        if not self._job.targets.names:  # without a place to look, the run cannot know that they have text
            self._job.withdrawn.update(with_text)
        self.tally = Counter()
        self.pace = Pace(len(paths), to_do)
        self._thread.start()
        self._look_at_stream.start()
        self.started.emit()
        self._job_given.emit(self._job)

    def try_out(self, paths: Sequence[Path], model: str, settings: RunSettings, choice: Choice | None = None) -> None:
        """Caption a few photos, or a choice, and write nothing: `photos_chosen`, `tried` each, `try_finished`."""
        if self.busy():
            return
        text = settings.question()

        def question(path: Path) -> str:  # in a reading thread, which may look into a dict
            photo = self._photos.photo(path)
            return fill(text, path, photo.caption if photo else None)

        self._trial = Trial(paths, choice, model, settings, question)
        self._thread.start()
        self._trial_given.emit(self._trial)

    def targets_for(self, settings: RunSettings) -> RunTargets:
        """Return where a run with these settings would write."""
        return RunTargets(self._opened, settings.write)

    def cancel(self) -> None:
        """Stop within one decode step; `finished` or `try_finished` follows."""
        for work in (self._job, self._trial):
            if work is not None:
                work.stop.stop_now()
        self.set_paused(False)

    def paused(self) -> bool:
        return self._paused

    def set_paused(self, paused: bool) -> None:
        """Let the run rest, or go on; what is in hand keeps its place."""
        if paused == self._paused or (paused and self._job is None):
            return
        self._paused = paused
        self._worker.set_paused(paused)
        (self.pace.pause if paused else self.pace.resume)()
        self.paused_changed.emit(paused)

    def withdraw(self, paths: Sequence[Path]) -> None:
        """Leave photos out of the run that is under way, unless they have begun."""
        if self._job is not None:
            self._job.withdrawn.update(paths)

    def unload(self) -> None:
        """Let the model's memory go; the next run loads it anew. Not while a run is under way."""
        if not self.busy():
            self._unload_asked.emit()

    def close(self) -> None:
        """Stop the run and the thread, and wait for it: one decode step, or the rest of an import."""
        self.cancel()
        self._thread.quit()
        self._thread.wait()

    # Edits.

    def set_places(self, sources: Sequence[Path], write: Sequence[str]) -> None:
        """Say what is open, and where the caption of a photo goes that has none yet."""
        now = frozenset(sources)
        self._opened = [now, *(earlier for earlier in self._opened if earlier != now)]
        self._write = tuple(write)

    def places_of(self) -> EditPlaces:
        """Return where the words of photos may stand, as what is open now says."""
        return EditPlaces(self._opened, self._write)

    def guard(self, paths: Iterable[Path]) -> None:
        """Keep the run that is under way from these photos, which a human edits."""
        if self._job is not None:
            self._edited.update(paths)
            self._job.withdrawn.update(paths)

    def run_targets(self) -> RunTargets | None:
        """Return the targets of the run that is under way; may be called in any thread."""
        job = self._job
        return None if job is None else job.targets

    @Slot(object, str)
    def save(self, path: Path, text: str) -> None:
        """Write a human's words beside their photo at once; words that cannot be written stay on the screen."""
        if self._job is not None:
            self._edited.add(path)
            self._job.withdrawn.add(path)
        try:
            sources = sources_of(path, self._opened)
            save_edit(path, text, sources, self._write, self._job.targets if self._job else None)
        except MqwenError as error:
            reason = self.tr("Your text is not saved: {reason}").format(reason=reason_of(error))
            self._photos.set_unsaved(path, text, reason)
            self.failed.emit(path, reason)
        else:
            self._photos.set_caption(path, text, State.EDITED)
            self.recovered.emit(path)

    def save_again(self) -> set[Path]:
        """Try once more to save what the disk has refused; return the photos concerned, saved or not."""
        refused = self._photos.unsaved()
        for photo in refused:
            self.save(photo.path, photo.caption)
        return {photo.path for photo in refused}

    # What the worker says.

    @Slot(object)
    def _begin(self, path: Path) -> None:
        self._photos.set_running([path])

    @Slot(object)
    def _pass_over(self, path: Path) -> None:
        self.pace.count(worked=False)
        photo = self._photos.photo(path)
        if path in self._edited:
            self.tally["edited"] += 1
        elif photo is not None and photo.caption:
            self.tally["skipped"] += 1
        self.progressed.emit()

    @Slot(object)
    def _take(self, outcome: Outcome) -> None:
        path = outcome.path
        self._photos.set_running([path], False)
        self.pace.count(worked=outcome.status != "skipped")
        self.tally["edited" if path in self._edited else outcome.status] += 1
        if path in self._edited:
            pass  # the human's words are on disk and on the screen; see RunTargets
        elif outcome.status == "skipped":
            photo = self._photos.photo(path)
            if outcome.caption and photo and (photo.state is State.FAILED or photo.caption != outcome.caption):
                self._photos.set_caption(path, outcome.caption)
            self.recovered.emit(path)
        elif outcome.status == "captioned":
            self._photos.set_caption(path, outcome.caption or "")
            self.recovered.emit(path)
        elif outcome.status == "failed":
            reason = shown(outcome.reason) if outcome.reason else self.tr("unknown reason")
            self._photos.set_failed(path, reason)
            self.failed.emit(path, reason)
        self.progressed.emit()

    def _tell_stream(self) -> None:
        for path, text in self._worker.take_streamed().items():
            self.caption_streamed.emit(path, text)

    @Slot(object)
    def _finish_trial(self, ending: Ending) -> None:
        self._trial = None
        self.try_finished.emit(ending)

    @Slot(object)
    def _finish(self, ending: Ending) -> None:
        self._job = None
        self._look_at_stream.stop()
        self.set_paused(False)
        self._photos.set_running(self._photos.running(), False)
        self.finished.emit(ending)
