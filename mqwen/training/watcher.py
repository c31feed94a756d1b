"""What a tuning tells while it works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqwen.errors import MqwenError


class Watcher:
    """What is told while a model is tuned; this one listens to nothing."""

    def said(self, text: str) -> None:
        """A line for people."""

    def looked(self, what: str, done: int, total: int) -> None:
        """How far the work before the first step is."""

    def begun(self, first: int, steps: int) -> None:
        """The model is loaded; `first` of the steps are done already, in a run that was stopped or killed."""

    def recorded(self, record: Mapping[str, Any]) -> None:
        """A line of the log; its `event` is start, step or validation."""

    def problem(self, error: MqwenError) -> None:
        """Something in the data that is left out."""
