"""Taking runs back: byte for byte and with their dates, over hundreds of files, and never what a person touched."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from mqwen.engine.captioner import Captioner
from mqwen.errors import InputError
from mqwen.library.catalog import Catalog
from mqwen.library.decide import HUMAN
from mqwen.library.jsonl_rows import new_line, parse
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit
from mqwen.library.metadata.plan import plan_embed, read_photo
from mqwen.library.restore import GONE, Restored
from mqwen.library.revert import revert
from mqwen.library.table_undo import restored, texts
from mqwen.run import Outcome, RunSettings, run
from tests.scripted import Scripted, draw, look

ALL = ("txt", "caption", "xmp", "embed", "jsonl")


@pytest.fixture
def tmp_path(quick_disk: Path) -> Path:
    """Thousands of files are synced here."""
    return quick_disk


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield catalog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def go(catalog: Catalog, folder: Path, captioner: Scripted | None = None, **settings: Any) -> dict[str, Outcome]:
    outcomes = run(
        [folder], RunSettings(**settings), captioner=cast(Captioner, captioner or Scripted()), catalog=catalog
    )
    return {outcome.path.name: outcome for outcome in outcomes}


def back(catalog: Catalog, number: int, **options: bool) -> dict[str, Restored]:
    return {result.file.name: result for result in revert(catalog, number, **options)}


def dated(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Give every file an old date of its own and return what there is."""
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        os.utime(path, ns=(10**18 + number, 10**18 + number * 1_000_001))
    return look(folder)


def mixed(folder: Path, count: int) -> None:
    """Photos of all formats and sizes, with and without metadata, and text beside some of them."""
    chance = random.Random(7)
    pixels = np.random.default_rng(7)
    for number in range(count):
        suffix = (".jpg", ".png", ".webp", ".tif", ".gif", ".bmp")[number % 6]
        path = folder / f"sub{number % 5}" / f"photo {number}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        side = 300 if number % 50 == 0 else 24
        image = Image.fromarray(pixels.integers(0, 256, (side, side, 3), dtype=np.uint8))
        options: dict[str, Any] = {}
        if suffix in (".jpg", ".webp") and chance.random() < 0.4:
            exif = Image.Exif()
            exif[0x010E], exif[0x010F] = "an old description", "A camera"
            options["exif"] = exif
        if suffix == ".png" and chance.random() < 0.4:
            options["pnginfo"] = PngImagePlugin.PngInfo()
            options["pnginfo"].add_text("Comment", "kept")
        image.save(path, **options)
        if chance.random() < 0.3:
            path.with_suffix(".txt").write_bytes(
                chance.choice([b"mine", b"\xef\xbb\xbftwo\r\nlines\r\n", "我的".encode()])
            )
        if chance.random() < 0.2:
            for planned in plan_embed(path, Edit(caption="a person's", keywords=("one", "two")), embed=number % 2 == 0):
                commit(planned.path, planned.after or b"", planned.stat_at_read)
    table = folder / "metadata.jsonl"
    table.write_bytes(
        b'{"text": "caf\\u00e9", "file_name": "sub0/photo 0.jpg", "more": [1, 2]}\n{"file_name":"gone.png"}'
    )


@pytest.mark.parametrize("existing", ["append", "overwrite-all"])
def test_a_run_over_500_mixed_files_is_taken_back_byte_for_byte(
    catalog: Catalog, folder: Path, tmp_path: Path, existing: str
) -> None:
    count = 500 if existing == "append" else 60
    mixed(folder, count)
    before = dated(folder)
    shutil.copytree(folder, tmp_path / "copy")
    outcomes = go(catalog, folder, write=ALL, existing=existing)
    assert {outcome.status for outcome in outcomes.values()} == {"captioned"} and len(outcomes) == count
    after = look(folder)
    unchanged = [name for name in before if after[name][0] == before[name][0]]
    assert {Path(name).suffix for name in unchanged} == {".gif", ".bmp"}
    (number,) = [run.id for run in catalog.runs()]
    dry = back(catalog, number, dry_run=True)
    assert look(folder) == after, "a dry run changed something"
    results = back(catalog, number)
    assert {result.status for result in results.values()} == {"restored"}
    assert {name: result.status for name, result in dry.items()} == dict.fromkeys(results, "restored")
    assert look(folder) == before
    copy = {name: data for name, (data, _) in look(tmp_path / "copy").items()}
    assert {name: data for name, (data, _) in look(folder).items()} == copy
    assert back(catalog, number) == {}, "a second time there is nothing left to do"
    assert catalog.run(number).changes == 0


def test_what_was_touched_since_is_kept_and_listed_until_forced(catalog: Catalog, folder: Path) -> None:
    draw(folder, "a.jpg", "b.jpg", "c.jpg", "d.jpg", size=(300, 300))
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(f"old {name}")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "d.jpg", quality=95)
    for planned in plan_embed(folder / "d.jpg", Edit(caption="a person's")):
        commit(planned.path, planned.after or b"", planned.stat_at_read)
    before = dated(folder)
    go(catalog, folder, write=("txt", "embed"), existing="append")
    (folder / "a.txt").write_text("old a, a picture of a that I corrected")
    for planned in plan_embed(folder / "d.jpg", Edit(keywords=("mine",), mode="append")):
        commit(planned.path, planned.after or b"", planned.stat_at_read)
    (folder / "c.txt").unlink()
    touched = look(folder)
    (number,) = [run.id for run in catalog.runs()]
    results = back(catalog, number)
    kept = {name: result.reason for name, result in results.items() if result.status == "kept"}
    assert set(kept) == {"a.txt", "d.jpg"} and all("since" in str(reason) for reason in kept.values())
    now = look(folder)
    assert {name: now[name] for name in kept} == {name: touched[name] for name in kept}
    assert {name: now[name] for name in now if name not in (*kept, "d.txt")} == {
        name: before[name] for name in before if name not in kept
    }
    assert set(back(catalog, number)) == set(kept), "what is back is not listed again"
    forced = back(catalog, number, force=True)
    assert {result.status for result in forced.values()} == {"restored"}
    now = look(folder)
    assert now["a.txt"] == before["a.txt"]
    found = read_photo(folder / "d.jpg")[folder / "d.jpg"]
    assert found.caption == "a person's" and found.keywords == ()
    assert found.provenance and found.provenance.model is None
    with Image.open(folder / "d.jpg") as image:
        assert image.size == (300, 300)
    assert back(catalog, number, force=True) == {}


def test_lines_of_a_table_are_taken_back_one_by_one(catalog: Catalog, folder: Path) -> None:
    draw(folder, "a.png", "b.png", "c.png")
    table = folder / "metadata.jsonl"
    old = b'{ "file_name" : "a.png", "text":"old", "x": 1 }\n{"file_name": "other.png", "text": "theirs"}\n'
    table.write_bytes(old)
    before = dated(folder)
    go(catalog, folder, write=("jsonl",), existing="append")
    first = table.read_bytes()
    draw(folder, "later.png")
    go(catalog, folder, write=("jsonl",))
    table.write_bytes(table.read_bytes().replace(b"a picture of b", b"what I say of b"))
    first_run, second_run = sorted(run.id for run in catalog.runs())
    (result,) = back(catalog, first_run).values()
    assert result.status == "kept" and "1 of its lines" in str(result.reason)
    lines = table.read_bytes().splitlines(keepends=True)
    assert b"".join(lines[:2]) == old
    assert [line.split(b'"')[3] for line in lines[2:]] == [b"b.png", b"later.png"]
    assert b"what I say of b" in lines[2]
    back(catalog, second_run)
    (result,) = back(catalog, first_run, force=True).values()
    assert result.status == "restored"
    (folder / "later.png").unlink()
    assert look(folder) == before and first != old


def test_runs_are_taken_back_in_any_order_where_they_do_not_overlap_else_the_later_first(
    catalog: Catalog, folder: Path
) -> None:
    draw(folder, "a.png")
    (folder / "a.txt").write_text("mine")
    before = dated(folder)
    go(catalog, folder, existing="append")
    go(catalog, folder, Scripted(text=lambda photo: "more"), existing="append", write=("txt", "caption"))
    first, second = sorted(run.id for run in catalog.runs())
    assert back(catalog, first)["a.txt"].status == "kept"
    assert back(catalog, second)["a.txt"].status == "restored"
    assert (folder / "a.txt").read_text() == "mine, a picture of a" and not (folder / "a.caption").exists()
    assert back(catalog, first)["a.txt"].status == "restored"
    assert look(folder) == before


def test_renamed_and_moved_photos_are_found(catalog: Catalog, folder: Path) -> None:
    draw(folder, "a.jpg", "b.png", "c.jpg", "d.jpg")
    before = dated(folder)
    go(catalog, folder, write=("embed", "txt", "xmp"))
    (folder / "deep").mkdir()
    for old, new in (
        ("a.jpg", "deep/z.jpg"),
        ("a.txt", "deep/z.txt"),
        ("a.jpg.xmp", "deep/z.jpg.xmp"),
        ("b.png", "y.png"),
    ):
        (folder / old).rename(folder / new)
    (folder / "c.jpg").unlink()
    (folder / "d.jpg").rename(folder / "x.jpg")
    with open(folder / "x.jpg", "ab") as file:
        file.write(b"touched")
    results = back(catalog, 1)
    kept = {name: result.reason for name, result in results.items() if result.status != "restored"}
    # b's sidecars were left behind: they are still where they were.
    assert kept == {"c.jpg": GONE, "d.jpg": GONE}
    assert look(folder / "deep") == {"z.jpg": before["a.jpg"]}
    after = look(folder)
    assert after["y.png"] == before["b.png"] and {*after} == {"deep/z.jpg", "y.png", "x.jpg"}
    assert {result.status for result in back(catalog, 1).values()} == {"kept"}


def test_the_catalog_knows_whose_text_stands_there_again(catalog: Catalog, folder: Path) -> None:
    (photo,) = draw(folder, "a.png")
    go(catalog, folder, Scripted(text=lambda photo: "first"))
    go(catalog, folder, Scripted(text=lambda photo: "second"), existing="overwrite", prompt="Another?")
    first, second = sorted(run.id for run in catalog.runs())
    back(catalog, second)
    assert photo.with_suffix(".txt").read_text() == "first"
    stale = Scripted(text=lambda photo: "third")
    go(catalog, folder, stale, existing="stale", prompt="Another?")
    assert stale.asked == [photo], "the text that is back is not from that prompt, and it is ours"
    (third, *_) = (run.id for run in catalog.runs())
    back(catalog, third)
    back(catalog, first)
    found = catalog.photo(photo)
    assert not photo.with_suffix(".txt").exists() and found and found.state == "new" and not found.captions
    photo.with_suffix(".txt").write_text("third")
    (outcome,) = go(catalog, folder, Scripted(), existing="overwrite").values()
    assert outcome.reason == HUMAN


def test_after_a_revert_the_photos_are_captioned_as_if_for_the_first_time(catalog: Catalog, folder: Path) -> None:
    paths = draw(folder, "a.jpg", "b.png")
    before = dated(folder)
    go(catalog, folder, write=ALL)
    written = look(folder)
    back(catalog, catalog.runs()[0].id)
    assert look(folder) == before
    again = Scripted()
    go(catalog, folder, again, write=ALL)
    assert again.asked == paths
    assert set(look(folder)) == set(written)


def test_what_is_read_only_waits_and_the_rest_is_back(
    catalog: Catalog, open_folder: Path, as_user: Callable[[], Any]
) -> None:
    for name in ("free", "locked"):
        draw(open_folder / name, "a.jpg", "b.png")
        (open_folder / name / "b.txt").write_text("mine")
    before = dated(open_folder)
    go(catalog, open_folder, write=("txt", "embed"), existing="append")
    for path in open_folder.rglob("*"):
        os.chown(path, 65534, 65534)
    (open_folder / "free" / "b.txt").chmod(0o444)
    for path in (open_folder / "locked" / "a.txt", open_folder / "locked"):
        path.chmod(0o555)
    number = catalog.runs()[0].id
    os.chmod(catalog.path.parent, 0o777)
    with as_user():
        results = {result.file.relative_to(open_folder).as_posix(): result for result in revert(catalog, number)}
    refused = {name for name, result in results.items() if result.status == "failed"}
    assert refused == {"free/b.txt", "locked/a.jpg", "locked/a.txt", "locked/b.png", "locked/b.txt"}
    assert all(results[name].reason for name in refused)
    now = look(open_folder)
    assert {name: now[name] for name in before if name not in refused} == {
        name: before[name] for name in before if name not in refused
    }
    (open_folder / "free" / "b.txt").chmod(0o644)
    (open_folder / "locked").chmod(0o755)
    (open_folder / "locked" / "a.txt").chmod(0o644)
    assert set(back(catalog, number)) == {Path(name).name for name in refused}
    assert look(open_folder) == before


def test_a_part_of_a_run_can_be_taken_back(catalog: Catalog, folder: Path) -> None:
    draw(folder / "one", "a.jpg", "b.jpg")
    draw(folder / "two", "c.jpg")
    before = dated(folder)
    go(catalog, folder, write=("txt", "embed", "jsonl"))
    after = look(folder)
    number = catalog.runs()[0].id
    results = list(revert(catalog, number, [folder / "one" / "a.jpg", folder / "two"]))
    assert {result.status for result in results} == {"restored"}
    now = look(folder)
    assert set(now) == {*before, "one/b.txt", "metadata.jsonl"}
    assert [now[name] for name in ("one/a.jpg", "two/c.jpg")] == [before[name] for name in ("one/a.jpg", "two/c.jpg")]
    assert [now[name] for name in ("one/b.jpg", "one/b.txt")] == [after[name] for name in ("one/b.jpg", "one/b.txt")]
    assert texts(now["metadata.jsonl"][0]) == {"one/b.jpg": "a picture of b"}
    back(catalog, number)
    assert look(folder) == before


def test_a_revert_that_was_stopped_goes_on(catalog: Catalog, folder: Path) -> None:
    draw(folder, *(f"{number}.jpg" for number in range(10)))
    before = dated(folder)
    go(catalog, folder, write=("txt", "embed"))
    results = revert(catalog, catalog.runs()[0].id)
    for _ in range(7):
        next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(back(catalog, catalog.runs()[0].id)) == 13
    assert look(folder) == before


def test_a_revert_that_was_killed_after_the_file_and_before_the_note_sets_date_and_note(
    catalog: Catalog, folder: Path
) -> None:
    (photo,) = draw(folder, "a.jpg")
    before = dated(folder)
    go(catalog, folder, write=("embed",))
    photo.write_bytes(before["a.jpg"][0])
    assert back(catalog, catalog.runs()[0].id)["a.jpg"].status == "restored"
    assert look(folder) == before


def test_a_run_that_is_not_there_or_still_runs_is_refused(catalog: Catalog, folder: Path) -> None:
    with pytest.raises(InputError, match="99"):
        back(catalog, 99)
    draw(folder, "a.png", "b.png")

    def try_now(photo: Path) -> None:
        if runs := catalog.runs():
            with pytest.raises(InputError, match="still running"):
                back(catalog, runs[0].id)

    go(catalog, folder, Scripted(try_now))


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a.png", "b.png", "sub/c.png", ""]), st.text('ab\u00e9\u4e2d "\\', max_size=5), st.booleans()
    ),
    max_size=8,
)


@given(ROWS, st.sets(st.sampled_from(["a.png", "b.png", "new.png"]), min_size=1), st.booleans())
def test_any_table_comes_back_from_any_captions(
    rows: list[tuple[str, str, bool]], captioned: set[str], has_end: bool
) -> None:
    lines = [
        json.dumps({"file_name": name, "text": text}, ensure_ascii=ascii).encode() + b"\n" if name else b"# not JSON\n"
        for name, text, ascii in rows
    ]
    if lines and not has_end:
        lines[-1] = lines[-1].removesuffix(b"\n")
    old = b"".join(lines)
    parsed = [(line, parse(line)) for line in lines]
    before = {name: tuple(line for line, row in parsed if row and row.name == name) for name in captioned}
    written = [row.with_text("new") if row and row.name in captioned else line for line, row in parsed]
    added = [new_line(name, "new") for name in sorted(captioned) if not before[name]]
    if added and written and not written[-1].endswith(b"\n"):
        written.append(b"\n")
    after = restored(b"".join(written + added), before)
    assert after == old or after == old + b"\n"


def test_what_is_kept_for_undoing_is_small_beside_the_photos(catalog: Catalog, folder: Path) -> None:
    mixed(folder, 60)
    go(catalog, folder, write=ALL, existing="append")
    (run,) = catalog.runs()
    by_target: dict[str, list[int]] = {}
    for change in catalog.changes(run.id, data=True):
        by_target.setdefault(change.target, []).append(len(change.before.data or b""))
    assert all(max(sizes) < 4000 for sizes in by_target.values()), by_target
    assert sum(map(sum, by_target.values())) < 60 * 2500
