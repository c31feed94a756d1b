"""Which photos are shown, and in which order, worked out in slices: sorting 100,000 at once holds up the window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Generator
from operator import attrgetter
from pathlib import Path
from typing import Any

from desktop import slices
from desktop.photo import Order, Photo

_PARTS = 128  # of what is sorted
# By one plain value, and whether the largest comes first.
_SORT_KEYS: dict[Order, tuple[Callable[[Photo], Any], bool] | None] = {
    Order.NAME: None,
    Order.NEWEST: (attrgetter("modified"), True),
    Order.OLDEST: (attrgetter("modified"), False),
    Order.STATE: (attrgetter("state.rank"), False),
    Order.LENGTH: (lambda photo: len(photo.caption), False),
}
_by_number = attrgetter("number")


def arranged(photos: list[Photo], passing: Collection[Path] | None, order: Order) -> Generator[None, None, list[Photo]]:
    """Return those of `photos` that are `passing` (None: all) in order; alike ones in the order of their names.

    It yields after every slice of work.
    """
    shown = photos
    if passing is not None:
        shown = []
        for start in range(0, len(photos), slices.SLICE):
            shown += [photo for photo in photos[start : start + slices.SLICE] if photo.path in passing]
            yield
    shown = yield from _in_order(shown, _by_number, largest_first=False)
    if (key := _SORT_KEYS[order]) is not None:
        shown = yield from _in_order(shown, key[0], largest_first=key[1])
    return shown


def _in_order(
    photos: list[Photo], key: Callable[[Photo], Any], *, largest_first: bool
) -> Generator[None, None, list[Photo]]:
    """Sort into parts of like size by keys picked here and there, then each part: as sorted() would."""
    if len(photos) <= slices.SLICE:
        return sorted(photos, key=key, reverse=largest_first)
    picked = sorted({key(photo) for photo in photos[:: max(1, len(photos) // _PARTS)]})
    parts: list[list[Photo]] = [[] for _ in range(len(picked) + 1)]
    for start in range(0, len(photos), slices.SLICE):
        for photo in photos[start : start + slices.SLICE]:
            parts[bisect_right(picked, key(photo))].append(photo)
        yield
    ordered: list[Photo] = []
    done = 0
    for part in reversed(parts) if largest_first else parts:
        ordered += sorted(part, key=key, reverse=largest_first)
        done += len(part)
        if done >= slices.SLICE:
            done = 0
            yield
    return ordered
