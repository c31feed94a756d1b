"""Several Captioners, one queue: every card works on the same run, and takes the next picture when it has room."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mqwen.engine.caption import Caption
from mqwen.errors import Cancelled, MqwenError

if TYPE_CHECKING:
    import torch

    from mqwen.engine.captioner import Captioner

Item = TypeVar("Item")
_WAITING = 64  # answers of a worker that nobody has taken yet; then it waits
_LOOK_AGAIN_S = 0.05


class CaptionerPool:
    """Captioners of one model, one a card; used like one Captioner by caption_many().

    Attributes:
        captioners: the workers. What is no queue (caption, ask, ...) the first one does.
    """

    def __init__(self, captioners: Sequence[Captioner]) -> None:
        self.captioners = list(captioners)
        first = self.captioners[0]
        self.processor, self.plan, self.folder, self.is_starter = (
            first.processor,
            first.plan,
            first.folder,
            first.is_starter,
        )
        self.caption, self.ask = first.caption, first.ask

    def describe(self) -> str:
        """Say which model runs where, in plain words."""
        if len(self.captioners) == 1:
            return self.captioners[0].describe()
        return f"{self.folder.name} on {len(self.captioners)} cards: " + "; ".join(
            captioner.plan.describe() for captioner in self.captioners
        )

    def describe_memory(self) -> str:
        """Say what memory weights and captions take on each card, in plain words."""
        return "; ".join(
            f"{captioner.plan.device}: {captioner.describe_memory()}"
            for captioner in self.captioners
            if captioner.describe_memory()
        )

    def unload(self) -> None:
        """Give all memory back."""
        for captioner in self.captioners:
            captioner.unload()

    def pause(self) -> None:
        """See Captioner.pause()."""
        for captioner in self.captioners:
            captioner.pause()

    def resume(self) -> None:
        """Go on after pause()."""
        for captioner in self.captioners:
            captioner.resume()

    def caption_many(
        self, items: Iterable[Item], *, ordered: bool = False, **options: Any
    ) -> Iterator[tuple[Item, Caption | tuple[Caption, ...] | MqwenError]]:
        """Caption pictures with all workers; arguments, results and errors as Captioner.caption_many().

        An error that ends one worker ends the others, and comes out.
        """
        if len(self.captioners) == 1:
            yield from self.captioners[0].caption_many(items, ordered=ordered, **options)
            return
        closing = threading.Event()
        asked: Callable[[], bool] | None = options.pop("cancelled", None)

        def cancelled() -> bool:
            return closing.is_set() or (asked is not None and asked())

        shared = _Shared(items, cancelled)
        results: queue.Queue[_Done] = queue.Queue(_WAITING * len(self.captioners))

        def work(captioner: Captioner) -> None:
            mine = shared.taken_by_one()
            try:
                for item, result in captioner.caption_many(mine, ordered=ordered, cancelled=cancelled, **options):
                    # In the order of its items a worker answers: the next number it took is this item's.
                    results.put(_Done(item, result, mine.numbers.popleft() if ordered else 0))
                results.put(_Done())
            except BaseException as error:
                results.put(_Done(error=error))

        workers = [
            threading.Thread(target=work, args=(captioner,), name=f"mqwen-worker-{number}", daemon=True)
            for number, captioner in enumerate(self.captioners)
        ]
        for worker in workers:
            worker.start()
        try:
            yield from _gathered(results, len(workers), ordered, closing)
        finally:
            closing.set()
            while any(worker.is_alive() for worker in workers):
                try:
                    results.get(timeout=_LOOK_AGAIN_S)  # a worker may be waiting for room
                except queue.Empty:
                    continue


class _Done:
    """What a worker says: an answer; without one, that it has ended, by an error or not."""

    def __init__(
        self, item: Any = None, result: Any = None, number: int = 0, error: BaseException | None = None
    ) -> None:
        self.item, self.result, self.number, self.error = item, result, number, error


def _gathered(
    results: queue.Queue[_Done], workers: int, ordered: bool, closing: threading.Event
) -> Iterator[tuple[Any, Any]]:
    """Yield answers until all workers have ended; what is complete comes out before the error that ended one."""
    waiting: dict[int, _Done] = {}
    following, ended_by = 0, None
    while workers:
        done = results.get()
        if done.result is None:
            workers -= 1
            if done.error is not None:
                closing.set()
                # That the others were stopped because of it is no news.
                if ended_by is None or isinstance(ended_by, Cancelled):
                    ended_by = done.error
        elif not ordered:
            yield done.item, done.result
        else:
            waiting[done.number] = done
            while following in waiting:
                ready = waiting.pop(following)
                following += 1
                yield ready.item, ready.result
    for number in sorted(waiting):  # something before them never came
        yield waiting[number].item, waiting[number].result
    if ended_by is not None:
        raise ended_by


class _Shared:
    """An iterable that several threads draw from, each item by one of them, until `ended`."""

    def __init__(self, items: Iterable[Any], ended: Callable[[], bool]) -> None:
        self._items = enumerate(items)
        self._ended = ended
        self._lock = threading.Lock()

    def taken_by_one(self) -> _Taken:
        return _Taken(self)

    def take(self) -> tuple[int, Any]:
        with self._lock:
            if self._ended():  # while another thread waited here for an item
                raise StopIteration
            return next(self._items)


class _Taken:
    """One thread's share of a _Shared.

    Attributes:
        numbers: of its items that are not answered yet, in order.
    """

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self.numbers: deque[int] = deque()

    def __iter__(self) -> _Taken:
        return self

    def __next__(self) -> Any:
        number, item = self._shared.take()
        self.numbers.append(number)
        return item


def load_captioner(
    model: str | Path = "starter",
    *,
    device: str = "auto",
    dtype: torch.dtype | str | None = None,
    quantize: str | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Captioner | CaptionerPool:
    """Load a model onto every card that it fits, or else as Captioner.load() does, whose arguments and errors it has.

    Args:
        progress: told the bytes of all copies together.
    """
    from mqwen.engine import device as devices
    from mqwen.engine.captioner import Captioner
    from mqwen.hub import find_model
    from mqwen.model.checkpoint import inspect_checkpoint

    folder = find_model(model)
    plans = devices.plans_for(inspect_checkpoint(folder), device, devices.dtype_of(dtype), quantize)
    captioners: list[Captioner] = []

    def loaded(done: int, total: int) -> None:
        if progress is not None:
            progress(len(captioners) * total + done, len(plans) * total)

    for plan in plans:
        captioners.append(Captioner.load(folder, plan=plan, cancelled=cancelled, progress=loaded))
    return captioners[0] if len(captioners) == 1 else CaptionerPool(captioners)
