"""Which photos to try a prompt on: a few that differ, out of all folders and times."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

DOZEN = 12
_CANDIDATES = 96  # that the model may look at; a dozen of them is shown


@dataclass(frozen=True)
class Choice:
    """What a dozen is to be chosen from.

    Attributes:
        paths: any number of photos.
        time_of: gives the time of each, None for one that is gone.
        shown: those that were shown already: the dozen takes others as long as there are any.
    """

    paths: Sequence[Path]
    time_of: Callable[[Path], float | None]
    shown: Collection[Path] = frozenset()

    def candidates(self) -> tuple[list[Path], int]:
        """Return photos spread over folders and times, and how many of them, from the first, must be in the dozen.

        As many as are looked at of them are spread, too, and the first dozen is the choice of who looks at none.
        Of 100,000 it takes a second: not for the window's own thread.
        """
        paths = [path for path in self.paths if self.time_of(path) is not None]
        fresh = [path for path in paths if path not in self.shown]
        if len(fresh) >= DOZEN:
            return self._spread(fresh, _CANDIDATES, DOZEN), 0
        again = [path for path in paths if path in self.shown]
        rest = self._spread(again, _CANDIDATES - len(fresh), DOZEN - len(fresh))
        return choose(fresh, self.time_of) + rest, len(fresh)

    def _spread(self, paths: Sequence[Path], count: int, at_once: int) -> list[Path]:
        """Return `count` photos, in turns of which each is spread by itself; the first has `at_once`."""
        left = choose(paths, self.time_of, count)
        order: list[Path] = []
        while left:
            turn = choose(left, self.time_of, DOZEN if order else at_once)
            order += turn
            left = [path for path in left if path not in turn]
        return order


def choose(paths: Sequence[Path], time_of: Callable[[Path], float | None], count: int = DOZEN) -> list[Path]:
    """Return `count` photos spread over folders and, within a folder, over time.

    Every folder gives one before any gives two, the larger ones first; each gives from evenly spaced parts of its time.
    """
    folders: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        folders[os.path.dirname(path)].append(path)
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
        row = sorted(folders[folder], key=lambda path: time_of(path) or 0.0)
        step = len(row) / share if share else 0
        chosen += [row[int(step * (place + 0.5))] for place in range(share)]
    return chosen
