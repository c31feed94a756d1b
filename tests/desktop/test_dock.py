"""What a dock on the session bus really receives, and what the docks of other systems are told."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

from desktop import announce
from desktop.announce import Announcer
from desktop.dock import LauncherEntry, dock_of, launcher_message
from desktop.dock_tile import DockTile
from desktop.taskbar import Taskbar

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


def test_the_launcher_hears_how_far_the_run_is():
    message = launcher_message("mqwen", 42)
    assert (message.interface(), message.member()) == ("com.canonical.Unity.LauncherEntry", "Update")
    assert message.arguments() == ["application://mqwen.desktop", {"progress": 0.42, "progress-visible": True}]
    assert launcher_message("mqwen", None).arguments()[1]["progress-visible"] is False


class Recorder:
    """A dock that notes what it is told, and fails if it is to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.heard: list[int | None] = []
        self.error = error

    def show(self, percent: int | None) -> None:
        self.heard.append(percent)
        if self.error is not None:
            raise self.error


def test_shares_become_whole_percents_between_0_and_100(qtbot, monkeypatch):
    dock = Recorder()
    monkeypatch.setattr(announce, "dock_of", lambda window: dock)
    window = QWidget()
    qtbot.addWidget(window)
    announcer = Announcer(window)
    announcer.end_progress()
    for share in (0.0, 0.004, 0.006, 0.5, 0.5, 0.999, 1.01):
        announcer.show_progress(share)
    announcer.end_progress()
    announcer.end_progress()
    assert dock.heard == [0, 1, 50, 100, None], "no news is not told"


def test_a_dock_that_fails_is_logged_once_and_left_alone(qtbot, monkeypatch, caplog):
    dock = Recorder(OSError("HRESULT 0x80004005"))
    monkeypatch.setattr(announce, "dock_of", lambda window: dock)
    window = QWidget()
    qtbot.addWidget(window)
    announcer = Announcer(window)
    with caplog.at_level(logging.WARNING):
        for share in (0.1, 0.2, 0.3):
            announcer.show_progress(share)
        announcer.end_progress()
    assert dock.heard == [10]
    assert [record.message for record in caplog.records] == ["the dock shows no progress: HRESULT 0x80004005"]


def test_each_system_has_its_dock_and_an_unknown_one_none(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    assert isinstance(dock_of(window, "linux"), LauncherEntry)
    assert dock_of(window, "freebsd14") is None
    for elsewhere in {"win32", "darwin"} - {sys.platform}:
        with pytest.raises(OSError):  # its library is not here, and is not asked for on this system
            dock_of(window, elsewhere)


class FakeTaskbarList:
    """An object in memory as COM lays it out: a pointer to a table of eleven functions, of which three answer."""

    def __init__(self, result: int = 0) -> None:
        self.called: list[tuple[object, ...]] = []
        handle, whole = ctypes.c_void_p, ctypes.c_uint64
        kinds = {3: (), 9: (handle, whole, whole), 10: (handle, ctypes.c_int)}
        self._methods = {place: self._method(place, result, *arguments) for place, arguments in kinds.items()}
        table = (ctypes.c_void_p * 11)()
        for place, method in self._methods.items():
            table[place] = ctypes.cast(method, ctypes.c_void_p).value
        self._table = table
        self._object = ctypes.pointer(table)
        self.pointer = ctypes.addressof(self._object)

    def _method(self, place: int, result: int, *arguments):
        def answer(this, *given):
            assert this == self.pointer
            self.called.append((place, *given))
            return result

        return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *arguments)(answer)


def test_the_taskbar_is_called_by_the_places_of_its_methods():
    fake = FakeTaskbarList()
    taskbar = Taskbar(fake.pointer, 0x7FFF_1234_5678)
    taskbar.show(0)
    taskbar.show(42)
    taskbar.show(None)
    window = 0x7FFF_1234_5678
    assert fake.called == [
        (3,),
        (10, window, 2), (9, window, 0, 100),
        (10, window, 2), (9, window, 42, 100),
        (10, window, 0),
    ]  # fmt: skip


def test_what_windows_refuses_is_an_error():
    with pytest.raises(OSError, match="0x80004005"):
        Taskbar(FakeTaskbarList(result=-0x7FFFBFFB).pointer, 1)


def test_the_dock_tile_has_a_badge_while_there_is_a_run():
    sent = []

    def send(receiver, selector, *arguments):
        sent.append((receiver, selector, *arguments))
        return len(sent)

    tile = DockTile(send)
    tile.show(42)
    tile.show(None)
    assert sent == [
        ("NSApplication", "sharedApplication"),
        (1, "dockTile"),
        ("NSString", "stringWithUTF8String:", b"42%"),
        (2, "setBadgeLabel:", 3),
        (2, "setBadgeLabel:", 0),
    ]
