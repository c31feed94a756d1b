"""What is asked and shown before a run: the check, and the dozen that is tried first."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication

from desktop.check_report import CheckReport
from desktop.dozen import choose
from desktop.language import set_language
from desktop.tryout import TryDialog
from mqwen.library.decide import HUMAN
from mqwen.library.precheck import Precheck
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos, text_for


def checked(qtbot, window, paths=None):
    window.before_run.ask(paths)
    dialog = window.before_run.dialog
    qtbot.waitUntil(lambda: not dialog._busy.isVisible())
    return dialog


def test_start_says_what_will_happen_and_writes_nothing_before(qtbot, window, captioner, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["a.jpg", "z.jpg", "z.png"])
    paths[0].with_suffix(".txt").write_text("mine", "utf-8")
    open_folder(window, tmp_path / "in", 3)
    before = {path.name for path in (tmp_path / "in").iterdir()}
    window.bar.button.click()
    dialog = window.before_run.dialog
    qtbot.waitUntil(dialog.start.isEnabled)
    assert dialog.heading.text().startswith("2 ")
    said = "\n".join(dialog.lines())
    assert "text already" in said and "z.jpg + z.png" in said
    assert {path.name for path in (tmp_path / "in").iterdir()} == before and not captioner.asked
    dialog.reject()
    assert window.before_run.dialog is None and not window.captioning.running()
    dialog = checked(qtbot, window)
    with qtbot.waitSignal(window.captioning.finished):
        dialog.start.click()
    assert captioner.asked == paths[1:]
    # Now there is nothing left to do, and it is said so.
    dialog = checked(qtbot, window)
    assert not dialog.start.isEnabled() and not dialog.try_first.isEnabled()
    assert "nothing to caption" in dialog.heading.text()
    dialog.reject()


@pytest.mark.parametrize(("language", "said"), [("en", "install pillow-heif in"), ("zh_CN", "安装 pillow-heif")])
def test_photos_that_cannot_be_read_here_are_not_counted_and_it_is_said_what_to_install(
    qapp, qtbot, make_window, loader, open_folder, tmp_path, monkeypatch, language, said
):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    draw_photos(tmp_path / "in", ["a.jpg"])
    (tmp_path / "in" / "b.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    try:
        set_language(qapp, language)
        window = make_window(loader)
        open_folder(window, tmp_path / "in", 2)
        dialog = checked(qtbot, window)
        assert "1" in dialog.heading.text() and "2" not in dialog.heading.text()
        (line,) = [line for line in dialog.lines() if "b.heic" in line]
        assert said in line and "`" not in line
        dialog.reject()
    finally:
        set_language(qapp, "en")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_takes_nothing_is_named(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["a.jpg"])
    (tmp_path / "in").chmod(stat.S_IRUSR | stat.S_IXUSR)
    open_folder(window, tmp_path / "in", 1)
    dialog = checked(qtbot, window)
    assert any(str(tmp_path / "in") in line for line in dialog.lines())
    dialog.reject()


def test_the_check_looks_where_the_run_will_write(qtbot, window, captioner, open_folder, tmp_path):
    draw_photos(tmp_path / "in" / "deep", ["a.png", "b.png"])
    (tmp_path / "in" / "metadata.jsonl").write_text('{"file_name": "deep/a.png", "text": "mine"}\n', "utf-8")
    window.bar.write.choose("jsonl")
    open_folder(window, tmp_path / "in", 2)
    dialog = checked(qtbot, window)
    assert dialog.heading.text().startswith("1 ")
    with qtbot.waitSignal(window.captioning.finished):
        dialog.start.click()
    assert [path.name for path in captioner.asked] == ["b.png"]


def test_what_stands_in_the_way_is_all_said():
    found = Precheck(photos=9, to_caption=5, free_bytes=10, needed_bytes=5_000_000, looked_into=2, seconds=7200.0)
    found.skipped[HUMAN] = 3
    found.skipped["some other reason"] = 1
    found.collisions = [(Path("/p/z.jpg"), Path("/p/z.png"))]
    found.read_only, found.hard_linked = [Path("/p/ro.jpg")], [Path("/p/hl.jpg")]
    found.read_only_folders = [Path("/p")]
    found.unreadable = {Path("/p/bad.txt"): "it is not UTF-8"}
    found.sidecar_styles.update(name=1, stem=1)
    found.sidecars_instead = {"it is a GIF": [Path("/p/a.gif")]}
    report = CheckReport(found)
    warnings = "\n".join(report.warnings)
    for part in ("5.0 MB", "/p", "bad.txt (it is not UTF-8)", "ro.jpg", "hl.jpg", "z.jpg + z.png", "GIF", "a.gif"):
        assert part in warnings
    facts = "\n".join(report.facts)
    assert "that a person wrote" in facts and "1: some other reason" in facts and "2 hour" in facts
    assert "are free" not in facts, "that the space is short is a warning"


def test_a_dozen_comes_from_all_folders_and_times():
    many = [(Path(f"/p/large/{number}.jpg"), float(number)) for number in range(1000)]
    few = [(Path(f"/p/small{folder}/{number}.jpg"), 0.0) for folder in range(3) for number in range(2)]
    chosen = choose([*many, *few])
    assert len(chosen) == len(set(chosen)) == 12
    assert {path.parent.name for path in chosen} == {"large", "small0", "small1", "small2"}
    times = [int(path.stem) for path in chosen if path.parent.name == "large"]
    assert len(times) == 6 and min(times) < 200 and max(times) > 800
    others = choose([*many, *few], turn=1)
    assert set(others) != set(chosen) and len(set(others)) == 12
    folders = [(Path(f"/p/{folder:03}/0.jpg"), 0.0) for folder in range(100)]
    spread = [int(path.parent.name) for path in choose(folders)]
    assert len(set(spread)) == 12 and min(spread) < 20 and max(spread) > 80
    assert choose(many[:5]) == [path for path, _ in many[:5]]
    assert choose([]) == []


def test_a_dozen_is_tried_beside_the_prompt_and_nothing_is_written(qtbot, window, captioner, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(30)])
    paths[0].with_suffix(".txt").write_text("mine", "utf-8")
    open_folder(window, tmp_path / "in", 30)
    before = {path.name for path in (tmp_path / "in").iterdir()}
    window.bar.side_button.click()
    dialog = window.try_out.dialog
    with qtbot.waitSignal(window.captioning.try_finished):
        pass
    assert len(dialog.cards) == 12 and set(dialog.cards) == set(captioner.asked)
    assert {path: card.words.text() for path, card in dialog.cards.items()} == {
        path: text_for(path) for path in dialog.cards
    }
    assert dialog.prompt.toPlainText() == captioner.prompts[0]
    assert not window.captioning.running() and {path.name for path in (tmp_path / "in").iterdir()} == before
    assert all(photo.caption in ("", "mine") for photo in map(window.photos.photo, paths))
    # Another prompt, other photos, and the run starts with that prompt.
    dialog.prompt.setPlainText("What is in {name}?")
    first = set(dialog.cards)
    with qtbot.waitSignal(window.captioning.try_finished):
        dialog.others.click()
    assert set(dialog.cards) != first
    assert captioner.prompts[-1] == f"What is in {captioner.asked[-1].stem}?"
    dialog.start.click()
    assert window.bar.choices().prompt == "What is in {name}?" and window.bar.choices().style == "own"
    question = window.before_run.dialog
    qtbot.waitUntil(question.start.isEnabled)
    with qtbot.waitSignal(window.captioning.finished):
        question.start.click()
    assert (tmp_path / "in" / "7.txt").read_text("utf-8") == text_for(paths[7])
    assert (tmp_path / "in" / "0.txt").read_text("utf-8") == "mine"


def test_a_photo_that_fails_in_a_trial_says_why_on_its_card(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["a.png", "bad.png"])
    open_folder(window, tmp_path / "in", 2)
    window.try_out.open()
    with qtbot.waitSignal(window.captioning.try_finished):
        pass
    assert "ends before its picture does" in window.try_out.dialog.cards[paths[1]].words.text()
    assert window.failures.paths() == []
    window.try_out.dialog.reject()


def test_closing_a_trial_stops_it(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [f"{number}.png" for number in range(20)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 20)
    window.try_out.open()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.start()
    assert not window.captioning.running(), "one lane: a run waits until the trial is over"
    with qtbot.waitSignal(window.captioning.try_finished) as ended:
        window.try_out.dialog.reject()
    assert ended.args[0].how == "cancelled" and len(captioner.asked) == 1
    assert window.bar.button.isEnabled()


def test_pictures_of_the_dozen_are_shown(qtbot, window, open_folder, tmp_path):
    [path] = draw_photos(tmp_path / "in", ["a.png"], size=(300, 200))
    Image.new("RGB", (300, 200), "red").save(path)
    open_folder(window, tmp_path / "in", 1)
    window.try_out.open()
    card = window.try_out.dialog.cards[path]
    qtbot.waitUntil(lambda: not card._picture.pixmap().isNull())
    middle = card._picture.pixmap().toImage().pixelColor(20, 20)
    assert middle.red() > 200 and middle.blue() < 60
    qtbot.waitUntil(lambda: not window.captioning.busy())
    window.try_out.dialog.reject()


def test_the_dozen_takes_as_many_columns_as_there_is_room_for(qtbot):
    dialog = TryDialog("What is this?")
    qtbot.addWidget(dialog)
    dialog.show_photos([(Path(f"{number}.jpg"), "") for number in range(12)])
    dialog.show()
    for width, columns in ((1100, 3), (900, 2), (640, 1)):
        dialog.resize(width, 600)
        QApplication.processEvents()
        assert len({card.x() for card in dialog.cards.values()}) == columns
        assert all(card.visibleRegion().boundingRect().width() in (0, card.width()) for card in dialog.cards.values())


def test_large_numbers_are_grouped(qapp):
    before = QLocale()
    QLocale.setDefault(QLocale("en_US"))
    try:
        assert CheckReport(Precheck(photos=40_000, to_caption=39_500)).heading.startswith("39,500 photo")
    finally:
        QLocale.setDefault(before)


def test_only_what_is_out_of_date_is_written_anew(qtbot, window, captioner, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["a.png", "b.png", "c.png"])
    paths[2].with_suffix(".txt").write_text("mine", "utf-8")
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("stale"))
    open_folder(window, tmp_path / "in", 3)
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    Image.new("RGB", (64, 48), "red").save(paths[0])
    captioner.asked.clear()
    dialog = checked(qtbot, window)
    assert dialog.heading.text().startswith("1 ")
    assert any("up to date" in line for line in dialog.lines())
    with qtbot.waitSignal(window.captioning.finished):
        dialog.start.click()
    assert captioner.asked == [paths[0]]
    assert paths[2].with_suffix(".txt").read_text("utf-8") == "mine"


def test_without_a_catalog_no_run_starts_and_it_is_said_why(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["a.png"])
    data = Path(os.environ["MQWEN_DATA_DIR"])
    (data / "catalog.db").mkdir(parents=True)
    captioner = FakeCaptioner()
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 1)
    dialog = checked(qtbot, window)
    assert not dialog.start.isEnabled()
    assert any("catalog" in line for line in dialog.lines())
    dialog.reject()
    with qtbot.waitSignal(window.captioning.finished) as ended:
        window.start()
    assert ended.args[0].how == "failed" and "catalog" in window.notice.text()
    assert not captioner.asked and not list((tmp_path / "in").glob("*.txt"))
    # Captions that are only shown need none.
    window.bar.write.choose("none")
    with qtbot.waitSignal(window.captioning.finished) as ended:
        window.start()
    assert ended.args[0].how == "done" and captioner.asked
