"""Giving up undo data: only what was asked for, as whole runs, and a run without them is never half reverted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mqwen.errors import InputError
from mqwen.library.catalog import Catalog
from mqwen.library.records import Before
from mqwen.library.restore import PRUNED
from mqwen.library.revert import revert
from mqwen.library.undo_record import UndoRecord

DAY = 86400.0


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield catalog
        assert catalog.verify() == []


def changed(catalog: Catalog, file: Path, *, old: bytes | None = None, new: bytes, days_ago: float = 0) -> int:
    """A run that wrote one file."""
    from hashlib import sha256

    run = catalog.begin_run({"style": "brief", "language": "en"}, [file.parent])
    before = Before()
    if old is not None:
        before = Before(UndoRecord.of(new, old).pack(), sha256(old).hexdigest(), 10**18, 0o644)
    change = catalog.intend(run, None, "txt", file, before, sha256(new).hexdigest())
    file.write_bytes(new)
    catalog.confirm(change)
    catalog.end_run(run, "done")
    with closing(sqlite3.connect(catalog.path)) as db:
        db.execute("UPDATE runs SET ended = ended - ? WHERE id = ?", (days_ago * DAY, run))
        db.commit()
    return run


def test_by_age(catalog: Catalog, tmp_path: Path) -> None:
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    first = changed(catalog, old, old=b"a person's words", new=b"A dog.", days_ago=40)
    second = changed(catalog, new, old=b"words", new=b"A cat.")
    assert catalog.prune(older_than_s=50 * DAY) == []
    planned = catalog.prune(older_than_s=30 * DAY, dry_run=True)
    assert [run.id for run in planned] == [first] and catalog.run(first).pruned is None
    assert catalog.prune(older_than_s=30 * DAY) == planned and planned[0].size > 0
    assert catalog.prune(older_than_s=30 * DAY) == []
    assert catalog.run(first).pruned is not None and catalog.run(first).changes == 1
    with pytest.raises(InputError, match="can no longer be reverted"):
        list(revert(catalog, first, force=True))
    assert old.read_bytes() == b"A dog."
    assert [result.status for result in revert(catalog, second)] == ["restored"] and new.read_bytes() == b"words"


def test_by_size_the_oldest_go_first(catalog: Catalog, tmp_path: Path) -> None:
    noise = [bytes(range(256)) * 4 + bytes([number]) for number in range(4)]
    runs = [changed(catalog, tmp_path / f"{i}.txt", old=noise[i], new=b"new %d" % i) for i in range(4)]
    one = catalog.stats().undo_bytes // 4
    assert [run.id for run in catalog.prune(keep_bytes=2 * one + 8)] == runs[:2]
    assert catalog.stats().undo_bytes <= 2 * one + 8
    assert catalog.prune(keep_bytes=2 * one + 8) == []
    assert [run.id for run in catalog.prune(keep_bytes=0)] == runs[2:]
    assert catalog.stats().undo_bytes == 0


def test_what_is_running_or_unsettled_is_left_alone(catalog: Catalog, tmp_path: Path) -> None:
    running = catalog.begin_run({}, [tmp_path])
    killed = catalog.begin_run({}, [tmp_path])
    catalog.intend(killed, None, "txt", tmp_path / "a.txt", Before(b"undo", "77", 1, 0o644), "78")
    catalog.end_run(killed, "failed")
    assert catalog.prune(older_than_s=-DAY, keep_bytes=0) == []
    assert [change.before.data for change in map(catalog.change, [one.id for one in catalog.pending()])] == [b"undo"]
    catalog.end_run(running, "done")
    assert [run.id for run in catalog.prune(older_than_s=-DAY)] == [running]


def test_a_change_without_its_data_never_passes_for_a_new_file(catalog: Catalog, tmp_path: Path) -> None:
    """A file that a run made is deleted by reverting it; one that was there before must not be."""
    file = tmp_path / "a.txt"
    run = changed(catalog, file, old=b"a person's words", new=b"A dog.")
    with closing(sqlite3.connect(catalog.path)) as db:
        db.execute("UPDATE changes SET before = NULL")
        db.commit()
    for force in (False, True):
        (result,) = revert(catalog, run, force=force)
        assert (result.status, result.reason) == ("kept", PRUNED) and file.read_bytes() == b"A dog."
