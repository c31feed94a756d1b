"""A trial, in the worker's thread: which photos it is about where nobody has said so, and what is asked about them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.dozen import DOZEN, Choice
from mqwen.errors import Cancelled, MqwenError
from mqwen.outcome import StopFlag
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from torch import Tensor

    from mqwen import Captioner

log = logging.getLogger(__name__)
# So long the model may look before it captions. A card sees all candidates in it, a processor fewer; one that would not
# even see a dozen gives up after the first part, as there is nothing to choose from then.
LOOK_SECONDS = 5.0
_FIRST_PART = 0.25


@dataclass(frozen=True)
class Trial:
    """A few photos to be captioned for the eye alone.

    Attributes:
        photos: these, unless there is a choice.
        choice: what a dozen is to be chosen from.
        question: gives what is asked about a photo.
    """

    photos: Sequence[Path]
    choice: Choice | None
    model: str
    settings: RunSettings
    question: Callable[[Path], str]
    stop: StopFlag = field(default_factory=StopFlag)


def differing(captioner: Captioner, candidates: Sequence[Path], first: int, stop: StopFlag) -> list[Path]:
    """Return a dozen of the candidates that differ for the model's vision tower, the first so many among them.

    If it cannot look at any, whyever, they are the first dozen.

    Raises:
        Cancelled: the trial is to stop.
    """
    if len(candidates) <= DOZEN:
        return list(candidates)
    from mqwen.engine.variety import varied

    def look(paths: Sequence[Path], part: float) -> dict[Path, Tensor | MqwenError]:
        return dict(captioner.vision_vectors(paths, seconds=part * LOOK_SECONDS, cancelled=stop.stopped))

    try:
        seen = look(candidates, _FIRST_PART)
        if len(seen) > _FIRST_PART * DOZEN:
            seen |= look([path for path in candidates if path not in seen], 1 - _FIRST_PART)
        return varied(candidates, seen, DOZEN, first)
    except Cancelled:
        raise
    except Exception:  # captions may come all the same; if not, they say why
        log.warning("the dozen is chosen without a look at the photos", exc_info=True)
        return list(candidates[:DOZEN])
