"""Long training that survives a kill: checkpoints replaced atomically, and a log of one JSON object a line."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn


class Checkpoint:
    """State of one stage in one file, written every so many seconds."""

    def __init__(self, path: Path, *, every: float = 180) -> None:
        self._path = path
        self._every = every
        self._last = time.monotonic()

    def load(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> int:
        """Restore what was saved and return the step to go on with; 0 if nothing was."""
        if not self._path.is_file():
            return 0
        state = torch.load(self._path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        return int(state["step"])

    def save_if_due(self, step: int, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Save when `every` seconds have passed since the last time."""
        if time.monotonic() - self._last >= self._every:
            self.save(step, model, optimizers)

    def save(self, step: int, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Write the state beside the old one, then put it in its place."""
        partial = self._path.with_suffix(".partial")
        state = {"step": step, "model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers]}
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._path)
        self._last = time.monotonic()


class Log:
    """Means of every `every` figures, to a file and to standard output."""

    def __init__(self, path: Path, *, every: int = 20) -> None:
        self._path = path
        self._every = every
        self._kept: list[dict[str, float]] = []
        self._stage = ""
        self._began = (0.0, 0)  # when the first of them came, and its step

    def write(self, *, stage: str, step: int, **figures: float) -> None:
        """Take one step's figures."""
        if stage != self._stage:
            self._kept.clear()  # what is left of the stage before
            self._stage = stage
        if not self._kept:
            self._began = (time.monotonic(), step)
        self._kept.append(figures)
        if len(self._kept) < self._every:
            return
        means = {name: round(sum(row[name] for row in self._kept) / len(self._kept), 4) for name in figures}
        pace = (step - self._began[1]) / max(time.monotonic() - self._began[0], 1e-9)
        line = json.dumps({"stage": stage, "step": step, **means, "steps_per_s": round(pace, 3)})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)
        self._kept.clear()
