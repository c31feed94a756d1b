"""The app as a process: it starts whatever the settings file holds, keeps a log, and ends as it should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desktop.log import LOG_NAME
from tests.desktop.conftest import WAIT_MS
from tests.desktop.fakes import draw_photos

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")


def start_and_end(data: Path, *arguments: str) -> str:
    """Start the app, end it when its log says that it runs, and return what it printed."""
    environment = os.environ | {"MQWEN_DATA_DIR": str(data), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "desktop", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as app:
        try:
            until = time.monotonic() + 4 * WAIT_MS / 1000
            while "shown" not in log(data) and app.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
            app.send_signal(signal.SIGTERM)
            printed, _ = app.communicate(timeout=WAIT_MS / 1000)
        finally:
            app.kill()
    assert app.returncode == 0, printed
    return printed


def log(data: Path) -> str:
    path = data / "logs" / LOG_NAME
    return path.read_text("utf-8") if path.exists() else ""


def test_starts_with_damaged_settings_and_leaves_no_report(tmp_path):
    (tmp_path / "desktop.ini").write_bytes(b"\0" * 512)
    printed = start_and_end(tmp_path)
    assert [path.read_bytes() for path in tmp_path.glob("desktop.ini.damaged-*")] == [b"\0" * 512]
    assert "started: MQwen" in log(tmp_path) and log(tmp_path).rstrip().endswith("ended")
    assert not list((tmp_path / "logs").glob("report-*")) and not (tmp_path / "logs" / "crash.txt").exists()
    assert "Traceback" not in printed + log(tmp_path)


def test_remembers_what_was_settled_before(tmp_path):
    (tmp_path / "desktop.ini").write_text("[preferences]\ntheme=dark\nui_language=zh_CN\n[choices]\nstyle=alt\n")
    start_and_end(tmp_path)
    kept = (tmp_path / "desktop.ini").read_text("utf-8")
    assert "theme=dark" in kept and "ui_language=zh_CN" in kept and "style=alt" in kept
    assert not list(tmp_path.glob("desktop.ini.damaged-*"))
    assert "Traceback" not in log(tmp_path)


def test_what_a_second_start_hands_over_while_the_first_still_starts_is_opened(tmp_path):
    data, folder = tmp_path / "data", tmp_path / "handed over"
    draw_photos(folder, ["a.png"])
    environment = os.environ | {"MQWEN_DATA_DIR": str(data), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "desktop"]
    with subprocess.Popen(command, env=environment) as app:
        try:
            until = time.monotonic() + 4 * WAIT_MS / 1000
            while not (data / "desktop.lock").exists() and time.monotonic() < until:
                time.sleep(0.01)
            second = subprocess.run([*command, str(folder)], env=environment, timeout=4 * WAIT_MS / 1000, check=False)
            settings = data / "desktop.ini"
            while "shown" not in log(data) and time.monotonic() < until:
                time.sleep(0.05)
            app.send_signal(signal.SIGTERM)
            app.communicate(timeout=WAIT_MS / 1000)
        finally:
            app.kill()
    assert second.returncode == 0 and app.returncode == 0
    assert folder.name in settings.read_text("utf-8")
