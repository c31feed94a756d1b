"""What `mqwen train FOLDER` prints while it works, and how Ctrl+C ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from mqwen.cli.progress import duration
from mqwen.errors import MqwenError
from mqwen.training.watcher import Watcher

if TYPE_CHECKING:
    from mqwen.training.settings import TuningJob

_MOST_PROBLEMS = 20
_LINE_EVERY_S, _BAR_EVERY_S = 10.0, 0.2


def run_tuning(job: TuningJob, *, as_json: bool) -> int:
    """Tune and return 0. Raises as mqwen.training.tuning.tune, Cancelled when the user stopped it."""
    from mqwen.training.tuning import tune

    screen = Screen(as_json=as_json)
    with _ctrl_c() as stop:
        try:
            tuned = tune(job, screen, stop.is_set)
        finally:
            screen.close()
    if os.environ.get("RANK", "0") != "0":  # one of several processes, of which the first tells
        return 0
    if tuned.before is not None and tuned.after is not None:
        screen.said(f"loss on the validation photos: {tuned.before:.3f} before, {tuned.after:.3f} after")
    screen.said(f"try it: mqwen caption PHOTOS --model {tuned.folder}")
    if not as_json:
        print(tuned.folder.absolute())
    return 0


def check_data(job: TuningJob, *, as_json: bool) -> int:
    """Look through the data only; return 1 if anything is wrong with them, else 0."""
    from mqwen.training.tuning_data import inspect_data

    screen = Screen(as_json=as_json)
    with _ctrl_c() as stop:
        try:
            inspect_data(job, screen, stop.is_set)
        finally:
            screen.close()
    return int(screen.problems > 0)


class Screen(Watcher):
    """Progress, time left and memory on stderr; with `as_json` the log and the problems on stdout, one object a line.

    Attributes:
        problems: how many things were wrong with the data.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.problems = 0
        self._as_json = as_json
        self._terminal = sys.stderr.isatty()
        self._shown_at = time.monotonic()
        self._bar = False
        self._steps = 0
        self._began: tuple[float, int] | None = None
        self._losses: list[float] = []

    def said(self, text: str) -> None:
        self._clear()
        print(text, file=sys.stderr, flush=True)

    def begun(self, first: int, steps: int) -> None:
        self._steps = steps
        if first:
            self.said(f"goes on from step {first} of {steps}")

    def looked(self, what: str, done: int, total: int) -> None:
        self._show(f"{done}/{total} {what}", last=done == total)

    def problem(self, error: MqwenError) -> None:
        self.problems += 1
        if self._as_json:
            where = str(error.path) if error.path else None
            self._print({"event": "problem", "path": where, "reason": error.what, "hint": error.hint})
        if self.problems <= _MOST_PROBLEMS:
            self.said(f"left out: {error}")
        elif self.problems == _MOST_PROBLEMS + 1:
            self.said("more is wrong with the data; --json names all of it")

    def recorded(self, record: Mapping[str, Any]) -> None:
        if self._as_json:
            self._print(record)
        match record["event"]:
            case "step":
                self._step(record)
            case "validation":
                self.said(f"step {record['step']}: loss {record['loss']:.3f} on the validation photos")
                for sample in record["samples"]:
                    self.said(f"  {sample['photo']}: {sample['caption']}")

    def close(self) -> None:
        """Leave a clean line."""
        self._clear()

    def _step(self, record: Mapping[str, Any]) -> None:
        now, step = time.monotonic(), record["step"]
        self._losses = [*self._losses[-19:], record["loss"]]
        if self._began is None:
            self._began = now, step
        began, first = self._began
        parts = [f"step {step}/{self._steps}", f"loss {sum(self._losses) / len(self._losses):.3f}"]
        if step > first:
            pace = (now - began) / (step - first)
            parts.append(f"{1 / pace:.2f} steps/s")
            if step < self._steps:
                parts.append(f"{duration((self._steps - step) * pace)} left")
        self._show(", ".join([*parts, memory()]), last=step == self._steps)

    def _show(self, text: str, *, last: bool) -> None:
        now = time.monotonic()
        if not last and now - self._shown_at < (_BAR_EVERY_S if self._terminal else _LINE_EVERY_S):
            return
        self._shown_at = now
        if last or not self._terminal:
            self.said(text)
            return
        columns = shutil.get_terminal_size().columns
        print("\r\x1b[K" + text[: columns - 1], end="", file=sys.stderr, flush=True)
        self._bar = True

    def _clear(self) -> None:
        if self._bar:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._bar = False

    def _print(self, record: Mapping[str, Any]) -> None:
        self._clear()
        text = json.dumps(record, ensure_ascii=False)
        print(text if text.isprintable() else json.dumps(record), flush=True)


def memory() -> str:
    """The memory that this process takes, on the card if it uses one, in words."""
    import psutil  # type: ignore[import-untyped]
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return f"{torch.cuda.max_memory_reserved() / 1e9:.1f} GB on the card"
    return f"{psutil.Process().memory_info().rss / 1e9:.1f} GB of memory"


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """The first Ctrl+C (or SIGTERM) ends behind the step in hand, a second one at once: the last state is there."""
    stop = threading.Event()

    def interrupted(signum: int, frame: FrameType | None) -> None:
        if stop.is_set():
            os.write(2, b"\nmqwen: stopped at once; the last state is kept, the same command goes on from there\n")
            os._exit(130)
        stop.set()
        os.write(2, b"\nmqwen: ending behind this step; Ctrl+C again stops at once\n")

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
