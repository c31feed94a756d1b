"""Pictures are read and prepared by a few threads ahead of the model, so that the model never waits for the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

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

    While none is ready yet, yield None now and then: the caller has other things to look after.

    Args:
        ordered: in the order of `items`; otherwise a slow one lets the others pass.
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
                done = list(wait(candidates, timeout=_PATIENCE_S, return_when=FIRST_COMPLETED).done)
                if not done:
                    yield None
            item = waiting.pop(done[0])
            yield item, done[0].result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
