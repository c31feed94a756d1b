"""One captioning run, from folders to written captions: used by the command line and the window alike."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mqwen.engine.caption import Caption
from mqwen.engine.prompts import LANGUAGES, STYLES, fill, prompt_for
from mqwen.errors import Cancelled, DiskFullError, ImageError, InputError, MqwenError, WriteError
from mqwen.library.scan import scan
from mqwen.library.targets import TARGETS, Targets

if TYPE_CHECKING:
    from mqwen.engine.captioner import Captioner

EXISTING = ("skip", "overwrite", "append")
SEEDS = range(2**64)
# So many photos in a row that need nothing, and the run reports them before it looks further.
_REPORT_AFTER = 100
_HAS_TEXT = "it has its text already"


@dataclass(frozen=True)
class RunSettings:
    """What a run asks and where it writes.

    Attributes:
        prompt: the user's own question, with {name} {folder} {date} {existing}; None takes the style's.
        write: any of mqwen.library.targets.TARGETS; () writes nothing.
        existing: what happens to text that is there already: "skip" leaves it, and asks the model only about photos
            that lack some of what `write` names; "overwrite" replaces it; "append" adds to it.
        dry_run: no model, nothing written: say what would be done.
        batch_size: pictures at a time, or "auto".
        temperature: 0 is greedy; otherwise `seed` decides, whatever the batch.
        seed: out of SEEDS.
    """

    prompt: str | None = None
    style: str = "brief"
    language: str = "en"
    write: tuple[str, ...] = ("txt",)
    existing: Literal["skip", "overwrite", "append"] = "skip"
    recursive: bool = True
    dry_run: bool = False
    batch_size: int | Literal["auto"] = "auto"
    max_new_tokens: int = 256
    temperature: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        for what, value, known in (
            ("style", self.style, STYLES),
            ("language", self.language, LANGUAGES),
            ("existing", self.existing, EXISTING),
        ):
            if value not in known:
                raise InputError(f"{what} {value!r} is not known", hint=f"Take one of {', '.join(known)}.")
        for target in self.write:
            if target not in TARGETS:
                raise InputError(f"cannot write {target!r}", hint=f"Take any of {', '.join(TARGETS)}.")
        if not 0 <= self.temperature < math.inf:
            raise InputError(f"the temperature cannot be {self.temperature}", hint="Take a finite number from 0.")
        if self.seed is not None and self.seed not in SEEDS:
            raise InputError(f"the seed cannot be {self.seed}", hint=f"Take a whole number from 0 to {SEEDS[-1]}.")


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        path: the photo, absolute.
        status: "captioned" (in a dry run: would be), "skipped" or "failed".
        caption: the text the model gave, None without one.
        reason: why it was skipped or failed, a clause for people.
        seconds: wall time since the outcome before, so that they add up to the run's.
    """

    path: Path
    status: Literal["captioned", "skipped", "failed"]
    caption: str | None = None
    keywords: tuple[str, ...] = ()
    reason: str | None = None
    seconds: float = 0.0


class StopFlag:
    """How a run is asked to stop, from any thread or a signal handler."""

    def __init__(self) -> None:
        self._finish = threading.Event()
        self._now = threading.Event()

    def finish_batch(self) -> None:
        """Let the pictures that the model is looking at get their captions, then stop."""
        self._finish.set()

    def stop_now(self) -> None:
        """Stop within one decode step; pictures without a finished caption stay without one."""
        self._finish.set()
        self._now.set()

    def finishing(self) -> bool:
        """True after either call: nothing new is begun."""
        return self._finish.is_set()

    def stopped(self) -> bool:
        """True after stop_now()."""
        return self._now.is_set()


def run(
    paths: Sequence[Path | str],
    settings: RunSettings,
    *,
    captioner: Captioner | None,
    stop: StopFlag | None = None,
    into: Targets | None = None,
) -> Iterator[Outcome]:
    """Caption the photos in `paths` and write the captions: one Outcome a photo, each as soon as it is known.

    Nothing is kept of a photo after its outcome, and what is written is written: a run that was stopped, or killed,
    goes on where it was when the same call is made again.

    Args:
        paths: folders and files, see mqwen.library.scan.
        captioner: None will do for a dry run.
        stop: how to end the run early; it then just ends.
        into: where to write, for a caller that writes there too; closed at the end. None: as `settings.write` says.

    Raises:
        DiskFullError: no space left. The photo concerned has had its "failed" outcome, those before it are kept.
        WriteError: at the end, a metadata.jsonl cannot be brought up to date; the next run that is not a dry run and
            looks at that folder will, even if it has nothing to caption.
    """
    stop = stop or StopFlag()
    targets = into or Targets(paths, settings.write)
    targets.recovering = not settings.dry_run
    settled: deque[Outcome] = deque()  # photos that need no model, and folders that cannot be read
    photos = scan(paths, recursive=settings.recursive, on_error=lambda error: settled.append(failed(error.path, error)))
    seconds = _since_before()
    exhausted = False

    def unsettled() -> Iterator[Path]:
        """Yield the photos that need the model; after many in a row that do not, end, so that those are reported."""
        nonlocal exhausted
        while len(settled) < _REPORT_AFTER and not stop.finishing():
            photo = next(photos, None)
            if photo is None:
                exhausted = True
                return
            outcome = _without_model(photo, targets, settings)
            if outcome is None:
                yield photo
            else:
                settled.append(outcome)

    def question(photo: Path) -> str:
        text = settings.prompt or prompt_for(settings.style, settings.language)
        return fill(text, photo, targets.existing(photo)) if "{existing}" in text else fill(text, photo)

    with targets:
        while not exhausted and not stop.finishing():
            try:
                for photo, result in _captions(captioner, unsettled(), question, settings, stop):
                    while settled:
                        yield replace(settled.popleft(), seconds=seconds())
                    outcome, disk_full = _write(photo, result, targets, settings)
                    yield replace(outcome, seconds=seconds())
                    if disk_full:
                        raise disk_full
            except Cancelled:
                stop.stop_now()
            while settled:
                yield replace(settled.popleft(), seconds=seconds())


def survey(paths: Sequence[Path | str], settings: RunSettings, stop: StopFlag | None = None) -> tuple[int, int]:
    """Return how many photos run() would come to, and how many of them need the model; it reads sidecars only."""
    real = replace(settings, dry_run=False)
    total = to_do = 0
    with Targets(paths, settings.write) as targets:
        for photo in scan(paths, recursive=settings.recursive, on_error=lambda error: None):
            if stop is not None and stop.finishing():
                break
            total += 1
            to_do += _without_model(photo, targets, real) is None
    return total, to_do


def failed(path: Path | None, error: MqwenError) -> Outcome:
    """Return the outcome of a photo that an error met."""
    reason = f"{error.what}. {error.hint}" if error.hint else error.what
    return Outcome(path or error.path or Path(), "failed", reason=reason)


def _without_model(photo: Path, targets: Targets, settings: RunSettings) -> Outcome | None:
    """Return the outcome of a photo that needs no look at it, else None."""
    if settings.existing != "overwrite":
        try:
            if settings.existing == "skip" and targets.names and not targets.lacking(photo):
                return Outcome(photo, "skipped", reason=_HAS_TEXT)
            targets.text(photo)
        except InputError as error:  # text that nobody can read is nobody's to skip, or to add to
            return failed(photo, error)
    if settings.dry_run:
        return Outcome(photo, "captioned", reason="dry run: it would be captioned")
    return None


def _captions(
    captioner: Captioner | None,
    photos: Iterator[Path],
    question: Callable[[Path], str],
    settings: RunSettings,
    stop: StopFlag,
) -> Iterator[tuple[Path, Caption | MqwenError]]:
    if captioner is None:
        for photo in photos:
            raise InputError("a run that is not a dry run needs a captioner", path=photo)
        return iter(())
    return captioner.caption_many(
        photos,
        prompt=question,
        style=settings.style,
        batch_size=settings.batch_size,
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
        cancelled=stop.stopped,
        finishing=stop.finishing,
    )


def _write(
    photo: Path, result: Caption | MqwenError, targets: Targets, settings: RunSettings
) -> tuple[Outcome, DiskFullError | None]:
    """Write one caption where the settings say; return the photo's outcome, and the error that must end the run."""
    if isinstance(result, MqwenError):
        return failed(photo, result), None
    if not result.text:
        return failed(photo, ImageError("the model gave it no text", hint="Try another prompt or model.")), None
    if not os.path.exists(photo):  # Path.exists raises where a folder or a network disk can no longer be read
        return failed(photo, ImageError("it was deleted while it was being captioned")), None
    try:
        # Looked at again: somebody may have written something meanwhile.
        names = targets.lacking(photo) if settings.existing == "skip" else targets.names
        if targets.names and not names:
            return Outcome(photo, "skipped", reason=_HAS_TEXT), None
        for name in names:
            targets.write(photo, name, result.text, append=settings.existing == "append")
    except DiskFullError as error:
        return failed(photo, error), error
    except (WriteError, InputError) as error:
        return failed(photo, error), None
    return Outcome(photo, "captioned", result.text, result.keywords), None


def _since_before() -> Callable[[], float]:
    """Return a function that gives the seconds since its last call."""
    last = time.monotonic()

    def seconds() -> float:
        nonlocal last
        before, last = last, time.monotonic()
        return last - before

    return seconds
