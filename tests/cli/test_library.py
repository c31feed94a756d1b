"""`mqwen library` and `mqwen bench library` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mqwen.library.catalog import Catalog
from mqwen.library.records import PhotoUpdate


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two captioned photos in a catalog of their own; the data folder."""
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))
    with Catalog() as catalog:
        for number, text, language in ((1, "A red car.", "en"), (2, "一辆红色汽车。", "zh")):
            photo = tmp_path / f"{number}.jpg"
            photo.write_bytes(b"%d" % number)
            catalog.update(PhotoUpdate(photo, captions={language: text}, keywords=[f"key {number}"], logprob=-0.5))
    return tmp_path / "data"


def test_search(inside: Any, library: Path) -> None:
    done = inside("library", "search", "red", "car", "--json")
    (line,) = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0 and line.pop("score") < 0
    assert line == {
        "path": str(library.parent / "1.jpg"),
        "state": "captioned",
        "captions": {"en": "A red car."},
        "keywords": ["key 1"],
        "alt_text": None,
        "model": None,
        "logprob": -0.5,
    }
    assert inside("library", "search", "车").stdout == f"{library.parent / '2.jpg'}: 一辆红色汽车。 | key 2\n"
    both = inside("library", "search", "key")
    assert len(both.stdout.splitlines()) == 2
    assert len(inside("library", "search", "key", "--limit", 1).stdout.splitlines()) == 1
    none = inside("library", "search", '"car red')
    assert (none.returncode, none.stdout) == (0, "") and "no photo" in none.stderr


def test_stats(inside: Any, library: Path) -> None:
    done = inside("library", "stats", "--json")
    found = json.loads(done.stdout)
    assert (found["photos"], found["states"]["captioned"], found["languages"]) == (2, 2, {"en": 1, "zh": 1})
    assert found["path"] == str(library / "catalog.db")
    told = inside("library", "stats").stdout
    assert "2 (2 captioned)" in told and "1 en, 1 zh" in told and "catalog.db" in told


def test_verify_and_vacuum(inside: Any, library: Path) -> None:
    done = inside("library", "verify")
    assert done.returncode == 0 and "nothing is wrong" in done.stdout
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(library / "catalog.db")) as db:
        db.execute("DELETE FROM words")
        db.commit()
    wrong = inside("library", "verify", "--json")
    assert wrong.returncode == 1 and "search index" in json.loads(wrong.stdout)["problems"][0]["what"]
    mended = inside("library", "verify", "--repair", "--json")
    assert mended.returncode == 0 and json.loads(mended.stdout)["problems"] == []
    assert inside("library", "search", "red").stdout
    freed = inside("library", "vacuum", "--json")
    assert freed.returncode == 0 and json.loads(freed.stdout)["freed"] >= 0
    assert inside("library", "vacuum").stdout.endswith("bytes freed\n")


def test_a_damaged_catalog_is_told(inside: Any, library: Path) -> None:
    (library / "catalog.db").write_bytes(b"broken " * 1000)
    (library / "catalog.db-wal").unlink(missing_ok=True)
    done = inside("library", "stats", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["photos"] == 0
    assert "was damaged" in done.stderr and "catalog.db.damaged-" in done.stderr


def test_a_newer_catalog_is_told(inside: Any, library: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(library / "catalog.db")) as db:
        db.execute("PRAGMA user_version = 999")
    done = inside("library", "stats")
    assert done.returncode == 2 and "newer MQwen" in done.stderr and "Traceback" not in done.stderr


def test_the_benchmark(inside: Any) -> None:
    done = inside("bench", "library", "--photos", 40, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["photos"], figures["photos_seen"], figures["photos_known"], figures["problems"]) == (40, 40, 40, 0)
    assert figures["unchanged scan cpu_s"] > 0 and figures["lookup median_ms"] > 0
    told = inside("bench", "library", "--photos", 5).stdout
    assert "lookup median_ms" in told


def test_an_unknown_benchmark_and_a_wrong_option(inside: Any) -> None:
    done = inside("bench", "nonesuch")
    assert done.returncode == 2 and "invalid choice" in done.stderr
    done = inside("bench", "library", "--photos", 0)
    assert done.returncode == 2 and "--photos" in done.stderr
    assert "--photos" in inside("bench", "library", "--help").stdout


def test_vacuum_gives_up_undo_data_only_when_asked(inside: Any, library: Path) -> None:
    from mqwen.library.records import Before

    with Catalog() as catalog:
        run = catalog.begin_run({}, [library])
        catalog.confirm(catalog.intend(run, None, "txt", library / "1.txt", Before(b"undo" * 9, "77", 1, 0o644), "78"))
        catalog.end_run(run, "done")
    assert "no longer" not in inside("library", "vacuum").stdout
    asked = inside("library", "vacuum", "--undo-older-than", 1)
    assert asked.returncode == 0 and "no longer" not in asked.stdout
    with Catalog() as catalog, catalog._database.write() as db:
        db.execute("UPDATE runs SET ended = 1000000000")
    dry = inside("library", "vacuum", "--undo-older-than", 1, "--dry-run").stdout
    assert f"run {run}, which ended on 2001-09-09, could then no longer be reverted (36 bytes)" in dry
    assert "can no longer" not in inside("runs", "list").stdout
    done = inside("library", "vacuum", "--undo-older-than", 1, "--undo-larger-than", 1, "--json")
    assert [entry["run"] for entry in json.loads(done.stdout)["pruned"]] == [run]
    assert "can no longer be reverted" in inside("runs", "list").stdout
    refused = inside("revert", run)
    assert refused.returncode == 2 and f"run {run} can no longer be reverted" in refused.stderr
