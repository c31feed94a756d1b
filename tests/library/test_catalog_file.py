"""The catalog's file: versions, damage, two processes that open it first, a full disk."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mqwen.errors import CatalogError, DiskFullError
from mqwen.library import schema
from mqwen.library.catalog import Catalog
from mqwen.library.conditions import keyword
from mqwen.library.data_folder import data_folder
from mqwen.library.records import Before, PhotoUpdate


def filled(path: Path, photos: int = 300) -> None:
    with Catalog(path) as catalog:
        run = catalog.begin_run({"model": "m"}, [path.parent])
        for number in range(photos):
            photo = path.parent / f"{number:04d}.jpg"
            photo.write_bytes(b"picture %d" % number)
        list(catalog.observe_many(sorted(path.parent.glob("*.jpg"))))
        catalog.update(
            *(PhotoUpdate(photo.path, captions={"en": f"{photo.path.stem} words"}) for photo in catalog.find())
        )
        for number in range(min(20, photos)):
            photo = path.parent / f"{number:04d}.jpg"
            catalog.intend(run, photo, "txt", photo.with_suffix(".txt"), Before(b"old %d" % number * 400), "")
        catalog.set_caption(path.parent / "0000.jpg", "By hand.")
        catalog.end_run(run, "done")


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_the_data_folder_is_the_user_s_own_or_as_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "elsewhere"))
    assert data_folder() == tmp_path / "elsewhere"
    with Catalog() as catalog:
        assert catalog.path == tmp_path / "elsewhere" / "catalog.db" and catalog.path.exists()
    monkeypatch.delenv("MQWEN_DATA_DIR")
    assert data_folder().name == "mqwen" and data_folder().is_absolute()


def test_a_catalog_of_version_1_is_brought_up_to_date(tmp_path: Path, data_folder: Path) -> None:
    path = tmp_path / "catalog.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((data_folder / "catalog_v1.sql").read_text(encoding="utf-8"))
    assert version(path) == 1
    with Catalog(path) as catalog:
        assert catalog.notice is None and catalog.stats().schema_version == version(path) == schema.VERSION
        photo = catalog.photo("/photos/a.jpg") if os.name != "nt" else catalog.photo_by_id(1)
        assert photo is not None and photo.captions == {"en": "A red car.", "zh": "一辆红色汽车。"}
        assert (photo.keywords, photo.alt_text, photo.logprob, photo.written) == (
            ("Car", "red"),
            "A car",
            -0.25,
            {"txt": "77"},
        )
        assert [hit.photo.id for hit in catalog.search("汽车")] == [1] and catalog.count(keyword("car")) == 1
        (change,) = catalog.changes(1, data=True)
        assert (change.before, change.state) == (Before(b"old", "b1", 3, 0o644), "confirmed")
        assert catalog.photo_by_id(2) is not None and catalog.run(1).counts == {"captioned": 2}
        assert catalog.undo() is None and catalog.verify() == []
    with Catalog(path) as again:
        assert again.count() == 2


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalog.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((data_folder / "catalog_v1.sql").read_text(encoding="utf-8"))

    def fail(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half (a)")
        raise sqlite3.OperationalError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:2], (fail,)))
        with pytest.raises(CatalogError, match="out of memory"):
            Catalog(path)
    assert version(path) == 1
    with closing(sqlite3.connect(path)) as db:
        assert not db.execute("SELECT * FROM sqlite_master WHERE name IN ('half', 'words')").fetchall()
    with Catalog(path) as catalog:
        assert catalog.count() == 2


def test_a_newer_catalog_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match=r"newer MQwen.*Update MQwen"):
        Catalog(path)
    assert path.read_bytes() == before


def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE lightroom (a)")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="another program"):
        Catalog(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [b"not a database, whatever " * 400, b"\0" * 8192], ids=["text", "zeros"])
def test_a_file_that_is_no_database_is_moved_aside(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(damage)
    with Catalog(path) as catalog:
        (aside,) = tmp_path.glob("catalog.db.damaged-*")
        assert aside.read_bytes() == damage
        assert catalog.notice is not None and str(aside) in catalog.notice
        assert catalog.count() == 0 and catalog.verify() == []
    with Catalog(path) as again:
        assert again.notice is None


def test_an_empty_file_is_a_new_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").touch()
    with Catalog(tmp_path / "catalog.db") as catalog:
        assert catalog.notice is None and catalog.count() == 0


def test_what_can_be_read_of_a_damaged_catalog_is_kept(tmp_path: Path) -> None:
    """A page of photos is overwritten: the pages before and after it are read, from either end."""
    path = tmp_path / "catalog.db"
    filled(path)
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute(
            "SELECT pageno FROM dbstat WHERE name = 'photos' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 5"
        ).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    with Catalog(path) as catalog:
        problems = catalog.verify()
        assert problems and "damaged" in problems[0].what and "--repair" in problems[0].hint
        with pytest.raises(CatalogError, match=r"damaged.*verify --repair"):
            catalog.find()
        assert catalog.verify(repair=True) == []
        assert catalog.notice is not None and "photos" in catalog.notice
        (aside,) = tmp_path.glob("catalog.db.damaged-*[0-9]")
        assert str(aside) in catalog.notice
        kept = catalog.find()
        assert 250 < len(kept) < 300
        assert {photo.path.name for photo in kept} >= {"0000.jpg", "0299.jpg"}
        assert all(photo.captions["en"] == f"{photo.path.stem} words" for photo in kept)
        assert len(list(catalog.changes(1))) == 20 and catalog.undo() is not None
        assert [hit.photo.path.name for hit in catalog.search("0299")] == ["0299.jpg"]


def test_a_catalog_that_was_cut_off_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    filled(path)
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)
    with Catalog(path) as catalog:
        assert catalog.verify(repair=True) == []
        assert catalog.notice is not None
        catalog.begin_run({}, [])


def test_a_catalog_in_use_is_not_rebuilt_under_others(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    filled(path, 30)
    with Catalog(path) as catalog, Catalog(path) as other:
        assert other.count() == 30
        with pytest.raises(CatalogError, match="in use"):
            catalog._database.rebuild()
        assert not list(tmp_path.glob("*.damaged-*"))
        assert other.count() == 30


def test_a_search_index_that_does_not_fit_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    filled(path, 10)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM words WHERE rowid = 3")
        db.execute("DELETE FROM photo_keywords")
        db.execute("INSERT INTO photo_keywords VALUES ('x', 4, 'X')")
        db.commit()
    with Catalog(path) as catalog:
        (problem,) = catalog.verify()
        assert "2 photos" in problem.what
        assert catalog.verify(repair=True) == [] == catalog.verify()
        assert len(catalog.search("0002")) == 1 and catalog.notice is None


def test_a_damaged_search_index_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    filled(path, 10)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE words_data SET block = x'00ff' WHERE id > 10")
        db.commit()
    with Catalog(path) as catalog:
        (problem,) = catalog.verify()
        assert "search index is damaged" in problem.what
        assert catalog.verify(repair=True) == []
        assert len(catalog.search("0002")) == 1 and not list(tmp_path.glob("*.damaged-*"))


def test_vacuum_gives_space_back_and_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog(path) as catalog:
        photo = tmp_path / "a.jpg"
        photo.write_bytes(b"a")
        run = catalog.begin_run({}, [])
        catalog.forget(*[catalog.intend(run, photo, "txt", photo, Before(b"x" * 300_000), "") for _ in range(5)])
        kept = catalog.intend(run, photo, "txt", photo, Before(b"kept"), "")
        before = catalog.stats().file_bytes
        assert catalog.vacuum() > 1_000_000
        assert catalog.stats().file_bytes < before - 1_000_000
        assert catalog.change(kept).before.data == b"kept" and catalog.verify() == []


def test_several_processes_may_open_a_new_catalog_at_once(tmp_path: Path, root: Path) -> None:
    script = (
        "import sys\nfrom mqwen.library.catalog import Catalog\nwith Catalog(sys.argv[1]) as c: c.begin_run({}, [])"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", script, str(tmp_path / "catalog.db")]
    processes = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    with Catalog(tmp_path / "catalog.db") as catalog:
        assert len(catalog.runs()) == 4 and catalog.verify() == [] and not list(tmp_path.glob("*damaged*"))


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    filled(path, 20)
    with Catalog(path) as catalog:
        with catalog._database.alone() as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then fails as on a full disk
        run = catalog.begin_run({}, [])
        photo = path.parent / "0000.jpg"
        with pytest.raises(DiskFullError, match="no space left"):
            catalog.intend(run, photo, "txt", photo, Before(os.urandom(10_000_000)), "")
        assert list(catalog.changes(run)) == [] and catalog.verify() == []
        with catalog._database.alone() as db:
            db.execute("PRAGMA max_page_count = 1000000")
        catalog.intend(run, photo, "txt", photo, Before(os.urandom(1_000_000)), "")


@pytest.mark.skipif(os.name == "nt", reason="folders have no such permissions there")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CatalogError, match="MQWEN_DATA_DIR"):
        Catalog(tmp_path / "file" / "catalog.db")
