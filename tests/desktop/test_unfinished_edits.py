"""An edit that a kill or the closing of the window stops on its way into the files: the next start finishes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

import desktop.edited
import desktop.editing
from mqwen.library.catalog import Catalog
from mqwen.library.edited_files import Words, write_words
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit
from mqwen.library.metadata.plan import plan_embed, read_photo
from mqwen.library.targets import Targets
from mqwen.library.unfinished_edits import UnfinishedEdit, unfinished_edits
from tests.desktop.fakes import draw_photos
from tests.desktop.test_editing import settled, text_of

COUNT = 24
CHILD = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
import desktop.edited
import desktop.editing
from desktop.settings import Settings
from desktop.window import MainWindow
from desktop.worker import CaptionWorker
from tests.desktop.fakes import FakeCaptioner, Loader

folder, settings, kind, writes = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
app = QApplication([])
store = QSettings(settings, QSettings.Format.IniFormat)
window = MainWindow(Settings(store), worker=CaptionWorker(Loader(FakeCaptioner())))
window.show()
window.open([folder])
while window.photos.rowCount() < 24 or window.photos.scanning():
    app.processEvents()
def edit():
    window.editing.apply(window.photos.paths(), lambda _, words: words.with_caption("", "new"), "caption")
    window.editing.finish()
if kind == "undo":
    edit()
real = desktop.edited.write_words
def write_words(*arguments, **options):
    global writes
    if writes == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    writes -= 1
    real(*arguments, **options)
desktop.edited.write_words = write_words
if kind == "undo":
    window.editing.undo()
    window.editing.finish()
else:
    edit()
"""


@pytest.fixture
def photos(tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number:02}.png" for number in range(COUNT)])
    for path in paths:
        path.with_suffix(".txt").write_text("old", "utf-8")
    return paths


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
@pytest.mark.parametrize("kind", ["edit", "undo"])
@pytest.mark.parametrize("writes", [0, 7])
def test_after_a_kill_the_next_start_writes_the_other_files(
    qtbot, make_window, loader, photos, tmp_path, root, kind, writes
):
    arguments = [str(photos[0].parent), str(tmp_path / "child.ini"), kind, str(writes)]
    ended = subprocess.run([sys.executable, "-c", CHILD, *arguments], cwd=root, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    was, becomes = ("old", "new") if kind == "edit" else ("new", "old")
    assert sum(text_of(path) == becomes for path in photos) == writes
    photos[-1].with_suffix(".txt").write_text("somebody's since", "utf-8")
    photos[-2].with_suffix(".txt").unlink()
    photos[-2].unlink()
    window = make_window(loader)
    qtbot.waitUntil(lambda: all(text_of(path) == becomes for path in photos[:-2]))
    settled(qtbot, window)
    assert text_of(photos[-1]) == "somebody's since"
    assert not photos[-2].with_suffix(".txt").exists()
    assert unfinished_edits(window.catalog.path) == []
    with Catalog() as catalog:
        assert catalog.photo(photos[0]).caption == becomes
    assert was not in [text_of(path) for path in photos[:-2]]


def test_a_folder_that_is_away_is_said_and_waited_for(qtbot, make_window, loader, photos, tmp_path):
    with Catalog() as catalog:
        olds = {path: Words({"": "old"}) for path in photos[:2]}
        UnfinishedEdit.note(catalog.path, olds, [[photos[0].parent]], ["txt"])
        for path in olds:
            catalog.set_caption(path, "new")
    away = photos[0].parent.rename(tmp_path / "away")
    window = make_window(loader)
    qtbot.waitUntil(lambda: "next start tries again" in window.notice.text())
    window.close()
    away.rename(photos[0].parent)
    window = make_window(loader)
    qtbot.waitUntil(lambda: [text_of(path) for path in photos[:3]] == ["new", "new", "old"])
    settled(qtbot, window)
    assert unfinished_edits(window.catalog.path) == []


def test_closing_leaves_slow_files_to_the_next_start_and_keeps_the_window_alive(
    qtbot, make_window, loader, open_folder, photos, monkeypatch
):
    def slowly(*arguments, **options):
        time.sleep(0.1)
        write_words(*arguments, **options)

    monkeypatch.setattr(desktop.edited, "write_words", slowly)
    monkeypatch.setattr(desktop.editing, "_CLOSING_S", 0.8)
    window = make_window(loader)
    open_folder(window, photos[0].parent, COUNT)
    window.editing.apply(photos, lambda _, words: words.with_caption("", "new"), "caption")
    assert not window.close(), "it goes when it is done, and blocks nothing meanwhile"
    assert "Finishing" in window.notice.text()
    qtbot.waitUntil(window.isHidden)
    assert {text_of(path) for path in photos} == {"old", "new"}
    monkeypatch.setattr(desktop.edited, "write_words", write_words)
    make_window(loader)
    qtbot.waitUntil(lambda: {text_of(path) for path in photos} == {"new"})


def test_a_note_that_cannot_be_read_is_set_aside(tmp_path):
    note = UnfinishedEdit.note(
        tmp_path / "catalog.db", {tmp_path / "1.png": Words({"en": "a"}, ("b",), "c")}, [], ["txt"]
    )
    assert unfinished_edits(tmp_path / "catalog.db") == [note]
    note.file.write_text(json.dumps({"olds": 3}))
    assert unfinished_edits(tmp_path / "catalog.db") == []
    assert note.file.with_suffix(".damaged").exists()


def test_a_note_that_cannot_be_read_is_told_in_the_window(qtbot, make_window, loader, photos):
    with Catalog() as catalog:
        damaged = UnfinishedEdit.note(catalog.path, {photos[0]: Words({"": "old"})}, [], ["txt"])
        damaged.file.write_text("{")
        whole = UnfinishedEdit.note(catalog.path, {photos[1]: Words({"": "old"})}, [[photos[0].parent]], ["txt"])
        catalog.set_caption(photos[1], "new")
    assert whole.file > damaged.file
    window = make_window(loader)
    aside = damaged.file.with_suffix(".damaged")
    qtbot.waitUntil(lambda: str(aside) in window.notice.text())
    assert "may be missing in some files" in window.notice.text() and aside.read_text() == "{"
    settled(qtbot, window)
    assert text_of(photos[1]) == "new", "the other edit is finished all the same"


def test_metadata_that_stand_already_are_not_joined_by_a_text_file(tmp_path):
    photo = tmp_path / "in" / "1.jpg"
    photo.parent.mkdir()
    Image.new("RGB", (9, 9), "red").save(photo)
    for planned in plan_embed(photo, Edit(caption="new", language="en")):
        commit(planned.path, planned.after, planned.stat_at_read)
    with Targets([photo.parent], ("txt",)) as targets:
        write_words(photo, Words({"en": "old"}), Words({"en": "new"}), targets, ["txt"], again=True)
    assert [path.name for path in photo.parent.iterdir()] == ["1.jpg"]
    assert read_photo(photo)[photo].caption == "new"
