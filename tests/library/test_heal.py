"""A process that dies between any two steps of writing: the next start leaves a photo written, or as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from mqwen.engine.captioner import Captioner
from mqwen.library.catalog import Catalog
from mqwen.library.heal import heal
from mqwen.library.metadata.plan import read_photo
from mqwen.library.revert import revert
from mqwen.run import RunSettings, run
from tests.scripted import Scripted, draw, look

WRITE = ("txt", "embed", "jsonl")

# Dies at the step that is asked for. One photo, three files: every step of writing it is one of these.
DIE = """
import os, sys
from pathlib import Path
from mqwen.library import atomic, journal_lock
from mqwen.library.catalog import Catalog
from mqwen.library.metadata_jsonl import MetadataJsonl
from mqwen.run import RunSettings, run
from tests.scripted import Scripted

folder, catalog, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def dies(owner, name, *, after):
    real = getattr(owner, name)
    def dying(*arguments, **options):
        if after:
            real(*arguments, **options)
        os._exit(9)
    setattr(owner, name, dying)

def dies_at(owner, name, number, *, after):
    real, calls = getattr(owner, name), []
    def counting(*arguments, **options):
        calls.append(1)
        if len(calls) == number and not after:
            os._exit(9)
        result = real(*arguments, **options)
        if len(calls) == number:
            os._exit(9)
        return result
    setattr(owner, name, counting)

match step.split("-"):
    case ["intended"]: dies(Catalog, "intend_all", after=True)
    case ["temporary", number]: dies_at(atomic.os, "replace", int(number), after=False)
    case ["replaced", number]: dies_at(atomic.os, "replace", int(number), after=True)
    case ["noted"]: dies(MetadataJsonl, "set", after=True)
    case ["confirmed"]: dies(Catalog, "confirm", after=True)
    case ["ended"]: dies(Catalog, "end_run", after=False)
    case ["table"]: dies(MetadataJsonl, "flush", after=False)

settings = RunSettings(write=("txt", "embed", "jsonl"), existing="append", temperature=1.0)
captioner = Scripted(text=lambda photo: "from the first")
for outcome in run([folder], settings, captioner=captioner, catalog=Catalog(catalog)):
    pass
"""
STEPS = ["intended", "temporary-1", "replaced-1", "temporary-2", "replaced-2", "noted", "confirmed", "table", "ended"]
WHOLE = ("confirmed", "table", "ended", "noted")  # all three files had been written


@pytest.fixture
def folder(quick_disk: Path) -> Iterator[Path]:
    yield quick_disk / "photos"


@pytest.mark.skipif(sys.platform == "win32", reason="dies as on a system with os._exit in the middle of a rename")
@pytest.mark.parametrize("step", STEPS)
def test_after_a_death_at_any_step_a_photo_is_whole_and_captioned_once(folder: Path, root: Path, step: str) -> None:
    (photo,) = draw(folder, "a.jpg")
    photo.with_suffix(".txt").write_text("mine")
    (folder / "metadata.jsonl").write_text('{"file_name": "a.jpg", "text": "mine too"}')
    for path in folder.iterdir():
        os.utime(path, (1_000_000, 1_000_000))
    before = look(folder)
    database = folder.parent / "catalog.db"
    died = subprocess.run(
        [sys.executable, "-c", DIE, folder, database, step],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert died.returncode == 9, died.stderr
    with Catalog(database) as catalog:
        second = Scripted(text=lambda photo: "from the second")
        settings = RunSettings(write=WRITE, existing="append", temperature=1.0)
        outcomes = list(run([folder], settings, captioner=cast(Captioner, second), catalog=catalog))
        assert [outcome.status for outcome in outcomes] == ["skipped" if step in WHOLE else "captioned"]
        said = "from the first" if step in WHOLE else "from the second"
        assert bool(second.asked) == (step not in WHOLE)
        assert photo.with_suffix(".txt").read_text() == f"mine, {said}"
        assert (folder / "metadata.jsonl").read_text() == f'{{"file_name": "a.jpg", "text": "mine too, {said}"}}'
        assert read_photo(photo)[photo].caption == said
        assert sorted(path.name for path in folder.iterdir()) == ["a.jpg", "a.txt", "metadata.jsonl"]
        assert not catalog.pending()
        known = catalog.photo(photo)
        assert known and known.state == "captioned" and known.fingerprint
        for number in [row.id for row in catalog.runs()]:
            assert {result.status for result in revert(catalog, number)} <= {"restored"}
        assert look(folder) == before


def test_what_a_person_changed_after_the_death_is_theirs(folder: Path) -> None:
    from mqwen.library.records import Before

    (photo,) = draw(folder, "a.jpg")
    with Catalog(folder.parent / "catalog.db") as catalog:
        number = catalog.begin_run({"style": "brief", "language": "en"}, [folder])
        text = photo.with_suffix(".txt")
        catalog.intend(number, photo, "txt", text, Before(), "0" * 64)
        text.write_text("mine")
    with Catalog(folder.parent / "catalog.db") as catalog:
        heal(catalog)
        assert text.read_text() == "mine" and not catalog.pending()


def test_a_drive_that_is_not_there_waits_for_the_next_start(folder: Path) -> None:
    from mqwen.library.records import Before

    (photo,) = draw(folder, "a.jpg")
    with Catalog(folder.parent / "catalog.db") as catalog:
        number = catalog.begin_run({"style": "brief", "language": "en"}, [folder])
        text = photo.with_suffix(".txt")
        data = b"a dog"
        from hashlib import sha256

        catalog.intend(number, photo, "txt", text, Before(), sha256(data).hexdigest())
        text.write_bytes(data)
    away = folder.rename(folder.parent / "unplugged")
    with Catalog(folder.parent / "catalog.db") as catalog:
        heal(catalog)
        assert len(catalog.pending()) == 1
        away.rename(folder)
        heal(catalog)
        assert not catalog.pending()
        known = catalog.photo(photo)
        assert known and known.caption == "a dog" and known.state == "captioned"
        assert known.written == {"txt": sha256(data).hexdigest()}
