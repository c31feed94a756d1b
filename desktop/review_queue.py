"""Which photos are to be reviewed, the riskiest first, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.known import known_of
from mqwen.library.former_words import FormerWords, former_words
from mqwen.library.risk import Risk, assess, hedging_words, risk_of

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog
    from mqwen.library.records import Photo

_LOOKED_INTO = 5000  # photos whose words are read for the order; beyond, what the model said of itself decides


@dataclass(frozen=True)
class Entry:
    """One photo of the queue.

    Attributes:
        shown: its text, as the list shows it.
        former: what the last run replaced, as far as it is not what is shown.
        hedges: the words that make it doubtful.
    """

    path: Path
    shown: str
    known: Photo | None
    risk: Risk
    former: FormerWords = FormerWords()
    hedges: tuple[str, ...] = field(default=())


def queue_of(catalog: Catalog, shown: Sequence[tuple[Path, str]]) -> list[Path]:
    """Return photos in the order in which they should be reviewed.

    Args:
        shown: the photos with their texts, in the list's order, which decides between equals.
    """
    known = known_of(catalog, [path for path, _ in shown])

    def by_model(place: int) -> tuple[bool, bool, float]:
        photo = known.get(shown[place][0])
        logprob = photo.logprob if photo else None
        return not (photo and photo.finish_reason == "length"), logprob is None, logprob or 0.0

    places = sorted(range(len(shown)), key=by_model)
    first = places[:_LOOKED_INTO]
    scores = {place: _risk(known.get(shown[place][0]), shown[place][1]).score for place in first}
    first.sort(key=lambda place: (-scores[place], place))
    return [shown[place][0] for place in (*first, *places[_LOOKED_INTO:])]


def entry_of(catalog: Catalog, path: Path, shown: str) -> Entry:
    """Return what is known of one photo."""
    known = catalog.photo(path)
    former = former_words(catalog, known) if known is not None else FormerWords()
    if " ".join((former.line() or "").split()) == shown:
        former = former.without_line()
    return Entry(path, shown, known, _risk(known, shown), former, tuple(dict.fromkeys(hedging_words(shown))))


def _risk(known: Photo | None, shown: str) -> Risk:
    return risk_of(known) if known is not None and known.caption else assess([shown], None, None)
