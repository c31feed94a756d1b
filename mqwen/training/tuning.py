"""`mqwen train FOLDER`: a model tuned on captioned photos, the original's recipe made sound.

Vision tower frozen; projector and LoRA trained with their own rates; loss on answers only. The straight line is `tune`:

    data -> check -> split -> rows -> model with LoRA -> steps -> adapter and merged model
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mqwen.errors import Cancelled, InputError, MqwenError
from mqwen.hub import find_model
from mqwen.model.checkpoint import load_checkpoint
from mqwen.model.processor import MQwenProcessor
from mqwen.training.lora import attach_lora
from mqwen.training.run_folder import RunFolder
from mqwen.training.settings import TuningJob, TuningSettings
from mqwen.training.tokens import TokenRow
from mqwen.training.tuned_folder import check_free, save_tuned
from mqwen.training.tuning_data import Prepared, prepare
from mqwen.training.tuning_device import Machine, choose_machine
from mqwen.training.tuning_loop import Tuner, load, load_steps, pictures_of
from mqwen.training.watcher import Watcher

if TYPE_CHECKING:
    from accelerate import Accelerator

    from mqwen.model.splice import MQwenForConditionalGeneration

_RISE = 0.9  # the least loss as a share of the last, below which the model learned the photos by heart


@dataclass(frozen=True)
class Tuned:
    """What came out: the folder, the loss on the validation photos before and after (None without any)."""

    folder: Path
    steps: int
    before: float | None
    after: float | None


def tune(job: TuningJob, watcher: Watcher | None = None, stop: Callable[[], bool] = lambda: False) -> Tuned:
    """Tune a model, or go on with a run that was stopped or killed.

    Args:
        stop: asked before every step.

    Raises:
        Cancelled: stop() was true; the state is saved.
        InputError: the data cannot be used, settings do not fit together, or `job.work` holds another run.
        CheckpointError, DeviceError, WriteError, DiskFullError, ImageError: see where they come from. Whatever is
            raised after the first step, the last state is there, and the same call goes on.
    """
    watcher = watcher or Watcher()
    folder = find_model(job.model)
    check_free(job.out)
    machine = choose_machine(folder, job.device, job.precision, job.settings.lora)
    accelerator = _accelerator(machine)
    if job.settings.batch_size < accelerator.num_processes:
        raise InputError(f"--batch-size must be at least the {accelerator.num_processes} processes' number")
    main = accelerator.is_main_process
    if not main:
        watcher = Watcher()
    run = RunFolder(job.work) if main else None
    try:
        prepared = _from_main(accelerator, lambda: prepare(job, folder, machine, run, watcher, stop))
        identity = {"model": _model_identity(folder), **job.settings.to_json(), **prepared.counts}
        identity |= {"data": prepared.fingerprint(), "processes": accelerator.num_processes}
        state = _from_main(accelerator, lambda: run.begin(identity) if run else None)
        return _train(job, folder, machine, accelerator, prepared, run, state, watcher, stop)
    finally:
        if run is not None:
            run.close()


def _train(
    job: TuningJob,
    folder: Path,
    machine: Machine,
    accelerator: Accelerator,
    prepared: Prepared,
    run: RunFolder | None,
    state: dict[str, Any] | None,
    watcher: Watcher,
    stop: Callable[[], bool],
) -> Tuned:
    settings, steps = job.settings, prepared.steps
    torch.manual_seed(settings.seed)
    model = load_checkpoint(folder, dtype=machine.dtype, device=machine.device)
    attach_lora(model, settings.lora)
    processor = MQwenProcessor.from_folder(folder, model.config)
    tuner = Tuner(
        model,
        processor,
        settings,
        accelerator,
        micro_batch=job.micro_batch or (settings.batch_size if machine.device.type == "cuda" else 8),
        autocast=None if machine.dtype == torch.float32 else machine.dtype,
    )
    first = tuner.restore(state) if state is not None else 0
    every = max(1, round(steps / (settings.validations + 1)))

    def record(values: dict[str, Any]) -> None:
        if run is not None:
            run.log(values)
        watcher.recorded(values)

    def validate(step: int) -> None:
        if prepared.held:
            record({"event": "validation", "step": step, **_measure(tuner, prepared.held, accelerator, settings)})

    watcher.begun(first, steps)
    if state is None:
        record({"event": "start", "step": 0, "steps": steps, "model": str(folder), **prepared.counts})
        validate(0)
    saved_at = time.monotonic()
    done = first

    def save() -> None:
        nonlocal saved_at
        if run is not None:
            run.save(tuner.state(done))
        saved_at = time.monotonic()

    for loaded in load_steps(processor, prepared.new, prepared.old, settings, range(first, steps), accelerator):
        if _agreed(accelerator, stop()):
            save()
            raise Cancelled(f"stopped; {done} of {steps} steps are kept, the same command goes on from there")
        figures = tuner.step(loaded, steps)
        done = loaded.step + 1
        record(
            {
                "event": "step",
                "step": done,
                "loss": figures.loss,
                **({} if figures.drift is None else {"drift": figures.drift}),
                "gradient": figures.gradient,
                "learning_rate": settings.learning_rate * figures.rate,
                "projector_learning_rate": settings.projector_learning_rate * figures.rate,
            }
        )
        if done % every == 0 and done < steps:
            validate(done)
        if done < steps and time.monotonic() - saved_at >= job.save_every:
            save()
    if done > first:
        validate(steps)
        save()  # what comes now may fail for a full disk, and need not be trained again
    accelerator.wait_for_everyone()
    tuned = _finish(job, model, folder, run, steps, watcher) if run is not None else Tuned(job.out, steps, None, None)
    accelerator.wait_for_everyone()
    return tuned


def _finish(
    job: TuningJob,
    model: MQwenForConditionalGeneration,
    folder: Path,
    run: RunFolder,
    steps: int,
    watcher: Watcher,
) -> Tuned:
    """Write the result, then remove what only a run needs."""
    losses = [line["loss"] for line in run.lines() if line["event"] == "validation"]
    if losses and min(losses) < _RISE * losses[-1]:
        watcher.said("note: the loss on the validation photos rose again towards the end: fewer steps are better")
    watcher.said(f"saving {job.out}")
    save_tuned(model, folder, job.out, log=run.log_path, settings=job.settings.to_json())
    run.remove()
    return Tuned(job.out, steps, *((losses[0], losses[-1]) if losses else (None, None)))


def _measure(
    tuner: Tuner, held: Sequence[TokenRow], accelerator: Accelerator, settings: TuningSettings
) -> dict[str, Any]:
    size = settings.batch_size
    batches = [(0, list(held[start : start + size])) for start in range(0, len(held), size)]
    loss = tuner.validation_loss(load(tuner.processor, batches, accelerator))
    samples = []
    shown = {row.photos[0]: row for row in reversed(held)}  # each photo once, its first row
    for row in list(reversed(shown.values()))[: settings.samples] if accelerator.is_main_process else []:
        caption = tuner.caption(row, pictures_of(tuner.processor, row.photos))
        wanted = tuner.processor.decode([label for label in row.labels if label >= 0])
        samples.append({"photo": str(row.photos[0]), "caption": caption, "wanted": wanted})
    return {"loss": loss, "samples": samples}


def _accelerator(machine: Machine) -> Accelerator:
    from accelerate import Accelerator

    if machine.device.type == "cuda":
        torch.cuda.set_device(machine.device)
    return Accelerator(cpu=machine.device.type == "cpu")


def _from_main(accelerator: Accelerator, make: Callable[[], Any]) -> Any:
    """What `make` returns in the main process, in all processes; what it raises there, too."""
    if accelerator.num_processes == 1:
        return make()
    from accelerate.utils import broadcast_object_list

    made: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            made = [make()]
        except MqwenError as error:
            broadcast_object_list([_Failed(str(error))])
            raise
    broadcast_object_list(made)
    if isinstance(made[0], _Failed):
        raise MqwenError(f"the main process ended: {made[0].why}")
    return made[0]


@dataclass(frozen=True)
class _Failed:
    """What went wrong in the main process, told to the others."""

    why: str


def _agreed(accelerator: Accelerator, wanted: bool) -> bool:
    """Whether any process wants to stop: all of them then do, at the same step."""
    if accelerator.num_processes == 1:
        return wanted
    flag = torch.tensor(int(wanted), device=accelerator.device)
    return bool(accelerator.reduce(flag, "sum").item())


def _model_identity(folder: Path) -> str:
    weights = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin"))
    return " ".join([os.path.realpath(folder), *(f"{path.name}:{path.stat().st_size}" for path in weights)])
