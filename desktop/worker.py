"""The one thread that owns the Captioner: imports torch, loads the model, runs jobs one after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from PySide6.QtCore import QObject, Signal, Slot

from desktop.dozen import DOZEN
from desktop.reasons import reason_of, told, unexpected
from desktop.sidecars import RunTargets
from desktop.trial import Trial, differing
from mqwen.errors import Cancelled, InputError, MqwenError
from mqwen.outcome import Outcome, StopFlag
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from mqwen import Caption, Captioner
    from mqwen.engine.events import Event
    from mqwen.library.catalog import Catalog

Load = Callable[[str, Callable[[], bool]], "Captioner"]
log = logging.getLogger(__name__)
_MEMORY_SECONDS = 1.0


@dataclass(frozen=True)
class Job:
    """One run of the window.

    Attributes:
        paths: the photos, in the order shown.
        model: as mqwen.hub.find_model() takes it.
        targets: where it writes; the window's edits pass through it too.
        catalog: gives the catalog in which the run is noted, so that it can be taken back; None opens the user's own.
        begin, end: called in the worker's thread around the run: what the next start needs if this one is killed.
        withdrawn: photos that the window took out since; another thread adds to it.
    """

    paths: tuple[Path, ...]
    model: str
    settings: RunSettings
    targets: RunTargets
    catalog: Callable[[], Catalog] | None = None
    begin: Callable[[], object] = lambda: None
    end: Callable[[], object] = lambda: None
    stop: StopFlag = field(default_factory=StopFlag)
    withdrawn: set[Path] = field(default_factory=set)


@dataclass(frozen=True)
class Ending:
    """How a job ended; `reason` is for people, "" unless it failed."""

    how: Literal["done", "cancelled", "failed"]
    reason: str = ""


def load_captioner(model: str, cancelled: Callable[[], bool]) -> Captioner:
    """Import torch, which takes seconds, and load a model on the best device."""
    from mqwen import Captioner

    if cancelled():
        raise Cancelled("stopped before the model was loaded")
    return Captioner.load(model, cancelled=cancelled)


class CaptionWorker(QObject):
    """Lives in a QThread; everything it has to say goes out as signals. It keeps the Captioner for the next job."""

    loading_started = Signal()
    model_loaded = Signal(str, bool)  # what runs where, is it the starter
    photo_begun = Signal(object)  # path
    photo_passed_over = Signal(object)  # path: withdrawn
    outcome_ready = Signal(object)  # Outcome
    finished = Signal(object)  # Ending
    memory_changed = Signal(object, object)  # bytes of the card's memory in use, and in all
    photos_chosen = Signal(object, bool)  # the photos of a trial, and whether it stays at them
    tried = Signal(object, str, str)  # path, what the model says, why it says nothing
    try_finished = Signal(object)  # Ending

    def __init__(self, load: Load | None = None) -> None:
        super().__init__()
        self._load_captioner = load or load_captioner
        self._captioner: Captioner | None = None
        self._model: str | None = None
        self._paused = False
        self._streamed: dict[Path, str] = {}
        self._memory_told = 0.0

    # From any thread.

    def set_paused(self, paused: bool) -> None:
        """Compute nothing more until it is False again; what is in hand keeps its place."""
        self._paused = paused
        captioner = self._captioner
        if captioner is not None:
            (captioner.pause if paused else captioner.resume)()

    def take_streamed(self) -> dict[Path, str]:
        """Return the captions that have grown since the last call, as far as they are."""
        streamed, self._streamed = self._streamed, {}
        return streamed

    # In the worker's own thread.

    @Slot(object)
    def work(self, job: Job) -> None:
        """Do a job, whatever happens in it; `finished` always comes, exactly once."""
        from mqwen.run import run

        try:
            job.begin()
            with job.targets:  # edits may have passed through it even if the run never begins
                captioner = self._load(job.model, job.stop)
                watched = cast(
                    "Captioner", _Watched(captioner, lambda photos: self._hand_over(photos, job), self._told)
                )
                settings = replace(job.settings, model=job.model)
                catalog = job.catalog() if job.catalog is not None and settings.writes() else None
                for outcome in run(
                    job.paths, settings, captioner=watched, stop=job.stop, into=job.targets, catalog=catalog
                ):
                    self.outcome_ready.emit(_as_it_stands(outcome, job))
                    self._tell_memory()
            ending = Ending("cancelled" if job.stop.finishing() else "done")
        except Exception as error:
            ending = self._ending(error)
        self._streamed = {}
        job.end()
        self.finished.emit(ending)

    @Slot(object)
    def try_out(self, trial: Trial) -> None:
        """Caption a few photos and write nothing; `try_finished` always comes, exactly once."""
        try:
            photos, first = list(trial.photos), 0
            if trial.choice is not None:
                photos, first = trial.choice.candidates()
                self.photos_chosen.emit(photos[:DOZEN], False)
            captioner = self._load(trial.model, trial.stop)
            if trial.choice is not None:
                photos = differing(captioner, photos, first, trial.stop)
                self.photos_chosen.emit(photos, True)
            for path, result in captioner.caption_many(
                iter(photos),
                prompt=trial.question,
                style=trial.settings.style,
                max_new_tokens=trial.settings.max_new_tokens,
                temperature=trial.settings.temperature,
                seed=trial.settings.seed,
                cancelled=trial.stop.stopped,
                finishing=trial.stop.finishing,
            ):
                if isinstance(result, MqwenError):
                    self.tried.emit(path, "", reason_of(result))
                else:
                    from mqwen.library.compose import compose

                    self.tried.emit(path, compose(result, trial.settings).text, "")
            ending = Ending("cancelled" if trial.stop.finishing() else "done")
        except Exception as error:
            ending = self._ending(error)
        self.try_finished.emit(ending)

    @staticmethod
    def _ending(error: Exception) -> Ending:
        if isinstance(error, Cancelled):
            return Ending("cancelled")
        if isinstance(error, MqwenError):
            return Ending("failed", told(error))
        log.error("the run stopped", exc_info=error)  # Qt would only print it, and the window would wait for ever
        return Ending("failed", unexpected(error))

    @Slot()
    def unload(self) -> None:
        """Give the model's memory back."""
        if self._captioner is not None:
            self._captioner.unload()
        self._captioner = self._model = None

    def _load(self, model: str, stop: StopFlag) -> Captioner:
        if self._captioner is not None and self._model == model:
            return self._captioner
        self.unload()
        self.loading_started.emit()
        captioner = self._load_captioner(model, stop.stopped)
        self._captioner, self._model = captioner, model
        if self._paused:
            captioner.pause()
        self.model_loaded.emit(captioner.describe(), captioner.is_starter)
        return captioner

    def _hand_over(self, photos: Iterable[Path], job: Job) -> Iterator[Path]:
        for path in photos:
            if path in job.withdrawn:
                self.photo_passed_over.emit(path)
                continue
            self.photo_begun.emit(path)
            yield path

    def _told(self, path: Path, text: str) -> None:
        self._streamed[path] = text

    def _tell_memory(self) -> None:
        plan = getattr(self._captioner, "plan", None)
        now = time.monotonic()
        if plan is None or plan.device.type != "cuda" or now - self._memory_told < _MEMORY_SECONDS:
            return
        self._memory_told = now
        import torch

        free, total = torch.cuda.mem_get_info(plan.device)
        self.memory_changed.emit(total - free, total)


def _as_it_stands(outcome: Outcome, job: Job) -> Outcome:
    """Return an outcome whose caption is what the file says now: more than the model's own words after "append"."""
    if outcome.status != "skipped" and (outcome.status != "captioned" or job.settings.existing != "append"):
        return outcome
    try:
        return replace(outcome, caption=job.targets.text(outcome.path) or outcome.caption)
    except InputError:  # someone made it unreadable since; a reload says so
        return outcome


class _Watched:
    """A Captioner for run() whose photos, and words, pass by the window on their way: as much of one as run() uses."""

    def __init__(
        self,
        captioner: Captioner,
        watch: Callable[[Iterable[Path]], Iterator[Path]],
        told: Callable[[Path, str], None],
    ) -> None:
        self._captioner = captioner
        self._watch = watch
        self._told = told

    def caption_many(self, photos: Iterable[Path], **options: Any) -> Iterator[tuple[Path, Caption | MqwenError]]:
        answers = cast("Generator[Event, None, None]", self._captioner.events(self._watch(photos), **options))
        with closing(answers) as events:
            for event in events:
                if event.kind == "token":
                    self._told(event.item, event.text)
                elif event.error is not None:
                    yield event.item, event.error
                else:
                    yield event.item, event.captions[0]
