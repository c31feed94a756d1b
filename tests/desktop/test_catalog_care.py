"""Checking the catalog in the window: said when it is whole, repaired and told when it is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from desktop.language import set_language
from mqwen.library.catalog import Catalog
from mqwen.library.records import PhotoUpdate
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos


def fill(folder, photos=300):
    paths = draw_photos(folder, [f"{number:03}.png" for number in range(photos)], (2, 2))
    with Catalog() as catalog:
        list(catalog.observe_many(paths))
        catalog.update(*(PhotoUpdate(path, captions={"en": f"{path.stem} words"}) for path in paths))
        return catalog.path


def damage_a_page(path):
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute(
            "SELECT pageno FROM dbstat WHERE name = 'photos' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 5"
        ).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def checked(qtbot, window):
    with qtbot.waitSignal(window.catalog_care.finished):
        window.catalog_care.action.trigger()
    return window.notice.text()


def test_a_whole_catalog_is_said_to_be_whole(qtbot, window):
    assert checked(qtbot, window) == "Nothing is wrong with the catalog."
    assert checked(qtbot, window) == "Nothing is wrong with the catalog.", "and again"


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_damaged_catalog_is_made_anew_and_told(qapp, qtbot, make_window, loader, tmp_path, language):
    path = fill(tmp_path / "in")
    damage_a_page(path)
    try:
        set_language(qapp, language)
        text = checked(qtbot, make_window(loader))
    finally:
        set_language(qapp, "en")
    (aside,) = path.parent.glob("*.damaged-*[0-9]")
    assert str(aside) in text
    assert ("photos and their files are untouched" in text) == (language == "en"), text
    assert ("照片及其文件没有改动" in text and "was" not in text) == (language == "zh_CN"), text
    with Catalog() as catalog:
        assert catalog.verify() == [] and 200 < len(catalog.find()) < 300


def test_a_damaged_search_index_is_made_anew_and_told(qtbot, make_window, loader, tmp_path):
    path = fill(tmp_path / "in", 5)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM words WHERE rowid = 3")
        db.commit()
    assert "search index" in checked(qtbot, make_window(loader))
    with Catalog() as catalog:
        assert len(catalog.search("002")) == 1


def test_no_check_goes_on_beside_a_run(qtbot, make_window, open_folder, tmp_path):
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    draw_photos(tmp_path / "in", ["a.png"])
    open_folder(window, tmp_path / "in", 1)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.catalog_care.action.trigger()
    assert window.notice.text() == "The catalog can be checked when the run has ended."
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(1)
    assert checked(qtbot, window) == "Nothing is wrong with the catalog."
