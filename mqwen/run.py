"""One captioning run, from folders to written captions: used by the command line and the window alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.engine.caption import Caption
from mqwen.engine.prompts import fill
from mqwen.engine.read_ahead import read_ahead
from mqwen.errors import Cancelled, InputError, MqwenError
from mqwen.lanes import Lanes
from mqwen.library.decide import DONE
from mqwen.library.photo_writer import PhotoWriter
from mqwen.library.record import Record, recording
from mqwen.library.scan import scan
from mqwen.library.targets import Targets
from mqwen.outcome import Outcome, StopFlag, failed
from mqwen.run_settings import EXISTING, SEEDS, RunSettings

if TYPE_CHECKING:
    from mqwen.engine.captioner import Captioner
    from mqwen.library.catalog import Catalog

_LOOK_AHEAD = 32  # photos that are looked at before it is known whether they need the model

__all__ = ["EXISTING", "SEEDS", "Outcome", "RunSettings", "StopFlag", "failed", "run", "survey"]


def run(
    paths: Sequence[Path | str],
    settings: RunSettings,
    *,
    captioner: Captioner | None,
    stop: StopFlag | None = None,
    into: Targets | None = None,
    catalog: Catalog | None = None,
) -> Generator[Outcome, None, None]:
    """Caption the photos in `paths` and write the captions: one Outcome a photo, each as soon as it is durable.

    The model works in a thread of its own, writing in a few others. Every change of a file is in the catalog before it
    is made, with what stood there, so that `mqwen.library.revert` can take it back. A run that was stopped, or killed
    at any moment, is finished by the same call made again: what it has done is not done again.

    Args:
        paths: folders and files, see mqwen.library.scan.
        captioner: None will do for a dry run.
        stop: how to end the run early; it then just ends.
        into: where to write, for a caller that writes there too; closed at the end. None: as `settings.write` says.
        catalog: None opens the user's own.

    Raises:
        CatalogError: the catalog cannot be opened, or takes no more: without it nothing is written, as nothing could be
            taken back. A run that writes nothing does without.
        DiskFullError: no space left. The photo concerned has had its "failed" outcome, those before it are kept.
        WriteError: at the end, a metadata.jsonl cannot be brought up to date; the next run that is not a dry run and
            looks at that folder will, even if it has nothing to caption.
    """
    stop = stop or StopFlag()
    targets = into or Targets(paths, settings.write)
    targets.recovering = not settings.dry_run
    seconds = _since_before()
    model = settings.model or str(getattr(captioner, "folder", ""))
    writes = settings.writes() and not settings.dry_run
    with (
        recording(catalog, settings, paths, model, writes=writes, stopped=stop.finishing) as record,
        targets.prepared(settings),
    ):
        writer = PhotoWriter(targets, settings, record)
        lanes: Lanes[tuple[Path, Caption | MqwenError], Outcome] = Lanes(lambda work: write(*work))

        def write(photo: Path, result: Caption | MqwenError) -> Outcome:
            outcome, disk_full = writer.write(photo, result)
            if disk_full:
                lanes.fail(disk_full)
            return outcome

        def unsettled() -> Generator[Path, None, None]:
            """Yield the photos that need the model, in whichever thread asks; of the others tell at once."""

            def tell(error: MqwenError) -> None:
                lanes.tell(failed(error.path, error))

            def settle(photo: Path) -> Outcome | None:
                return _without_model(photo, writer, targets, settings, record)

            photos = scan(paths, recursive=settings.recursive, on_error=tell)
            # Metadata inside photos is read for this: by several threads, so that the model does not wait for it.
            with closing(read_ahead(photos, settle, depth=_LOOK_AHEAD, ordered=True)) as settled:
                for entry in settled:
                    if stop.finishing() or lanes.ending():
                        return
                    if entry is None:  # the disk is slow; whoever asks for photos goes on meanwhile
                        continue
                    photo, outcome = entry
                    if outcome is None:
                        record.begin(photo)
                        yield photo
                    else:
                        lanes.tell(outcome)

        def question(photo: Path) -> str:
            text = settings.question()
            return fill(text, photo, targets.existing(photo)) if "{existing}" in text else fill(text, photo)

        def captions() -> Iterator[tuple[Path, Caption | MqwenError]]:
            try:
                with closing(unsettled()) as photos:
                    yield from _captions(
                        captioner, photos, question, settings, stop, lambda: stop.stopped() or lanes.ending()
                    )
            except Cancelled:
                if not lanes.ending():
                    stop.stop_now()

        for outcome in lanes.results(captions()):
            yield replace(outcome, seconds=seconds())


def survey(
    paths: Sequence[Path | str],
    settings: RunSettings,
    stop: StopFlag | None = None,
    *,
    catalog: Catalog | None = None,
) -> tuple[int, int]:
    """Return how many photos run() would come to, and how many of them need the model.

    It reads what stands beside the photos, and the catalog; a photo that may hold embedded metadata is not opened, and
    counts among those that need the model unless the catalog knows better.
    """
    real = replace(settings, dry_run=False)
    total = to_do = 0
    with (
        recording(catalog, settings, paths, settings.model, writes=False) as record,
        Targets(paths, settings.write).prepared(real) as targets,
    ):
        writer = PhotoWriter(targets, real, record)
        targets.has_embedded = lambda photo: record.wrote(photo, "embed")
        for photo in scan(paths, recursive=settings.recursive, on_error=lambda error: None):
            if stop is not None and stop.finishing():
                break
            total += 1
            to_do += _without_model(photo, writer, targets, real, record) is None
    return total, to_do


def _without_model(
    photo: Path, writer: PhotoWriter, targets: Targets, settings: RunSettings, record: Record
) -> Outcome | None:
    """Return the outcome of a photo that needs no look at it, else None."""
    try:
        if record.did(photo) and not targets.lacking(photo):
            return Outcome(photo, "skipped", reason=DONE)
        decision = writer.decide(photo)
    except InputError as error:  # text that nobody can read is nobody's to skip, or to add to
        return failed(photo, error)
    if targets.names and not decision.names:
        return Outcome(photo, "skipped", reason=decision.reason)
    if settings.dry_run:
        from mqwen.library.image import undecodable

        if (lacking := undecodable(photo)) is not None:
            return failed(photo, lacking)
        return Outcome(photo, "captioned", reason="dry run: it would be captioned")
    return None


def _captions(
    captioner: Captioner | None,
    photos: Iterator[Path],
    question: Callable[[Path], str],
    settings: RunSettings,
    stop: StopFlag,
    cancelled: Callable[[], bool],
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
        cancelled=cancelled,
        finishing=stop.finishing,
    )


def _since_before() -> Callable[[], float]:
    """Return a function that gives the seconds since its last call."""
    last = time.monotonic()

    def seconds() -> float:
        nonlocal last
        before, last = last, time.monotonic()
        return last - before

    return seconds
