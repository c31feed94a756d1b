"""A damaged catalog: it is moved aside, never deleted, and what can still be read of it goes into a new one."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from mqwen.errors import CatalogError
from mqwen.library.journal_lock import BusyError, hold
from mqwen.library.schema import index_all_words, note_former_identities

log = logging.getLogger(__name__)

_Connection = TypeVar("_Connection", bound=sqlite3.Connection)
# The tables to save, and what their rows are ordered by; the others are made of these.
_TABLES = {"runs": "id", "photos": "id", "changes": "id", "edit_steps": "id", "edits": "step"}
_UNREFER = (
    "UPDATE photos SET run = NULL WHERE run NOT IN (SELECT id FROM runs)",
    "DELETE FROM changes WHERE run NOT IN (SELECT id FROM runs)",
    "UPDATE changes SET photo = NULL WHERE photo NOT IN (SELECT id FROM photos)",
    "DELETE FROM edits WHERE step NOT IN (SELECT id FROM edit_steps) OR photo NOT IN (SELECT id FROM photos)",
)
_WAIT_S = 60.0


def is_damage(error: BaseException) -> bool:
    """Say whether this error of SQLite means that the file itself is damaged or no database."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def replace_damaged(path: Path, open_sound: Callable[[Path], _Connection]) -> tuple[_Connection, str | None]:
    """Move a damaged catalog aside and make a new one of what can be read.

    Args:
        open_sound: opens a catalog, making it where there is none.

    Returns:
        The new one, and what the user should be told; None if another process had done it already.
    """
    with _alone(path):
        try:
            return open_sound(path), None
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        return _replace(path, open_sound)


def rebuild(path: Path, open_sound: Callable[[Path], _Connection]) -> tuple[_Connection, str]:
    """As replace_damaged(), for a catalog that opens and is damaged inside. Nobody else may have it open."""
    with _alone(path):
        return _replace(path, open_sound)


def _replace(path: Path, open_sound: Callable[[Path], _Connection]) -> tuple[_Connection, str]:
    aside = _move_aside(path)
    db = open_sound(path)
    try:
        taken, complete = _salvage(aside, db)
    except BaseException:
        db.close()
        raise
    what = ", ".join(f"{count} {table.replace('_', ' ')}" for table, count in taken.items())
    notice = (
        f"The catalog {path} was damaged. It was moved to {aside}, and a new one was made with what could be read of "
        f"it: {what}."
    )
    if not complete:
        notice += " What is missing there cannot be reverted or undone any more; photos and their files are untouched."
    log.warning("%s", notice)
    return db, notice


def _move_aside(path: Path) -> Path:
    """Give a damaged catalog, and its log of latest changes, another name."""
    stem = f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    aside = path.with_name(stem)
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}")
    os.replace(path, aside)
    with suppress(FileNotFoundError):
        os.replace(f"{path}-wal", f"{aside}-wal")
    with suppress(FileNotFoundError):
        os.unlink(f"{path}-shm")  # says where things are in the log; SQLite makes it anew
    return aside


def _salvage(aside: Path, db: sqlite3.Connection) -> tuple[dict[str, int], bool]:
    """Copy every row that can be read; return how many of each table, and whether that was all of them."""
    complete = True
    db.execute("PRAGMA foreign_keys = OFF")  # what refers to a lost row is seen to at the end
    db.execute("BEGIN IMMEDIATE")
    try:
        with closing(sqlite3.connect(aside, isolation_level=None)) as old:
            old.text_factory = lambda data: data.decode("utf-8", "replace")
            for table, key in _TABLES.items():
                # What lies behind the damage may be reached from the other end.
                if not _copy_rows(old, db, table, f"{key} ASC"):
                    complete = False
                    _copy_rows(old, db, table, f"{key} DESC")
        for statement in _UNREFER:
            db.execute(statement)
        index_all_words(db)
        note_former_identities(db)
        taken = {table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in _TABLES}
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("PRAGMA foreign_keys = ON")
    return taken, complete


def _copy_rows(old: sqlite3.Connection, db: sqlite3.Connection, table: str, order: str) -> bool:
    """Copy rows in this order; False where damage was met before the end."""
    try:
        there = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] in there]
        if not columns:
            return False
        rows = old.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}")
    except sqlite3.DatabaseError:
        return False
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    while True:
        try:
            row = rows.fetchone()
        except sqlite3.DatabaseError:
            return False
        if row is None:
            return True
        with suppress(sqlite3.IntegrityError):  # a row that damage made impossible
            db.execute(insert, row)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time look after a damaged catalog."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        give_up = time.monotonic() + _WAIT_S
        while True:
            try:
                hold(descriptor, path)
                break
            except BusyError as error:
                if time.monotonic() > give_up:
                    raise CatalogError(
                        "another MQwen is repairing the catalog", path=path, hint="Wait until it has done."
                    ) from error
                time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)
