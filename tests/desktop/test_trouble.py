"""An error that nobody expected leaves a report and a line in the window; a process that dies leaves one, too."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication

from desktop.log import LOG_NAME, Reporter, log_folder


@pytest.fixture
def reporter(tmp_path):
    reporter = Reporter(tmp_path / "logs")
    yield reporter
    reporter.close()


def reports(folder: Path) -> list[str]:
    return [path.read_text("utf-8") for path in sorted(folder.glob("report-*.txt"))]


def fail() -> None:
    raise ZeroDivisionError("of no use")


def test_the_log_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path))
    assert log_folder() == tmp_path / "logs"


def test_an_error_in_a_slot_is_told_and_the_window_goes_on(qtbot, window, reporter):
    window.trouble.start(reporter)
    with qtbot.captureExceptions():  # pytest-qt's own hook, which ours stands before
        sys.excepthook = reporter._take
        QTimer.singleShot(0, fail)
        qtbot.waitUntil(lambda: "ZeroDivisionError: of no use" in window.notice.text())
    (report,) = reports(reporter.folder)
    assert "in fail" in report and "MQwen 0" in report and "PySide6 6" in report
    window.notice._action.click()
    assert "in fail" in window.trouble.dialog.text.toPlainText()
    window.trouble.dialog.copy.click()
    assert "ZeroDivisionError: of no use" in QGuiApplication.clipboard().text()
    assert window.isEnabled()


def test_an_error_in_a_thread_is_told_in_the_window(qtbot, window, reporter):
    window.trouble.start(reporter)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "of no use" in window.notice.text())
    assert len(reports(reporter.folder)) == 1


def test_a_damaged_catalog_is_told_with_what_became_of_it(qtbot, make_window, loader, tmp_path):
    catalog = tmp_path / "mqwen-data" / "catalog.db"
    catalog.parent.mkdir()
    catalog.write_bytes(b"\x17no database" * 999)
    window = make_window(loader)
    qtbot.waitUntil(lambda: "catalog was damaged" in window.notice.text())
    window.notice._action.click()
    assert f"The catalog {catalog} was damaged. It was moved to" in window.trouble.dialog.text.toPlainText()


def test_what_is_logged_is_in_the_file_and_in_a_report(reporter):
    logging.getLogger("desktop.anything").info("a photo was odd: %s", "花.jpg")
    path = reporter.write("what happened")
    assert path is not None
    assert "a photo was odd: 花.jpg" in path.read_text("utf-8")
    assert "a photo was odd: 花.jpg" in (reporter.folder / LOG_NAME).read_text("utf-8")


def test_a_folder_that_cannot_be_written_costs_the_log_alone(tmp_path):
    (tmp_path / "file").write_text("in the way")
    reporter = Reporter(tmp_path / "file" / "logs")
    assert reporter.write("x") is None and reporter.last_lines() == []
    reporter.close()


def test_only_the_newest_reports_are_kept(reporter):
    paths = [reporter.write(str(number)) for number in range(23)]
    assert sorted(reporter.folder.glob("report-*.txt")) == sorted(paths)[-20:]


def test_a_process_that_died_is_told_at_the_next_start(qtbot, window, tmp_path):
    code = (
        "import sys, faulthandler, os; from pathlib import Path; from desktop.log import Reporter\n"
        "Reporter(Path(sys.argv[1])); faulthandler._sigabrt()"
    )
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    died = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, env=environment, timeout=120
    )
    assert died.returncode != 0
    reporter = Reporter(tmp_path)
    try:
        assert reporter.left_by_crash is not None
        assert "Fatal Python error: Aborted" in reporter.left_by_crash.read_text("utf-8")
        window.trouble.start(reporter)
        assert "ended unexpectedly" in window.notice.text()
    finally:
        reporter.close()
    again = Reporter(tmp_path)
    assert again.left_by_crash is None, "told once"
    again.close()
