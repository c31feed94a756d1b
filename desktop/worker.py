"""The one thread that owns the Captioner: imports torch, loads the model, runs jobs one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from PySide6.QtCore import QObject, Signal, Slot

from desktop.sidecars import RunTargets
from mqwen.errors import Cancelled, InputError, MqwenError
from mqwen.run import Outcome, RunSettings, StopFlag, run

if TYPE_CHECKING:
    from mqwen import Caption, Captioner

Load = Callable[[str, Callable[[], bool]], "Captioner"]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One run of the window.

    Attributes:
        paths: the photos, in the order shown.
        model: as mqwen.hub.find_model() takes it.
        targets: where it writes; the window's edits pass through it too.
        withdrawn: photos that the window took out since; another thread adds to it.
    """

    paths: tuple[Path, ...]
    model: str
    settings: RunSettings
    targets: RunTargets
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

    def __init__(self, load: Load | None = None) -> None:
        super().__init__()
        self._load_captioner = load or load_captioner
        self._captioner: Captioner | None = None
        self._model: str | None = None

    @Slot(object)
    def work(self, job: Job) -> None:
        """Do a job, whatever happens in it; `finished` always comes, exactly once."""
        try:
            with job.targets:  # edits may have passed through it even if the run never begins
                captioner = self._load(job)
                watched = cast("Captioner", _Watched(captioner, lambda photos: self._hand_over(photos, job)))
                settings = replace(job.settings, model=job.model)
                for outcome in run(job.paths, settings, captioner=watched, stop=job.stop, into=job.targets):
                    self.outcome_ready.emit(_as_it_stands(outcome, job))
            ending = Ending("cancelled" if job.stop.finishing() else "done")
        except Cancelled:
            ending = Ending("cancelled")
        except MqwenError as error:
            ending = Ending("failed", str(error))
        except Exception as error:  # Qt would only print it, and the window would wait for ever
            log.exception("the run stopped")
            ending = Ending("failed", f"{type(error).__name__}: {error}")
        self.finished.emit(ending)

    @Slot()
    def unload(self) -> None:
        """Give the model's memory back."""
        if self._captioner is not None:
            self._captioner.unload()
        self._captioner = self._model = None

    def _load(self, job: Job) -> Captioner:
        if self._captioner is not None and self._model == job.model:
            return self._captioner
        self.unload()
        self.loading_started.emit()
        captioner = self._load_captioner(job.model, job.stop.stopped)
        self._captioner, self._model = captioner, job.model
        self.model_loaded.emit(captioner.describe(), captioner.is_starter)
        return captioner

    def _hand_over(self, photos: Iterable[Path], job: Job) -> Iterator[Path]:
        for path in photos:
            if path in job.withdrawn:
                self.photo_passed_over.emit(path)
                continue
            self.photo_begun.emit(path)
            yield path


def _as_it_stands(outcome: Outcome, job: Job) -> Outcome:
    """Return an outcome whose caption is what the file says now: more than the model's own words after "append"."""
    if outcome.status != "skipped" and (outcome.status != "captioned" or job.settings.existing != "append"):
        return outcome
    try:
        return replace(outcome, caption=job.targets.text(outcome.path) or outcome.caption)
    except InputError:  # someone made it unreadable since; a reload says so
        return outcome


class _Watched:
    """A Captioner for run() whose photos pass by the window on their way: as much of one as run() uses."""

    def __init__(self, captioner: Captioner, watch: Callable[[Iterable[Path]], Iterator[Path]]) -> None:
        self._captioner = captioner
        self._watch = watch

    def caption_many(self, photos: Iterable[Path], **options: Any) -> Iterator[tuple[Path, Caption | MqwenError]]:
        return self._captioner.caption_many(self._watch(photos), **options)
