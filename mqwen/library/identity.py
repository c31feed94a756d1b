"""What a photo is known by, whatever it is called and whatever metadata it carries: its pixels.

The identity is the number of bytes that store the pixels, and a BLAKE2b hash of them: `length-hash`, in hexadecimal.
Which bytes these are, mqwen.library.pixel_extents says; formats that it does not know (BMP and others that hold next to
no metadata), films and files whose structure is broken are taken as a whole, so that an edit of their metadata makes
them another picture.

Of more than 1 MiB only 1 MiB is read (but for GIFs): 256 KiB at each end and eight pieces of 64 KiB between, evenly
spread. Compressed pictures of one length that agree in all of these are one picture; in an uncompressed one (BMP, some
TIFFs) a retouched spot between the pieces can go unnoticed.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mqwen.errors import ImageError
from mqwen.library.box_extents import Extent
from mqwen.library.pixel_extents import file_size, once_whole, pixel_extents

_WHOLE = 2**20
_END = 2**18
_PIECE = 2**16
_PIECES = 8


def identify(path: Path | str) -> str:
    """Return the identity of a photo.

    Raises:
        ImageError: it is gone, no file, or cannot be read.
    """
    return identities(path)[0]


def identities(path: Path | str) -> tuple[str, str | None]:
    """Return the identity of a photo, and what it was called by catalogs before version 4 if that is another.

    Raises:
        ImageError: it is gone, no file, or cannot be read.
    """
    try:
        with open(path, "rb", opener=_open_file) as file:
            identity = identity_of(file)
            former = _hashed(file, [(0, file_size(file))]) if once_whole(file) else identity
            return identity, former if former != identity else None
    except OSError as error:
        raise ImageError(
            f"it cannot be read ({error.strerror or error})", path=path, hint="Check its permissions and its disk."
        ) from error


def identity_of(file: IO[bytes]) -> str:
    """Return the identity of an open photo. Raises OSError where it cannot be read."""
    size = file_size(file)
    return _hashed(file, pixel_extents(file, size) or [(0, size)])


def _hashed(file: IO[bytes], extents: list[Extent]) -> str:
    length = sum(extent[1] for extent in extents)
    digest = hashlib.blake2b(digest_size=16)
    for offset, count in _pieces(extents, length):
        file.seek(offset)
        digest.update(file.read(count))
    return f"{length:x}-{digest.hexdigest()}"


def _open_file(path: str, flags: int) -> int:
    """Open a regular file; a pipe would be waited for."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a regular file")
    return descriptor


def _pieces(extents: list[Extent], length: int) -> Iterator[Extent]:
    """Yield the parts of the file to read, given its pixels: all of them joined, or pieces of that."""
    if length <= _WHOLE:
        yield from extents
        return
    starts = [0, *itertools.accumulate(extent[1] for extent in extents)]
    step = (length - 2 * _END - _PIECE) / (_PIECES - 1)
    between = [(_END + round(i * step), _PIECE) for i in range(_PIECES)]
    for start, count in ((0, _END), *between, (length - _END, _END)):
        i = bisect_right(starts, start) - 1
        while count > 0:
            inside = start - starts[i]
            part = min(count, extents[i][1] - inside)
            yield extents[i][0] + inside, part
            start, count, i = start + part, count - part, i + 1
