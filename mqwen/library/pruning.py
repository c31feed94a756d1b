"""Giving up what is kept for reverting old runs, and only when the user says so: it grows with each run, for ever.

A run is given up as a whole, so that nobody finds half of it gone. What it was and which files it changed stays listed.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from mqwen.library.database import Database
from mqwen.library.records import PrunedRun


def prune(
    database: Database,
    is_held: Callable[[int], bool],
    *,
    older_than_s: float | None,
    keep_bytes: int | None,
    dry_run: bool,
) -> list[PrunedRun]:
    """Drop the undo data of runs; see Catalog.prune()."""
    if dry_run:
        with database.snapshot() as db:
            return _chosen(db, is_held, older_than_s, keep_bytes)
    with database.write(durable=True) as db:
        chosen = _chosen(db, is_held, older_than_s, keep_bytes)
        for run in chosen:
            db.execute("UPDATE changes SET before = NULL WHERE run = ?", (run.id,))
            db.execute("UPDATE runs SET pruned = ? WHERE id = ?", (time.time(), run.id))
    return chosen


def _chosen(
    db: sqlite3.Connection, is_held: Callable[[int], bool], older_than_s: float | None, keep_bytes: int | None
) -> list[PrunedRun]:
    """Return the runs to give up, the oldest first: all that are old enough, then as many as make the rest fit."""
    rows = db.execute(
        "SELECT id, coalesce(ended, started), (SELECT total(length(before)) FROM changes WHERE run = runs.id), "
        "EXISTS (SELECT 1 FROM changes WHERE run = runs.id AND state = 'intended') "
        "FROM runs WHERE pruned IS NULL ORDER BY id"
    ).fetchall()
    before = -1.0 if older_than_s is None else time.time() - older_than_s
    kept = sum(int(size) for _, _, size, _ in rows)
    chosen = []
    for run, ended, size, unsettled in rows:
        too_much = keep_bytes is not None and kept > keep_bytes
        # What a killed run left open is settled with this data.
        if (ended < before or too_much) and not unsettled and not is_held(run):
            chosen.append(PrunedRun(run, ended, int(size)))
            kept -= int(size)
    return chosen
