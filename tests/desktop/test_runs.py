"""Runs in the window, with a captioner that the test holds: results land on their photos, come what may."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import QApplication

from desktop.photos import PHOTO_ROLE, Order, State
from mqwen.engine.caption import Caption
from mqwen.engine.events import Event
from mqwen.errors import CheckpointError
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos, text_for


def run_to_end(qtbot, window, start=None):
    with qtbot.waitSignal(window.captioning.finished, timeout=20_000) as ended:
        (start or window.start)()
    return ended.args[0]


def shown(window) -> dict[str, str]:
    photos = (window.photos.index(row).data(PHOTO_ROLE) for row in range(window.photos.rowCount()))
    return {photo.path.name: photo.caption for photo in photos}


def test_captions_a_folder_and_writes_what_the_command_line_writes(qtbot, window, loader, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["a.jpg", "b.png", "z.jpg", "z.png"])
    open_folder(window, tmp_path / "in", 4)
    assert run_to_end(qtbot, window).how == "done"
    assert shown(window) == {path.name: text_for(path) for path in paths}
    # Sidecars by mqwen.library's rule: two photos with one stem do not share one.
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "in").glob("*.txt")}
    assert written == {
        "a.txt": "A picture called a.",
        "b.txt": "A picture called b.",
        "z.jpg.txt": "A picture called z.",
        "z.png.txt": "A picture called z.",
    }
    assert loader.threads and threading.main_thread() not in loader.threads
    assert not window.footer.progress.isVisible()
    assert window.footer.pace() == "Finished: 4 captioned"
    assert run_to_end(qtbot, window).how == "done"
    assert window.footer.pace() == "Finished: 4 had text already"
    qtbot.waitUntil(lambda: window.footer.summary() == "4 of 4 captioned")


def test_results_find_their_photos_through_reload_sort_and_removal(qtbot, make_window, open_folder, tmp_path):
    names = [f"{number}.png" for number in range(60)]
    paths = draw_photos(tmp_path / "in", names)
    for number, path in enumerate(paths):
        os.utime(path, (0, 1_000_000 + (number * 7919) % 60))
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 60)
    window.start()
    for step in range(12):
        captioner.let(4)
        match step % 4:
            case 0:
                window.photos.sort_by(Order.NEWEST if step % 8 else Order.STATE)
            case 1:
                window.reload()
            case 2:
                qtbot.waitUntil(lambda: not window.photos.scanning())
                window.grid.clearSelection()
                for path in paths[50 + step // 4 * 2 : 52 + step // 4 * 2]:
                    index = window.photos.index_of(path)
                    window.grid.selectionModel().select(index, QItemSelectionModel.SelectionFlag.Select)
                window.remove_selected()
            case _:
                (tmp_path / "in" / f"{40 + step}.png").unlink()
        qtbot.wait(30)
    with qtbot.waitSignal(window.captioning.finished, timeout=20_000):
        captioner.let(1000)
    qtbot.waitUntil(lambda: not window.photos.scanning())
    window.reload()
    qtbot.waitUntil(lambda: not window.photos.scanning())
    for path in paths:
        sidecar = path.with_suffix(".txt")
        if sidecar.exists():
            assert sidecar.read_text("utf-8") == text_for(path)
        photo = window.photos.photo(path)
        if photo is not None and photo.state is not State.FAILED:
            assert photo.caption in ("", text_for(path))
    captioned = [path for path in paths if path.with_suffix(".txt").exists()]
    assert len(captioned) >= 50
    assert all(window.photos.photo(path).caption == text_for(path) for path in captioned if path.exists())
    assert not set(paths[50:56]) & set(captioner.asked), "a photo taken from the list before its turn is left out"


def test_a_failed_photo_is_listed_with_its_reason_and_can_be_tried_again(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["1.png", "2 bad.png", "3.png"])
    open_folder(window, tmp_path / "in", 3)
    assert run_to_end(qtbot, window).how == "done"
    assert QApplication.activeModalWidget() is None
    assert window.failures.paths() == [paths[1]]
    assert window.failures.reason(paths[1]) == "the file ends before its picture does. Copy it again."
    assert window.photos.photo(paths[1]).state is State.FAILED
    assert shown(window)["3.png"] == text_for(paths[2])
    qtbot.waitUntil(lambda: window.footer.summary() == "2 of 3 captioned")
    window.footer.failures_requested.emit()
    assert window.failures.isVisible()
    # Opening the entry shows the photo.
    window.failures.photo_opened.emit(paths[1])
    assert window.grid.selected_paths() == [paths[1]]
    # Once it is well, trying again clears the list.
    captioner = window.captioning._worker._captioner
    captioner.asked.clear()
    paths[1].rename(tmp_path / "in" / "2 good.png").rename(paths[1])
    captioner.answer = _well
    run_to_end(qtbot, window, lambda: window.failures.retry_requested.emit(window.failures.paths()))
    assert captioner.asked == [paths[1]]
    assert window.failures.paths() == []
    assert window.photos.photo(paths[1]).caption == "Well now."


def _well(path):
    return Event("caption", path, captions=(Caption("Well now.", (), 3, "stop", -0.1),))


def test_cancel_stops_inside_a_caption_and_keeps_what_is_done(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(10)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 10)
    window.start()
    captioner.let(3)
    qtbot.waitUntil(lambda: window.captioning.pace.done == 3 and captioner.decoding.is_set())
    with qtbot.waitSignal(window.captioning.finished) as ended:
        qtbot.mouseClick(window.bar.button, Qt.MouseButton.LeftButton)  # Start is Cancel now
    assert ended.args[0].how == "cancelled"
    assert sorted(path.name for path in (tmp_path / "in").glob("*.txt")) == ["0.txt", "1.txt", "2.txt"]
    assert not window.photos.running()
    assert window.footer.pace() == "Stopped; what was done is kept"
    # And it goes on where it was: what has text is kept.
    captioner.hold = False
    asked = len(captioner.asked)
    assert run_to_end(qtbot, window).how == "done"
    assert captioner.asked[asked:] == paths[3:]


@pytest.mark.parametrize("write", ["txt", "jsonl"])
def test_an_edit_during_an_overwriting_run_wins(qtbot, make_window, open_folder, tmp_path, write):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(9)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    window.bar.write.choose(write)
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite"))
    open_folder(window, tmp_path / "in", 9)
    window.start()
    captioner.let(1)
    qtbot.waitUntil(lambda: window.captioning.pace.done == 1 and captioner.decoding.is_set())
    before, decoding, waiting = paths[0], paths[1], paths[8]
    for path in (before, decoding, waiting):
        assert window.photos.setData(window.photos.index_of(path), f"My words for {path.name}")
        assert window.photos.photo(path).state is State.EDITED
    with qtbot.waitSignal(window.captioning.finished, timeout=20_000):
        captioner.let(1000)
    assert waiting not in captioner.asked
    qtbot.waitUntil(lambda: window.footer.summary() == "9 of 9 captioned")
    for path in (before, decoding, waiting):
        assert window.photos.photo(path).state is State.EDITED
    human = {path: f"My words for {path.name}" for path in (before, decoding, waiting)}
    assert shown(window) == {path.name: human.get(path, text_for(path)) for path in paths}
    if write == "txt":
        assert {path: path.with_suffix(".txt").read_text("utf-8") for path in paths} == {
            path: human.get(path, text_for(path)) for path in paths
        }
    window.reload()
    qtbot.waitUntil(lambda: not window.photos.scanning() and window.photos.rowCount() == 9)
    assert shown(window) == {path.name: human.get(path, text_for(path)) for path in paths}


def test_typing_goes_on_while_captions_arrive_underneath(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["0.png", "1.png"])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 2)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.grid.setCurrentIndex(window.photos.index(0))
    window.edit_caption()
    editor = window.grid.editor()
    qtbot.keyClicks(editor, "half a sen")
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(2)
    assert window.photos.photo(paths[0]).caption == text_for(paths[0])
    assert editor is window.grid.editor() and editor.toPlainText() == "half a sen"
    qtbot.keyClicks(editor, "tence")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert paths[0].with_suffix(".txt").read_text("utf-8") == "half a sentence"
    # Leaving an editor that was opened before a caption came, without typing, is no edit.
    assert window.photos.photo(paths[1]).state is State.CAPTIONED


def test_opening_an_editor_without_typing_does_not_bring_old_text_back(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["0.png"])
    paths[0].with_suffix(".txt").write_text("old", "utf-8")
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite-all"))
    open_folder(window, tmp_path / "in", 1)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.grid.setCurrentIndex(window.photos.index(0))
    window.edit_caption()
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(1)
    qtbot.keyClick(window.grid.editor(), Qt.Key.Key_Return)
    assert paths[0].with_suffix(".txt").read_text("utf-8") == text_for(paths[0])


@pytest.mark.parametrize(
    ("existing", "text"),
    [
        ("skip", "mine"),
        ("overwrite", "mine"),
        ("append", "mine, A picture called 0."),
        ("overwrite-all", "A picture called 0."),
    ],
)
def test_existing_text_is_treated_as_chosen(qtbot, window, open_folder, tmp_path, existing, text):
    paths = draw_photos(tmp_path / "in", ["0.png"])
    paths[0].with_suffix(".txt").write_text("mine", "utf-8")
    window.bar.existing.setCurrentIndex(window.bar.existing.findData(existing))
    open_folder(window, tmp_path / "in", 1)
    assert shown(window) == {"0.png": "mine"}
    run_to_end(qtbot, window)
    assert paths[0].with_suffix(".txt").read_text("utf-8") == text
    assert shown(window) == {"0.png": text}


@pytest.mark.parametrize("write", ["caption", "jsonl", "none", "xmp", "embed"])
def test_writes_where_it_was_told(qtbot, window, open_folder, tmp_path, write):
    draw_photos(tmp_path / "in" / "deep", ["0.png"])
    window.bar.write.choose(write)
    open_folder(window, tmp_path / "in", 1)
    run_to_end(qtbot, window)
    files = {str(path.relative_to(tmp_path / "in")) for path in (tmp_path / "in").rglob("*") if path.is_file()}
    beside = {"caption": {"deep/0.caption"}, "jsonl": {"metadata.jsonl"}, "xmp": {"deep/0.png.xmp"}}
    expected = beside.get(write, set())
    assert files == {"deep/0.png"} | expected
    assert shown(window) == {"0.png": "A picture called 0."}
    window.reload()
    qtbot.waitUntil(lambda: not window.photos.scanning() and window.photos.rowCount() == 1)
    assert shown(window) == {"0.png": "" if write == "none" else "A picture called 0."}


def test_an_own_prompt_is_asked_with_its_variables(qtbot, window, captioner, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["0.png"])
    open_folder(window, tmp_path / "in", 1)
    window.bar.style_.setCurrentIndex(window.bar.style_.findData("own"))
    window.start()
    assert not window.captioning.running() and "Type what to ask" in window.notice.text()
    window.bar.prompt.setText("What is in {name} of {folder}? {unknown}")
    run_to_end(qtbot, window)
    assert captioner.prompts == ["What is in 0 of in? {unknown}"]


def test_the_model_is_loaded_once_and_kept(qtbot, window, loader, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["0.png"])
    open_folder(window, tmp_path / "in", 1)
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite"))
    run_to_end(qtbot, window)
    run_to_end(qtbot, window)
    assert loader.models == ["starter"]
    window.bar.set_model(str(tmp_path))
    run_to_end(qtbot, window)
    assert loader.models == ["starter", str(tmp_path)]


def test_a_model_that_cannot_be_loaded_is_said_in_the_window(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["0.png"])
    error = CheckpointError("no config.json in this model folder", path="/m", hint="Choose another folder.")
    window = make_window(Loader(FakeCaptioner(), error))
    open_folder(window, tmp_path / "in", 1)
    assert run_to_end(qtbot, window).how == "failed"
    assert window.notice.text() == "/m: no config.json in this model folder. Choose another folder."
    assert QApplication.activeModalWidget() is None
    assert window.bar.button.isEnabled() and window.bar.model.isEnabled()


def test_loading_is_shown_and_can_be_cancelled(qtbot, make_window, open_folder, tmp_path):
    from desktop.worker import CaptionWorker
    from mqwen.errors import Cancelled

    class SlowLoader(Loader):
        def __call__(self, model, cancelled):
            while not cancelled():
                threading.Event().wait(0.005)
            raise Cancelled("stopped")

    draw_photos(tmp_path / "in", ["0.png"])
    window = make_window(SlowLoader(FakeCaptioner()))
    assert isinstance(window.captioning._worker, CaptionWorker)
    open_folder(window, tmp_path / "in", 1)
    window.start()
    qtbot.waitUntil(lambda: window.footer.pace() == "Loading model…")
    with qtbot.waitSignal(window.captioning.finished) as ended:
        window.cancel()
    assert ended.args[0].how == "cancelled"


def test_a_surprise_in_the_worker_ends_the_run_not_the_window(qtbot, make_window, open_folder, tmp_path, caplog):
    class Broken(FakeCaptioner):
        def events(self, photos, **options):
            next(iter(photos))
            raise ZeroDivisionError("a bug")
            yield

    draw_photos(tmp_path / "in", ["0.png"])
    window = make_window(Loader(Broken()))
    open_folder(window, tmp_path / "in", 1)
    assert run_to_end(qtbot, window).how == "failed"
    assert window.notice.text() == "ZeroDivisionError: a bug"
    assert "Traceback" in caplog.text
    assert not window.photos.running()


def test_closing_while_running_asks_and_stops_cleanly(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(8)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 8)
    window.start()
    captioner.let(2)
    qtbot.waitUntil(lambda: window.captioning.pace.done == 2 and captioner.decoding.is_set())
    window.grid.setCurrentIndex(window.photos.index(5))
    window.edit_caption()
    qtbot.keyClicks(window.grid.editor(), "typed just now")
    window.close()
    assert window.isVisible() and window.captioning.running() and window.leaving.box is not None
    window.leaving.box.reject()
    assert window.isVisible() and window.captioning.running() and window.leaving.box is None
    window.close()
    window.leaving.box.buttons()[0].click()
    qtbot.waitUntil(window.isHidden)
    assert not window.captioning._thread.isRunning()
    assert len(captioner.asked) == 3
    # What was done is kept, what was being typed is saved, nothing is left behind.
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == sorted(
        [path.name for path in paths] + ["0.txt", "1.txt", "5.txt"]
    )
    assert (tmp_path / "in" / "5.txt").read_text("utf-8") == "typed just now"


def test_words_that_the_disk_refuses_stay_on_the_screen(qtbot, window, open_folder, tmp_path):
    [path] = draw_photos(tmp_path / "in", ["0.png"])
    (tmp_path / "in" / "0.txt").write_bytes(b"caf\xe9 in Latin-1")
    open_folder(window, tmp_path / "in", 1)
    assert window.photos.photo(path).state is State.FAILED and "UTF" in window.failures.reason(path)
    window.photos.setData(window.photos.index(0), "my words")
    assert window.photos.photo(path).caption == "my words" and window.photos.photo(path).unsaved
    assert (tmp_path / "in" / "0.txt").read_bytes() == b"caf\xe9 in Latin-1"
    window.reload()
    qtbot.waitUntil(lambda: not window.photos.scanning() and window.photos.rowCount() == 1)
    assert window.photos.photo(path).caption == "my words"
    # Neither another folder nor closing loses them without a word.
    (tmp_path / "other").mkdir()
    open_folder(window, tmp_path / "other", 0)
    window.close()
    assert window.isVisible() and "0.png" in window.notice.text()
    open_folder(window, tmp_path / "in", 1)
    assert window.photos.photo(path).caption == "my words"
    (tmp_path / "in" / "0.txt").unlink()
    assert window.photos.setData(window.photos.index(0), "my words")
    assert (tmp_path / "in" / "0.txt").read_text("utf-8") == "my words"
    assert window.failures.paths() == []


def test_only_the_selected_photos(qtbot, window, captioner, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["0.png", "1.png", "2.png"])
    open_folder(window, tmp_path / "in", 3)
    window.grid.setCurrentIndex(window.photos.index(1))
    window.menus.start_selected.trigger()
    qtbot.waitUntil(lambda: window.before_run.dialog.start.isEnabled())
    run_to_end(qtbot, window, window.before_run.dialog.start.click)
    assert captioner.asked == [paths[1]]


def test_progress_tells_count_speed_and_time_left(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [f"{number}.png" for number in range(10)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 10)
    window.start()
    captioner.let(4)
    qtbot.waitUntil(lambda: "4 of 10" in window.footer.pace())
    assert "images/s" in window.footer.pace() and "left" in window.footer.pace()
    assert (window.footer.progress.value(), window.footer.progress.maximum()) == (4, 10)
    assert len(window.photos.running()) >= 1
    with qtbot.waitSignal(window.captioning.finished):
        window.cancel()


def test_photos_deleted_from_disk_are_named_and_the_run_goes_on(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["0.png", "1.png", "2.png"])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 3)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    Path(paths[0]).unlink()
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(3)
    assert window.failures.paths() == [paths[0]]
    assert window.photos.photo(paths[2]).caption == text_for(paths[2])


@pytest.mark.parametrize("healed", [True, False])
def test_words_that_the_disk_refused_are_not_captioned_over(qtbot, window, captioner, open_folder, tmp_path, healed):
    paths = draw_photos(tmp_path / "in", ["0.png", "1.png"])
    open_folder(window, tmp_path / "in", 2)
    paths[0].with_suffix(".txt").mkdir()
    window.photos.setData(window.photos.index(0), "my words")
    assert window.photos.photo(paths[0]).unsaved
    if healed:
        paths[0].with_suffix(".txt").rmdir()
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite"))
    run_to_end(qtbot, window)
    assert captioner.asked == [paths[1]]
    assert shown(window) == {"0.png": "my words", "1.png": text_for(paths[1])}
    assert window.photos.photo(paths[0]).unsaved is not healed
    assert window.failures.paths() == ([] if healed else [paths[0]])
    if healed:
        assert paths[0].with_suffix(".txt").read_text("utf-8") == "my words"
    else:
        paths[0].with_suffix(".txt").rmdir()
        window.failures.retry_requested.emit(window.failures.paths())
        assert not window.captioning.running(), "there is nothing to ask a model about"
        assert paths[0].with_suffix(".txt").read_text("utf-8") == "my words"
        assert window.failures.paths() == []


def table(folder: Path) -> dict[str, str]:
    lines = (folder / "metadata.jsonl").read_text("utf-8").splitlines()
    return {row["file_name"]: row["text"] for row in map(json.loads, lines)}


@pytest.mark.parametrize("running", [True, False])
def test_words_go_to_the_table_of_the_folder_that_is_open(qtbot, make_window, open_folder, tmp_path, running):
    draw_photos(tmp_path / "C" / "sub", ["c.png"])
    [path] = draw_photos(tmp_path / "D" / "sub", ["x.png"])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    window.bar.write.choose("jsonl")
    open_folder(window, tmp_path / "C", 1)
    if running:
        window.start()
        qtbot.waitUntil(captioner.decoding.is_set)
    open_folder(window, tmp_path / "D", 1)
    window.photos.setData(window.photos.index(0), "my words")
    if running:
        with qtbot.waitSignal(window.captioning.finished):
            captioner.let(1)
        assert table(tmp_path / "C") == {"sub/c.png": "A picture called c."}
    assert table(tmp_path / "D") == {"sub/x.png": "my words"}
    assert not (path.parent / "metadata.jsonl").exists()
    open_folder(window, tmp_path / "D", 1)
    assert shown(window) == {"x.png": "my words"}


def test_what_failed_in_an_earlier_folder_is_tried_again_there(qtbot, window, captioner, open_folder, tmp_path):
    draw_photos(tmp_path / "C" / "sub", ["bad.png", "mine.png"])
    draw_photos(tmp_path / "D", ["d.png"])
    window.bar.write.choose("jsonl")
    open_folder(window, tmp_path / "C", 2)
    (tmp_path / "C" / "metadata.jsonl").mkdir()
    window.photos.setData(window.photos.index(1), "my words")
    assert window.photos.photo(tmp_path / "C" / "sub" / "mine.png").unsaved
    (tmp_path / "C" / "metadata.jsonl").rmdir()
    window.start([tmp_path / "C" / "sub" / "bad.png"])
    qtbot.waitUntil(lambda: not window.captioning.running())
    assert table(tmp_path / "C") == {"sub/mine.png": "my words"}
    open_folder(window, tmp_path / "D", 1)
    captioner.answer = _well
    run_to_end(qtbot, window, lambda: window.failures.retry_requested.emit(window.failures.paths()))
    assert table(tmp_path / "C") == {"sub/mine.png": "my words", "sub/bad.png": "Well now."}
    assert not list((tmp_path / "C" / "sub").glob("*.jsonl"))


def test_each_unsaved_text_is_warned_of_before_it_is_lost(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["0.png", "1.png"])
    for path in paths:
        path.with_suffix(".txt").mkdir()
    open_folder(window, tmp_path / "in", 2)
    window.photos.setData(window.photos.index(0), "first")
    window.grid.setCurrentIndex(window.photos.index(0))
    window.remove_selected()
    assert window.photos.paths() == paths[1:]
    window.close()
    assert window.isVisible() and "0.png" in window.notice.text(), "words of a photo taken from the list count too"
    window.photos.setData(window.photos.index(0), "second")
    window.close()
    assert window.isVisible() and "1.png" in window.notice.text()
    window.photos.setData(window.photos.index(0), "second, longer")
    window.close()
    assert window.isVisible()
    window.reload()
    qtbot.waitUntil(lambda: window.photos.rowCount() == 2 and not window.photos.scanning())
    assert shown(window) == {"0.png": "first", "1.png": "second, longer"}
    window.close()
    assert not window.isVisible()


def test_only_showing_keeps_the_text_that_is_there(qtbot, window, captioner, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["0.png", "1.png"])
    paths[0].with_suffix(".txt").write_text("mine", "utf-8")
    window.bar.write.choose("none")
    open_folder(window, tmp_path / "in", 2)
    run_to_end(qtbot, window)
    assert captioner.asked == [paths[1]]
    assert shown(window) == {"0.png": "mine", "1.png": text_for(paths[1])}
    assert window.footer.pace() == "Finished: 1 captioned, 1 had text already"


@pytest.mark.parametrize("how", ["run", "reload"])
def test_a_photo_that_got_its_text_elsewhere_leaves_the_failures(qtbot, window, open_folder, tmp_path, how):
    [path] = draw_photos(tmp_path / "in", ["bad.png"])
    open_folder(window, tmp_path / "in", 1)
    run_to_end(qtbot, window)
    assert window.failures.paths() == [path]
    path.with_suffix(".txt").write_text("from elsewhere", "utf-8")
    if how == "run":
        run_to_end(qtbot, window, lambda: window.failures.retry_requested.emit(window.failures.paths()))
    else:
        open_folder(window, tmp_path / "in", 1)
    assert window.failures.paths() == []
    photo = window.photos.photo(path)
    assert (photo.caption, photo.state, photo.reason) == ("from elsewhere", State.CAPTIONED, "")


def test_a_photo_edited_during_its_turn_does_not_count_as_captioned(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["0.png", "1.png", "2.png", "3.png", "4.png"])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 5)
    window.start()
    qtbot.waitUntil(captioner.decoding.is_set)
    for row in (0, 4):  # one begun, one waiting
        window.photos.setData(window.photos.index(row), "my words")
    with qtbot.waitSignal(window.captioning.finished):
        captioner.let(5)
    assert window.footer.pace() == "Finished: 3 captioned, 2 kept as you wrote them"


def test_words_about_an_earlier_folder_are_saved_there_at_close(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "C" / "sub", ["c.png"])
    (tmp_path / "D").mkdir()
    window.bar.write.choose("jsonl")
    open_folder(window, tmp_path / "C", 1)
    (tmp_path / "C" / "metadata.jsonl").mkdir()
    window.photos.setData(window.photos.index(0), "my words")
    open_folder(window, tmp_path / "D", 0)
    (tmp_path / "C" / "metadata.jsonl").rmdir()
    window.close()
    assert not window.isVisible()
    assert table(tmp_path / "C") == {"sub/c.png": "my words"}
