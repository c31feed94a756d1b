"""Which photos of the list a filter lets through, worked out in a thread of its own.

A term holds for a photo if it holds for what the window shows of it or for what the catalog knows of it: captions that
other programs wrote stand on disk only, keywords and models in the catalog only.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.ending_thread import EndingThread
from desktop.photo import Photo
from desktop.quiet import rest_while_quiet
from desktop.reasons import told, unexpected
from desktop.taken import TakenDates
from mqwen.errors import Cancelled, MqwenError
from mqwen.library import conditions
from mqwen.library.filter import All, Filter, HasChars, HasState, Like, Not, Some, Taken, Term, Words
from mqwen.library.search import matcher

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

log = logging.getLogger(__name__)
_LOOK_UP = 256  # photos between two looks at whether the search is still wanted
_A_FEW = 32  # photos between two looks at whether the window wants quiet


class FilterSearch(EndingThread):
    """Applies one filter to photos once; `done` brings those that pass, or what went wrong."""

    done = Signal(object, object, str)  # self, their paths, what went wrong

    def __init__(
        self,
        wanted: Filter,
        photos: Sequence[Photo],
        catalog: Callable[[], Catalog],
        dates: TakenDates,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._wanted = wanted
        self._photos = photos
        self._catalog = catalog
        self._dates = dates

    def run(self) -> None:
        photos, wrong = list[Photo](), ""
        try:
            photos = find(self._wanted, self._photos, self._catalog(), self._dates, self.isInterruptionRequested)
        except Cancelled:
            return
        except MqwenError as error:
            wrong = told(error)
        except Exception as error:  # Qt would only print it, and the filter would seem to work for ever
            log.exception("the filter failed")
            wrong = unexpected(error)
        self.done.emit(self, {photo.path for photo in photos}, wrong)


def find(
    wanted: Filter,
    photos: Sequence[Photo],
    catalog: Catalog,
    dates: TakenDates,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Photo]:
    """Return the photos that a filter lets through, in their order.

    Raises:
        CatalogError: the catalog cannot be read.
        Cancelled: `stopped` said so.
    """
    return _Finder(catalog, dates, stopped).sift(wanted, photos)


class _Finder:
    def __init__(self, catalog: Catalog, dates: TakenDates, stopped: Callable[[], bool]) -> None:
        self._catalog = catalog
        self._dates = dates
        self._stopped = stopped

    def sift(self, wanted: Filter, photos: Sequence[Photo]) -> list[Photo]:
        """Return those of `photos` that pass, in their order. Later parts are asked only about what is still open."""
        match wanted:
            case All(parts):
                for part in sorted(parts, key=_cost):
                    photos = self.sift(part, photos)
                return list(photos)
            case Some(parts):
                passed: set[Path] = set()
                left = photos
                for part in sorted(parts, key=_cost):
                    passed.update(photo.path for photo in self.sift(part, left))
                    left = [photo for photo in photos if photo.path not in passed]
                return [photo for photo in photos if photo.path in passed]
            case Not(part):
                held = {photo.path for photo in self.sift(part, photos)}
                return [photo for photo in photos if photo.path not in held]
            case _:
                return list(self._holding(wanted, photos))

    def _holding(self, term: Term, photos: Sequence[Photo]) -> Iterator[Photo]:
        known, shown = self._in_catalog(term), self._as_shown(term)
        for number, photo in enumerate(photos):
            if (number % _LOOK_UP == 0 or isinstance(term, Taken)) and self._stopped():
                raise Cancelled("another filter is wanted")
            if number % _A_FEW == 0:
                rest_while_quiet()
            if photo.path in known or shown(photo):
                yield photo

    def _in_catalog(self, term: Term) -> set[Path]:
        match term:
            case Words(query, field):
                return self._catalog.paths(conditions.words(query, field))
            case Like("keyword", pattern):
                return self._catalog.paths(conditions.keyword(pattern))
            case Like("model", pattern):
                return self._catalog.paths(conditions.model(pattern if "*" in pattern else f"*{pattern}*"))
            case _:
                return set()

    def _as_shown(self, term: Term) -> Callable[[Photo], bool]:
        match term:
            case Words(query, None):
                caption, name = matcher(query), _like(query.strip('"“”「」'), within=True)
                return lambda photo: name(photo.path.name) or bool(caption and caption(photo.caption))
            case Words(query, "caption"):
                caption = matcher(query)
                return lambda photo: bool(caption and caption(photo.caption))
            case Like("name", pattern):
                name = _like(pattern, within="*" not in pattern)
                return lambda photo: name(photo.path.name)
            case Like("path", pattern):
                path = _like(pattern, within="*" not in pattern)
                return lambda photo: path(str(photo.path))
            case HasState(states):
                return lambda photo: photo.state.value in states
            case HasChars(least, most):
                return lambda photo: (
                    bool(photo.caption) and least <= len(photo.caption) and (most is None or len(photo.caption) <= most)
                )
            case Taken(first, end):
                return lambda photo: (
                    (date := self._dates.of(photo)) is not None
                    and (first is None or first <= date)
                    and (end is None or date < end)
                )
            case _:
                return lambda photo: False


def _like(pattern: str, *, within: bool) -> Callable[[str], bool]:
    """Return a function that says whether a text is like a pattern with `*`, or holds one; case does not matter."""
    parts = map(re.escape, pattern.casefold().split("*"))
    compiled = re.compile(".*".join(parts), re.DOTALL)
    return lambda text: (compiled.search if within else compiled.fullmatch)(text.casefold()) is not None


def _cost(wanted: Filter) -> int:
    """Return a rank: what must open files comes last."""
    match wanted:
        case Taken():
            return 2
        case All(parts) | Some(parts):
            return max(map(_cost, parts))
        case Not(part):
            return _cost(part)
        case Words() | Like():
            return 1
        case _:
            return 0
