"""The captions beside the photos: what stands there when a folder is opened, and where an edit goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqwen.library.targets import Targets

_PLACES = ("txt", "caption", "jsonl")


def places(sources: Sequence[Path], write: str) -> Targets:
    """Return all places where a caption may stand; the one that runs write to now is looked at first."""
    first = write if write in _PLACES else _PLACES[0]
    return Targets(sources, (first, *(place for place in _PLACES if place != first)))


def save_edit(targets: Targets, photo: Path, text: str) -> None:
    """Write a human's words where the photo's caption stands, else in the first place.

    What stands there must be readable: text in an unknown encoding is never replaced.

    Raises:
        InputError: the text that stands there cannot be read.
        WriteError, DiskFullError: it cannot be written; what stood there is untouched.
    """
    lacking = targets.lacking(photo)
    held = [name for name in targets.names if name not in lacking]
    targets.write(photo, held[0] if held else targets.names[0], text, append=False)
