"""What the list says of photos that the catalog knows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from desktop.photos import State
from mqwen.library.catalog import Catalog
from mqwen.library.compose import digest
from mqwen.library.records import PhotoUpdate
from tests.desktop.fakes import draw_photos


@pytest.fixture
def folder(tmp_path: Path) -> list[Path]:
    return draw_photos(tmp_path / "in", [f"{number}.png" for number in range(9)])


def test_states_come_from_the_catalog_and_words_from_the_disk(window, open_folder, folder):
    window.catalog.update(
        PhotoUpdate(folder[0], captions={"en": "A dog."}),
        PhotoUpdate(folder[1], captions={"en": "A cat."}),
        PhotoUpdate(folder[2], captions={"en": "A cow."}),
        PhotoUpdate(folder[3], state="failed", reason="it is empty"),
        PhotoUpdate(folder[4], captions={"en": "Embedded."}, written={"embed": "x"}),
        PhotoUpdate(folder[5], captions={"en": "Its file was removed."}, written={"txt": "x"}),
        PhotoUpdate(folder[6], captions={"en": "two"}, written={"txt": digest("one, two")}),
        PhotoUpdate(folder[7], state="skipped", reason="it has text"),
    )
    window.catalog.set_state(folder[1], "approved")
    texts = {0: "A dog.", 1: "A cat.", 2: "A bull, I say.", 6: "one, two"}
    for number, text in texts.items():
        folder[number].with_suffix(".txt").write_text(text, "utf-8")
    open_folder(window, folder[0].parent, 9)
    seen = [(photo.state, photo.caption) for photo in window.photos.listed()]
    assert seen == [
        (State.CAPTIONED, "A dog."),
        (State.APPROVED, "A cat."),
        (State.EDITED, "A bull, I say."),
        (State.FAILED, ""),
        (State.CAPTIONED, "Embedded."),
        (State.NEW, ""),
        (State.CAPTIONED, "one, two"),
        (State.SKIPPED, ""),
        (State.NEW, ""),
    ]
    assert window.photos.photo(folder[3]).reason == "it is empty"
    assert window.photos.count(State.CAPTIONED, State.FAILED) == 4


def test_a_catalog_that_cannot_be_read_costs_the_states_not_the_photos(window, open_folder, folder, monkeypatch):
    data = Path(__file__).parent / "conftest.py"  # a file where the data folder should be
    monkeypatch.setenv("MQWEN_DATA_DIR", str(data))
    folder[0].with_suffix(".txt").write_text("A dog.", "utf-8")
    open_folder(window, folder[0].parent, 9)
    assert window.photos.photo(folder[0]).caption == "A dog."


def test_asks_for_more_photos_than_one_statement_takes(tmp_path, folder):
    from desktop.known import known_of

    with Catalog(tmp_path / "c.db") as catalog:
        catalog.update(PhotoUpdate(folder[0], captions={"": "here"}))
        paths = [Path(f"/nowhere/{number}.jpg") for number in range(40_000)]
        assert set(known_of(catalog, [*paths, folder[0]])) == {folder[0]}


def test_a_photo_keeps_its_state_under_another_name(qtbot, window, open_folder, folder, tmp_path):
    open_folder(window, folder[0].parent, 9)
    window.catalog.update(PhotoUpdate(folder[0], captions={"en": "A dog."}, written={"embed": "x"}))
    window.catalog.set_state(folder[0], "approved")
    window.catalog.update(PhotoUpdate(folder[1], state="failed", reason="it is empty"))
    deeper = folder[0].parent / "deeper"
    deeper.mkdir()
    moved, renamed = folder[0].rename(deeper / "dog.png"), folder[1].rename(folder[0].parent / "renamed.png")
    draw_photos(folder[0].parent, ["quite new.png"], (50, 50))
    window.reload()
    qtbot.waitUntil(lambda: window.photos.rowCount() == 10 and not window.photos.scanning())
    qtbot.waitUntil(lambda: window.photos.photo(moved).state is State.APPROVED)
    assert window.photos.photo(moved).caption == "A dog."
    qtbot.waitUntil(lambda: window.photos.photo(renamed).state is State.FAILED)
    window.sources.close()
    assert window.catalog.photo(folder[0].parent / "quite new.png") is None, "new photos are not read for that"


def test_words_that_stand_in_the_catalog_alone_stay_with_their_picture(window, open_folder, folder):
    edited_in_place, moved, replaced, other = folder[:4]
    for number, path in enumerate((edited_in_place, moved, replaced)):
        Image.new("RGB", (20, 10), (0, 0, 50 * number)).save(path)
        window.catalog.update(PhotoUpdate(path, captions={"en": f"Number {number}."}))
    edited_in_place.write_bytes(other.read_bytes())
    copy = moved.with_suffix(".copy")
    shutil.copyfile(moved, copy)
    os.replace(copy, moved)
    os.utime(moved, (1, 1))
    os.replace(other, replaced)
    open_folder(window, folder[0].parent, 8)
    captions = [window.photos.photo(path).caption for path in (edited_in_place, moved, replaced)]
    assert captions == ["Number 0.", "Number 1.", ""]
    assert window.photos.photo(replaced).state is State.NEW
