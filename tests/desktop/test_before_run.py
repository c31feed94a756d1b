"""What is asked and shown before a run: the check."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QLocale

from desktop.check_report import CheckReport
from desktop.language import set_language
from mqwen.library.decide import HUMAN
from mqwen.library.precheck import Precheck
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos


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


def test_reasons_are_told_in_the_windows_language(qapp):
    found = Precheck(photos=3, to_caption=2)
    found.unreadable = {Path("/p/bad.jpg"): "permission denied"}
    found.sidecars_instead = {"it is read-only": [Path("/p/a.jpg")]}
    try:
        set_language(qapp, "zh_CN")
        warnings = "".join(CheckReport(found).warnings)
    finally:
        set_language(qapp, "en")
    assert "bad.jpg" in warnings and "a.jpg" in warnings
    assert "permission" not in warnings and "read-only" not in warnings


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
