"""Draw the sample scenes in resources/samples anew: a dozen that the starter model's training never drew."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from mqwen.training.drawing import draw
from mqwen.training.scenes import compose

_FORMATS: dict[str, dict[str, Any]] = {
    "png": {},
    "jpg": {"quality": 92},
    "webp": {"quality": 92},
    "tif": {"compression": "tiff_lzw"},
}
_SEED = "samples 2"


def main() -> None:
    """Write scene-01 to scene-12 in four formats, 256 pixels."""
    folder = Path(__file__).resolve().parent.parent / "resources" / "samples"
    for number in range(1, 13):
        rng = random.Random(f"{_SEED} {number}")
        picture, _ = draw(compose(rng, held_out=True), rng, augment=False, scale=2)
        suffix = list(_FORMATS)[number % len(_FORMATS)]
        picture.save(folder / f"scene-{number:02}.{suffix}", **_FORMATS[suffix])


if __name__ == "__main__":
    main()
