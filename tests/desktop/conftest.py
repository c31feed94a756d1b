from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLoggingCategory, QSettings
from pytestqt.qtbot import QtBot

from desktop.main import QUIET
from desktop.settings import Settings
from desktop.theme import apply_theme
from desktop.window import MainWindow
from desktop.worker import CaptionWorker
from tests.desktop.fakes import FakeCaptioner, Loader

MakeWindow = Callable[[Loader], MainWindow]


@pytest.fixture(autouse=True)
def _dressed(qapp) -> None:  # type: ignore[no-untyped-def]
    apply_theme(qapp, "light")
    QLoggingCategory.setFilterRules(QUIET)


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
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in windows:
        window.close()
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
