"""One batch through the model: rows of pictures and tokens in, captions out, by transformers' own generate().

What rides along in it stands here too: log-probabilities, sampling that no neighbour disturbs, and the stop button.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from mqwen.engine.caption import Caption, one_line, split_keywords
from mqwen.errors import Cancelled, InputError

if TYPE_CHECKING:
    from mqwen.engine.device import Plan
    from mqwen.model.processor import MQwenProcessor
    from mqwen.model.splice import MQwenForConditionalGeneration

MAX_NEW_TOKENS = 256
# Sampling looks at so many best tokens: the rest of a vocabulary of 150,000 is noise, and sorting it costs more than
# the model.
_TOP_K = 50


@dataclass(frozen=True)
class Row:
    """What the model gets for one answer.

    Attributes:
        pixel_values: [3, H, W] for each image, in reading order.
        input_ids: the prompt, with one marker an image.
        keywords: whether the answer is a list of keywords.
    """

    pixel_values: list[Tensor]
    input_ids: list[int]
    keywords: bool = False


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen and how many. temperature 0 is greedy; a seed of None is another one each time."""

    max_new_tokens: int = MAX_NEW_TOKENS
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise InputError("max_new_tokens must be at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.repetition_penalty <= 0:
            raise InputError("temperature must be 0 or more, top_p above 0 and at most 1, repetition_penalty above 0")


@torch.inference_mode()
def answer(
    model: MQwenForConditionalGeneration,
    processor: MQwenProcessor,
    plan: Plan,
    rows: Sequence[Row],
    sampling: Sampling,
    cancelled: Callable[[], bool] | None = None,
) -> list[Caption | None]:
    """Return a caption for each row; None for rows that were not finished when cancelled() became true.

    Rows are padded on the left, so that every row's answer begins at the same place.

    Raises:
        Cancelled: before the first token.
        torch.OutOfMemoryError, MemoryError, RuntimeError: as the device runs out of memory.
    """
    length = max(len(row.input_ids) for row in rows)
    padded = [[processor.pad_id] * (length - len(row.input_ids)) + row.input_ids for row in rows]
    mask = [[0] * (length - len(row.input_ids)) + [1] * len(row.input_ids) for row in rows]
    images = [image for row in rows for image in row.pixel_values]
    kept = KeepScores()
    record = RecordLogprobs(kept)
    criteria = StoppingCriteriaList([record])
    if cancelled is not None:
        criteria.append(StopWhenCancelled(cancelled))
    processors = LogitsProcessorList([kept])
    if sampling.temperature > 0:
        seed = secrets.randbits(63) if sampling.seed is None else sampling.seed
        processors.append(SeededSampling(len(rows), temperature=sampling.temperature, top_p=sampling.top_p, seed=seed))
    with interruptible_prefill(model, cancelled):
        generated = model.generate(
            torch.tensor(padded, device=plan.device),
            pixel_values=torch.stack(images).to(plan.device, plan.dtype) if images else None,
            attention_mask=torch.tensor(mask, device=plan.device),
            max_new_tokens=sampling.max_new_tokens,
            repetition_penalty=sampling.repetition_penalty,
            logits_processor=processors,
            stopping_criteria=criteria,
        )
    logprobs = torch.stack(record.steps, dim=1).cpu()
    return [
        _caption(processor, ids, steps, row.keywords, sampling.max_new_tokens)
        for ids, steps, row in zip(generated.tolist(), logprobs, rows, strict=True)
    ]


def _caption(
    processor: MQwenProcessor, generated: list[int], logprobs: Tensor, keywords: bool, max_new_tokens: int
) -> Caption | None:
    """Make a Caption of a row's new tokens and what follows them; None if it neither ended nor reached the limit."""
    end = next((place for place, token in enumerate(generated) if token in processor.stop_ids), None)
    if end is None and len(generated) < max_new_tokens:
        return None
    tokens = generated[:end]
    text = processor.decode(tokens)
    entries = split_keywords(text) if keywords else ()
    return Caption(
        text=", ".join(entries) if keywords else one_line(text),
        keywords=entries,
        tokens=len(tokens),
        finish_reason="length" if end is None else "stop",
        logprob=float(logprobs[: len(tokens) + (end is not None)].mean()),
    )


class KeepScores(LogitsProcessor):
    """Keeps each step's scores as they are before sampling bends them."""

    scores: Tensor

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.scores = scores
        return scores


class RecordLogprobs(StoppingCriteria):
    """Remembers the log-probability of each token as it is chosen; stops nothing.

    Attributes:
        steps: one tensor [batch] per generated token.
    """

    def __init__(self, kept: KeepScores) -> None:
        self.steps: list[Tensor] = []
        self._kept = kept

    def __call__(self, input_ids: Tensor, scores: Tensor | None, **kwargs: object) -> Tensor:
        said = self._kept.scores
        self.steps.append((said.gather(1, input_ids[:, -1:])[:, 0] - said.logsumexp(dim=1)).float())
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


class SeededSampling(LogitsProcessor):
    """Turns greedy choice into sampling, each row with a random stream of its own: its neighbours change nothing.

    The Gumbel-max trick: the largest of logits / temperature + Gumbel noise is a draw from softmax(logits /
    temperature).
    """

    def __init__(self, rows: int, *, temperature: float, top_p: float, seed: int) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._streams = [torch.Generator().manual_seed(seed) for _ in range(rows)]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        best, tokens = scores.float().topk(min(_TOP_K, scores.shape[-1]))
        best = best / self._temperature
        probabilities = best.softmax(dim=-1)
        before = probabilities.cumsum(dim=-1) - probabilities
        best = best.masked_fill(before >= self._top_p, -torch.inf)
        noise = torch.stack([torch.rand(best.shape[-1], generator=stream) for stream in self._streams]).to(best.device)
        # rand() gives 0 too, whose double logarithm is infinite
        best = best - noise.clamp_min(torch.finfo(torch.float32).tiny).log().neg().log()
        return torch.full_like(scores, -torch.inf).scatter(1, tokens, best.to(scores.dtype))


class StopWhenCancelled(StoppingCriteria):
    """Ends every row after the token during which `cancelled` became true."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._cancelled = cancelled

    def __call__(self, input_ids: Tensor, scores: Tensor | None, **kwargs: object) -> Tensor:
        return torch.full((len(input_ids),), self._cancelled(), dtype=torch.bool, device=input_ids.device)


@contextmanager
def interruptible_prefill(model: nn.Module, cancelled: Callable[[], bool] | None) -> Iterator[None]:
    """Let Cancelled out of the model between two of its layers while it looks at pictures and reads the prompt.

    On a processor that takes many seconds a batch, far longer than a decode step. Decode steps (length 1) are left to
    StopWhenCancelled, which keeps the rows that are finished.
    """
    if cancelled is None:
        yield
        return

    def look(layer: nn.Module, inputs: tuple[object, ...], named: dict[str, object]) -> None:
        hidden = inputs[0] if inputs else named.get("hidden_states")
        if isinstance(hidden, Tensor) and hidden.ndim == 3 and hidden.shape[1] > 1 and cancelled():
            raise Cancelled("stopped while the model was looking")

    layers = [child for part in model.modules() if isinstance(part, nn.ModuleList) for child in part]
    hooks = [layer.register_forward_pre_hook(look, with_kwargs=True) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
