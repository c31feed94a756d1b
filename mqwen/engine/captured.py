"""Steps that a card repeats without Python: captured as CUDA graphs, one for each shape that comes back.

A small model's step is hundreds of kernels of a few microseconds each; launching them from Python takes longer than
they do. A graph launches them all at once. The shapes of steps are few (Slots.padded() and the scheduler's widths), so
that after the first captions nothing is captured any more.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mqwen.engine.cache import SlotCache
from mqwen.engine.decoder import Decoder, StepInput, StepShape
from mqwen.engine.memory import out_of_memory

# A shape is captured when it comes for the third time: what is passed through on the way is not worth it.
_SEEN_BEFORE = 2
# Each graph keeps its own activations.
_MOST_GRAPHS = 24
# With all of them kept, one goes for another only if it was of no use for so many steps: with more shapes in use than
# graphs, each would otherwise be captured again just after it went, and a capture takes as long as many steps.
_OUT_OF_USE = 2000
# How far a captured step's logits may be from those of the same step launched one by one, as a share of the largest: a
# library may choose other kernels under capture. A graph that is wrong is far off.
_TOLERANCE = 0.05
# PyTorch allows one capture at a time in a process, and each card has a thread.
_CAPTURING = threading.Lock()
# By card. A run's own would cost memory for good: cuBLAS keeps a workspace for each stream that it has seen.
_STREAMS: dict[torch.device, Any] = {}
log = logging.getLogger(__name__)


@dataclass
class Captured:
    """A step whose input is always in these tensors and whose logits are always in that one.

    Attributes:
        used: the number of the step that it was used for last.
    """

    given: StepInput
    replay: Callable[[], object]
    logits: Tensor
    used: int = 0


Capture = Callable[[Callable[[StepInput], Tensor], StepInput], Captured]


class CapturedSteps:
    """Decoder.step() for one cache at a time, through a captured step where a shape comes again and again.

    Args:
        capture: makes a Captured of a step; CUDA graphs by default.
    """

    def __init__(self, decoder: Decoder, capture: Capture | None = None) -> None:
        self._decoder = decoder
        self._capture = capture or CudaGraphs()
        self._seen: Counter[StepShape] = Counter()
        self._captured: OrderedDict[StepShape, Captured] = OrderedDict()
        self._of: tuple[SlotCache, int] | None = None
        self._refused = False
        self._steps = 0

    def step(self, cache: SlotCache, given: StepInput, between: Callable[[], object] | None = None) -> Tensor:
        """Return the step's logits, see Decoder.step(); they are valid until the next step."""
        if (cache, cache.version) != self._of:  # what was captured reads and writes the old tensors
            self._captured.clear()
            self._of = cache, cache.version
        self._steps += 1
        captured = self._captured.get(given.shape)
        if captured is None:
            logits = self._decoder.step(cache, given, between)
            if self._worth_capturing(given.shape):
                self._try_to_capture(cache, given, logits)
            return logits
        captured.used = self._steps
        self._captured.move_to_end(given.shape)
        if between is not None:
            between()
        for kept, new in zip(_tensors(captured.given), _tensors(given), strict=True):
            kept.copy_(new, non_blocking=True)
        captured.replay()
        return captured.logits

    def clear(self) -> None:
        """Give the captured steps' memory back, and let go of the cache."""
        self._captured.clear()
        self._seen.clear()
        self._of = None

    def _worth_capturing(self, shape: StepShape) -> bool:
        """A step of this shape has come again and again, has logits to tell a good capture by, and there is room."""
        self._seen[shape] += 1
        if self._refused or not shape.logits or self._seen[shape] <= _SEEN_BEFORE:
            return False
        return len(self._captured) < _MOST_GRAPHS or self._steps - self._idlest().used > _OUT_OF_USE

    def _idlest(self) -> Captured:
        return next(iter(self._captured.values()))

    def _try_to_capture(self, cache: SlotCache, given: StepInput, logits: Tensor) -> None:
        """Capture a step whose logits are known; when that fails, or gives others, nothing is captured from then on."""
        if len(self._captured) >= _MOST_GRAPHS:
            self._seen[self._captured.popitem(last=False)[0]] = 0
        try:
            captured = self._capture(lambda fixed: self._decoder.step(cache, fixed), given)
            captured.logits.fill_(torch.nan)  # or those computed on the way could be taken for the replay's
            captured.replay()
            if not _alike(captured.logits, logits):
                raise RuntimeError("replayed they give something else")
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            log.warning("steps of this model cannot be captured and are launched one by one: %s", error)
            self._refused = True
            self._captured.clear()
            return
        captured.used = self._steps
        self._captured[given.shape] = captured


class CudaGraphs:
    """Captures steps of one card as CUDA graphs that share their memory: they run one after the other."""

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(self, step: Callable[[StepInput], Tensor], given: StepInput) -> Captured:
        """Capture a step. It runs on the way, which is harmless: it writes the same to the same places."""
        card = given.numbers.device
        # Streams and captures are those of the current card, whatever card the tensors are on.
        with torch.cuda.device(card), _CAPTURING:
            if card not in _STREAMS:
                _STREAMS[card] = torch.cuda.Stream()
            stream = _STREAMS[card]
            fixed = with_own_tensors(given)
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):  # libraries allocate when they are first used, which a capture forbids
                step(fixed)
            torch.cuda.current_stream().wait_stream(stream)
            graph: Any = torch.cuda.CUDAGraph()
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            # Other threads copy pixels and allocate meanwhile: only this one's calls are held to a capture's rules.
            with torch.cuda.graph(graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"):
                logits = step(fixed)
        return Captured(fixed, graph.replay, logits)


def _alike(found: Tensor, expected: Tensor) -> bool:
    """Say whether logits are the same but for rounding; false where one is not a number and the other one is."""
    finite = expected[expected.isfinite()].abs()
    margin = _TOLERANCE * float(finite.amax()) if finite.numel() else 0.0
    return torch.allclose(found, expected, rtol=0.0, atol=margin, equal_nan=True)


def with_own_tensors(given: StepInput) -> StepInput:
    """Return a copy of a step's input."""
    return replace(
        given,
        numbers=given.numbers.clone(),
        piece_slots=given.piece_slots.clone(),
        logit_rows=given.logit_rows.clone(),
        embeds=None if given.embeds is None else given.embeds.clone(),
    )


def _tensors(given: StepInput) -> list[Tensor]:
    tensors = [given.numbers, given.piece_slots, given.logit_rows]
    return tensors if given.embeds is None else [*tensors, given.embeds]
