"""Pictures are read and prepared by a few threads ahead of the model, so that the model never waits for the disk.

What the pictures come from is iterated in a thread of its own, too: however long it takes to give the next one (a slow
drive, a camera), those that are there go on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Ready = TypeVar("Ready")

# More threads than this do not help: decoding is then faster than any model looks.
_THREADS = max(2, min(16, os.cpu_count() or 2))
_PATIENCE_S = 0.02


def read_ahead(
    items: Iterable[Item],
    prepare: Callable[[Item], Ready],
    *,
    depth: int,
    ordered: bool = False,
) -> Generator[tuple[Item, Ready] | None, None, None]:
    """Yield (item, prepare(item)), at most `depth` items begun and not yet taken; what `prepare` raises comes out.

    While none is ready yet, yield None now and then: the caller has other things to look after. Closing it waits until
    `items` has given what it was asked for, and nothing is asked of it after that; it is not closed, as no `for` does.

    Args:
        items: iterated in one other thread; what it raises comes out after all that it gave before.
        ordered: in the order of `items`; otherwise a slow one lets the others pass.
    """
    ahead = _Ahead(items, prepare, depth)
    try:
        while ahead.goes_on():
            future = ahead.done(ordered)
            if future is None:
                yield None
            else:
                yield ahead.take(future), future.result()
    finally:
        ahead.close()


class _Ahead(Generic[Item, Ready]):
    """The items that are begun and not yet taken, at most `depth` of them."""

    def __init__(self, items: Iterable[Item], prepare: Callable[[Item], Ready], depth: int) -> None:
        self._prepare = prepare
        self._depth = depth
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mqwen-read")
        self._changed = threading.Condition()
        self._begun: dict[Future[Ready], Item] = {}  # a dict keeps the order of submission
        self._ended = self._closing = False
        self._error: BaseException | None = None
        # A daemon: an interpreter that is told to exit does not wait for a camera.
        self._thread = threading.Thread(target=self._iterate, args=(items,), name="mqwen-items", daemon=True)
        self._thread.start()

    def goes_on(self) -> bool:
        """Something is begun, or may be; raises what the iterable raised."""
        with self._changed:
            if self._begun or not self._ended:
                return True
            # Raised, it holds frames that hold this: it must not be held here, too.
            error, self._error = self._error, None
        try:
            if error is not None:
                raise error
            return False
        finally:
            del error

    def done(self, ordered: bool) -> Future[Ready] | None:
        """Return the first, or any, that is prepared, after waiting a little for it; None if there is none."""

        def first() -> Future[Ready] | None:
            candidates = list(self._begun)[:1] if ordered else self._begun
            return next((future for future in candidates if future.done()), None)

        with self._changed:
            self._changed.wait_for(lambda: first() or (self._ended and not self._begun), _PATIENCE_S)
            return first()

    def take(self, future: Future[Ready]) -> Item:
        """Make room for one more."""
        with self._changed:
            self._changed.notify_all()
            return self._begun.pop(future)

    def close(self) -> None:
        """Begin nothing more, and wait until the iterable is not being iterated."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._thread.join()
        self._error = None

    def _iterate(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                if not self._begin(item):
                    break
        except BaseException as error:  # goes_on() raises it
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _begin(self, item: Item) -> bool:
        """Have an item prepared, and wait for room for the next one; False if there will be no next one."""
        with self._changed:
            if self._closing:
                return False
            future = self._pool.submit(self._prepare, item)
            self._begun[future] = item
            future.add_done_callback(self._tell)
            self._changed.wait_for(lambda: self._closing or len(self._begun) < self._depth)
            return not self._closing

    def _tell(self, _: Future[Ready]) -> None:
        with self._changed:
            self._changed.notify_all()
