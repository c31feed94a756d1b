"""What is wrong with a picture's file, in words that its owner can act on."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

from mqwen.errors import ImageError, TruncatedImageError
from mqwen.library.truncation import ends_early

_COPY_AGAIN = "Copy or download it again."
_CONVERT = "Convert it to JPEG or PNG, or take it out of the folder."
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
# Signature -> what such a file is.
_KINDS = (
    (b"\xff\x0a", "a JPEG XL picture, which MQwen cannot decode"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture, which MQwen cannot decode"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"<!DOC", "a web page"),
    (b"<!doc", "a web page"),
    (b"<html", "a web page"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file, which MQwen cannot decode"),
)
_VIDEO_BRANDS = (b"isom", b"mp42", b"mp41", b"avc1", b"qt  ", b"M4V ")


def is_heif(head: bytes) -> bool:
    """Tell whether a file that starts with `head` is a HEIC/HEIF photo."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def is_avif(head: bytes) -> bool:
    """Tell whether a file that starts with `head` is an AVIF photo, also where its first brand is the common one."""
    return head[4:8] == b"ftyp" and (head[8:12] in _AVIF_BRANDS or (head[8:12] == b"mif1" and b"avif" in head[16:64]))


def no_heif_decoder(path: Path) -> ImageError:
    """Return the error for a HEIC photo where pillow-heif is not installed."""
    return ImageError(
        "it is a HEIC photo, and the decoder for them is not installed",
        path=path,
        hint="Install it with `pip install pillow-heif`, or convert the photo to JPEG.",
    )


def no_avif_decoder(path: Path) -> ImageError:
    """Return the error for an AVIF photo where Pillow was built without its decoder."""
    return ImageError(
        "it is an AVIF photo, and this Pillow was built without the decoder for them",
        path=path,
        hint="Install Pillow's own build with `pip install --force-reinstall pillow`, or convert the photo to JPEG.",
    )


def unknown_content(head: bytes, path: Path) -> ImageError:
    """Return the error for a file that no decoder accepts."""
    for signature, kind in _KINDS:
        if head.startswith(signature):
            return ImageError(f"it is {kind}", path=path, hint=_CONVERT)
    if head[4:8] == b"ftyp" and head[8:12] in _VIDEO_BRANDS:
        return ImageError("it is a video", path=path, hint=_CONVERT)
    if not head.strip(b"\0"):
        return ImageError("its content is zeros", path=path, hint=_COPY_AGAIN)
    return ImageError("it is not a picture that MQwen can read", path=path, hint=_CONVERT)


def unreadable(error: Exception, path: Path) -> ImageError:
    """Return the error for a file that could not be opened."""
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENOTDIR:
            if os.path.islink(path):
                return ImageError("the link leads to no file", path=path, hint="Repair or remove the link.")
            return ImageError("the file is not there (any more)", path=path, hint="Check the name.")
        case errno.EACCES | errno.EPERM:
            if os.path.isdir(path):  # Windows
                return ImageError("it is a folder, not a picture", path=path, hint="Give the pictures in it.")
            return ImageError("permission denied", path=path, hint="Make the file readable for you.")
        case errno.ELOOP:
            return ImageError("the link leads back to itself", path=path, hint="Repair or remove the link.")
        case _:
            reason = getattr(error, "strerror", None) or error
            return ImageError(f"the file cannot be opened ({reason})", path=path, hint="Check the name and the disk.")


def damaged(error: Exception, path: Path | str | None, file: IO[bytes] | None = None) -> ImageError:
    """Return the error for a file that a decoder stumbled over: truncated, out of memory, or simply damaged."""
    if isinstance(error, MemoryError):
        return ImageError(
            "there is not enough memory to decode it", path=path, hint="Save a smaller copy, or close other programs."
        )
    if isinstance(error, OSError) and error.errno is not None:
        return ImageError(f"reading it failed ({error.strerror or error})", path=path, hint="Check the disk.")
    message = str(error).lower()
    cut = isinstance(error, EOFError) or "truncated" in message or "not enough image data" in message
    if cut or (file is not None and ends_early(file)):
        return TruncatedImageError("the file ends before its picture does", path=path, hint=_COPY_AGAIN)
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return ImageError(f"the picture is damaged ({reason})", path=path, hint=_COPY_AGAIN)
