"""One step after another: rows to a loss, gradients, AdamW; on one device or on several (accelerate).

A step's loss is the mean over all answer tokens of its batch, and of the replayed ones apart, however the batch is cut
into pieces for the memory or parted among devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mqwen.engine.device import out_of_memory
from mqwen.engine.read_ahead import read_ahead
from mqwen.errors import DeviceError, MqwenError
from mqwen.library.image import read_reduced
from mqwen.model.processor import MQwenProcessor
from mqwen.model.rows import IGNORED
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.training.answer_loss import AnswerLoss
from mqwen.training.order import rows_of
from mqwen.training.settings import TuningSettings
from mqwen.training.tokens import TokenRow, collate

if TYPE_CHECKING:
    from accelerate import Accelerator

_CLIP = 1.0  # of the gradient's norm
Pictures = list[Tensor]


@dataclass(frozen=True)
class Loaded:
    """This process's rows of one step, with the pixel_values of each one's photos.

    Attributes:
        told, replayed: answer tokens of the whole step, in new rows and in replayed ones.
    """

    step: int
    rows: list[TokenRow]
    pictures: list[Pictures]
    told: int
    replayed: int = 0


@dataclass(frozen=True)
class Figures:
    """What a step gave: mean loss and mean drift of an answer token (None without a replay), the gradient's norm before
    it is cut, and the share of the highest rates."""

    loss: float
    drift: float | None
    gradient: float
    rate: float


class Tuner:
    """A model with its LoRA attached, and what trains it."""

    def __init__(
        self,
        model: MQwenForConditionalGeneration,
        processor: MQwenProcessor,
        settings: TuningSettings,
        accelerator: Accelerator,
        *,
        micro_batch: int,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.model = model
        self.processor = processor
        self.settings = settings
        self._accelerator = accelerator
        self._micro_batch = micro_batch
        model.multi_modal_projector.float()  # bfloat16 would round small steps away
        model.activation_checkpointing_enable()
        groups = [
            {"params": list(model.lora.parameters()), "top": settings.learning_rate},
            {"params": list(model.multi_modal_projector.parameters()), "top": settings.projector_learning_rate},
        ]
        self._trained: dict[str, nn.Parameter] = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        self._plain = AnswerLoss(model, autocast)
        self._loss: nn.Module = accelerator.prepare_model(self._plain)

    def step(self, loaded: Loaded, steps: int) -> Figures:
        """Learn from one batch; when the memory does not suffice, in smaller pieces.

        Raises:
            DeviceError: not even one row fits.
            MqwenError: the loss is no number any more.
        """
        rate = self.settings.rate(loaded.step, steps)
        for group in self._optimizer.param_groups:
            group["lr"] = group["top"] * rate
        while True:
            try:
                loss, drift = self._gradients(loaded)
                break
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                failed = self._micro_batch
            # Outside the handler, whose traceback held the memory. Several processes must not part ways here.
            self._optimizer.zero_grad(set_to_none=True)
            if failed == 1 or self._accelerator.num_processes > 1:
                raise DeviceError(
                    f"not enough memory to train on {failed} row(s) at a time",
                    hint="Give a smaller --micro-batch, close other programs, or take a smaller model.",
                )
            self._micro_batch = failed // 2
            torch.cuda.empty_cache()
        if not math.isfinite(loss):
            raise MqwenError(
                f"the loss is {loss} at step {loaded.step + 1}",
                hint="Take a lower --learning-rate and --projector-learning-rate, and begin anew.",
            )
        gradient = nn.utils.clip_grad_norm_(list(self._trained.values()), _CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return Figures(loss, drift if loaded.replayed else None, float(gradient), rate)

    def _gradients(self, loaded: Loaded) -> tuple[float, float]:
        accelerator = self._accelerator
        self._train()
        # Dropout depends on seed, step and process only: nothing of it has to be remembered.
        torch.manual_seed((self.settings.seed * 1_000_003 + loaded.step) * 1_009 % 2**63 + accelerator.process_index)
        total = torch.zeros(2, device=accelerator.device)
        # Gradients of several processes are averaged, and each has a part of the answer tokens only.
        parts = torch.tensor([1 / max(1, loaded.told), self.settings.replay_weight / max(1, loaded.replayed)])
        weights = accelerator.num_processes * parts.to(accelerator.device)
        pieces = list(_cut(loaded.rows, loaded.pictures, self._micro_batch))
        for number, (rows, pictures) in enumerate(pieces, 1):
            batch = collate(rows, pictures, self.processor.pad_id).to(accelerator.device)
            last = number == len(pieces)
            with nullcontext() if last else accelerator.no_sync(self._loss):
                losses = self._loss(**batch)
                accelerator.backward((losses * weights).sum())
            total += losses.detach()
        loss, drift = accelerator.reduce(total, "sum").tolist()
        return loss / max(1, loaded.told), drift / max(1, loaded.replayed)

    def _train(self) -> None:
        self.model.train()
        self.model.vision_tower.eval()  # frozen

    @torch.no_grad()
    def validation_loss(self, loaded: Iterable[Loaded]) -> float:
        """The mean loss of an answer token over all rows, without dropout."""
        self.model.eval()
        total, told = torch.zeros((), device=self._accelerator.device), 0
        for part in loaded:
            told += part.told
            for rows, pictures in _cut(part.rows, part.pictures, self._micro_batch):
                batch = collate(rows, pictures, self.processor.pad_id).to(self._accelerator.device)
                total += self._plain(**batch)[0]
        return float(self._accelerator.reduce(total, "sum")) / told

    @torch.no_grad()
    def caption(self, row: TokenRow, pictures: Pictures, max_new_tokens: int = 96) -> str:
        """What the model answers now to a row's first question; greedy."""
        self.model.eval()
        prompt = row.ids[: next(i for i, label in enumerate(row.labels) if label != IGNORED)]
        shown = prompt.count(self.processor.image_token_id)
        with self._plain.precision():
            new = self.model.generate(
                torch.tensor([prompt], device=self._accelerator.device),
                torch.stack(pictures[:shown]).to(self._accelerator.device) if shown else None,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                eos_token_id=list(self.processor.stop_ids),
                pad_token_id=self.processor.pad_id,
            )
        return self.processor.decode(new[0].tolist())

    def state(self, step: int) -> dict[str, Any]:
        """What a killed run needs to go on behind `step` steps."""
        trained = {name: parameter.detach().cpu() for name, parameter in self._trained.items()}
        return {"step": step, "trained": trained, "optimizer": self._optimizer.state_dict()}

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> int:
        """Take a state; return the number of steps that are done."""
        for name, parameter in self._trained.items():
            parameter.copy_(state["trained"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])


def load_steps(
    processor: MQwenProcessor,
    new: Sequence[TokenRow],
    old: Sequence[TokenRow],
    settings: TuningSettings,
    steps: range,
    accelerator: Accelerator,
) -> Iterator[Loaded]:
    """Yield the steps with their pictures, which a few threads read ahead.

    Args:
        old: rows of the replay, may be empty.

    Raises:
        ImageError: a photo that could be read at the check no longer can.
    """
    replayed = settings.replayed() if old else 0

    def batches() -> Iterator[tuple[int, list[TokenRow]]]:
        for step in steps:
            rows = rows_of(step, new, settings.batch_size - replayed, seed=settings.seed, name="new")
            yield step, rows + (rows_of(step, old, replayed, seed=settings.seed, name="old") if replayed else [])

    return load(processor, batches(), accelerator)


def load(
    processor: MQwenProcessor, batches: Iterable[tuple[int, list[TokenRow]]], accelerator: Accelerator
) -> Iterator[Loaded]:
    """Yield batches with their pictures: of each every process its own rows."""
    rank, world = accelerator.process_index, accelerator.num_processes

    def prepare(batch: tuple[int, list[TokenRow]]) -> Loaded:
        step, rows = batch
        mine = rows[rank::world]
        pictures = [pictures_of(processor, row.photos) for row in mine]
        told = sum(row.told for row in rows if not row.replayed)
        return Loaded(step, mine, pictures, told, sum(row.told for row in rows if row.replayed))

    with closing(read_ahead(batches, prepare, depth=4, ordered=True)) as ahead:
        for ready in ahead:
            if ready is not None:  # None: pictures are still being read
                yield ready[1]


def pictures_of(processor: MQwenProcessor, photos: Iterable[Path]) -> Pictures:
    """pixel_values of photos, as the engine prepares them for captions. Raises ImageError."""
    return [processor.pixel_values(read_reduced(photo, at_least=processor.least_side)) for photo in photos]


def _cut(
    rows: Sequence[TokenRow], pictures: Sequence[Pictures], size: int
) -> Iterator[tuple[Sequence[TokenRow], Sequence[Pictures]]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size], pictures[start : start + size]
