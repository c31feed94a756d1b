"""Pause and cancel: asked between layers, where the model's lock is held, and waited for only where it is not."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_AGAIN_S = 0.05  # how often a thread that waits asks whether it is to end


class Paused(Exception):
    """Breaks a step off, so that a pause does not keep the model from others; the step is done again after it."""


class Gate:
    """What a thread that computes passes between two layers and between two steps.

    Args:
        ended: raises once nothing more is to be computed.
        paused: while it is true nothing is computed; None: never.
    """

    def __init__(self, ended: Callable[[], None], paused: Callable[[], bool] | None = None) -> None:
        self._ended = ended
        self._paused = paused or (lambda: False)

    def between_layers(self) -> None:
        """Go on, or raise: Paused, or as `ended` does."""
        self._ended()
        if self._paused():
            raise Paused

    def between_steps(self) -> None:
        """Go on when no pause is (any more); raises as `ended` does. For a thread without the model's lock."""
        self._ended()
        while self._paused():
            time.sleep(LOOK_AGAIN_S)
            self._ended()
