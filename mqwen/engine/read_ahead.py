"""Pictures are read and prepared by a few threads ahead of the model, so that the model never waits for the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from mqwen.errors import Cancelled

Item = TypeVar("Item")
Ready = TypeVar("Ready")

# More threads than this do not help: decoding is then faster than any model looks.
_THREADS = max(2, min(16, os.cpu_count() or 2))
_LOOK_FOR_CANCEL_S = 0.05


def read_ahead(
    items: Iterable[Item],
    prepare: Callable[[Item], Ready],
    *,
    depth: int,
    ordered: bool = False,
    cancelled: Callable[[], bool] | None = None,
) -> Generator[tuple[Item, Ready], None, None]:
    """Yield (item, prepare(item)), at most `depth` items begun and not yet taken.

    Args:
        ordered: in the order of `items`; otherwise a slow one lets the others pass.
        cancelled: asked while waiting.

    Raises:
        Cancelled: cancelled() was true. What `prepare` raises comes out too.
    """
    source = iter(items)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mqwen-read")
    waiting: dict[Future[Ready], Item] = {}  # a dict keeps the order of submission
    try:
        while True:
            for item in islice(source, depth - len(waiting)):
                waiting[pool.submit(prepare, item)] = item
            if not waiting:
                return
            candidates = [next(iter(waiting))] if ordered else list(waiting)
            done = [future for future in candidates if future.done()]
            while not done:
                if cancelled is not None and cancelled():
                    raise Cancelled("stopped while pictures were being read")
                done = list(wait(candidates, timeout=_LOOK_FOR_CANCEL_S, return_when=FIRST_COMPLETED).done)
            item = waiting.pop(done[0])
            yield item, done[0].result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
