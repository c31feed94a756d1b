"""Queries over the whole catalog: full text, conditions, keywords. Displaced photos are not found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mqwen.errors import InputError
from mqwen.library import photo_rows
from mqwen.library.conditions import ALL, ORDERS, Condition, Order
from mqwen.library.records import Hit, Photo
from mqwen.library.search import match
from mqwen.library.stored import clean, from_stored


def search(db: sqlite3.Connection, query: str, limit: int, where: Condition | None) -> list[Hit]:
    """Return what Catalog.search() does."""
    expression = match(query)
    if expression is None:
        return []
    condition = where or ALL
    rows = db.execute(
        f"SELECT score, {photo_rows.COLUMNS} FROM (SELECT rowid AS hit, rank AS score FROM words WHERE words MATCH ?) "
        f"JOIN photos ON id = hit WHERE NOT displaced AND {condition.sql} ORDER BY score, id LIMIT ?",
        (expression, *condition.values, limit),
    )
    return [Hit(photo_rows.to_photo(row[1:]), row[0]) for row in rows]


def find(db: sqlite3.Connection, where: Condition | None, order: Order, limit: int | None, offset: int) -> list[Photo]:
    """Return what Catalog.find() does."""
    if order not in ORDERS:
        raise InputError(f"order {order!r} is not known", hint=f"Take one of {', '.join(ORDERS)}.")
    condition = where or ALL
    return photo_rows.select(
        db,
        f"WHERE NOT displaced AND {condition.sql} ORDER BY {ORDERS[order]} LIMIT ? OFFSET ?",
        (*condition.values, -1 if limit is None else limit, offset),
    )


def paths(db: sqlite3.Connection, where: Condition | None) -> set[Path]:
    """Return the paths of the photos that meet a condition."""
    condition = where or ALL
    rows = db.execute(f"SELECT path FROM photos WHERE NOT displaced AND {condition.sql}", condition.values)
    return {from_stored(path) for (path,) in rows}


def count(db: sqlite3.Connection, where: Condition | None) -> int:
    """Return how many photos meet a condition."""
    condition = where or ALL
    query = f"SELECT count(*) FROM photos WHERE NOT displaced AND {condition.sql}"
    return int(db.execute(query, condition.values).fetchone()[0])


def keywords(db: sqlite3.Connection, beginning: str, limit: int) -> list[tuple[str, int]]:
    """Return what Catalog.keywords() does. Of several spellings of one keyword the first by code points is shown."""
    folded = clean(beginning).strip().casefold()
    # Up to U+10FFFF, the last code point: a range, so that the index is used.
    rows = db.execute(
        "SELECT min(keyword), count(*) AS photos FROM photo_keywords WHERE folded >= ? AND folded < ? "
        "GROUP BY folded ORDER BY photos DESC, folded LIMIT ?",
        (folded, folded + "\U0010ffff", limit),
    )
    return [(keyword, photos) for keyword, photos in rows]
