"""What a dock on the session bus really receives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SPEAKER = """
from PySide6.QtWidgets import QApplication, QWidget
from desktop.announce import Announcer
app = QApplication([])
app.setDesktopFileName("mqwen")
window = QWidget()
announcer = Announcer(window)
announcer.show_progress(0.42)
announcer.show_progress(0.421)
announcer.end_progress()
app.processEvents()
"""
# The monitor is ready when it has said its own name; it is asked to end when the speaker is done.
_SCRIPT = """
dbus-monitor --session "interface=com.canonical.Unity.LauncherEntry" > "$1" &
monitor=$!
until grep -q NameLost "$1" 2> /dev/null; do sleep 0.05; done
"$2" -c "$3"
until grep -q "boolean false" "$1"; do sleep 0.05; done
kill $monitor
"""


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="there is no session bus to start")
def test_the_dock_hears_of_each_percent_once_and_of_the_end(root: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    command = ["dbus-run-session", "--", "sh", "-c", _SCRIPT, "sh", str(heard), sys.executable, _SPEAKER]
    environment = {**os.environ, "PYTHONPATH": str(root), "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(command, env=environment, check=True, timeout=60, capture_output=True)
    text = heard.read_text("utf-8")
    assert text.count("member=Update") == 2, "a second time the same percent is no news"
    assert 'string "application://mqwen.desktop"' in text
    assert "double 0.42" in text and "boolean true" in text
