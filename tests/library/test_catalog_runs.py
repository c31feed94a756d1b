"""Runs and their changes of files, in one process and in several, and under kill -9."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mqwen.errors import CatalogError, ImageError, InputError
from mqwen.library.catalog import Catalog
from mqwen.library.records import Before, PhotoUpdate

# A process that writes files with undo records, and says what it has done as soon as it has.
WRITER = """
import sys
from pathlib import Path
from mqwen.library.catalog import Catalog
from mqwen.library.records import Before, PhotoUpdate

folder, first, count = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with Catalog(sys.argv[1]) as catalog:
    run = catalog.begin_run({"first": first}, [folder])
    print("run", run, flush=True)
    for number in range(first, first + count):
        photo, file = folder / f"{number}.jpg", folder / f"{number}.txt"
        photo.write_bytes(b"picture %d" % number)
        change = catalog.intend(run, photo, "txt", file, Before(b"old %d" % number, "b", 1, 0o644), "a")
        print("intended", change, flush=True)
        file.write_text(f"Caption {number}.")
        catalog.confirm(change, photo=PhotoUpdate(photo, captions={"en": f"Caption {number}."}, run=run))
        print("confirmed", change, flush=True)
    catalog.end_run(run, "done", {"captioned": count})
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield catalog
        assert catalog.verify() == []


@pytest.fixture
def writer(tmp_path: Path, root: Path) -> Iterator[Any]:
    processes: list[subprocess.Popen[str]] = []
    (tmp_path / "photos").mkdir()

    def start(first: int, count: int) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-c", WRITER, tmp_path / "catalog.db", tmp_path / "photos", str(first), str(count)]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_run_with_its_settings_and_changes(catalog: Catalog, tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"a")
    run = catalog.begin_run({"style": "brief", "write": ("txt", "xmp"), "folder": tmp_path}, [tmp_path])
    before = Before(b"old", "00", 123456789, 0o640)
    first = catalog.intend(run, photo, "txt", tmp_path / "a.txt", before, "11")
    second = catalog.intend(run, photo, "xmp", tmp_path / "a.jpg.xmp", Before(), "22")
    third = catalog.intend(run, None, "jsonl", tmp_path / "metadata.jsonl", Before(b""), "33")
    assert [change.state for change in catalog.changes(run)] == ["intended"] * 3
    catalog.confirm(first, second, photo=PhotoUpdate(photo, captions={"en": "A."}, run=run))
    catalog.confirm(third)
    one, two, three = catalog.changes(run, data=True)
    known = catalog.photo(photo)
    assert known is not None and (one.photo, two.photo, three.photo) == (known.id, known.id, None)
    assert (one.before, two.before, three.before.data) == (before, Before(), b"")
    assert (one.file, one.target, one.after_sha256, one.state) == (tmp_path / "a.txt", "txt", "11", "confirmed")
    assert next(catalog.changes(run)).before.data is None and catalog.change(first) == one
    assert [change.id for change in catalog.changes(run, newest_first=True)] == [third, second, first]
    catalog.mark_reverted(first)
    assert [change.id for change in catalog.changes(run, state="confirmed")] == [second, third]
    running = catalog.run(run)
    assert (running.status, running.ended, running.changes, running.reverted) == ("running", None, 2, 1)
    assert running.settings == {"style": "brief", "write": ["txt", "xmp"], "folder": str(tmp_path)}
    catalog.end_run(run, "done", {"captioned": 1})
    done = catalog.run(run)
    assert (done.status, done.counts, done.roots) == ("done", {"captioned": 1}, (tmp_path,))
    assert done.ended is not None and done.ended >= done.started
    later = catalog.begin_run({}, [])
    assert [found.id for found in catalog.runs()] == [later, run]


def test_what_is_not_there_is_said(catalog: Catalog, tmp_path: Path) -> None:
    for call in (lambda: catalog.run(7), lambda: catalog.change(7)):
        with pytest.raises(InputError, match="there is no"):
            call()
    run = catalog.begin_run({}, [])
    with pytest.raises(ImageError):
        catalog.intend(run, tmp_path / "gone.jpg", "txt", tmp_path / "gone.txt", Before(), "")
    with pytest.raises(InputError, match="cannot end"):
        catalog.end_run(run, "perhaps")
    with pytest.raises(CatalogError):
        catalog.intend(run + 1, None, "txt", tmp_path / "a.txt", Before(), "")
    assert list(catalog.changes(run)) == [] and catalog.run(run).status == "running"


def test_many_changes_come_page_by_page(catalog: Catalog, tmp_path: Path) -> None:
    run = catalog.begin_run({}, [])
    with catalog._database.write() as db:
        db.executemany(
            "INSERT INTO changes (run, target, file, after_sha256, at, before) VALUES (?, 'txt', 'f', '', 0, ?)",
            [(run, b"%d" % number) for number in range(2500)],
        )
    assert [change.before.data for change in catalog.changes(run, data=True)] == [b"%d" % n for n in range(2500)]
    numbers = [change.id for change in catalog.changes(run)]
    assert len(set(numbers)) == 2500 and [c.id for c in catalog.changes(run, newest_first=True)] == numbers[::-1]
    catalog.confirm(*numbers)
    catalog.forget(*numbers)  # what was made is not forgotten
    assert catalog.run(run).changes == 2500


def test_undo_records_and_edits_are_synced(catalog: Catalog) -> None:
    """SQLite says how it would commit: 2 syncs its log each time, which is what survives a power loss."""
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        with catalog._database.write(durable=durable) as db:
            assert db.execute("PRAGMA synchronous").fetchone() == (level,)
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_pending_is_what_a_dead_run_left(catalog: Catalog, tmp_path: Path) -> None:
    with Catalog(catalog.path) as other:
        run = other.begin_run({}, [])
        intended = [other.intend(run, None, "txt", tmp_path / f"{n}.txt", Before(), "") for n in range(3)]
        assert catalog.pending() == other.pending() == []
        assert catalog.run(run).status == other.run(run).status == "running"
    assert catalog.run(run).status == "interrupted"
    assert [change.id for change in catalog.pending()] == intended
    catalog.forget(intended[0])
    catalog.confirm(intended[1])
    assert [change.id for change in catalog.pending()] == intended[2:]
    assert list(tmp_path.glob("*.lock")) == [], "a lock was left"


def test_an_ended_run_leaves_what_it_did_not_settle_to_others(catalog: Catalog, tmp_path: Path) -> None:
    run = catalog.begin_run({}, [])
    change = catalog.intend(run, None, "txt", tmp_path / "a.txt", Before(), "")
    catalog.end_run(run, "failed")
    assert [pending.id for pending in catalog.pending()] == [change]


def test_threads_write_and_read_at_once(catalog: Catalog, tmp_path: Path) -> None:
    run = catalog.begin_run({}, [])
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for number in range(12):
                photo = tmp_path / f"{worker}-{number}.jpg"
                photo.write_bytes(b"%d %d" % (worker, number))
                change = catalog.intend(run, photo, "txt", photo.with_suffix(".txt"), Before(), "")
                catalog.confirm(change, photo=PhotoUpdate(photo, captions={"en": f"worker {worker}"}, run=run))
                assert catalog.observe(photo).caption == f"worker {worker}"
                assert catalog.search(f"worker {worker}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert catalog.run(run).changes == 72 and catalog.count() == 72


def test_two_processes_write_at_once(catalog: Catalog, writer: Any, tmp_path: Path) -> None:
    one, two = writer(0, 25), writer(100, 25)
    run = catalog.begin_run({}, [])
    for number in range(25):
        catalog.confirm(catalog.intend(run, None, "txt", tmp_path / f"{number}.txt", Before(), ""))
    assert one.wait(120) == two.wait(120) == 0
    assert sorted(found.changes for found in catalog.runs()) == [25, 25, 25]
    assert catalog.count() == 50 and catalog.pending() == []


@pytest.mark.parametrize(
    "kills", [4, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])], ids=["few", "many"]
)
def test_kill_9_loses_nothing_that_was_said(tmp_path: Path, writer: Any, kills: int) -> None:
    rng = random.Random(kills)
    path = tmp_path / "catalog.db"
    with Catalog(path) as catalog:
        for number in range(kills):
            process = writer(1000 * number, 1000)
            wanted = rng.randrange(1, 30)
            lines = [process.stdout.readline() for _ in range(wanted)]
            # At once: it is by now anywhere between two lines.
            process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            lines += process.stdout.read().splitlines()
            process.wait()
            said = [line.split() for line in lines]
            assert said[0][0] == "run"
            run = catalog.run(int(said[0][1]))
            assert run.status == "interrupted"
            changes = {change.id: change for change in catalog.changes(run.id, data=True)}
            intended = [int(what[1]) for what in said if what[0] == "intended"]
            confirmed = {int(what[1]) for what in said if what[0] == "confirmed"}
            assert set(intended) <= set(changes), "an undo record is gone"
            assert confirmed <= {number for number, change in changes.items() if change.state == "confirmed"}
            for i, change in enumerate(changes.values()):
                assert change.before.data == b"old %d" % (1000 * number + i)
                if change.state == "confirmed":
                    photo = catalog.photo_by_id(change.photo or 0)
                    assert photo is not None and photo.caption == f"Caption {1000 * number + i}."
            pending = catalog.pending()
            assert {change.id for change in pending} == set(changes) - {
                number for number, change in changes.items() if change.state == "confirmed"
            }
            # Nobody changes a file of which it has no record: at most the last one is without a confirmation.
            assert len(pending) <= 1
            catalog.forget(*(change.id for change in pending))
            assert catalog.verify() == []
