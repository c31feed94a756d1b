"""Conditions on photos, to be joined with &, | and ~, and what they are in SQL.

words("red car") & ~state("approved") & under("/photos/2024")
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqwen.library.records import State
from mqwen.library.search import Field, match
from mqwen.library.stored import clean, to_stored

Order = Literal["path", "risk", "changed", "id"]
ORDERS: dict[Order, str] = {
    "path": "path",
    # Captions that were cut off, then those that the model was least sure of, then those of which it is not known.
    "risk": "finish_reason IS NOT 'length', logprob IS NULL, logprob, id",
    "changed": "revision DESC",
    "id": "id",
}
_COMPARISONS = {"<": "<", "<=": "<=", "=": "=", ">=": ">=", ">": ">"}


@dataclass(frozen=True)
class Condition:
    """A condition on a row of the table `photos`: SQL with `?` for each of its values."""

    sql: str
    values: tuple[str | int | float | bytes, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql} AND {other.sql})", self.values + other.values)

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql} OR {other.sql})", self.values + other.values)

    def __invert__(self) -> Condition:
        return Condition(f"(NOT {self.sql})", self.values)


ALL = Condition("1")
NONE = Condition("0")


def words(query: str, field: Field | None = None) -> Condition:
    """Captions, keywords and alt text, or one of these fields, have all words and "phrases" of a query.

    As Catalog.search(); a query without any word is met by no photo.
    """
    expression = match(query, field)
    if expression is None:
        return NONE
    return Condition("id IN (SELECT rowid FROM words WHERE words MATCH ?)", (expression,))


def keyword(text: str) -> Condition:
    """One of the keywords is this one, whatever its case; `*` stands for anything."""
    if "*" in text:
        like = _like("folded", text.strip().casefold())
        return Condition(f"id IN (SELECT photo FROM photo_keywords WHERE {like.sql})", like.values)
    return Condition("id IN (SELECT photo FROM photo_keywords WHERE folded = ?)", (text.strip().casefold(),))


def state(*states: State) -> Condition:
    """The state is one of these."""
    return Condition(f"state IN ({', '.join('?' * len(states))})", states)


def model(name: str) -> Condition:
    """The words came from the model of this name; `*` stands for anything."""
    return _like("coalesce(model, '')", name)


def run(number: int) -> Condition:
    """This run dealt with the photo last."""
    return Condition("run = ?", (number,))


def under(folder: Path | str) -> Condition:
    """The photo lies in this folder, at any depth."""
    start = os.path.join(os.path.abspath(folder), "")
    stored = to_stored(start)
    if isinstance(stored, bytes):
        return Condition("substr(CAST(path AS BLOB), 1, ?) = ?", (len(stored), stored))
    encoded = os.fsencode(start)
    # By its beginning, so that the index on paths is used; names that are no text are stored as bytes, and compared so.
    after = stored[:-1] + chr(ord(stored[-1]) + 1)
    return Condition(
        "((path >= ? AND path < ?) OR (typeof(path) = 'blob' AND substr(path, 1, ?) = ?))",
        (stored, after, len(encoded), encoded),
    )


def at(paths: Iterable[Path | str]) -> Condition:
    """The photo is at one of these paths, a few thousand at most."""
    stored = tuple(to_stored(os.path.abspath(path)) for path in paths)
    return Condition(f"path IN ({', '.join('?' * len(stored))})", stored)


def path(pattern: str) -> Condition:
    """The whole path is like this, whatever its case in ASCII; `*` stands for anything."""
    return _like("CAST(path AS TEXT)", pattern)


def name(pattern: str) -> Condition:
    """The file's name is like this, whatever its case in ASCII; `*` stands for anything."""
    return _like("CAST(name AS TEXT)", pattern)


def chars(comparison: str, number: int) -> Condition:
    """A caption has so many characters: `<`, `<=`, `=`, `>=`, `>`. A photo without one does not meet it."""
    sign = _COMPARISONS[comparison]
    return Condition(
        f"EXISTS (SELECT 1 FROM json_each(photos.captions) WHERE length(json_each.value) {sign} ?)", (number,)
    )


def _like(column: str, pattern: str) -> Condition:
    escaped = "".join("%" if sign == "*" else f"\\{sign}" if sign in "\\%_" else sign for sign in clean(pattern))
    return Condition(f"{column} LIKE ? ESCAPE '\\'", (escaped,))
