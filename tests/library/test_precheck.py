"""What a run would come to, said before its first byte; and nothing is written for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mqwen.cli.precheck_report import report
from mqwen.engine.captioner import Captioner
from mqwen.errors import ImageError
from mqwen.library import image
from mqwen.library import precheck as module
from mqwen.library.catalog import Catalog
from mqwen.library.decide import HAS_TEXT
from mqwen.library.precheck import Precheck, precheck
from mqwen.run import RunSettings, run
from tests.scripted import Scripted, draw, look


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield catalog


def check(catalog: Catalog | None, folder: Path, seconds: float = 60.0, **settings: Any) -> Precheck:
    return precheck([folder], RunSettings(**settings), catalog=catalog, seconds=seconds)


def test_it_counts_and_names_what_is_in_the_way(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    a, b, c, z, done = draw(folder, "a.jpg", "b.png", "c.gif", "z.jpg", "done.webp")
    draw(folder, "z.tif")
    done.with_suffix(".txt").write_text("mine")
    latin, _ = draw(folder / "sub", "latin.jpg", "linked.jpg")
    latin.with_suffix(".txt").write_bytes("Müller".encode("latin-1"))
    os.link(folder / "sub" / "linked.jpg", tmp_path / "linked elsewhere.jpg")
    a.chmod(0o444)
    (folder / "b.png.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    (folder / "c.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    before = look(tmp_path / "photos")
    found = check(catalog, folder, write=("txt", "embed"))
    assert look(folder) == before
    assert found.photos == 8 and found.formats == {"JPEG": 4, "PNG": 1, "GIF": 1, "WEBP": 1, "TIFF": 1}
    # done.webp lacks embedded metadata: it is asked about for that.
    assert found.to_caption == 7 and not found.skipped
    assert found.collisions == [(z, folder / "z.tif")]
    assert found.read_only == [a] and found.hard_linked == [folder / "sub" / "linked.jpg"]
    assert list(found.unreadable) == [latin.with_suffix(".txt")]
    assert found.sidecar_styles == {"name": 1, "stem": 1}
    instead = {photo: reason for reason, photos in found.sidecars_instead.items() for photo in photos}
    assert set(instead) == {a, c, folder / "sub" / "linked.jpg"}
    assert "read-only" in instead[a] and "neither JPEG" in instead[c]
    assert found.looked_into == 7 and found.free_bytes and found.needed_bytes > 7 * 4096
    assert found.seconds is None
    said = "\n".join(report(found))
    for words in ("8 pictures: 4 JPEG", "7 to caption", "z.jpg and z.tif", "read-only", "not UTF-8", "IMG.xmp", "free"):
        assert words in said


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100
AVIF = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + b"\0" * 100


def test_photos_without_a_decoder_are_told_apart(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    draw(folder, "a.jpg", "b.jpg")
    (folder / "b.jpg").rename(folder / "jpeg in truth.heic")
    for name in ("1.heic", "2.HEIF"):
        (folder / name).write_bytes(HEIC)
    (folder / "3.avif").write_bytes(AVIF)
    (folder / "done.heic").write_bytes(HEIC)
    (folder / "done.txt").write_text("mine")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(image, "_decodes_avif", lambda head: False)
    found = check(catalog, folder)
    assert found.photos == 6 and found.to_caption == 2 and found.skipped == {HAS_TEXT: 1}
    by_kind = {"HEIC" if "HEIC" in reason else "AVIF": paths for reason, paths in found.undecodable.items()}
    assert by_kind == {"HEIC": [folder / "1.heic", folder / "2.HEIF"], "AVIF": [folder / "3.avif"]}
    said = "\n".join(report(found))
    assert "2 to caption" in said and "2 cannot be read here" in said and "pip install pillow-heif" in said
    outcomes = run([folder], RunSettings(dry_run=True), captioner=None, catalog=catalog)
    failed = {outcome.path.name: outcome.reason for outcome in outcomes if outcome.status == "failed"}
    assert failed.keys() == {"1.heic", "2.HEIF", "3.avif"} and "pillow-heif" in (failed["1.heic"] or "")
    # What read_image() says itself, so that no run comes to another end.
    for name in failed:
        with pytest.raises(ImageError, match="decoder"):
            image.read_image(folder / name)


def test_photos_with_a_decoder_are_to_be_captioned(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "photos", "a.avif")
    (tmp_path / "photos" / "b.heic").write_bytes(HEIC)
    monkeypatch.setattr(image, "_heif_opener", lambda: lambda file, name: None)
    found = check(catalog, tmp_path / "photos")
    assert found.to_caption == 2 and not found.undecodable


def test_it_agrees_with_the_run_about_what_goes_where(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    draw(folder, "a.jpg", "b.gif", "c.bmp", "d.png")
    (folder / "d.jpg").write_bytes((folder / "a.jpg").read_bytes()[:40])
    foreseen = check(catalog, folder, write=("embed",))
    quick = check(catalog, folder, seconds=-1, write=("embed",))
    outcomes = list(
        run([folder], RunSettings(write=("embed",)), captioner=cast(Captioner, Scripted()), catalog=catalog)
    )
    told = {outcome.path for outcome in outcomes if outcome.reason}
    assert {photo for photos in foreseen.sidecars_instead.values() for photo in photos} == told
    assert foreseen.looked_into == 5 and quick.looked_into == 0
    assert {photo.suffix for photos in quick.sidecars_instead.values() for photo in photos} == {".gif", ".bmp"}


def test_the_time_is_told_by_the_last_run_of_this_model(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    draw(folder, "a.jpg", "b.jpg")
    number = catalog.begin_run({"model": "big"}, [folder])
    catalog.end_run(number, "done", {"captioned": 4})
    row = catalog.run(number)
    assert row.ended is not None
    found = check(catalog, folder, model="some/big")
    assert found.seconds == pytest.approx(2 * (row.ended - row.started) / 4)
    assert check(catalog, folder, model="other").seconds is None
    assert any("at the speed of the last run" in line for line in report(found))


def test_skipped_photos_have_their_reason_and_no_catalog_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    draw(folder, "a.jpg", "b.jpg")
    (folder / "a.txt").write_text("mine")
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "photos" / "a.txt"))
    found = check(None, folder)
    assert found.skipped == {HAS_TEXT: 1} and found.to_caption == 1


def test_a_disk_that_is_too_small_is_said(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "photos", "a.jpg")
    real = module.shutil.disk_usage
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: real(folder)._replace(free=100))
    found = check(catalog, tmp_path / "photos", write=("txt",))
    assert found.free_bytes == 100 and any("NOT enough" in line for line in report(found))


def test_folders_that_cannot_be_written_are_named(
    catalog: Catalog, open_folder: Path, as_user: Callable[[], Any]
) -> None:
    draw(open_folder / "locked", "a.jpg")
    (open_folder / "locked").chmod(0o555)
    with as_user():
        found = check(None, open_folder)
    assert found.read_only_folders == [open_folder / "locked"]


def test_it_ends_when_it_is_told_to(catalog: Catalog, tmp_path: Path) -> None:
    draw(tmp_path / "photos", *(f"{number}.png" for number in range(5)))
    looks: list[int] = []

    def stopped() -> bool:
        looks.append(1)
        return len(looks) > 3

    assert precheck([tmp_path / "photos"], RunSettings(), catalog=catalog, stopped=stopped).photos == 3
