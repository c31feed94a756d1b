"""Loads a model as the settings say. Torch is imported here, in the worker's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.preferences import Preferences
from mqwen.errors import Cancelled

if TYPE_CHECKING:
    from mqwen import Captioner

_usual_threads = 0  # what torch chose itself, once it is imported


def load_with(preferences: Callable[[], Preferences]) -> Callable[[str, Callable[[], bool]], Captioner]:
    """Return a function that loads a model by its name as the settings say at that moment."""

    def load(model: str, cancelled: Callable[[], bool]) -> Captioner:
        """Import torch, which takes seconds, and load a model on the best device, or on the one that was chosen."""
        from mqwen import Captioner

        if cancelled():
            raise Cancelled("stopped before the model was loaded")
        chosen = preferences()
        limit_process(chosen.threads, chosen.card_gb)
        return Captioner.load(
            model,
            device=chosen.device,
            dtype=None if chosen.precision == "auto" else chosen.precision,
            quantize=None if chosen.quantize == "auto" else chosen.quantize,
            cancelled=cancelled,
        )

    return load


def limit_process(threads: int, card_gb: float) -> None:
    """Let torch use so many threads, and so much of each card; 0: all that it finds."""
    global _usual_threads
    import torch

    _usual_threads = _usual_threads or torch.get_num_threads()
    torch.set_num_threads(threads or _usual_threads)
    for index in range(torch.cuda.device_count()):
        total = torch.cuda.get_device_properties(index).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, card_gb * 1e9 / total) if card_gb else 1.0, index)
