"""A Scheduler without pictures' files and texts: ids in, ids out."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch

from mqwen.engine.decoder import Decoder
from mqwen.engine.device import Plan
from mqwen.engine.patience import Patience
from mqwen.engine.request import Look, Request, requests_of
from mqwen.engine.sampling import Sampling
from mqwen.engine.scheduler import Allowance, Scheduler

CPU = Plan(torch.device("cpu"), torch.float32)


def numbers_as_words(stop_ids: Sequence[int]) -> Any:
    """As much of a processor as a Scheduler uses; a text is its ids in decimal."""

    def text(ids: Sequence[int]) -> str:
        return " ".join(str(number) for number in ids)

    tokenizer = SimpleNamespace(plain=lambda words: [int(word) for word in words.split()], decode=text)
    return SimpleNamespace(stop_ids=tuple(stop_ids), tokenizer=tokenizer, decode=text)


def look(pixel_values: torch.Tensor | None) -> Look:
    return Look([] if pixel_values is None else list(pixel_values))


def request(input_ids: Sequence[int], pixel_values: torch.Tensor | None = None) -> Request:
    (made,) = requests_of(look(pixel_values), [list(input_ids)], [False])
    return made


_OF_SCHEDULER = ("allowance", "between", "admitting", "telling", "captured", "patience")


class Clock:
    """Time that passes only while somebody sleeps; `ticks` tells how often."""

    def __init__(self) -> None:
        self.now, self.ticks = 0.0, 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.ticks += 1

    def patience(self) -> Patience:
        return Patience(lambda: self.now, self.sleep)


def scheduler(model: Any, slots: int, stop_ids: Sequence[int] = (), **options: Any) -> Scheduler:
    """A Scheduler; `options` are those of Sampling, its own, plan and decoder."""
    own = {name: options.pop(name) for name in _OF_SCHEDULER if name in options}
    decoder, plan = options.pop("decoder", None) or Decoder(model), options.pop("plan", CPU)
    return Scheduler(decoder, numbers_as_words(stop_ids), plan, Sampling(**options), slots, **own)


def run(made: Scheduler, requests: Sequence[Request]) -> list[tuple[list[int], float]]:
    """Return the ids and the log-probability of each request's caption."""
    made.add(requests)
    found: dict[int, tuple[list[int], float]] = {}
    while made.busy:
        for answer in made.step():
            if answer.kind == "error":
                raise AssertionError(answer.error)
            if answer.kind == "caption":
                assert answer.caption is not None and id(answer.request.look) not in found
                words = [int(word) for word in answer.caption.text.split()]
                found[id(answer.request.look)] = words, answer.caption.logprob
    return [found[id(one.look)] for one in requests]


__all__ = ["Allowance", "Clock", "look", "numbers_as_words", "request", "run", "scheduler"]
