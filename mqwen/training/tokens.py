"""Examples -> rows of token ids in which only the answers are learned, and rows -> batches.

A row's prompt is made exactly as the engine makes it for captions, template and all; the answer is put behind it and
closed by the token that the template closes answers with. All other positions have the label -100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mqwen.errors import InputError
from mqwen.model.processor import Message, MQwenProcessor
from mqwen.model.rows import IGNORED
from mqwen.training.dataset import Example


@dataclass(frozen=True)
class TokenRow:
    """One row: ids with one marker per photo, and labels of the same length, IGNORED outside the answers.

    Attributes:
        replayed: its answer is not new: the model is to go on saying it as likely as before.
    """

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    photos: tuple[Path, ...]
    replayed: bool = False

    @property
    def told(self) -> int:
        """How many tokens are learned."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True)
class Batch:
    """Rows filled up on the right.

    Attributes:
        input_ids, attention_mask, labels: [rows, S].
        pixel_values: [photos in reading order, 3, height, width].
        old: [rows], which are replayed.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor
    pixel_values: Tensor
    old: Tensor

    def to(self, device: torch.device) -> dict[str, Tensor]:
        """The tensors by name, on a device."""
        return {name: tensor.to(device, non_blocking=True) for name, tensor in vars(self).items()}


def encode(processor: MQwenProcessor, example: Example) -> list[TokenRow]:
    """Return an example's rows: one, or several where the chat template writes earlier turns another way than the turn
    that is answered (Qwen3 leaves out earlier thoughts).

    Raises:
        InputError: the chat template cannot express the conversation.
    """
    end = end_of_answer(processor)
    rows: list[TokenRow] = []
    messages: list[Message] = []
    ids: list[int] = []
    labels: list[int] = []
    shown = 0
    for turn in example.turns:
        messages.append(Message("user", turn.question, turn.images, turn.image_after))
        prompt = processor.encode(messages)
        if prompt[: len(ids)] != ids:
            rows.append(_row(ids, labels, example.photos[:shown]))
            ids, labels = [], []
        shown += turn.images
        labels += [IGNORED] * (len(prompt) - len(ids))
        answer = [*processor.tokenizer.plain(turn.answer), end]
        ids, labels = prompt + answer, labels + answer
        messages.append(Message("assistant", turn.answer))
    rows.append(_row(ids, labels, example.photos[:shown]))
    return rows


def _row(ids: list[int], labels: list[int], photos: tuple[Path, ...]) -> TokenRow:
    return TokenRow(tuple(ids), tuple(labels), photos)


def end_of_answer(processor: MQwenProcessor) -> int:
    """The id that the chat template closes an answer with, if it stops the engine; else the first that does."""
    asked = [Message("user", "?", images=1)]
    prompt = processor.encode(asked)
    try:
        whole = processor.encode([*asked, Message("assistant", "!")], add_generation_prompt=False)
    except InputError:  # a template for one question only
        return processor.stop_ids[0]
    common = next((i for i, pair in enumerate(zip(prompt, whole, strict=False)) if pair[0] != pair[1]), len(prompt))
    return next((token for token in whole[common:] if token in processor.stop_ids), processor.stop_ids[0])


def collate(rows: Sequence[TokenRow], pictures: Sequence[Sequence[Tensor]], pad_id: int) -> Batch:
    """Join rows with the pixel_values [3, height, width] of each one's photos."""
    longest = max(len(row.ids) for row in rows)

    def filled(values: Sequence[Sequence[int]], filler: int) -> Tensor:
        return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in values])

    return Batch(
        filled([row.ids for row in rows], pad_id),
        filled([[1] * len(row.ids) for row in rows], 0),
        filled([row.labels for row in rows], IGNORED),
        torch.stack([picture for each in pictures for picture in each]),
        torch.tensor([row.replayed for row in rows]),
    )
