from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QLoggingCategory, QSettings
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop import editing
from desktop.main import QUIET
from desktop.settings import Settings
from desktop.theme import apply_theme
from desktop.window import MainWindow
from desktop.worker import CaptionWorker
from tests.desktop.fakes import FakeCaptioner, Loader

WAIT_MS = 30_000
MakeWindow = Callable[[Loader], MainWindow]


class PatientBot(QtBot):
    """pytest-qt's, whose 5 seconds a busy machine can use up: a wait that ends well ends as soon as before."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = WAIT_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = WAIT_MS, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitExposed(self, widget: QWidget, *, timeout: int = WAIT_MS) -> Any:
        return super().waitExposed(widget, timeout=timeout)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> PatientBot:
    return PatientBot(request)


@pytest.fixture(autouse=True)
def _dressed(qapp) -> None:  # type: ignore[no-untyped-def]
    apply_theme(qapp, "light")
    QLoggingCategory.setFilterRules(QUIET)


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog of the test's own, for the window and its runs alike."""
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "mqwen-data"))


@pytest.fixture(autouse=True)
def _patient_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of one photo is waited for, however slow the disk is: many tests look there in their next line."""
    monkeypatch.setattr(editing, "_PATIENCE_S", WAIT_MS / 1000)


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    """A settings file of the test's own."""
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def make_window(qtbot: QtBot, store: QSettings) -> Iterator[MakeWindow]:
    windows: list[MainWindow] = []

    def make(loader: Loader) -> MainWindow:
        window = MainWindow(Settings(store), worker=CaptionWorker(loader))
        windows.append(window)
        window.resize(1000, 700)
        with qtbot.waitExposed(window):
            window.show()
        return window

    yield make
    for window in windows:
        window.close_now()
        qtbot.waitUntil(window.isHidden)
        window.deleteLater()


@pytest.fixture
def captioner() -> FakeCaptioner:
    return FakeCaptioner()


@pytest.fixture
def loader(captioner: FakeCaptioner) -> Loader:
    return Loader(captioner)


@pytest.fixture
def window(make_window: MakeWindow, loader: Loader) -> MainWindow:
    return make_window(loader)


@pytest.fixture
def open_folder(qtbot: QtBot) -> Callable[[MainWindow, Path, int], None]:
    """Open a folder and wait until so many photos are listed."""

    def do(window: MainWindow, folder: Path, count: int) -> None:
        window.open([folder])
        qtbot.waitUntil(lambda: window.photos.rowCount() == count and not window.photos.scanning())

    return do
