"""Ways into the window beside its dialogs: recent folders, subfolders, a second start, the system's file manager."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication

from desktop.opening import FileOpenWatch
from desktop.single_instance import SingleInstance
from tests.desktop.fakes import draw_photos


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / name for name in ("summer & sea", "winter", "other/winter")]
    for number, folder in enumerate(made):
        draw_photos(folder, [f"{place}.png" for place in range(number + 1)])
    draw_photos(made[1] / "below", ["deep.png"])
    return made


def texts(menu):
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def test_recent_folders_are_kept_in_order_and_open_again(qtbot, make_window, loader, open_folder, folders, store):
    window = make_window(loader)
    assert not window.opening.recent_menu.isEnabled()
    open_folder(window, folders[0], 1)
    open_folder(window, folders[1], 3)
    open_folder(window, folders[2], 3)
    open_folder(window, folders[1], 3)
    assert window.opening.recent() == [folders[1], folders[2], folders[0]]
    window = make_window(loader)  # the next start
    shown = texts(window.opening.recent_menu)
    assert shown[:3] == [f"&1 {folders[1]}", f"&2 {folders[2]}", "&3 summer && sea"]
    window.opening.recent_menu.actions()[2].trigger()
    qtbot.waitUntil(lambda: window.photos.rowCount() == 1 and not window.photos.scanning())
    assert window.sources.paths == (folders[0],)
    window.opening.recent_menu.actions()[-1].trigger()
    assert window.opening.recent() == [] and not window.opening.recent_menu.isEnabled()


def test_a_recent_folder_that_is_gone_is_said_and_dropped(qtbot, window, open_folder, folders, tmp_path):
    open_folder(window, folders[0], 1)
    open_folder(window, folders[2], 3)
    folders[0].rename(tmp_path / "moved")
    window.opening.recent_menu.actions()[1].trigger()
    assert "summer & sea is no longer there" in window.notice.text()
    assert window.opening.recent() == [folders[2]]
    assert window.photos.rowCount() == 3, "what was open stays open"


@pytest.mark.parametrize("kept", ["not json", '{"a": 1}', "[1, null]"])
def test_a_damaged_list_of_recent_folders_is_an_empty_one(make_window, loader, store, kept):
    store.setValue("open/recent", kept)
    assert make_window(loader).opening.recent() == []


def test_subfolders_are_a_choice_that_is_kept(qtbot, make_window, loader, open_folder, folders):
    window = make_window(loader)
    open_folder(window, folders[1], 3)
    window.opening.subfolders.trigger()
    qtbot.waitUntil(lambda: window.photos.rowCount() == 2 and not window.photos.scanning())
    window = make_window(loader)
    open_folder(window, folders[1], 2)
    window.opening.subfolders.trigger()
    qtbot.waitUntil(lambda: window.photos.rowCount() == 3 and not window.photos.scanning())


def test_a_second_start_hands_its_paths_to_the_first_and_ends(qtbot, window, folders, tmp_path):
    first = SingleInstance(tmp_path / "data", window)
    assert first.first([])
    first.paths_received.connect(window.opening.receive)
    environment = {**os.environ, "MQWEN_DATA_DIR": str(tmp_path / "data")}
    second = subprocess.Popen(
        [sys.executable, "-m", "desktop", folders[2].name], cwd=folders[2].parent, env=_on_path(environment)
    )
    qtbot.waitUntil(lambda: window.photos.rowCount() == 3)
    assert window.sources.paths == (folders[2],)
    assert second.wait(60) == 0
    first.close()


def test_under_a_dialog_that_waits_for_an_answer_nothing_else_is_opened(qtbot, window, captioner, open_folder, folders):
    open_folder(window, folders[2], 3)
    window.before_run.ask()
    dialog = window.before_run.dialog
    qtbot.waitUntil(dialog.start.isEnabled)
    window.opening.receive([folders[0]])
    window.opening.receive([])  # a third start, without paths
    assert QApplication.activeModalWidget() is dialog and window.sources.paths == (folders[2],)
    with qtbot.waitSignal(window.captioning.finished):
        dialog.start.click()
    assert {path.parent for path in captioner.asked} == {folders[2]}
    qtbot.waitUntil(lambda: window.sources.paths == (folders[0],))
    qtbot.waitUntil(lambda: window.photos.rowCount() == 1 and not window.photos.scanning())


def test_what_is_not_there_is_said_and_is_no_photo(qtbot, window, open_folder, folders, tmp_path):
    window.open([folders[2], tmp_path / "no such.jpg"])
    qtbot.waitUntil(lambda: window.photos.rowCount() == 3 and not window.photos.scanning())
    assert window.failures.paths() == [tmp_path / "no such.jpg"]
    assert "no such.jpg: the file is not there" in window.notice.text()
    open_folder(window, folders[0], 1)
    assert "no such.jpg" not in window.notice.text()
    folders[0].rename(tmp_path / "moved")
    window.reload()
    qtbot.waitUntil(lambda: window.photos.rowCount() == 0 and not window.photos.scanning())
    assert f"{folders[0]}: the file is not there" in window.notice.text()


def test_another_data_folder_or_a_closed_window_is_no_obstacle(qtbot, tmp_path):
    first, other, next_ = (SingleInstance(tmp_path / name) for name in ("a", "b", "a"))
    assert first.first([])
    assert other.first([])
    first.close()
    assert next_.first([])
    next_.close()
    other.close()


def test_a_crashed_window_leaves_nothing_in_the_way(qtbot, tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication; "
        "from desktop.single_instance import SingleInstance; app = QCoreApplication([]); "
        f"assert SingleInstance(Path({str(tmp_path)!r})).first([]); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=_on_path({**os.environ})).returncode == 9
    next_ = SingleInstance(tmp_path)
    received = []
    next_.paths_received.connect(received.append)
    assert next_.first([])
    third = subprocess.Popen(
        [sys.executable, "-m", "desktop", "x.jpg"],
        cwd=tmp_path,
        env=_on_path({**os.environ, "MQWEN_DATA_DIR": str(tmp_path)}),
    )
    qtbot.waitUntil(lambda: received == [[tmp_path / "x.jpg"]])
    assert third.wait(60) == 0
    next_.close()


def test_nonsense_on_the_socket_opens_nothing(qtbot, tmp_path):
    first = SingleInstance(tmp_path)
    received = []
    first.paths_received.connect(received.append)
    assert first.first([])
    for words in (b"hello\n", b"[1]\n", b'{"a": 1', b"\xff\xfe\n"):
        socket = QLocalSocket()
        socket.connectToServer(first._name)
        assert socket.waitForConnected()
        socket.write(words)
        socket.flush()
        qtbot.wait(30)
        socket.abort()
    assert received == []
    first.close()


def test_files_that_the_system_hands_over_together_are_opened_together(qtbot, window, folders):
    watch = FileOpenWatch(QApplication.instance(), window.opening)
    for path in (folders[2], folders[0] / "0.png"):
        QApplication.sendEvent(QApplication.instance(), QFileOpenEvent(str(path)))
    qtbot.waitUntil(lambda: window.photos.rowCount() == 4)
    assert window.sources.paths == (folders[2], folders[0] / "0.png")
    QApplication.instance().removeEventFilter(watch)


def _on_path(environment: dict[str, str]) -> dict[str, str]:
    root = Path(__file__).resolve().parents[2]
    return {**environment, "PYTHONPATH": str(root)}
