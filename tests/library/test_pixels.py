"""Any mode and depth to RGB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps

from mqwen.errors import ImageError
from mqwen.library.image import read_image, to_rgb
from tests.library.conftest import squares

GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)


def levels(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    assert image.mode == "RGB"
    assert (pixels == pixels[..., :1]).all(), "grey came out coloured"
    return pixels[..., 0]


def saved(image: Image.Image, path: Path, **options: object) -> Image.Image:
    image.save(path, **options)
    return read_image(path)


def test_transparency_is_dropped_and_each_pixel_keeps_its_colour(tmp_path: Path) -> None:
    colour = squares()
    veiled = colour.copy()
    veiled.putalpha(Image.linear_gradient("L").resize(colour.size))
    assert np.array_equal(np.asarray(to_rgb(veiled)), np.asarray(colour))
    assert np.array_equal(np.asarray(saved(veiled, tmp_path / "a.png")), np.asarray(colour))
    assert np.array_equal(np.asarray(saved(veiled, tmp_path / "a.tif")), np.asarray(colour))
    grey = Image.fromarray(GREY)
    veiled = grey.copy()
    veiled.putalpha(grey)
    assert np.array_equal(levels(saved(veiled, tmp_path / "la.png")), GREY)


def test_the_goldens_rgba_is_dropped_as_the_original_drops_it(data_folder: Path) -> None:
    picture = read_image(data_folder / "golden_seed" / "img_rgba.png")
    with Image.open(data_folder / "golden_seed" / "img_rgba.png") as original:
        assert original.mode == "RGBA"
        assert np.array_equal(np.asarray(picture), np.asarray(original)[..., :3])


def test_palettes_with_and_without_transparency(tmp_path: Path) -> None:
    colour = squares()
    palette = colour.quantize(16)
    assert np.array_equal(np.asarray(saved(palette, tmp_path / "a.png")), np.asarray(colour))
    assert np.array_equal(np.asarray(saved(palette, tmp_path / "b.png", transparency=3)), np.asarray(colour))
    alphas = bytes(range(0, 160, 10))
    assert np.array_equal(np.asarray(saved(palette, tmp_path / "c.png", transparency=alphas)), np.asarray(colour))
    assert np.array_equal(np.asarray(saved(palette, tmp_path / "d.gif", transparency=0)), np.asarray(colour))
    assert np.array_equal(np.asarray(to_rgb(palette.convert("PA"))), np.asarray(colour))


def test_sixteen_bit_grey_keeps_its_upper_bits(tmp_path: Path) -> None:
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    for name in ("a.png", "a.tif"):
        assert np.array_equal(levels(saved(deep, tmp_path / name)), GREY)
    big_endian = Image.frombytes("I;16B", (16, 16), (GREY.astype(">u2") * 257).tobytes())
    assert np.array_equal(levels(to_rgb(big_endian)), GREY)


def test_thirty_two_bit_and_float_grey_are_scaled_by_their_range(tmp_path: Path) -> None:
    for values, expected in (
        (GREY.astype(np.int32), GREY),
        (GREY.astype(np.int32) * 257, GREY),
        (GREY.astype(np.int32) - 128, GREY),
        (GREY.astype(np.int32) * 2**20, GREY),
        (GREY.astype(np.float32) / 255, GREY),
        (GREY.astype(np.float32), GREY),
        (np.zeros((16, 16), np.float32), np.zeros((16, 16), np.uint8)),
    ):
        difference = levels(saved(Image.fromarray(values), tmp_path / "a.tif")).astype(int) - expected
        assert np.abs(difference).max() <= 1, (values.dtype, values.max())
    odd = GREY.astype(np.float32) / 255
    odd[0, :3] = np.nan, np.inf, -np.inf
    assert levels(to_rgb(Image.fromarray(odd)))[0, :3].tolist() == [0, 255, 0]


def test_one_bit(tmp_path: Path) -> None:
    dots = Image.fromarray(GREY > 100)
    assert dots.mode == "1"
    for name in ("a.png", "a.tif", "a.bmp"):
        assert np.array_equal(levels(saved(dots, tmp_path / name)), (GREY > 100) * np.uint8(255))


def test_cmyk(tmp_path: Path) -> None:
    colour = squares()
    assert np.array_equal(np.asarray(to_rgb(colour.convert("CMYK"))), np.asarray(colour))
    assert np.array_equal(np.asarray(saved(colour.convert("CMYK"), tmp_path / "a.tif")), np.asarray(colour))
    path = tmp_path / "adobe.jpg"
    colour.convert("CMYK").save(path, quality=95)
    marked = np.asarray(read_image(path), int)
    assert np.abs(marked - np.asarray(colour)).mean() < 6
    # The same data without Adobe's marker, which alone says that they are inverted, are the opposite colours.
    data = path.read_bytes()
    start = data.index(b"\xff\xee")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    path.write_bytes(data[:start] + data[start + 2 + length :])
    with Image.open(path) as plain:
        opposite = ImageChops.invert(plain).convert("RGB")
    assert np.array_equal(np.asarray(read_image(path)), np.asarray(opposite))


def test_lab_ycbcr_hsv_and_premultiplied() -> None:
    colour = squares()
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    in_lab = ImageCms.profileToProfile(colour, srgb, lab, outputMode="LAB")
    assert in_lab is not None
    for image, tolerance in ((in_lab, 3), (colour.convert("YCbCr"), 2), (colour.convert("HSV"), 2)):
        difference = np.abs(np.asarray(to_rgb(image), int) - np.asarray(colour)).mean()
        assert difference <= tolerance, image.mode
    solid = colour.convert("RGBA").convert("RGBa")
    assert np.array_equal(np.asarray(to_rgb(solid)), np.asarray(colour))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_pil_picture_is_turned_as_pillow_turns_it(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    squares().save(buffer, "PNG", exif=exif)
    with Image.open(buffer) as picture:
        expected = ImageOps.exif_transpose(picture).convert("RGB")
        result = to_rgb(picture)
    assert np.array_equal(np.asarray(result), np.asarray(expected))
    assert to_rgb(result) is result, "it was turned twice"


def test_the_argument_stays_as_it_was() -> None:
    picture = squares().convert("RGBA")
    picture.info["note"] = "mine"
    before = picture.tobytes()
    result = to_rgb(picture)
    result.putpixel((0, 0), (1, 2, 3))
    assert (picture.mode, picture.tobytes(), picture.info) == ("RGBA", before, {"note": "mine"})


def test_a_lazy_picture_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    squares(600, 600).save(path)
    path.write_bytes(path.read_bytes()[:900])
    with Image.open(path) as picture, pytest.raises(ImageError, match=r"a\.png"):
        to_rgb(picture)
