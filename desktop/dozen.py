"""Which photos to try a prompt on: a few that differ, out of all folders and times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

DOZEN = 12


def choose(photos: Sequence[tuple[Path, float]], count: int = DOZEN, turn: int = 0) -> list[Path]:
    """Return `count` photos spread over folders and, within a folder, over time.

    Every folder gives one before any gives two, the larger ones first; each gives from evenly spaced parts of its time.

    Args:
        photos: with the time of each.
        turn: another number gives other photos, as long as there are more.
    """
    folders: dict[Path, list[tuple[float, Path]]] = defaultdict(list)
    for path, taken in photos:
        folders[path.parent].append((taken, path))
    by_size = sorted(folders, key=lambda folder: (-len(folders[folder]), folder))
    if len(by_size) > count:  # evenly out of all folders, another one each turn
        step = len(by_size) / count
        by_size = [by_size[(int(step * place) + turn) % len(by_size)] for place in range(count)]
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
        places = {(int(step * (place + 0.5)) + turn) % len(row) for place in range(share)}
        spare = (place for place in range(len(row)) if place not in places)
        while len(places) < share:
            places.add(next(spare))
        chosen += [row[place][1] for place in sorted(places)]
    return chosen
