"""What was typed about several photos and not applied: there again after a restart and a crash, until it is decided."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from mqwen.errors import DiskFullError
from mqwen.library.catalog import Catalog
from mqwen.library.data_folder import data_folder
from tests.desktop.fakes import draw_photos
from tests.desktop.test_editing import settled, text_of

CHILD = """
import os, signal, sys, time
from pathlib import Path
from PySide6.QtCore import QItemSelectionModel, QSettings
from PySide6.QtWidgets import QApplication
from desktop.settings import Settings
from desktop.window import MainWindow
from desktop.worker import CaptionWorker
from tests.desktop.fakes import FakeCaptioner, Loader

app = QApplication([])
store = QSettings(sys.argv[2], QSettings.Format.IniFormat)
window = MainWindow(Settings(store), worker=CaptionWorker(Loader(FakeCaptioner())))
window.show()
window.open([Path(sys.argv[1])])
def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        app.processEvents()
until(lambda: window.photos.rowCount() == 3 and not window.photos.scanning())
window.grid.selectAll()
until(lambda: len(window.editor.paths()) == 3 and window.editor._words)
window.editor.caption.setPlainText("typed and never applied")
folder = Path(os.environ["MQWEN_DATA_DIR"]) / "unapplied-drafts"
until(lambda: list(folder.glob("*.json")))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def photos(tmp_path):
    return draw_photos(tmp_path / "in", ["1.png", "2.png", "3.png"])


@pytest.fixture
def typed(qtbot, open_folder, photos):
    """Type about all photos in a window, and apply nothing."""

    def do(window, text="for all"):
        open_folder(window, photos[0].parent, 3)
        window.grid.selectAll()
        qtbot.waitUntil(lambda: len(window.editor.paths()) == 3 and window.editor.caption.isEnabled())
        window.editor.caption.setPlainText(text)

    return do


def files():
    return sorted((data_folder() / "unapplied-drafts").glob("*.json"))


def restored(qtbot, window, text):
    qtbot.waitUntil(lambda: any(text in said for said in window.notice.texts()))
    return window.editor.drafts


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_after_a_kill_they_are_back_and_can_be_applied(qtbot, make_window, loader, photos, tmp_path, root):
    arguments = [str(photos[0].parent), str(tmp_path / "child.ini")]
    ended = subprocess.run([sys.executable, "-c", CHILD, *arguments], cwd=root, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    window = make_window(loader)  # with nothing open
    drafts = restored(qtbot, window, "about 3 photo")
    assert "typed and never applied" in drafts._text.text() and drafts.isVisible()
    drafts.apply.click()
    settled(qtbot, window)
    assert [text_of(path) for path in photos] == ["typed and never applied"] * 3
    qtbot.waitUntil(lambda: not files())
    with Catalog() as catalog:
        assert catalog.photo(photos[0]).caption == "typed and never applied"


def test_a_window_closes_and_the_next_one_has_them_in_the_fields(
    qtbot, make_window, loader, open_folder, photos, typed
):
    window = make_window(loader)
    typed(window)
    assert window.close(), "nothing is lost by it"
    window = make_window(loader)
    drafts = restored(qtbot, window, "is back")
    open_folder(window, photos[0].parent, 3)
    window.grid.selectAll()
    qtbot.waitUntil(lambda: window.editor.caption.toPlainText() == "for all")
    assert drafts.isHidden() and len(files()) == 1
    window.editor.apply.click()
    settled(qtbot, window)
    qtbot.waitUntil(lambda: not files())
    window.close()
    window = make_window(loader)
    qtbot.waitUntil(lambda: window.kept_drafts.looked)
    assert window.editor.drafts.isHidden() and "is back" not in " ".join(window.notice.texts())


def test_a_discarded_one_is_gone(qtbot, make_window, loader, typed):
    window = make_window(loader)
    typed(window)
    window.close()
    window = make_window(loader)
    restored(qtbot, window, "is back").discard.click()
    qtbot.waitUntil(lambda: not files())


def test_fields_that_are_emptied_again_leave_none(qtbot, make_window, loader, typed):
    window = make_window(loader)
    typed(window)
    qtbot.waitUntil(lambda: len(files()) == 1)
    window.editor.caption.setPlainText("")
    qtbot.waitUntil(lambda: not files())


def test_photos_that_are_gone_or_away(qtbot, make_window, loader, photos, typed, tmp_path):
    window = make_window(loader)
    typed(window)
    window.close()
    away = photos[0].parent.rename(tmp_path / "away")
    window = make_window(loader)
    qtbot.waitUntil(lambda: window.kept_drafts.looked)
    assert window.editor.drafts.isHidden() and len(files()) == 1, "the disk may come back"
    window.close()
    away.rename(photos[0].parent)
    photos[1].unlink()
    window = make_window(loader)
    drafts = restored(qtbot, window, "about 2 photo")
    assert drafts.all()[0].paths == (photos[0], photos[2])
    window.close()
    for path in (photos[0], photos[2]):
        path.unlink()
    window = make_window(loader)
    qtbot.waitUntil(lambda: window.kept_drafts.looked)
    assert window.editor.drafts.isHidden() and not files()
    (gone,) = (data_folder() / "unapplied-drafts").glob("*.gone")
    assert "for all" in gone.read_text("utf-8"), "nothing is lost silently"


def test_a_damaged_file_is_set_aside_and_told(qtbot, make_window, loader, photos, typed, caplog):
    window = make_window(loader)
    typed(window)
    window.close()
    (whole,) = files()
    damaged = [whole.with_name(f"{number}.json") for number in range(2)]
    damaged[0].write_text(whole.read_text()[:-9])
    damaged[1].write_text(json.dumps({"paths": 3}))
    window = make_window(loader)
    restored(qtbot, window, "is back")
    told = " ".join(window.notice.texts())
    for file in damaged:
        assert str(file.with_suffix(".damaged")) in told and file.with_suffix(".damaged").exists()
        assert str(file) in caplog.text


def test_what_the_disk_does_not_take_is_said_before_the_window_closes(make_window, loader, typed, monkeypatch):
    def full(path, data):
        raise DiskFullError("there is no space left", path=path)

    window = make_window(loader)
    monkeypatch.setattr("desktop.draft_files.write_atomic", full)
    typed(window)
    assert not window.close()
    assert "about 3 photo" in window.notice.text() and "cannot be kept" in window.notice.text()
    assert window.close(), "the second time gives it up"


def test_words_go_where_they_stood_when_the_draft_was_typed(qtbot, make_window, loader, open_folder, tmp_path, photos):
    """The metadata.jsonl of a folder above, which nothing but what was open then tells of."""
    below = tmp_path / "in" / "below"
    below.mkdir()
    for photo in photos:
        shutil.move(photo, below / photo.name)
    table = tmp_path / "in" / "metadata.jsonl"
    rows = [{"file_name": f"below/{photo.name}", "text": "old"} for photo in photos]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    window = make_window(loader)
    open_folder(window, tmp_path / "in", 3)
    window.grid.selectAll()
    qtbot.waitUntil(lambda: window.editor.caption.toPlainText() == "old")
    window.editor.caption.setPlainText("new")
    window.close()
    window = make_window(loader)
    restored(qtbot, window, "is back").apply.click()
    settled(qtbot, window)
    assert [json.loads(line)["text"] for line in table.read_text("utf-8").splitlines()] == ["new"] * 3
    assert sorted(path.suffix for path in below.iterdir()) == [".png"] * 3
