"""Catalogs of before version 4, in which a GIF was known by its whole file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mqwen.library import schema
from mqwen.library.catalog import Catalog
from mqwen.library.identity import identities
from mqwen.library.records import PhotoEdit, PhotoUpdate
from tests.library.conftest import squares


def picture(path: Path, seed: int = 0, comment: bytes = b"") -> Path:
    squares(seed=seed).save(path, comment=comment)
    return path


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog of version 3 that knows a.gif, b.gif and c.jpg, with words for each."""
    path = tmp_path / "catalog.db"
    with monkeypatch.context() as patch, Catalog(path) as catalog:
        patch.setattr(
            "mqwen.library.observing.identities", lambda path: (identities(path)[1] or identities(path)[0], None)
        )
        for number, name in enumerate(("a.gif", "b.gif", "c.jpg")):
            photo = picture(tmp_path / name, number)
            catalog.update(PhotoUpdate(photo, captions={"en": f"Picture {name[0]}"}, model="m", fingerprint="f"))
        catalog.edit([PhotoEdit(tmp_path / "b.gif", captions={"en": "A person's"})], "caption")
        known = catalog.photo(tmp_path / "a.gif")
        assert known is not None and known.identity.startswith(f"{known.size:x}-")
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE former_identities")
        db.execute("ALTER TABLE runs DROP COLUMN pruned")
        db.execute("DROP INDEX edits_photo")
        db.execute("PRAGMA user_version = 3")
        db.commit()
    return path


def waiting(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM former_identities").fetchone()[0])


def test_an_unchanged_photo_is_known_by_its_pixels_from_now_on(old: Path, tmp_path: Path) -> None:
    with Catalog(old) as catalog:
        assert waiting(old) == 2
        seen = {photo.path.name: photo for photo in catalog.observe_many(tmp_path / f"{name}.gif" for name in "ab")}
        assert [photo.identity for photo in seen.values()] == [
            identities(tmp_path / "a.gif")[0],
            identities(tmp_path / "b.gif")[0],
        ]
        assert (seen["a.gif"].caption, seen["a.gif"].pixels_changed) == ("Picture a", False)
        assert waiting(old) == 0 and catalog.verify() == []
        # An edit of metadata makes it no other picture now.
        picture(tmp_path / "a.gif", 0, b"words of another program")
        after = catalog.observe(tmp_path / "a.gif")
        assert (after.id, after.caption, after.pixels_changed) == (seen["a.gif"].id, "Picture a", False)
        # What a person changed can be undone, and is then of the same picture.
        catalog.undo()
        undone = catalog.observe(tmp_path / "b.gif")
        assert (undone.caption, undone.pixels_changed) == ("Picture b", False)


def test_one_that_was_renamed_meanwhile_is_found(old: Path, tmp_path: Path) -> None:
    (tmp_path / "a.gif").rename(tmp_path / "z.gif")
    picture(tmp_path / "a.gif", 7)  # another picture of that name
    with Catalog(old) as catalog:
        catalog.observe(tmp_path / "a.gif")
        moved = catalog.observe(tmp_path / "z.gif")
        assert (moved.caption, moved.pixels_changed) == ("Picture a", False)
        new = catalog.observe(tmp_path / "a.gif")
        assert new.id != moved.id and new.caption is None


def test_a_copy_does_not_take_the_place_of_a_touched_original(old: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.gif").write_bytes((tmp_path / "a.gif").read_bytes())
    os.utime(tmp_path / "a.gif", ns=(1, 1))
    with Catalog(old) as catalog:
        assert catalog.observe(tmp_path / "copy.gif").caption is None
        assert catalog.observe(tmp_path / "a.gif").caption == "Picture a"


def test_a_rebuilt_catalog_keeps_waiting(old: Path, tmp_path: Path) -> None:
    with Catalog(old) as catalog:
        catalog._database.rebuild()
        assert waiting(old) == 2
        assert catalog.observe(tmp_path / "a.gif").caption == "Picture a"
        assert waiting(old) == 1


def test_the_suffixes_are_those_of_the_formats(tmp_path: Path) -> None:
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in schema.ONCE_WHOLE)
    for suffix, head in ((".gif", b"GIF89a"), (".avif", b"\0\0\0\x18ftypavif"), (".psd", b"8BPS\0\1")):
        assert suffix in schema.ONCE_WHOLE
        (tmp_path / f"x{suffix}").write_bytes(head + bytes(40))
        identities(tmp_path / f"x{suffix}")
