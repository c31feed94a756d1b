"""What another process does to the open photos is shown without a reload."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from desktop.following import Following
from desktop.photos import Order, State
from mqwen.errors import CatalogError
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos, text_for
from tests.desktop.test_editing import settled

ROOT = Path(__file__).resolve().parents[2]

# The runner of the command line, with a captioner that needs no model.
RUN = """
import sys
from pathlib import Path
from mqwen.library.catalog import Catalog
from mqwen.run import RunSettings, run
from tests.library.test_former_words import Says

with Catalog() as catalog:
    photos = [Path(name) for name in sys.argv[2:]]
    outcomes = list(run(photos, RunSettings(write=(sys.argv[1],)), captioner=Says("said elsewhere"), catalog=catalog))
assert [outcome.status for outcome in outcomes] == ["captioned"] * len(photos), outcomes
"""
APPROVE = """
import sys
from pathlib import Path
from mqwen.library.catalog import Catalog

with Catalog() as catalog:
    catalog.set_state([Path(name) for name in sys.argv[1:]], "approved")
"""


def elsewhere(script: str, *arguments: object) -> None:
    """Run Python in another process, on the same catalog."""
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, check=True, timeout=120)


def test_captions_and_states_of_another_process_come_by_themselves(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])
    open_folder(window, tmp_path / "in", 3)
    qtbot.waitUntil(lambda: window.following._revision is not None)
    window.photos.sort_by(Order.NEWEST)
    elsewhere(RUN, "txt", paths[0], paths[2])
    qtbot.waitUntil(lambda: all(window.photos.photo(path).caption == "said elsewhere" for path in paths[::2]))
    assert [window.photos.photo(path).state for path in paths] == [State.CAPTIONED, State.NEW, State.CAPTIONED]
    elsewhere(APPROVE, paths[2])
    qtbot.waitUntil(lambda: window.photos.photo(paths[2]).state is State.APPROVED)
    assert window.photos.photo(paths[0]).state is State.CAPTIONED


def test_more_than_one_answer_holds_comes_whole(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(250)], (8, 8))
    open_folder(window, tmp_path / "in", 250)
    qtbot.waitUntil(lambda: window.following._revision is not None)
    elsewhere(RUN, "txt", *paths)
    qtbot.waitUntil(lambda: window.photos.count(State.CAPTIONED) == 250)
    assert {window.photos.photo(path).caption for path in paths} == {"said elsewhere"}


def test_words_that_stand_in_a_sidecar_of_metadata_come_too(qtbot, window, open_folder, tmp_path):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    qtbot.waitUntil(lambda: window.following._revision is not None)
    elsewhere(RUN, "xmp", path)
    qtbot.waitUntil(lambda: window.photos.photo(path).caption == "said elsewhere")


def test_what_the_window_does_itself_is_not_looked_at_again(qtbot, make_window, open_folder, tmp_path, monkeypatch):
    paths = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    looked: list[Path] = []
    real = Following._look_at

    def counted(self, photos, *where):  # type: ignore[no-untyped-def]
        looked.extend(photo.path for photo in photos)
        real(self, photos, *where)

    monkeypatch.setattr(Following, "_look_at", counted)
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, tmp_path / "in", 2)
    qtbot.waitUntil(lambda: window.following._revision is not None)
    before = window.following._revision
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    window.photos.setData(window.photos.index_of(paths[0]), "Typed.")
    settled(qtbot, window)
    qtbot.waitUntil(lambda: window.following._revision == window.catalog.revision() > before)
    settled(qtbot, window)
    assert looked == []
    assert [window.photos.photo(path).caption for path in paths] == ["Typed.", text_for(paths[1])]
    elsewhere(APPROVE, paths[1])
    qtbot.waitUntil(lambda: looked == [paths[1]])


def test_words_that_the_disk_has_refused_stay(qtbot, window, open_folder, tmp_path):
    path, other = draw_photos(tmp_path / "in", ["1.png", "2.png"])
    open_folder(window, tmp_path / "in", 2)
    qtbot.waitUntil(lambda: window.following._revision is not None)
    window.photos.set_unsaved(path, "Typed, not saved.", "the disk is full")
    elsewhere(RUN, "txt", path, other)
    qtbot.waitUntil(lambda: window.photos.photo(other).caption == "said elsewhere")
    assert window.photos.photo(path).caption == "Typed, not saved."


def test_a_catalog_that_cannot_be_read_is_told_once_and_asked_again(qtbot, window, open_folder, tmp_path, caplog):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    qtbot.waitUntil(lambda: window.following._revision is not None)
    following, real = window.following, window.catalog.changed_since
    asked = []

    def broken(revision, limit):  # type: ignore[no-untyped-def]
        asked.append(revision)
        raise CatalogError("the catalog is in use by another MQwen")

    window.catalog.changed_since = broken
    qtbot.waitUntil(lambda: following.look() or len(asked) >= 3)
    assert caplog.text.count("in use by another MQwen") == 1
    window.catalog.changed_since = real
    elsewhere(RUN, "txt", path)
    qtbot.waitUntil(lambda: window.photos.photo(path).caption == "said elsewhere")


def test_a_look_that_comes_after_the_end_does_nothing(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png"])
    window = make_window(Loader(FakeCaptioner()))
    open_folder(window, tmp_path / "in", 1)
    window.following.close()
    window.following.look()
    window.sources.opened.emit(())
    assert not window.following._timer.isActive()
