"""Waiting for memory that another program has taken: a game that is started, or another model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

# Seconds before each further attempt, about a minute in all; then it is given up.
WAITS_S = (0.5, 1, 2, 4, 8, 16, 32)
_LOOK_AGAIN_S = 0.05
log = logging.getLogger(__name__)


class Patience:
    """A wait that is begun in one place and spent in another, where it holds nobody up.

    Args:
        clock: seconds that never go back.
        sleep: spends seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._until: float | None = None

    def begin(self, failures: int) -> bool:
        """Wait after so many failures (1 is the first); false when it is to be given up."""
        if failures > len(WAITS_S):
            return False
        seconds = WAITS_S[failures - 1]
        log.info("memory ran out for one picture alone: it is tried again in %g s", seconds)
        self._until = self._clock() + seconds
        return True

    def spend(self, wanted: Callable[[], bool], between: Callable[[], object]) -> None:
        """Wait out what was begun, as long as it is wanted; `between`, called every 0.05 s, may end it by raising."""
        while self._until is not None and wanted():
            left = self._until - self._clock()
            if left <= 0:
                self._until = None
                return
            self._sleep(min(left, _LOOK_AGAIN_S))
            between()
