"""Pixels of any mode and depth -> upright 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_AVERAGED = {"L", "RGB", "RGBX", "RGBA", "CMYK", "YCbCr", "F", "I"}


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF (or XMP) orientation 1 to 8 that is still to be applied; 1 where the metadata are damaged."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Pillow raises anything on damaged EXIF; the pixels are fine
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned the way up that its EXIF orientation asks for."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def box_of(extent: tuple[float, float], image: Image.Image, orientation: int) -> Box:
    """Return where in a turned picture that lies which took `extent` from the left and from the top before the turn."""
    width, height = extent if orientation <= 4 else extent[::-1]
    left = image.width - width if orientation in (2, 3, 6, 7) else 0
    top = image.height - height if orientation in (3, 4, 7, 8) else 0
    return (left, top, image.width if left else width, image.height if top else height)


def shrinking_factor(image: Image.Image, at_least: int) -> int:
    """Return by what a picture may be averaged down so that its shorter side keeps `at_least` pixels; 1: it may not."""
    return max(1, min(image.size) // at_least) if image.mode in _AVERAGED else 1


def without_padding(image: Image.Image, box: Box) -> Image.Image:
    """Return a picture without what fills up a last column and row: decoded at 1/8, 4243 rows are 531, not 530.375.

    Left in, it would shift what is on the far side by up to a pixel.

    Args:
        box: where in it the picture really lies.
    """
    if box == (0, 0, *image.size):
        return image
    size = (round(box[2] - box[0]), round(box[3] - box[1]))
    return image.resize(size, Image.Resampling.BICUBIC, box=box)


def rgb_pixels(image: Image.Image) -> Image.Image:
    """Return a loaded picture as RGB without metadata: a new picture, or itself where it is that already.

    Transparency is dropped, so that each pixel keeps its own colour (the original's convert("RGB")). 16-bit grey
    keeps its upper 8 bits. 32-bit and float grey are scaled by their range: 0 to 1, to 255 or to 65535 where they
    fit, else from their least to their greatest value. CMYK of a JPEG is inverted only where an Adobe marker says
    that it is.

    Raises:
        ValueError: the mode is unknown to Pillow.
    """
    mode = image.mode
    if mode.startswith("I;16"):
        result = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)).convert("RGB")
    elif mode in ("I", "F"):
        result = _ranged(np.asarray(image)).convert("RGB")
    elif mode in ("La", "RGBa"):
        result = image.convert("LA" if mode == "La" else "RGBA").convert("RGB")
    elif mode in ("P", "PA"):
        result = image.convert("RGBA").convert("RGB")
    elif mode == "LAB":
        result = _lab(image)
    elif mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        result = ImageChops.invert(image).convert("RGB")
    elif mode == "RGB":
        if type(image) is Image.Image and not image.info:
            return image  # nothing to convert, no file behind it, nothing that says how to turn it
        result = image.copy()
    else:
        result = image.convert("RGB")
    result.info = {}
    return result


def _ranged(values: np.ndarray) -> Image.Image:
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    finite_high = high
    if low >= 0:
        low = 0.0
        high = next((top for top in (1.0, 255.0, 65535.0) if high <= top), high)
    values = np.nan_to_num(values, nan=low, posinf=finite_high, neginf=low)
    scale = 255.0 / (high - low) if high > low else 0.0
    return Image.fromarray(((values - low) * scale + 0.5).clip(0, 255).astype(np.uint8))


def _lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if converted is None:
        raise ValueError("cannot convert Lab")
    return converted
