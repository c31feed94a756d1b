"""The model's own thread: it goes on while the caller writes captions, and never waits for a disk."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence

from mqwen.engine.gate import LOOK_AGAIN_S, Gate, Paused
from mqwen.engine.request import Request
from mqwen.engine.scheduler import Answer, Scheduler
from mqwen.errors import Cancelled

Asked = Callable[[], bool]


class Lane:
    """Runs a Scheduler in a thread from construction to close().

    Args:
        make: makes the Scheduler, given what it has to call between layers.
        turn: the lock that whoever uses the model holds for one step.
        cancelled: asked at every step, and at every layer while pictures and prompts are read.
        paused: while it is true nothing is computed, and `turn` is not held; asked as often.
    """

    def __init__(
        self,
        make: Callable[[Callable[[], None]], Scheduler],
        turn: threading.Lock,
        *,
        cancelled: Asked | None = None,
        paused: Asked | None = None,
    ) -> None:
        self._cancelled = cancelled
        self._turn = turn
        self._gate = Gate(self._end_if_asked, paused)
        self._closing = False
        self._scheduler = make(self._gate.between_layers)
        self._changed = threading.Condition()
        self._offered: deque[Sequence[Request]] = deque()
        self._answers: deque[Answer] = deque()
        self._backlog = 0
        self._no_more = self._ended = False
        self._error: BaseException | None = None
        # A daemon: an interpreter that is told to exit does not wait for a caption.
        self._thread = threading.Thread(target=self._work, name="mqwen-model", daemon=True)
        self._thread.start()

    def offer(self, requests: Sequence[Request]) -> None:
        """Queue the requests of one look."""
        with self._changed:
            self._offered.append(requests)
            self._changed.notify_all()

    def no_more(self) -> None:
        """Say that nothing else will be offered: the lane ends when all is answered."""
        with self._changed:
            self._no_more = True
            self._changed.notify_all()

    @property
    def backlog(self) -> int:
        """Requests that were offered and have no slot yet."""
        with self._changed:
            return self._backlog + sum(map(len, self._offered))

    @property
    def ended(self) -> bool:
        """Nothing more will come, nor an error."""
        with self._changed:
            return self._ended and not self._answers and self._error is None

    def answers(self, timeout: float = LOOK_AGAIN_S) -> list[Answer]:
        """Return what has come since, after waiting for it so many seconds at most.

        Raises:
            Cancelled: cancelled() was true.
            Exception: what ended the lane, once all answers before it are taken.
        """
        with self._changed:
            if not self._answers and not self._ended:
                self._changed.wait(timeout)
            answers = list(self._answers)
            self._answers.clear()
            if answers or self._error is None:
                return answers
            # Raised, it holds frames that hold the lane: the lane must not hold it, too.
            error, self._error = self._error, None
        try:
            raise error
        finally:
            del error

    def stop(self) -> None:
        """Have the thread end within one layer, whatever it does."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def close(self) -> None:
        """stop(), and wait until the thread has ended and its memory is free."""
        self.stop()
        self._thread.join()

    def _end_if_asked(self) -> None:
        if self._closing or self._asked_to_stop():
            raise Cancelled("stopped")

    def _asked_to_stop(self) -> bool:
        return self._cancelled is not None and self._cancelled()

    def _work(self) -> None:
        try:
            self._do_all()
        except BaseException as error:  # it is the caller's: answers() raises it there
            self._error = _without_frames(error)
        del self._scheduler
        with self._changed:
            self._offered.clear()
            self._ended = True
            self._changed.notify_all()

    def _do_all(self) -> None:
        while self._next():
            self._gate.between_steps()
            try:
                self._scheduler.rest()  # outside the turn
                with self._turn:
                    answers = self._scheduler.step()
            except Paused:  # the scheduler is as it was before the step
                continue
            with self._changed:
                self._answers.extend(answers)
                self._backlog = len(self._scheduler.waiting)
                self._changed.notify_all()
            time.sleep(0)  # lets a window's thread have its turn

    def _next(self) -> bool:
        """Wait for something to do; False when there will be nothing more."""
        with self._changed:
            while not self._closing:
                _queue(self._scheduler, self._offered)
                self._backlog = len(self._scheduler.waiting)
                if self._scheduler.busy:
                    return True
                if self._no_more:
                    return False
                if self._asked_to_stop():
                    break
                self._changed.wait(LOOK_AGAIN_S)
            raise Cancelled("stopped")


def _queue(scheduler: Scheduler, offered: deque[Sequence[Request]]) -> None:
    while offered:
        scheduler.add(offered.popleft())


def _without_frames(error: BaseException) -> BaseException:
    """Let go of what the frames that an error came through hold, the cache above all; they can still be printed."""
    if isinstance(error, Cancelled):
        return error.with_traceback(None)
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
    return error
