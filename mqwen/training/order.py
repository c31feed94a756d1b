"""Which rows a step learns from: a function of seed and step alone, so that a resumed run needs no memory of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

Row = TypeVar("Row")


def rows_of(step: int, rows: Sequence[Row], number: int, *, seed: int, name: str) -> list[Row]:
    """Return the `number` rows of a step: rows are shuffled anew for each epoch, and epochs follow without a gap."""
    first = step * number
    return [rows[_shuffled(len(rows), i // len(rows), seed, name)[i % len(rows)]] for i in range(first, first + number)]


@lru_cache(maxsize=8)
def _shuffled(length: int, epoch: int, seed: int, name: str) -> list[int]:
    order = list(range(length))
    random.Random(f"{name} {seed} {epoch}").shuffle(order)
    return order
