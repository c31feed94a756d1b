"""What becomes of one photo in a run, and how a run is asked to stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqwen.errors import MqwenError


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        path: the photo, absolute.
        status: "captioned" (in a dry run: would be), "skipped" or "failed".
        caption: the text that was written, None without one.
        reason: why it was skipped or failed, a clause for people. Of a captioned one: what went another way than was
            asked for (a sidecar instead of embedded metadata, a target that was left alone).
        seconds: wall time since the outcome before, so that they add up to the run's.
    """

    path: Path
    status: Literal["captioned", "skipped", "failed"]
    caption: str | None = None
    keywords: tuple[str, ...] = ()
    reason: str | None = None
    seconds: float = 0.0


def failed(path: Path | None, error: MqwenError) -> Outcome:
    """Return the outcome of a photo that an error met."""
    reason = f"{error.what}. {error.hint}" if error.hint else error.what
    return Outcome(path or error.path or Path(), "failed", reason=reason)


class StopFlag:
    """How a run is asked to stop, from any thread or a signal handler."""

    def __init__(self) -> None:
        self._finish = threading.Event()
        self._now = threading.Event()

    def finish_batch(self) -> None:
        """Let the pictures that the model is looking at get their captions, then stop."""
        self._finish.set()

    def stop_now(self) -> None:
        """Stop within one decode step; pictures without a finished caption stay without one."""
        self._finish.set()
        self._now.set()

    def finishing(self) -> bool:
        """True after either call: nothing new is begun."""
        return self._finish.is_set()

    def stopped(self) -> bool:
        """True after stop_now()."""
        return self._now.is_set()
