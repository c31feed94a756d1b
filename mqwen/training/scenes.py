"""Scenes for the starter model: 1 to 4 things on a background, made up before they are drawn.

Every scene is a function of a random state alone, so a run can be repeated and each worker makes its own part. One
combination of things and background in sixteen is held out: no caption of it is ever trained on, and evaluation draws
nothing else. (A crowd, which has no caption, may hold such a combination by chance when few of its things found room.)
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from mqwen.training.concepts import concepts

SIZE = 128  # pixels, both sides
PATCH = 16
HELD_OUT_EVERY = 16
MOST_THINGS = 4

BACKGROUNDS = (
    ("white background", "白色背景"),
    ("yellow background", "黄色背景"),
    ("green background", "绿色背景"),
    ("blue background", "蓝色背景"),
    ("purple background", "紫色背景"),
    ("pink background", "粉色背景"),
    ("red background", "红色背景"),
    ("meadow", "草地"),
    ("beach", "沙滩"),
    ("night sky", "夜空"),
    ("checkered floor", "格子地板"),
    ("brick wall", "砖墙"),
)
LIGHTS = ("normal", "dim", "bright")
NUMBERS = (0.2, 0.3, 0.28, 0.22)  # shares of scenes with one thing, two, three, four
_SIZES = {"small": (30, 35), "normal": (40, 47), "large": (54, 66)}


@dataclass(frozen=True)
class Thing:
    """A concept somewhere in a scene: centre and side in pixels, turn in degrees."""

    concept: int
    size: str
    x: float
    y: float
    side: float
    turn: float


@dataclass(frozen=True)
class Scene:
    """What is in a picture, from left to right."""

    things: tuple[Thing, ...]
    background: int
    light: str

    def counts(self) -> dict[int, int]:
        """Number of things of each concept, in the order of the leftmost."""
        found: dict[int, int] = {}
        for thing in self.things:
            found[thing.concept] = found.get(thing.concept, 0) + 1
        return found

    def held_out(self) -> bool:
        """Whether this combination of things and background belongs to evaluation."""
        key = repr((sorted(self.counts().items()), self.background)).encode()
        return zlib.crc32(key) % HELD_OUT_EVERY == 0


def compose(rng: random.Random, *, held_out: bool = False, numbers: Sequence[float] = NUMBERS) -> Scene:
    """Make up a scene of 1 to 4 things; `held_out` chooses the side of the split it comes from."""
    while True:
        scene = _compose(rng, numbers)
        if scene is not None and scene.held_out() == held_out:
            return scene


def _compose(rng: random.Random, numbers: Sequence[float]) -> Scene | None:
    number = rng.choices((1, 2, 3, 4), numbers)[0]
    kinds = rng.sample(range(len(concepts())), number)
    if number > 1 and rng.random() < 0.4:  # several of one kind, so that counting is asked for
        for position in range(1, rng.randint(2, number)):
            kinds[position] = kinds[0]
    placed: list[Thing] = []
    for kind in kinds:
        sizes = ("small", "normal", "large") if number < 4 else ("small", "normal")
        for _ in range(30):
            size = rng.choice(sizes)
            side = rng.uniform(*_SIZES[size])
            margin = side * 0.5
            x = rng.uniform(margin, SIZE - margin)
            y = rng.choice((rng.uniform(0, 0.36), rng.uniform(0.44, 0.56), rng.uniform(0.64, 1))) * SIZE
            y = min(max(y, margin), SIZE - margin)
            if _word(y / SIZE) is None or (number == 1 and _word(x / SIZE) is None):
                continue
            if all(_apart(x, y, side, other) for other in placed):
                placed.append(Thing(kind, size, x, y, side, rng.uniform(-30, 30)))
                break
        else:
            return None
    light = rng.choices(LIGHTS, (0.6, 0.2, 0.2))[0]
    return Scene(tuple(sorted(placed, key=lambda t: t.x)), rng.randrange(len(BACKGROUNDS)), light)


def crowd(rng: random.Random) -> Scene:
    """Make up a picture crammed with up to 9 small things: many to learn names from, too many for a caption."""
    placed: list[Thing] = []
    for kind in rng.sample(range(len(concepts())), rng.randint(5, 9)):
        for _ in range(12):
            size = rng.choice(("small", "normal"))
            side = rng.uniform(*_SIZES[size])
            x, y = rng.uniform(side / 2, SIZE - side / 2), rng.uniform(side / 2, SIZE - side / 2)
            if all(((x - t.x) ** 2 + (y - t.y) ** 2) ** 0.5 > 0.46 * (side + t.side) for t in placed):
                placed.append(Thing(kind, size, x, y, side, rng.uniform(-30, 30)))
                break
    return Scene(tuple(placed), rng.randrange(len(BACKGROUNDS)), rng.choice(LIGHTS))


def _apart(x: float, y: float, side: float, other: Thing) -> bool:
    """No real overlap, and an order from left to right that can be seen."""
    distance = ((x - other.x) ** 2 + (y - other.y) ** 2) ** 0.5
    return abs(x - other.x) > 11 and distance > 0.48 * (side + other.side)


def _word(part: float) -> int | None:
    """Third of the picture: 0, 1, 2, or None where one could argue."""
    return 0 if part < 0.37 else 2 if part > 0.63 else 1 if 0.43 < part < 0.57 else None


def vertical(thing: Thing) -> int:
    """0 top, 1 middle, 2 bottom."""
    return _sure(thing.y)


def horizontal(thing: Thing) -> int:
    """0 left, 1 middle, 2 right."""
    return _sure(thing.x)


def _sure(pixels: float) -> int:
    return _word(pixels / SIZE) or 0
