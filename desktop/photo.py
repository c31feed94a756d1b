"""One photo of the window's list: what is shown of it, its state, and the orders that a list can have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path


class State(Enum):
    """What is known about a photo's caption; the values are the catalog's, but for RUNNING."""

    rank: int  # its place when photos are sorted by state

    NEW = "new"
    CAPTIONED = "captioned"
    EDITED = "edited"
    APPROVED = "approved"
    FAILED = "failed"
    SKIPPED = "skipped"
    RUNNING = "running"


HAVE_TEXT = (State.CAPTIONED, State.EDITED, State.APPROVED)


class Order(Enum):
    """How the list is sorted."""

    NAME = "name"
    NEWEST = "newest"
    OLDEST = "oldest"
    STATE = "state"
    LENGTH = "length"


@dataclass(slots=True)
class Photo:
    """One photo of the list.

    Attributes:
        path: absolute; the photo's identity.
        number: its place in the scan, which is natural order.
        modified: the file's mtime, seconds since the epoch.
        caption: the text shown, "" without one.
        state: what is known about the caption; never RUNNING, which the model tells by its own set.
        reason: why it failed or was skipped, a clause for people.
        unsaved: the caption is a human's words that the disk has refused so far.
        row, next_row: where it was shown last, and where it is to be shown. The model's own, see PhotoModel.row_of.
        changes: how often it was given other words or another state. The model's own.
    """

    path: Path
    number: int = 0
    modified: float = 0.0
    caption: str = ""
    state: State = State.NEW
    reason: str = ""
    unsaved: bool = False
    row: int = -1
    next_row: int = -1
    changes: int = 0


_STATES = (State.FAILED, State.NEW, State.SKIPPED, State.CAPTIONED, State.EDITED, State.APPROVED, State.RUNNING)
for _rank, _state in enumerate(_STATES):
    _state.rank = _rank


def merged(found: Photo, known: Photo, landed: bool) -> Photo:
    """Return what a reload shows: the disk's caption, with what only this session knows (who wrote it, what failed).

    Args:
        landed: `known` was given its words after the scan had begun, so they are newer than what was found.
    """
    if landed and known.state is State.FAILED and not known.caption:
        return replace(found, state=State.FAILED, reason=known.reason)  # a failure says nothing about the text
    if landed or known.unsaved or (known.state is State.FAILED and not found.caption):
        return replace(known, number=found.number, modified=found.modified)
    if known.state in (State.EDITED, State.APPROVED) and known.caption == found.caption:
        return replace(found, state=known.state if found.state is State.CAPTIONED else found.state)
    if known.state is State.SKIPPED and found.state is State.NEW:
        return replace(found, state=State.SKIPPED, reason=known.reason)
    return found
