"""How many pixels are decoded at a time: sixteen threads with scans of 80 megapixels each would fill the memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module

_BYTES_A_PIXEL = 8  # Pillow's four, and as many for the copy in another mode
_SHARE = 0.25  # of the memory that is free when the first large picture comes
_WITHOUT_PSUTIL = 2 << 30  # bytes


class DecodingRoom:
    """A number of pixels that threads share; a picture that is larger than all of it has its turn alone."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for so many pixels, and keep it."""
        share = min(pixels, self._pixels)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + share <= self._pixels)
            self._taken += share
        try:
            yield
        finally:
            with self._changed:
                self._taken -= share
                self._changed.notify_all()


@cache
def decoding_room() -> DecodingRoom:
    """Return the room of this process."""
    free = free_memory()
    return DecodingRoom(int(_SHARE * (_WITHOUT_PSUTIL if free is None else free)) // _BYTES_A_PIXEL)


def free_memory() -> int | None:
    """Return the bytes that are free, None where psutil is not installed."""
    try:
        psutil = import_module("psutil")
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)
