"""Three lanes of one run: a thread that feeds the model, a few that write, and the caller, told of what is durable.

The model goes on while captions are being written and told; it waits only when the writers are far behind, or when
nobody takes what there is to tell.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")

_WRITERS = 4  # fsync waits for the disk: four of them wait 2.3 times better than one
_AHEAD = 32  # captions that wait for a writer
_UNTOLD = 64  # results that wait for the caller
_STACK_BYTES = 16 << 20  # macOS gives threads 512 KB, too little for torch
# A wait without an end does not notice Ctrl+C on Windows.
_LOOK_UP_S = 0.5 if os.name == "nt" else None


class Lanes(Generic[Work, Result]):
    """Runs once.

    Args:
        write: called in the writing threads; what it raises ends the run.
    """

    def __init__(self, write: Callable[[Work], Result]) -> None:
        self._write = write
        self._told: queue.Queue[Result | _End] = queue.Queue(_UNTOLD)
        self._room = threading.Semaphore(_AHEAD)
        self._error: BaseException | None = None
        self._abandoned = False

    def tell(self, result: Result) -> None:
        """Tell the caller of something that needs no writing; from any thread, best from within `work`."""
        self._told.put(result)

    def fail(self, error: BaseException) -> None:
        """Let nothing more be written, and results() raise this when all that was begun is told."""
        self._error = self._error or error

    def ending(self) -> bool:
        """Say whether writing failed or the caller has gone: there is then no use in more work."""
        return self._abandoned or self._error is not None

    def results(self, work: Iterable[Work]) -> Generator[Result, None, None]:
        """Iterate over `work` in a thread of its own, write each piece, and yield what comes of it when it does.

        When the caller abandons it, this waits until the threads have ended.

        Raises:
            what `work` or `write` raises, after all that was begun has been yielded.
        """
        thread = threading.Thread(target=self._work, args=(work,), name="mqwen-feed", daemon=True)
        before = threading.stack_size(_STACK_BYTES)
        try:
            thread.start()
        finally:
            threading.stack_size(before)
        ended = False
        try:
            while True:
                try:
                    told = self._told.get(timeout=_LOOK_UP_S)
                except queue.Empty:
                    continue
                if isinstance(told, _End):
                    ended = True
                    break
                yield told
        finally:
            self._abandoned = True
            while not ended:
                ended = isinstance(self._told.get(), _End)
            thread.join()
        if self._error is not None:
            raise self._error

    def _work(self, work: Iterable[Work]) -> None:
        try:
            with ThreadPoolExecutor(_WRITERS, thread_name_prefix="mqwen-write") as writers:
                for piece in work:
                    self._room.acquire()
                    writers.submit(self._one, piece)
        except BaseException as error:  # the caller's thread raises it
            self.fail(error)
        finally:
            self._told.put(_End())

    def _one(self, piece: Work) -> None:
        try:
            if self._error is None:
                self._told.put(self._write(piece))
        except BaseException as error:
            self.fail(error)
        finally:
            self._room.release()


class _End:
    """Nothing more comes."""
