"""The window starts without what only dialogs and runs need, and has it a moment later."""

from __future__ import annotations

import subprocess
import sys

from desktop.preloading import MODULES


def test_the_start_imports_nothing_of_it_and_the_idle_window_all_of_it():
    code = """
import sys
import desktop.main, desktop.window
from desktop.preloading import MODULES, preload
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer
early = {"mqwen.library.catalog", "mqwen.library.metadata.plan", "mqwen.run", "desktop.replace_dialogs",
         "desktop.settings_dialog", "desktop.history_dialog", "desktop.finding", "torch", "PIL"} & set(sys.modules)
assert not early, early
app = QCoreApplication([])
timer = preload(app)
while timer.isActive():
    app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
missing = set(MODULES) - set(sys.modules)
assert not missing, missing
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_first_frame_needs_little_of_the_app_and_all_is_there_before_the_window_is_made():
    code = """
import sys
import desktop.main
from desktop.starting import MODULES, import_window
assert not sys.modules.keys() & {*MODULES, "mqwen.engine.prompts", "PySide6.QtSvg", "sqlite3", "torch", "PIL"}
early = [name for name in sys.modules if name.startswith(("desktop.", "mqwen."))]
assert len(early) < 20, early
seen = []
import_window(lambda: seen.append(len(sys.modules)))
assert len(seen) == len(MODULES) == len(set(MODULES)) and not set(MODULES) - set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_each_is_named_once():
    assert len(set(MODULES)) == len(MODULES)
