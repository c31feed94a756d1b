"""The data of a tuning made ready: read, looked through, parted, turned to rows; all that is wrong is told here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mqwen.errors import InputError
from mqwen.hub import find_model
from mqwen.library.atomic import write_atomic
from mqwen.model.checkpoint import inspect_checkpoint
from mqwen.model.processor import MQwenProcessor
from mqwen.training.data_check import Known, check, fingerprint, split
from mqwen.training.dataset import Example, Found, read_examples
from mqwen.training.replay import replay_examples
from mqwen.training.run_folder import CHECKED, RunFolder
from mqwen.training.settings import TuningJob
from mqwen.training.tokens import TokenRow, encode
from mqwen.training.tuning_device import Machine
from mqwen.training.watcher import Watcher

_FEW_STEPS = 50


@dataclass(frozen=True)
class Prepared:
    """Rows to learn from, to replay and to measure on."""

    new: list[TokenRow]
    old: list[TokenRow]
    held: list[TokenRow]
    steps: int

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each kind."""
        return {"training rows": len(self.new), "validation rows": len(self.held), "replay rows": len(self.old)}

    def fingerprint(self) -> str:
        """A hash of all rows and their photos' dates."""
        rows = [*self.new, *self.old, *self.held]
        return fingerprint((row.photos, (row.ids, row.labels)) for row in rows)


def prepare(
    job: TuningJob,
    folder: Path,
    machine: Machine | None,
    run: RunFolder | None,
    watcher: Watcher,
    stop: Callable[[], bool] = lambda: False,
) -> Prepared:
    """Make the data ready.

    Args:
        folder: the model's.
        machine, run: for the replay, which without them is left out.

    Raises:
        InputError: there is nothing to train on, or something is wrong and the job is strict.
        Cancelled: stop() was true.
    """
    settings = job.settings
    reader = _Reader(job, folder, run, watcher, stop)
    found = read_examples(job.data, settings.question, job.images)
    training, validation = reader.rows("photos checked", found, settings.validation)
    if not training:
        raise InputError(
            "there is nothing to train on",
            path=job.data,
            hint="Put a caption beside each photo (photo.txt beside photo.jpg), or see `mqwen train --help`.",
        )
    if settings.validation and not validation:
        watcher.said("note: with a single photo there is nothing to measure on")
    old: list[TokenRow] = []
    if job.replay is not None and machine is not None and run is not None:
        if settings.batch_size < 2:
            raise InputError("--batch-size must be at least 2 with --replay")
        old = _replay(job, job.replay, folder, machine, run, reader)
    each = settings.batch_size - (settings.replayed() if old else 0)
    steps = settings.steps or max(1, -(-round(settings.epochs * len(training)) // each))
    watcher.said(
        f"{len(training)} rows to train on, {len(validation)} to measure on"
        + (f", {len(old)} to replay" if old else "")
        + f": {steps} step{'s' * (steps != 1)} of {settings.batch_size} ({steps * each / len(training):.1f} epochs)"
    )
    if steps < _FEW_STEPS and settings.steps is None:
        few = "one step is little" if steps == 1 else f"{steps} steps are few"
        watcher.said(f"note: {few}; for a small folder give more, as --steps 300 or --epochs 40")
    return Prepared(training, old, validation, steps)


def inspect_data(job: TuningJob, watcher: Watcher, stop: Callable[[], bool] = lambda: False) -> Prepared:
    """Look through the data as a tuning does before its first step, and do no more; the replay is left out."""
    return prepare(job, find_model(job.model), None, None, watcher, stop)


@dataclass(frozen=True)
class _Reader:
    """Turns what was found to rows, and tells what cannot be used."""

    job: TuningJob
    folder: Path
    run: RunFolder | None
    watcher: Watcher
    stop: Callable[[], bool]

    def rows(self, what: str, found: Found, share: float) -> tuple[list[TokenRow], list[TokenRow]]:
        """Return the rows of (training, validation); raises InputError, Cancelled as `prepare`."""
        config = inspect_checkpoint(self.folder).config
        processor = MQwenProcessor.from_folder(self.folder, config)
        known = self._known()
        checked = check(
            found,
            at_least=processor.least_side,
            known=known,
            seen=lambda done, total: self.watcher.looked(what, done, total),
            cancelled=self.stop,
        )
        self._keep(known)
        most = min(self.job.settings.max_length, config.text_config.max_position_embeddings)
        rows: dict[Example, list[TokenRow]] = {}
        problems = list(checked.problems)
        for example in checked.examples:
            made = encode(processor, example)
            length = max(len(row.ids) + len(row.photos) * (config.image_tokens - 1) for row in made)
            if length <= most:
                rows[example] = made
            else:
                too_long = f"{example.source} is {length} tokens long, {most} can be trained on"
                problems.append(InputError(too_long, path=example.photos[0], hint="Shorten it."))
        for error in problems:
            self.watcher.problem(error)
        for remark in checked.remarks:
            self.watcher.said(f"note: {remark}")
        if problems and self.job.strict:
            raise InputError(
                f"{len(problems)} thing(s) are wrong with the data",
                path=self.job.data,
                hint="Mend them, or leave --strict away: they are then left out.",
            )
        training, validation = split(replace(checked, examples=list(rows)), share)
        return [row for e in training for row in rows[e]], [row for e in validation for row in rows[e]]

    def _known(self) -> Known:
        """What a check before a kill found out: a large folder takes long to decode."""
        path = self.run.folder / CHECKED if self.run else None
        return json.loads(path.read_text(encoding="utf-8")) if path is not None and path.exists() else {}

    def _keep(self, known: Known) -> None:
        if self.run is not None:
            write_atomic(self.run.folder / CHECKED, json.dumps(known).encode())


def _replay(
    job: TuningJob, pictures: Path, folder: Path, machine: Machine, run: RunFolder, reader: _Reader
) -> list[TokenRow]:
    from mqwen.engine.captioner import Captioner

    found = replay_examples(
        pictures,
        lambda: Captioner.load(folder, device=str(machine.device), cancelled=reader.stop),
        run.folder,
        seen=lambda done, total: reader.watcher.looked("own answers before the tuning", done, total),
        cancelled=reader.stop,
    )
    rows, _ = reader.rows("replayed photos checked", found, 0)
    if not rows:
        raise InputError("there are no pictures to replay", path=pictures, hint="Name a folder of pictures.")
    return [replace(row, replayed=True) for row in rows]
