"""The same run on a cluster: Ray Data hands photos to one Captioner a GPU, and each writes what it captions.

Ray decides where and when; what is done stands in the photos' targets and in the catalog of the machine that wrote it,
never in Ray: a run that was stopped is begun again, and passes over what is written. The folders must be there on every
machine by the same names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mqwen.engine.caption import Caption
from mqwen.errors import DeviceError, InputError, MqwenError
from mqwen.library.scan import scan
from mqwen.outcome import Outcome, StopFlag, failed
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from mqwen.engine.captioner import Captioner

_MOST_A_TASK = 256  # photos: a lost machine loses no more than it has not written of so many
_TASKS_A_WORKER = 4
# With a whole CPU each, workers that fill the machine leave none for reading, and Ray Data waits for ever.
_CPU_SHARE = 0.5
_SPARE_CPUS = 2
_ONE_WRITER = ("jsonl",)  # targets that only one process at a time can write
_ONCE = ("append", "overwrite-all")  # done twice they do harm, and no worker knows what another has done


@dataclass(frozen=True)
class Work:
    """What every worker is told.

    Attributes:
        threads: for torch on the processor; 0 leaves it alone.
    """

    settings: RunSettings
    model: str
    device: str
    quantize: str | None
    threads: int = 0


class Worker:
    """Ray's actor; to run() it is the Captioner, which it loads with the first photo that needs it."""

    def __init__(self, work: Work) -> None:
        from mqwen.environment import prepare_process

        prepare_process()
        self._work = work
        self._captioner: Captioner | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """{"photo": paths} -> {"outcome": what became of each}, all as JSON, which carries any file name."""
        from mqwen.run import run

        photos = [Path(json.loads(text)) for text in batch["photo"]]
        told: list[str] = []
        try:
            for outcome in run(photos, self._work.settings, captioner=cast("Captioner", self)):
                told.append(_packed(outcome))
        except MqwenError as error:  # it ends the run: Ray would try again, and its own error would name Ray's code
            told.append(json.dumps({"ended_by": str(error)}))
        return {"outcome": told}

    def caption_many(self, photos: Iterator[Path], **options: Any) -> Iterator[tuple[Path, Caption | MqwenError]]:
        """See Captioner.caption_many()."""
        for first in photos:
            yield from self._loaded().caption_many(chain([first], photos), **options)

    def _loaded(self) -> Captioner:
        if self._captioner is None:
            import torch

            from mqwen.engine.captioner import Captioner

            if self._work.threads:
                torch.set_num_threads(self._work.threads)
            self._captioner = Captioner.load(self._work.model, device=self._work.device, quantize=self._work.quantize)
        return self._captioner


def run_on_cluster(
    paths: Sequence[Path | str],
    settings: RunSettings,
    *,
    model: str = "starter",
    device: str = "auto",
    quantize: str | None = None,
    workers: int | None = None,
    stop: StopFlag | None = None,
) -> Iterator[Outcome]:
    """Caption and write the photos in `paths` with the Ray cluster that RAY_ADDRESS names, or this machine as one.

    Args:
        settings: as for mqwen.run.run().
        model, device, quantize: as for Captioner.load(), by each worker.
        workers: how many; None is one for each of the cluster's GPUs, or one without.
        stop: once it is set, nothing more is waited for; what workers have begun is given up, what is written stays.

    Yields:
        an Outcome a photo, in any order.

    Raises:
        DeviceError: Ray is not installed, or the cluster has fewer GPUs than workers are to have.
        InputError: settings that several writers cannot keep to.
        MqwenError: what ended a worker.
    """
    stop = stop or StopFlag()
    _check(settings)
    problems: list[Outcome] = []
    # Found here, once: each worker is given files.
    found = scan(paths, recursive=settings.recursive, on_error=lambda error: problems.append(failed(error.path, error)))
    photos = [str(photo) for photo in found if not stop.finishing()]
    yield from problems
    if photos and not stop.finishing():
        work = Work(replace(settings, model=settings.model or model), model, device, quantize)
        yield from _outcomes(photos, work, workers, stop)


def _outcomes(photos: Sequence[str], work: Work, workers: int | None, stop: StopFlag) -> Iterator[Outcome]:
    ray = _ray()
    begun = not ray.is_initialized()
    if begun:
        _begin(ray, workers)
    try:
        gpus = int(ray.cluster_resources().get("GPU", 0)) if work.device != "cpu" else 0
        count = workers or max(1, gpus)
        if gpus and count > gpus:
            raise DeviceError(
                f"{count} workers need as many GPUs, and the cluster has {gpus}", hint="Ask for fewer, or --device cpu."
            )
        if not gpus:
            work = replace(work, threads=max(1, (os.cpu_count() or 1) // count))
        size = max(1, min(_MOST_A_TASK, -(-len(photos) // (_TASKS_A_WORKER * count))))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        rows = [{"photo": json.dumps(photo)} for photo in photos]
        outcomes = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // size)).map_batches(
            Worker,
            fn_constructor_args=(work,),
            compute=ray.data.ActorPoolStrategy(size=count),
            batch_size=size,
            num_cpus=_CPU_SHARE,
            num_gpus=1 if gpus else 0,
        )
        for row in outcomes.iter_rows():
            told = json.loads(row["outcome"])
            if "ended_by" in told:
                raise MqwenError(told["ended_by"])
            yield _unpacked(told)
            if stop.finishing():
                return
    finally:
        if begun:
            ray.shutdown()


def _begin(ray: Any, workers: int | None) -> None:
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False)
        return
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # on a busy machine the usual minute is not enough
    os.environ.setdefault("RAY_worker_niceness", "0")  # 15 by default: beside any other program they would starve
    # CPUs are a figure to Ray, for its accounts only: our workers share the real ones.
    cpus = max(os.cpu_count() or 1, workers or 1) + _SPARE_CPUS
    ray.init(address="local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)


def _ray() -> Any:
    if find_spec("ray") is None:
        raise DeviceError("Ray is not installed", hint="Install it with `pip install 'mqwen[ray]'`.")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing leaves the machine
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    ray = import_module("ray")
    import_module("ray.data")
    return ray


def _check(settings: RunSettings) -> None:
    for name in _ONE_WRITER:
        if name in settings.write:
            raise InputError(f"a cluster cannot write {name}: several machines would write one file", hint="Take txt.")
    if settings.existing in _ONCE:
        raise InputError(
            f"a cluster cannot take --existing {settings.existing}: begun again it would repeat what is done",
            hint="Take skip, fill, stale or overwrite.",
        )


def _packed(outcome: Outcome) -> str:
    # ASCII: a file name that is no UTF-8 reaches us as surrogates, which only JSON's escapes can carry.
    return json.dumps(vars(outcome) | {"path": str(outcome.path)})


def _unpacked(told: dict[str, Any]) -> Outcome:
    return Outcome(**told | {"path": Path(told["path"]), "keywords": tuple(told["keywords"])})
