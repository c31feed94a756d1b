"""The catalog's file as a whole: its figures, whether it is sound, and its size on the disk."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mqwen.errors import CatalogError
from mqwen.library import edits
from mqwen.library.damage import is_damage
from mqwen.library.database import Database
from mqwen.library.kept_texts import drop_unwanted
from mqwen.library.records import STATES, Problem, Stats
from mqwen.library.schema import VERSION, index_all_words, word_terms

_REPAIR = "Run `mqwen library verify --repair`."


def stats(db: sqlite3.Connection, path: Path) -> Stats:
    """Return figures of the whole catalog."""

    def number(query: str) -> int:
        return int(db.execute(query).fetchone()[0] or 0)

    states = dict(db.execute("SELECT state, count(*) FROM photos WHERE NOT displaced GROUP BY state"))
    languages = dict(
        db.execute(
            "SELECT json_each.key, count(*) FROM photos, json_each(photos.captions) WHERE NOT displaced "
            "AND captions != '{}' GROUP BY json_each.key ORDER BY json_each.key"
        )
    )
    return Stats(
        photos=sum(states.values()),
        states={state: states.get(state, 0) for state in STATES},
        languages=languages,
        keywords=number("SELECT count(DISTINCT folded) FROM photo_keywords"),
        pixels_changed=number(
            "SELECT count(*) FROM photos WHERE captioned_identity IS NOT identity AND captioned_identity IS NOT NULL "
            "AND NOT displaced"
        ),
        runs=number("SELECT count(*) FROM runs"),
        changes=number("SELECT count(*) FROM changes WHERE state = 'confirmed'"),
        undo_bytes=number("SELECT total(length(before)) FROM changes"),
        edits=number("SELECT count(*) FROM edit_steps"),
        file_bytes=file_bytes(path),
        schema_version=VERSION,
    )


def verify(database: Database, *, repair: bool) -> list[Problem]:
    """Return what is wrong with a catalog, after trying to repair it if asked to; see Catalog.verify()."""
    problems = list(_file_problems(database))
    if problems:  # what the rows say means little then
        if repair:
            database.rebuild()
            problems = list(_file_problems(database))
        return problems
    problems = list(_index_problems(database))
    if problems and repair:
        with database.write() as db:
            index_all_words(db)
        problems = list(_index_problems(database))
    return problems


def vacuum(database: Database) -> int:
    """Give unused space back to the disk, kept texts that no step can want among it; return how many bytes."""

    def wanted() -> Iterator[tuple[int, str]]:
        with database.snapshot() as db:
            yield from edits.texts(db)

    freed = drop_unwanted(database.path, wanted)
    before = file_bytes(database.path)
    with database.alone() as db:
        db.execute("INSERT INTO words (words) VALUES ('optimize')")
        db.execute("VACUUM")
        db.execute("PRAGMA optimize")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return freed + max(0, before - file_bytes(database.path))


def file_bytes(path: Path) -> int:
    """Return how much the catalog's files take on the disk."""
    total = 0
    for end in ("", "-wal"):
        with suppress(OSError):
            total += os.stat(f"{path}{end}").st_size
    return total


def _file_problems(database: Database) -> Iterator[Problem]:
    with database.alone() as db:
        try:
            for (message,) in db.execute("PRAGMA integrity_check(20)").fetchall():
                # Newer versions of SQLite look into the search index here, too.
                if message != "ok" and "fts5 table" not in message.lower():
                    yield Problem(f"the file is damaged: {message}", _REPAIR)
            for table, row, other, _ in db.execute("PRAGMA foreign_key_check").fetchall():
                yield Problem(f"row {row} of {table} refers to a row of {other} that is not there", _REPAIR)
        except sqlite3.DatabaseError as error:
            yield Problem(f"the file is damaged: {error}", _REPAIR)


def _index_problems(database: Database) -> Iterator[Problem]:
    try:
        with database.write() as db:
            db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    except CatalogError as error:
        if error.__cause__ is None or not is_damage(error.__cause__):
            raise
        yield Problem(f"the search index is damaged: {error.__cause__}", _REPAIR)
        return
    with database.snapshot() as db:
        listed: dict[int, set[str]] = {}
        for photo, folded in db.execute("SELECT photo, folded FROM photo_keywords"):
            listed.setdefault(photo, set()).add(folded)
        rows = db.execute(
            "SELECT photos.id, photos.captions, photos.keywords, photos.alt_text, words.caption, words.keyword, "
            "words.alt_text FROM photos LEFT JOIN words ON words.rowid = photos.id"
        )
        wrong = 0
        for photo, captions, keywords, alt_text, *indexed in rows:
            wrong += tuple(text or "" for text in indexed) != word_terms(captions, keywords, alt_text) or (
                listed.pop(photo, set()) != {entry.casefold() for entry in json.loads(keywords)}
            )
        wrong += len(listed)
        (orphans,) = db.execute("SELECT count(*) FROM words WHERE rowid NOT IN (SELECT id FROM photos)").fetchone()
    if wrong or orphans:
        yield Problem(f"the search index does not fit {wrong + orphans} photos", _REPAIR)
