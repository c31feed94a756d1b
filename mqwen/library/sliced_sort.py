"""Sorting that lets others have their turn: one sort of 100,000 keys keeps all of Python waiting for up to a second."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
SLICE = 4000  # items looked at in one go: some milliseconds, on slow machines too
_PARTS = 128


def sort_in_slices(
    items: Sequence[T], key: Callable[[T], Any], *, largest_first: bool = False, size: int = SLICE
) -> Generator[None, None, list[T]]:
    """Return what sorted() would; yield after every slice of `size` items.

    Items go into parts of like size, between keys picked here and there, then each part is sorted.
    """
    if len(items) <= size:
        return sorted(items, key=key, reverse=largest_first)
    picked = sorted({key(item) for item in items[:: max(1, len(items) // _PARTS)]})
    parts: list[list[T]] = [[] for _ in range(len(picked) + 1)]
    for start in range(0, len(items), size):
        for item in items[start : start + size]:
            parts[bisect_right(picked, key(item))].append(item)
        yield
    ordered: list[T] = []
    done = 0
    for part in reversed(parts) if largest_first else parts:
        ordered += sorted(part, key=key, reverse=largest_first)
        done += len(part)
        if done >= size:
            done = 0
            yield
    return ordered


def sorted_in_slices(items: Sequence[T], key: Callable[[T], Any]) -> list[T]:
    """Return what sorted() would; for threads beside others, which get their turn between the slices."""
    work = sort_in_slices(items, key)
    while True:
        try:
            next(work)
        except StopIteration as end:
            ordered: list[T] = end.value
            return ordered
