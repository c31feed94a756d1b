"""Quiet for the window: while it paints or takes rows in, threads that compute in Python rest.

Python runs one thread at a time, and a paint asks for its turn hundreds of times, on busy cores for a millisecond each:
beside a scan that went on meanwhile, 10 ms of painting took up to 0.3 s.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_S = 0.2  # a window that is busy all the time does not hold up the others for good
_free = threading.Event()
_free.set()


@contextmanager
def quiet() -> Iterator[None]:
    """Let the others rest inside this; for the window's own thread, and not over anything that waits for them."""
    outermost = _free.is_set()
    _free.clear()
    try:
        yield
    finally:
        if outermost:
            _free.set()


def rest_while_quiet() -> None:
    """Wait while the window wants quiet; for loops in other threads, once for each photo."""
    _free.wait(_LONGEST_S)
