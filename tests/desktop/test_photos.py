"""The list model: whatever happens to rows, a caption stays with its photo."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop.photos import PHOTO_ROLE, Order, Photo, PhotoModel, State


def photos(count: int, start: int = 0) -> list[Photo]:
    return [Photo(Path(f"/p/{number}.jpg"), number, float(-number)) for number in range(start, start + count)]


def filled(count: int) -> PhotoModel:
    model = PhotoModel()
    model.begin_scan()
    model.add(photos(count))
    model.end_scan()
    return model


@pytest.mark.parametrize(("count", "checked"), [(1000, False), (60, True)])
def test_keeps_each_caption_with_its_photo_through_random_operations(qtbot, count, checked):
    model = filled(count)
    if checked:  # Qt's own checks of every signal against the rows; too slow for 1,000
        QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.QtTest, model)
    every = photos(count)
    random_ = random.Random(20)
    expected: dict[Path, str] = {}
    removed: set[Path] = set()
    for step in range(600):
        match random_.randrange(6):
            case 0 if step % 50 == 0:
                model.begin_scan()
                # A caption that lands between a scan's reading of the sidecar and its row's arrival.
                late = random_.choice(every).path
                model.set_caption(late, f"late {step} {late.name}")
                expected[late] = f"late {step} {late.name}"
                half = len(every) // 2
                found = [Photo(p.path, p.number, p.modified, expected.get(p.path, "")) for p in every]
                for photo in found:
                    if photo.path == late:
                        photo.caption = "what stood in the sidecar before"
                model.add(found[:half])
                model.add(found[half:])
                model.end_scan()
                removed = set()
            case 1:
                model.sort_by(random_.choice(list(Order)))
            case 2 if step % 20 == 0:
                gone = random_.sample(model.paths(), min(5, model.rowCount()))
                model.remove(gone)
                removed |= set(gone)
            case _:
                path = random_.choice(every).path
                text = f"{step} {path.name}"
                model.set_caption(path, text)
                if path not in removed:
                    expected[path] = text
    assert model.rowCount() == len(every) - len(removed)
    for row in range(model.rowCount()):
        photo = model.index(row).data(PHOTO_ROLE)
        assert photo.caption == expected.get(photo.path, "")
        assert model.index_of(photo.path).row() == row
    assert len(expected) > 50


def test_held_rows_follow_their_photo_when_others_are_removed(qtbot):
    model = filled(10)
    held = QPersistentModelIndex(model.index(3))
    path = held.data(PHOTO_ROLE).path
    model.remove([Path("/p/7.jpg"), Path("/p/0.jpg"), Path("/p/1.jpg")])
    assert held.data(PHOTO_ROLE).path == path
    model.remove([path])
    assert not held.isValid()


def test_lists_a_photo_once(qtbot):
    model = filled(3)
    model.add([*photos(2), *photos(2, 3), *photos(2, 3)])
    assert model.paths() == [photo.path for photo in photos(5)]


def test_a_reload_keeps_what_only_this_session_knows(qtbot):
    model = filled(4)
    edited, failed, unsaved, stale = model.paths()
    model.set_caption(edited, "my words", State.EDITED)
    model.set_failed(failed, "broken")
    model.set_unsaved(unsaved, "words in danger", "disk full")
    model.set_caption(stale, "shown before")
    model.begin_scan()
    found = photos(4)
    found[0].caption, found[0].state = "my words", State.CAPTIONED
    found[3].caption, found[3].state = "changed by another program", State.CAPTIONED
    model.add(found)
    model.end_scan()
    states = [(model.photo(path).caption, model.photo(path).state) for path in model.paths()]
    assert states == [
        ("my words", State.EDITED),
        ("", State.FAILED),
        ("words in danger", State.FAILED),
        ("changed by another program", State.CAPTIONED),
    ]
    assert [photo.path for photo in model.unsaved()] == [unsaved]
    # Two reloads, one in the middle of the other.
    model.begin_scan()
    model.begin_scan()
    model.add(photos(4))
    model.end_scan()
    assert model.photo(unsaved).caption == "words in danger"


def test_what_happens_to_a_photo_that_is_not_listed_is_nothing(qtbot):
    model = filled(2)
    model.remove([Path("/p/1.jpg")])
    model.set_caption(Path("/p/1.jpg"), "too late")
    model.add([Photo(Path("/p/1.jpg"), 1)])
    assert model.photo(Path("/p/1.jpg")).caption == ""


def test_takes_only_real_edits(qtbot):
    model = filled(1)
    model.set_caption(Path("/p/0.jpg"), "before")
    edits: list[tuple[Path, str]] = []
    model.edit_committed.connect(lambda path, text: edits.append((path, text)))
    index = model.index(0)
    assert not model.setData(index, "before")
    assert not model.setData(index, " \n ")
    assert model.setData(index, " two\nlines ")
    assert edits == [(Path("/p/0.jpg"), "two lines")]
    model.set_unsaved(Path("/p/0.jpg"), "two lines", "disk full")
    assert model.setData(index, "two lines"), "words that the disk refused can be tried again"


def test_tells_a_screen_reader_name_state_and_caption(qtbot):
    model = filled(1)
    path = Path("/p/0.jpg")
    model.set_caption(path, "A cat.")
    assert model.index(0).data(Qt.ItemDataRole.AccessibleTextRole) == "0.jpg, captioned, A cat."
    model.set_running([path])
    assert model.index(0).data(Qt.ItemDataRole.AccessibleTextRole) == "0.jpg, being captioned, A cat."


def test_a_failure_during_a_scan_leaves_the_text_that_the_scan_finds(qtbot):
    model = PhotoModel()
    model.begin_scan()
    [found] = photos(1)
    model.set_failed(found.path, "broken")
    found.caption, found.state = "from the sidecar", State.CAPTIONED
    model.add([found])
    model.end_scan()
    photo = model.photo(found.path)
    assert (photo.caption, photo.state, photo.reason) == ("from the sidecar", State.FAILED, "broken")
