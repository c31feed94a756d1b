"""Around a run: pause, words as they come, what goes on after a crash, what the desktop hears of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.interrupted import InterruptedRun, InterruptedRuns
from desktop.pace import Pace
from desktop.write_choice import WriteChoice
from mqwen.run import RunSettings
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos, text_for


def test_a_paused_run_rests_and_goes_on(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [f"{number}.png" for number in range(10)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 10)
    assert not window.run_controls.pause.isEnabled()
    window.start()
    captioner.let(2)
    qtbot.waitUntil(lambda: window.captioning.pace.done == 2)
    window.bar.side_button.click()
    assert captioner.paused and window.run_controls.pause.isChecked()
    assert window.footer.pace() == "Paused at 2 of 10"
    captioner.let(8)
    qtbot.wait(100)
    assert window.captioning.pace.done <= 3, "one more at most: it was past the pause"
    window.run_controls.pause.trigger()
    assert not captioner.paused
    qtbot.waitUntil(lambda: not window.captioning.running())
    assert len(list((tmp_path / "in").glob("*.txt"))) == 10
    assert not window.run_controls.pause.isEnabled() and not window.run_controls.pause.isChecked()


def test_a_paused_run_can_be_cancelled_and_the_next_one_is_not_paused(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [f"{number}.png" for number in range(3)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 3)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.captioning.set_paused(True)
    with qtbot.waitSignal(window.captioning.finished) as ended:
        window.cancel()
    assert ended.args[0].how == "cancelled" and not captioner.paused
    captioner.let(3)
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    assert len(list((tmp_path / "in").glob("*.txt"))) == 3


def test_time_in_a_pause_does_not_count():
    now = [0.0]
    pace = Pace(10, clock=lambda: now[0])
    for _ in range(4):
        now[0] += 1
        pace.count(worked=True)
    pace.pause()
    now[0] += 1000
    pace.resume()
    now[0] += 1
    pace.count(worked=True)
    assert pace.per_second() == pytest.approx(1.0)


def test_words_are_told_while_they_come(qtbot, make_window, open_folder, tmp_path):
    [path] = draw_photos(tmp_path / "in", ["a.png"])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 1)
    with qtbot.waitSignal(window.captioning.caption_streamed) as streamed:
        window.start()
    assert streamed.args == [path, "A picture"] and window.photos.photo(path).caption == ""
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(1)
    assert window.photos.photo(path).caption == text_for(path)


def test_the_card_is_shown_while_a_run_goes_on(qtbot, window):
    window.captioning.memory_changed.emit(5_300_000_000, 24_000_000_000)
    assert window.footer.memory() == "Card: 5.3 of 24 GB"
    window.footer.show_rest()
    assert window.footer.memory() == ""


_KILLED = """
import os, sys
from pathlib import Path
from desktop.interrupted import InterruptedRun, InterruptedRuns
from mqwen.run import RunSettings
from mqwen.library.catalog import Catalog
from mqwen.run import run
from tests.desktop.fakes import FakeCaptioner
folder = Path(sys.argv[1])
paths = tuple(sorted(folder.glob("*.png")))
settings = RunSettings(existing="overwrite-all", write=("txt",), model="starter")
InterruptedRuns().note(InterruptedRun((folder,), paths, settings))
captioner = FakeCaptioner(hold=True)
captioner.let(5)  # or all might be done before the first is told of
for outcome in run(paths, settings, captioner=captioner):
    if outcome.path.name == "3.png":
        os._exit(9)
"""


def test_a_killed_run_is_offered_at_the_next_start_and_goes_on_where_it_was(
    qtbot, make_window, root, tmp_path, monkeypatch
):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(9)])
    environment = {**os.environ, "PYTHONPATH": str(root)}
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "in")], env=environment, timeout=120)
    assert killed.returncode == 9
    captioner = FakeCaptioner()
    window = make_window(Loader(captioner))
    qtbot.waitUntil(lambda: "9 photo" in window.notice.text())
    assert str(tmp_path / "in") in window.notice.text()
    with qtbot.waitSignal(window.captioning.finished):
        window.notice.action_chosen.emit("interrupted")
    assert captioner.asked and paths[3] not in captioner.asked, "what was done is not done again"
    assert all(path.with_suffix(".txt").read_text("utf-8") == text_for(path) for path in paths)
    assert InterruptedRuns().find() is None


def test_a_run_that_ends_leaves_nothing_to_resume_one_that_is_closed_does(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(6)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 6)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    assert InterruptedRuns().find() is None, "a second window leaves alone what the first is doing"
    with qtbot.waitSignal(window.captioning.finished):
        window.cancel()
    assert InterruptedRuns().find() is None
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.close_now()
    qtbot.waitUntil(window.isHidden)
    assert InterruptedRuns().find().paths == tuple(paths)
    again = make_window(Loader(FakeCaptioner()))
    qtbot.waitUntil(lambda: "6 photo" in again.notice.text())
    again.notice._close.click()
    assert InterruptedRuns().find() is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"paths": 3}', b'{"sources": [], "paths": ["/a"]}', b"\xff\xfe"]
)
def test_a_damaged_note_is_no_run(tmp_path, content):
    (tmp_path / "desktop-run.json").write_bytes(content)
    assert InterruptedRuns(tmp_path).find() is None


def test_a_note_comes_back_as_it_was(tmp_path):
    settings = RunSettings(write=("txt", "embed"), trigger=("sks",), seed=7, model="/m/x", batch_size=4)
    path = Path(os.fsdecode(b"/photos/caf\xe9.jpg"))
    run = InterruptedRun((Path("/photos"),), (path,), settings)
    notes = InterruptedRuns(tmp_path)
    notes.note(run)
    assert InterruptedRuns(tmp_path).find() is None, "it is under way"
    notes._release_lock()  # as the end of its process does
    assert InterruptedRuns(tmp_path).find() == run
    json.loads((tmp_path / "desktop-run.json").read_bytes())


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the notifier")
def test_the_end_of_a_run_is_told_who_looks_elsewhere(qtbot, window, open_folder, tmp_path, monkeypatch):
    notifier = tmp_path / "bin" / "notify-send"
    notifier.parent.mkdir()
    notifier.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > "{tmp_path}/told.new"\n'
                        f'mv "{tmp_path}/told.new" "{tmp_path}/told"\n', "utf-8")  # fmt: skip
    notifier.chmod(0o755)
    monkeypatch.setenv("PATH", f"{notifier.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    draw_photos(tmp_path / "in", ["a.png", "bad.png"])
    open_folder(window, tmp_path / "in", 2)
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    qtbot.waitUntil((tmp_path / "told").exists)
    lines = (tmp_path / "told").read_text("utf-8").splitlines()
    assert lines[-2:] == ["Captioning has finished", "1 captioned, 1 failed"]


def test_several_places_can_be_ticked_and_nothing_stands_alone(qtbot):
    choice = WriteChoice(("txt",))
    qtbot.addWidget(choice)
    actions = choice._actions
    with qtbot.waitSignal(choice.changed):
        actions["xmp"].trigger()
    assert choice.names() == ("txt", "xmp") and choice.text() == ".txt, XMP"
    actions["none"].trigger()
    assert choice.names() == ("none",)
    actions["embed"].trigger()
    assert choice.names() == ("embed",)
    actions["embed"].trigger()
    assert choice.names() == ("none",), "something is always chosen"
    actions["none"].trigger()
    assert choice.names() == ("txt",)
    choice.choose("nonsense")
    assert choice.names() == ("txt",)
