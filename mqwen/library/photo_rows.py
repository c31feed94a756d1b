"""Rows of the table `photos`: reading them, and the one place where they are changed."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mqwen.library.records import Photo, PhotoUpdate
from mqwen.library.schema import index_words
from mqwen.library.stored import clean, from_stored, to_stored

# In the order of Photo's fields.
COLUMNS = (
    "id, path, identity, size, mtime_ns, inode, state, captions, keywords, alt_text, model, fingerprint, logprob, "
    "finish_reason, run, reason, captioned_identity, written, changed, revision"
)
_WORDS = ("captions", "keywords", "alt_text")
_LARGEST = 2**63 - 1


def stamp(found: os.stat_result) -> tuple[int, int, int]:
    """Return size, mtime and inode as they are kept: what shows that a file has not changed."""
    # Windows has inodes of 64 bits and more without a sign; a broken disk has any time.
    return found.st_size, max(-_LARGEST, min(found.st_mtime_ns, _LARGEST)), found.st_ino & _LARGEST


def to_photo(row: tuple[Any, ...]) -> Photo:
    """Return a row of COLUMNS as a Photo."""
    number, path, *middle = row
    captions, keywords, written = row[7], row[8], row[17]
    middle[5] = json.loads(captions) if captions != "{}" else {}
    middle[6] = tuple(json.loads(keywords)) if keywords != "[]" else ()
    middle[15] = json.loads(written) if written != "{}" else {}
    return Photo(number, from_stored(path), *middle)


def by_path(db: sqlite3.Connection, path: str) -> Photo | None:
    """Return the photo at an absolute path."""
    return _one(db, "path = ? AND NOT displaced", to_stored(path))


def by_paths(db: sqlite3.Connection, paths: Sequence[str]) -> dict[str, Photo]:
    """Return the photos at absolute paths, by path: as by_path(), for a few hundred at once."""
    marks = ", ".join("?" * len(paths))
    found = db.execute(
        f"SELECT {COLUMNS} FROM photos WHERE path IN ({marks}) AND NOT displaced", [to_stored(path) for path in paths]
    )
    return {os.fsdecode(row[1]): to_photo(row) for row in found}


def by_id(db: sqlite3.Connection, photo: int) -> Photo | None:
    """Return a photo by its number."""
    return _one(db, "id = ?", photo)


def select(db: sqlite3.Connection, rest: str, values: Iterable[Any] = ()) -> list[Photo]:
    """Return the photos of a query, given all that follows its FROM."""
    return [to_photo(row) for row in db.execute(f"SELECT {COLUMNS} FROM photos {rest}", tuple(values))]


def insert(db: sqlite3.Connection, path: str, identity: str, stamp: tuple[int, int, int]) -> int:
    """Enter a new photo and return its number."""
    cursor = db.execute(
        "INSERT INTO photos (path, name, identity, size, mtime_ns, inode, changed, revision) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(revision), 0) + 1 FROM photos))",
        (to_stored(path), to_stored(os.path.basename(path)), identity, *stamp, time.time()),
    )
    return int(cursor.lastrowid or 0)


def change(db: sqlite3.Connection, photo: int, columns: Mapping[str, Any]) -> None:
    """Change columns of a photo; captions, keywords and written may be given as they are in Photo."""
    values = {name: _to_column(value) for name, value in columns.items()}
    db.execute(
        f"UPDATE photos SET {''.join(f'{name} = ?, ' for name in values)}"
        "changed = ?, revision = (SELECT coalesce(max(revision), 0) + 1 FROM photos) WHERE id = ?",
        (*values.values(), time.time(), photo),
    )
    if any(name in values for name in _WORDS):
        row = db.execute(f"SELECT {', '.join(_WORDS)} FROM photos WHERE id = ?", (photo,)).fetchone()
        index_words(db, photo, *row)


def move(db: sqlite3.Connection, photo: int, path: str, identity: str, stamp: tuple[int, int, int]) -> None:
    """Note that a photo is at this path now, where no other may be."""
    size, mtime_ns, inode = stamp
    place = {"path": to_stored(path), "name": to_stored(os.path.basename(path)), "displaced": 0}
    change(db, photo, {**place, "identity": identity, "size": size, "mtime_ns": mtime_ns, "inode": inode})
    db.execute("DELETE FROM former_identities WHERE photo = ?", (photo,))  # this one is of its pixels


def apply(db: sqlite3.Connection, photo: Photo, update: PhotoUpdate) -> None:
    """Note what a run has to say about a photo."""
    columns: dict[str, Any] = {"state": update.state, "reason": update.reason}
    for name in ("keywords", "alt_text", "model", "fingerprint", "logprob", "finish_reason", "run"):
        if (value := getattr(update, name)) is not None:
            columns[name] = value
    if update.captions is not None:
        captions = {**photo.captions, **update.captions}
        columns["captions"] = {language: text for language, text in captions.items() if text.strip()}
    if update.written is not None:
        written = {**photo.written, **update.written}
        columns["written"] = {target: sha256 for target, sha256 in written.items() if sha256}
    if any(name in columns for name in _WORDS):
        columns["captioned_identity"] = update.identity or photo.identity
    change(db, photo.id, columns)


def _one(db: sqlite3.Connection, where: str, value: object) -> Photo | None:
    row = db.execute(f"SELECT {COLUMNS} FROM photos WHERE {where}", (value,)).fetchone()
    return None if row is None else to_photo(row)


def _to_column(value: object) -> object:
    match value:
        case str():
            return clean(value)
        case Path():
            return to_stored(value)
        case Mapping():
            return json.dumps({clean(key): clean(text) for key, text in value.items()}, ensure_ascii=False)
        case list() | tuple():
            return json.dumps([clean(entry) for entry in value], ensure_ascii=False)
        case _:
            return value
