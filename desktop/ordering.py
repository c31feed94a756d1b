"""Which photos are shown, and in which order, worked out in slices: sorting 100,000 at once holds up the window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from operator import attrgetter
from pathlib import Path
from typing import Any

from desktop import slices
from desktop.photo import Order, Photo
from mqwen.library.sliced_sort import sort_in_slices

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
    shown = yield from sort_in_slices(shown, _by_number, size=slices.SLICE)
    if (key := _SORT_KEYS[order]) is not None:
        shown = yield from sort_in_slices(shown, key[0], largest_first=key[1], size=slices.SLICE)
    return shown
