"""Which photos to try a prompt on: a few that differ, out of all folders and times."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

DOZEN = 12
_CANDIDATES = 96  # that the model may look at; a dozen of them is shown


@dataclass(frozen=True)
class Choice:
    """What a dozen is to be chosen from.

    Attributes:
        photos: with the time of each.
        shown: those that were shown already: the dozen takes others as long as there are any.
    """

    photos: Sequence[tuple[Path, float]]
    shown: Collection[Path] = frozenset()

    def candidates(self) -> tuple[list[Path], int]:
        """Return photos spread over folders and times, and how many of them, from the first, must be in the dozen.

        As many as are looked at of them are spread, too, and the first dozen is the choice of who looks at none.
        """
        fresh = [photo for photo in self.photos if photo[0] not in self.shown]
        if len(fresh) >= DOZEN:
            return _spread(fresh, _CANDIDATES, DOZEN), 0
        again = [photo for photo in self.photos if photo[0] in self.shown]
        rest = _spread(again, _CANDIDATES - len(fresh), DOZEN - len(fresh))
        return choose(fresh) + rest, len(fresh)


def choose(photos: Sequence[tuple[Path, float]], count: int = DOZEN) -> list[Path]:
    """Return `count` photos spread over folders and, within a folder, over time.

    Every folder gives one before any gives two, the larger ones first; each gives from evenly spaced parts of its time.

    Args:
        photos: with the time of each.
    """
    folders: dict[str, list[tuple[float, Path]]] = defaultdict(list)
    for path, taken in photos:
        folders[os.path.dirname(path)].append((taken, path))
    by_size = sorted(folders, key=lambda folder: (-len(folders[folder]), folder))
    if len(by_size) > count:  # evenly out of all folders
        step = len(by_size) / count
        by_size = [by_size[int(step * place)] for place in range(count)]
    shares = dict.fromkeys(by_size, 0)
    left = min(count, sum(len(folders[folder]) for folder in by_size))
    while left:
        for folder in by_size:
            if left and shares[folder] < len(folders[folder]):
                shares[folder] += 1
                left -= 1
    chosen = []
    for folder, share in shares.items():
        row = sorted(folders[folder])
        step = len(row) / share if share else 0
        chosen += [row[int(step * (place + 0.5))][1] for place in range(share)]
    return chosen


def _spread(photos: Sequence[tuple[Path, float]], count: int, at_once: int) -> list[Path]:
    """Return `count` photos as choose() does, in turns of which each is spread by itself; the first has `at_once`."""
    among = set(choose(photos, count))
    left = [photo for photo in photos if photo[0] in among]
    order: list[Path] = []
    while left:
        turn = choose(left, DOZEN if order else at_once)
        order += turn
        left = [photo for photo in left if photo[0] not in turn]
    return order
