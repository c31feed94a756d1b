"""Rows of the tables `runs` and `changes`: what each run was, and every file that it changed."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from mqwen.errors import InputError
from mqwen.library.database import Database
from mqwen.library.records import Before, Change, ChangeState, Run, RunStatus
from mqwen.library.stored import from_stored, to_stored

_ENDS = ("done", "stopped", "failed")
_CHANGE = "id, run, photo, target, file, before_sha256, before_mtime_ns, before_mode, after_sha256, state, at"
_PAGE, _PAGE_WITH_DATA = 1000, 16
_MOST_VALUES = 500  # in one statement


def begin(db: sqlite3.Connection, settings: Mapping[str, object], roots: Iterable[Path | str]) -> int:
    """Enter a run and return its number."""
    # JSON's escapes take paths that are no text, too.
    cursor = db.execute(
        "INSERT INTO runs (started, status, settings, roots) VALUES (?, 'running', ?, ?)",
        (
            time.time(),
            json.dumps(dict(settings), default=_to_json),
            json.dumps([os.path.abspath(root) for root in roots]),
        ),
    )
    return int(cursor.lastrowid or 0)


def end(db: sqlite3.Connection, run: int, status: str, counts: Mapping[str, int] | None) -> None:
    """Note how a run ended."""
    if status not in _ENDS:
        raise InputError(f"a run cannot end as {status!r}", hint=f"Take one of {', '.join(_ENDS)}.")
    row = (time.time(), status, json.dumps(dict(counts or {})), run)
    db.execute("UPDATE runs SET ended = ?, status = ?, counts = ? WHERE id = ?", row)


def runs(db: sqlite3.Connection, is_held: Callable[[int], bool], run: int | None = None) -> list[Run]:
    """Return all runs, the newest first, or this one."""
    found = db.execute(
        "SELECT id, started, ended, status, settings, roots, counts, "
        "(SELECT count(*) FROM changes WHERE changes.run = runs.id AND state = 'confirmed'), "
        "(SELECT count(*) FROM changes WHERE changes.run = runs.id AND state = 'reverted'), pruned "
        f"FROM runs {'' if run is None else 'WHERE id = ?'} ORDER BY id DESC",
        () if run is None else (run,),
    ).fetchall()
    return [_to_run(row, is_held) for row in found]


def intend(
    db: sqlite3.Connection,
    run: int,
    photo: int | None,
    target: str,
    file: Path | str,
    before: Before,
    after_sha256: str,
) -> int:
    """Enter a change that is about to be made and return its number."""
    cursor = db.execute(
        "INSERT INTO changes (run, photo, target, file, before_sha256, before_mtime_ns, before_mode, after_sha256, at, "
        "before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run,
            photo,
            target,
            to_stored(os.path.abspath(file)),
            before.sha256,
            before.mtime_ns,
            before.mode,
            after_sha256,
            time.time(),
            before.data,
        ),
    )
    return int(cursor.lastrowid or 0)


def set_state(db: sqlite3.Connection, changes: Sequence[int], state: ChangeState) -> None:
    """Give changes a state."""
    for part in _parts(changes):
        db.execute(f"UPDATE changes SET state = ? WHERE id IN ({_marks(part)})", (state, *part))


def forget(db: sqlite3.Connection, changes: Sequence[int]) -> None:
    """Drop changes that were never made; those that were are kept."""
    for part in _parts(changes):
        db.execute(f"DELETE FROM changes WHERE state = 'intended' AND id IN ({_marks(part)})", part)


def has_confirmed(db: sqlite3.Connection, photo: int) -> bool:
    """Say whether changes of a photo stand."""
    found = db.execute("SELECT 1 FROM changes WHERE photo = ? AND state = 'confirmed' LIMIT 1", (photo,))
    return found.fetchone() is not None


def of_photo(db: sqlite3.Connection, photo: int) -> list[Change]:
    """Return the changes of a photo that stand, the newest first, with their data."""
    query = f"SELECT {_CHANGE}, before FROM changes WHERE photo = ? AND state = 'confirmed' ORDER BY id DESC"
    return [_to_change(row) for row in db.execute(query, (photo,))]


def pending(db: sqlite3.Connection, is_held: Callable[[int], bool]) -> list[Change]:
    """Return what was intended and not confirmed by runs that no longer run, oldest first, without data."""
    rows = db.execute(f"SELECT {_CHANGE} FROM changes WHERE state = 'intended' ORDER BY id").fetchall()
    held = {run: is_held(run) for run in {row[1] for row in rows}}
    return [_to_change(row) for row in rows if not held[row[1]]]


def change(db: sqlite3.Connection, number: int) -> Change | None:
    """Return one change with its data."""
    row = db.execute(f"SELECT {_CHANGE}, before FROM changes WHERE id = ?", (number,)).fetchone()
    return None if row is None else _to_change(row)


def changes(
    database: Database, run: int, *, newest_first: bool, data: bool, state: ChangeState | None
) -> Iterator[Change]:
    """Yield the changes of a run, reading a page of them at a time."""
    after, order = ("id < ?", "id DESC") if newest_first else ("id > ?", "id")
    last = 2**63 - 1 if newest_first else 0
    page = _PAGE_WITH_DATA if data else _PAGE
    query = (
        f"SELECT {_CHANGE}{', before' if data else ''} FROM changes WHERE run = ? AND {after} "
        f"{'AND state = ? ' if state else ''}ORDER BY {order} LIMIT {page}"
    )
    while True:
        with database.read() as db:
            rows = db.execute(query, (run, last, *([state] if state else []))).fetchall()
        for row in rows:
            yield _to_change(row)
        if len(rows) < page:
            return
        last = rows[-1][0]


def _to_run(row: tuple[Any, ...], is_held: Callable[[int], bool]) -> Run:
    number, started, ended, status, settings, roots, counts, changed, reverted, pruned = row
    if status == "running" and not is_held(number):
        status = "interrupted"
    known: RunStatus = status if status in get_args(RunStatus) else "failed"
    return Run(
        number,
        started,
        ended,
        known,
        json.loads(settings),
        tuple(map(Path, json.loads(roots))),
        json.loads(counts),
        changed,
        reverted,
        pruned,
    )


def _to_change(row: tuple[Any, ...]) -> Change:
    number, run, photo, target, file, sha256, mtime_ns, mode, after_sha256, state, at, *data = row
    before = Before(data[0] if data else None, sha256, mtime_ns, mode)
    return Change(number, run, photo, target, from_stored(file), before, after_sha256, state, at)


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[i : i + _MOST_VALUES] for i in range(0, len(numbers), _MOST_VALUES))


def _marks(values: Sequence[int]) -> str:
    return ", ".join("?" * len(values))


def _to_json(value: object) -> object:
    if isinstance(value, Path):
        return os.fspath(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise InputError(f"a run's settings hold {value!r}, which JSON cannot")
