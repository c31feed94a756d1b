"""The settings file, which is set aside if it is damaged: a crash of the machine costs settings, never a start."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import platformdirs
from PySide6.QtCore import QSettings


def settings_path() -> Path:
    """Return where the settings are: in $MQWEN_DATA_DIR, else where QSettings keeps them for the user."""
    given = os.environ.get("MQWEN_DATA_DIR")
    if given:
        return Path(os.path.abspath(given)) / "desktop.ini"
    usual = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "mqwen", "desktop").fileName()
    return Path(usual or Path(platformdirs.user_config_dir("mqwen", appauthor=False)) / "desktop.ini")


def open_store(path: Path) -> tuple[QSettings, Path | None]:
    """Return the settings in a file, and where a damaged one was put, None if it was whole or not there."""
    aside = None
    if _damaged(path):
        aside = path.with_name(f"{path.name}.damaged-{datetime.now():%Y%m%d-%H%M%S}")
        try:
            os.replace(path, aside)
        except OSError:  # a folder that cannot be written: settings are then not kept, which costs no photo
            aside = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    return QSettings(str(path), QSettings.Format.IniFormat), aside


def _damaged(path: Path) -> bool:
    """Say whether a file is not what QSettings writes: that reads almost anything without complaint."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    if not content.strip():
        return b"\0" in content
    try:
        if "\0" in content.decode("utf-8"):  # a power loss leaves blocks of zeros
            return True
    except UnicodeDecodeError:
        return True
    store = QSettings(str(path), QSettings.Format.IniFormat)
    return store.status() != QSettings.Status.NoError or not store.allKeys()
