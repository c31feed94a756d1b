"""A JPEG that is decoded at a part of its size gives the model what the whole one would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mqwen.library.image import read_image, read_reduced
from mqwen.model.pixel_values import PixelTransform


def photo(path: Path, size: tuple[int, int], orientation: int = 1, squares: tuple[int, int] = (20, 30)) -> Path:
    coarse = Image.fromarray(np.random.default_rng(1).integers(0, 256, (*squares, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    coarse.resize(size, Image.Resampling.BICUBIC).save(path, quality=95, exif=exif)
    return path


def difference(path: Path, transform: PixelTransform, at_least: int) -> float:
    """How far the values are apart on average, of 255."""
    reduced = read_reduced(path, at_least=at_least)
    whole = read_image(path)
    assert reduced.size == whole.size and reduced.picture.width < whole.width
    apart = transform(reduced.picture, reduced.size, reduced.box) - transform(whole)
    return float(apart.abs().mean()) * 255


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "size",
    [
        (1599, 1201),
        (1601, 1600),
        (1502, 1002),  # at a quarter 375.5 by 250.5: cut to whole pixels, its crop would be another one
    ],
)
def test_odd_sides_neither_shift_the_picture_nor_its_crop(
    tmp_path: Path, size: tuple[int, int], orientation: int
) -> None:
    transform = PixelTransform(70, crop=(70, 70))
    assert difference(photo(tmp_path / "a.jpg", size, orientation), transform, 140) < 0.4


@pytest.mark.parametrize("size", [(1501, 1003), (70 * 17, 70), (75, 75 * 18)])
def test_both_sides_and_long_strips(tmp_path: Path, size: tuple[int, int]) -> None:
    path = photo(tmp_path / "a.jpg", size, squares=(size[1] // 50 + 1, size[0] // 50 + 1))
    assert difference(path, PixelTransform((16, 16)), 32) < 1
    assert difference(path, PixelTransform(8, crop=(8, 8)), 16) < 1


def test_a_picture_that_is_averaged_down_keeps_its_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqwen.library.image._LARGE_PIXELS", 10_000)
    path = photo(tmp_path / "a.jpg", (1502, 1002))
    Image.open(path).save(tmp_path / "a.png")
    assert difference(tmp_path / "a.png", PixelTransform(70, crop=(70, 70)), 140) < 0.6
