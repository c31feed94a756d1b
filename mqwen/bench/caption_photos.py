"""Photos made for measuring, as large as a camera's, and what becoming pixels costs them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from mqwen.library.image import read_reduced

_DIFFERENT = 4  # photos that are really made; the others are copies
_QUALITY = 92
_CLIP_SIDE = 224


def make_photos(folder: Path, count: int, megapixels: float) -> list[Path]:
    """Write JPEGs of 4:3 with soft colours, edges and grain, about as large in bytes as a camera's; return them."""
    import numpy as np
    from PIL import Image

    height = max(64, round((megapixels * 1e6 * 3 / 4) ** 0.5))
    width = round(height * 4 / 3)
    photos: list[Path] = []
    for number in range(count):
        photo = folder / f"{number:05d}.jpg"
        if number >= _DIFFERENT:
            shutil.copyfile(photos[number % _DIFFERENT], photo)
        else:
            rng = np.random.default_rng(number)
            coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
            picture = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
            picture += rng.integers(-8, 9, (height, width, 1), dtype=np.int16)
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(photo, quality=_QUALITY)
        photos.append(photo)
    return photos


def pixel_rows(folder: Path, rounds: int, sizes: tuple[float, ...] = (12, 24)) -> list[dict[str, Any]]:
    """Measure JPEG to pixel_values of CLIP's 224: Pillow's whole decode with CLIPImageProcessor, and ours.

    Returns:
        for each size in megapixels milliseconds of both, their ratio by round, and how far the values are apart on
        average and at most, of 255.
    """
    import numpy as np
    from PIL import Image
    from transformers import CLIPImageProcessor

    from mqwen.model.pixel_values import load_transform

    peer = CLIPImageProcessor()
    transform, _ = load_transform(folder, "clip_vision_model", (_CLIP_SIDE, _CLIP_SIDE))
    # Of values after normalising: how many of 255 steps are one.
    steps = np.array(transform.std).reshape(3, 1, 1) * 255
    rows = []
    for megapixels in sizes:
        place = folder / f"{megapixels}"
        place.mkdir()
        photos = make_photos(place, _DIFFERENT, megapixels)
        theirs_ms, ours_ms, means, greatest = [], [], [], []
        for number in range(max(rounds, 1)):
            photo = photos[number % len(photos)]
            begin = time.perf_counter()
            with Image.open(photo) as image:
                expected = np.asarray(peer(image.convert("RGB"), return_tensors="np")["pixel_values"][0])
            middle = time.perf_counter()
            ours = read_reduced(photo, at_least=2 * _CLIP_SIDE)
            got = transform(ours.picture, ours.size, ours.box).numpy()
            end = time.perf_counter()
            theirs_ms.append((middle - begin) * 1e3)
            ours_ms.append((end - middle) * 1e3)
            apart = np.abs(got - expected) * steps
            means.append(float(apart.mean()))
            greatest.append(float(apart.max()))
        rows.append(
            {
                "megapixels": megapixels,
                "peer_ms": spread_of(theirs_ms),
                "ours_ms": spread_of(ours_ms),
                "ratio": spread_of([theirs / ours for theirs, ours in zip(theirs_ms, ours_ms, strict=True)]),
                "mean_difference_of_255": max(means),
                "greatest_difference_of_255": max(greatest),
            }
        )
    return rows


def spread_of(values: list[float]) -> dict[str, float]:
    """Return least, median and greatest."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return {"min": ordered[0], "median": median, "max": ordered[-1]}
