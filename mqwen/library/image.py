"""A photo's file -> an upright RGB picture, or an ImageError that says what is wrong with the file.

Pillow's plugins are called directly instead of through `PIL.Image.open`, for three reasons: the guard against
decompression bombs is ours (512 megapixels; Pillow's own limit, a global that the host program may rely on, refuses
panoramas beyond 179), formats that start other programs (EPS: Ghostscript) stay out, and no file name reaches them,
so that nothing is memory-mapped: a mapped file that shrinks meanwhile would kill the process.
"""

from __future__ import annotations

import os
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from PIL import Image

from mqwen.errors import ImageError
from mqwen.library.decoding_room import decoding_room, free_memory
from mqwen.library.image_faults import (
    damaged,
    is_avif,
    is_heif,
    no_avif_decoder,
    no_heif_decoder,
    unknown_content,
    unreadable,
)
from mqwen.library.pixels import (
    Box,
    box_of,
    orientation_of,
    rgb_pixels,
    shrinking_factor,
    upright,
    without_padding,
)

MAX_PIXELS = 512 * 10**6
# Beyond this (Pillow's own default limit) a picture needs gigabytes to decode: one at a time.
_GIANT_PIXELS = 89_478_485
_FORMATS = (
    *("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "DIB", "AVIF"),
    *("JPEG2000", "PPM", "ICO", "PCX", "DDS", "QOI", "PSD"),
)
_OWN_DECODER = (".heic", ".heif", ".hif", ".avif")
_BEYOND_PILLOWS_LIMIT = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_giant = threading.Lock()
# From here on pictures share what memory there is for decoding, and are averaged down before they leave it.
_LARGE_PIXELS = 20 * 10**6


@dataclass(frozen=True)
class Reduced:
    """A picture that may have been decoded at a part of its size: all that resizing needs to do as with the whole.

    Attributes:
        picture: upright RGB.
        size: (width, height) of the whole picture, upright.
        box: where in `picture` it lies; a last column or row may be there in part, and filled up.
    """

    picture: Image.Image
    size: tuple[int, int]
    box: Box


def read_image(path: Path | str, *, at_least: int | None = None) -> Image.Image:
    """Return the photo at `path` as an RGB picture, turned as its EXIF says; of an animation the first frame.

    The content decides, not the suffix. A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where its shorter side keeps
    `at_least` pixels; with twice the side that the model wants, the result differs on average by 0.2 to 0.5 of 255 from
    a whole decode. Other pictures beyond 20 megapixels are decoded whole, as many at a time as a quarter of the free
    memory takes, and then averaged down to the same bound; those beyond 89 megapixels one at a time (4 bytes a pixel,
    refused where that memory is not free).

    Args:
        at_least: pixels that the shorter side must keep; None keeps every pixel.

    Raises:
        TruncatedImageError: the file ends before its picture does.
        ImageError: anything else: not a picture, damaged, more than 512 megapixels, gone, unreadable, not a file.
    """
    reduced = read_reduced(path, at_least=at_least)
    return without_padding(reduced.picture, reduced.box)


def read_reduced(path: Path | str, *, at_least: int | None = None) -> Reduced:
    """read_image() for what is resized next: its padding costs nothing there, and its own size decides the shape."""
    path = Path(path)
    with _open_file(path) as file:
        try:
            try:
                return _decode(file, path, at_least, giant=False)
            except _BEYOND_PILLOWS_LIMIT:
                with _limit_lifted():
                    return _decode(file, path, at_least, giant=True)
        except ImageError:
            raise
        except Exception as error:  # Pillow's plugins raise whatever a damaged file makes them stumble over
            raise damaged(error, path, file) from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Return any Pillow picture as RGB, turned as its EXIF orientation says; the argument's pixels are not changed.

    How each mode is converted: `mqwen.library.pixels.rgb_pixels`.

    Raises:
        ImageError: the picture cannot be decoded or its mode is unknown; TruncatedImageError as for `read_image`.
    """
    try:
        image.load()
        return upright(rgb_pixels(image), orientation_of(image))
    except ImageError:
        raise
    except Exception as error:
        raise damaged(error, getattr(image, "filename", None) or None) from error


def undecodable(path: Path) -> ImageError | None:
    """Return why this computer cannot decode a HEIC or AVIF photo: its decoder is not installed; None otherwise.

    Other files, damaged ones among them, are for read_image() to judge: of these nothing is read.
    """
    if path.suffix.lower() not in _OWN_DECODER:
        return None
    try:
        with _open_file(path) as file:
            head = file.read(64)
    except (ImageError, OSError):
        return None
    if is_avif(head):
        return None if _decodes_avif(head) else no_avif_decoder(path)
    return no_heif_decoder(path) if is_heif(head) and _heif_opener() is None else None


def taken_at(path: Path | str) -> datetime | None:
    """Return when a photo says it was taken (EXIF DateTimeOriginal, else DateTime); None without, or on any error."""
    path = Path(path)
    try:
        with _open_file(path) as file:
            exif = _identify(file, path).getexif()
            text = exif.get_ifd(0x8769).get(0x9003) or exif.get(0x0132)
            return datetime.strptime(str(text).strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
    except Exception:  # a date is an extra: the file's own date stands in for it
        return None


@contextmanager
def _open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file for reading; a named pipe or a device is refused without waiting for it."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise unreadable(error, path) from error
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise ImageError("it is a folder, not a picture", path=path, hint="Give the pictures in it.")
        if not stat.S_ISREG(found.st_mode):
            raise ImageError("it is a pipe or a device, not a file", path=path, hint="Give the picture's file.")
        if found.st_size == 0:
            raise ImageError("the file is empty (0 bytes)", path=path, hint="Copy or download it again.")
    except BaseException:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _decode(file: IO[bytes], path: Path, at_least: int | None, *, giant: bool) -> Reduced:
    """Decode an open file; DecompressionBombError asks for a second call with `giant`, under the lifted limit."""
    picture = _identify(file, path)
    size = picture.size
    pixels = picture.width * picture.height
    if pixels > MAX_PIXELS:
        raise ImageError(
            f"it has {pixels / 1e6:,.0f} megapixels, more than the {MAX_PIXELS // 10**6} that are allowed",
            path=path,
            hint="Save a smaller copy.",
        )
    # A progressive JPEG keeps every coefficient in memory while it is decoded, however small the result.
    whole = bool(picture.info.get("progressive"))
    drafted = picture.draft(None, (at_least, at_least)) if at_least else None
    if not whole:
        pixels = picture.width * picture.height
    if pixels > _GIANT_PIXELS:
        if not giant:
            raise Image.DecompressionBombError
        _check_memory(pixels * (6 if at_least else 8), path)
    with decoding_room().taken(pixels) if pixels > _LARGE_PIXELS else nullcontext():
        picture.load()
        turn = orientation_of(picture)
        if drafted:
            extent = drafted[1][2:]  # it may end within a pixel
        else:
            extent = size = picture.size  # Pillow turns a TIFF as it loads it
        if at_least and (giant or (pixels > _LARGE_PIXELS and not drafted)):
            factor = shrinking_factor(picture, at_least)
            if factor > 1:
                extent = (extent[0] / factor, extent[1] / factor)
                picture = picture.reduce(factor)
        picture = upright(rgb_pixels(picture), turn)
    return Reduced(picture, size if turn <= 4 else size[::-1], box_of(extent, picture, turn))


def _identify(file: IO[bytes], path: Path) -> Image.Image:
    """Return the picture as the first plugin that accepts the file opens it, not decoded yet."""
    file.seek(0)
    head = file.read(64)
    # TGA has no signature: it is believed only where the name says so.
    names = (*_FORMATS, "TGA") if path.suffix.lower() == ".tga" else _FORMATS
    failure: Exception | None = None
    for name in names:
        plugin = _plugin(name)
        if plugin is None:
            continue
        factory, accept = plugin
        try:
            verdict = accept(head[:16]) if accept else True
        except (struct.error, IndexError):  # a file of a few bytes
            continue
        if not verdict or isinstance(verdict, str):  # a string says which library Pillow was built without
            continue
        file.seek(0)
        try:
            return factory(file, "")
        except _BEYOND_PILLOWS_LIMIT:
            raise
        except Exception as error:
            failure = failure or error
    if is_avif(head) and not _decodes_avif(head):
        raise no_avif_decoder(path)
    if is_heif(head):
        return _open_heif(file, path)
    if failure is not None:
        raise failure
    raise unknown_content(head, path)


@cache
def _plugin(name: str) -> tuple[Callable[..., Image.Image], Callable[[bytes], bool | str] | None] | None:
    """Return how Pillow opens a format and how it recognises one; None where this Pillow has no such plugin."""
    Image.init()
    found: Any = Image.OPEN.get(name)
    return found


def _open_heif(file: IO[bytes], path: Path) -> Image.Image:
    opener = _heif_opener()
    if opener is None:
        raise no_heif_decoder(path)
    file.seek(0)
    return opener(file, "")


def _heif_opener() -> Callable[..., Image.Image] | None:
    """Return pillow-heif's, None where it is not installed; it is loaded with the first HEIC photo."""
    try:
        opener: Callable[..., Image.Image] = import_module("pillow_heif").HeifImageFile
    except ImportError:
        return None
    return opener


def _decodes_avif(head: bytes) -> bool:
    plugin = _plugin("AVIF")
    return plugin is not None and (plugin[1] is None or plugin[1](head[:16]) is True)


def _check_memory(need: int, path: Path) -> None:
    free = free_memory()
    if free is not None and need > free:
        raise ImageError(
            f"decoding it takes about {need / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free",
            path=path,
            hint="Save a smaller copy, or close other programs.",
        )


@contextmanager
def _limit_lifted() -> Iterator[None]:
    """Let one picture between Pillow's limit and ours pass; only then, and only meanwhile, Pillow's global differs."""
    with _giant:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
