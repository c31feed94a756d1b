"""What a tuning does; the defaults are the original's (facts/model.md) where it had such a setting."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mqwen.errors import InputError
from mqwen.training.dataset import Question
from mqwen.training.lora import LoraSettings


@dataclass(frozen=True)
class TuningSettings:
    """Everything that decides what comes out.

    Attributes:
        question: what captions without a question of their own answer.
        epochs: times that every training example is seen; `steps` counts instead if it is given.
        batch_size: rows a step, those of the replay among them.
        learning_rate, projector_learning_rate: highest rates, of the LoRA and of the projector.
        warmup: share of the steps in which the rates rise; then they fall along a cosine to a tenth.
        validation: share of the photos that is only measured.
        replay_share: share of each batch that keeps the old knowledge, where there is a replay folder.
        replay_weight: of the replayed answers' drift, beside the loss of the new ones.
        samples: validation photos that are captioned at every validation.
        validations: how often is measured, the first and the last time not counted.
        max_length: tokens of a row, each photo's image tokens counted; longer ones are left out.
    """

    question: Question = Question()
    epochs: float = 2.0
    steps: int | None = None
    batch_size: int = 8
    learning_rate: float = 3e-5
    projector_learning_rate: float = 1e-4
    lora: LoraSettings = field(default_factory=LoraSettings)
    warmup: float = 0.03
    validation: float = 0.1
    replay_share: float = 0.5
    replay_weight: float = 2.0
    samples: int = 3
    validations: int = 10
    max_length: int = 2048
    seed: int = 0

    def __post_init__(self) -> None:
        for what, good in (
            ("--epochs must be above 0", 0 < self.epochs < math.inf),
            ("--steps must be at least 1", self.steps is None or self.steps >= 1),
            ("--batch-size must be at least 1", self.batch_size >= 1),
            ("--learning-rate must be above 0", 0 < self.learning_rate < math.inf),
            ("--projector-learning-rate must be above 0", 0 < self.projector_learning_rate < math.inf),
            ("--validation must be from 0 to 0.5", 0 <= self.validation <= 0.5),
            ("--replay-share must be from 0.1 to 0.9", 0.1 <= self.replay_share <= 0.9),
            ("--replay-weight must be above 0", 0 < self.replay_weight < math.inf),
        ):
            if not good:
                raise InputError(what)

    def to_json(self) -> dict[str, Any]:
        """Flat, for a file."""
        fields = asdict(self)
        return {**fields.pop("question"), **{f"lora {k}": v for k, v in fields.pop("lora").items()}, **fields}

    def replayed(self) -> int:
        """Rows of a batch that are replayed, if there is a replay folder; at least one is left for what is new."""
        return min(max(1, round(self.replay_share * self.batch_size)), self.batch_size - 1)

    def rate(self, step: int, steps: int) -> float:
        """Share of the highest learning rates at a step, counted from 0."""
        warmup = max(1, round(self.warmup * steps))
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, steps - warmup)
        return 0.1 + 0.45 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True)
class TuningJob:
    """What is tuned, on what, and where the result goes.

    Attributes:
        data: a folder, or a data file, see dataset.py.
        images: further folders in which photos are looked for.
        replay: pictures that the model captions well already, see replay.py.
        work: where a run keeps its log and its state; removed at the end.
        strict: end before the first step where anything is wrong with the data.
        save_every: seconds between two states.
        micro_batch: rows at a time; None: all of a batch on a card, fewer where they do not fit, and 8 elsewhere.
    """

    data: Path
    model: str | Path
    out: Path
    work: Path
    settings: TuningSettings = field(default_factory=TuningSettings)
    images: tuple[Path, ...] = ()
    replay: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    strict: bool = False
    save_every: float = 180.0
    micro_batch: int | None = None
