"""What is settled in the dialog holds: at once, with the next model, after a restart; nonsense in the file does not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QLocale, QSettings, QTranslator
from PySide6.QtGui import QKeySequence, QPalette
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from desktop import theme
from desktop.language import set_language
from desktop.loading import limit_process, load_with
from desktop.main import start_again
from desktop.mnemonics import plain
from desktop.preferences import Preferences, read_preferences, write_preferences
from desktop.settings import Settings
from desktop.settings_file import open_store, settings_path
from desktop.shortcuts import menu_actions
from mqwen.errors import Cancelled, DeviceError
from mqwen.hub import models_folder
from mqwen.run import RunSettings
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos

CHOSEN = Preferences("zh_CN", "dark", "cuda:1", "float16", "int8", 7.5, 3, "stem", True)


@pytest.fixture(autouse=True)
def _config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MQWEN_MODELS", raising=False)


def store_in(path: Path) -> QSettings:
    return QSettings(str(path), QSettings.Format.IniFormat)


def test_every_field_survives_a_restart(tmp_path):
    write_preferences(store_in(tmp_path / "a.ini"), CHOSEN)
    assert read_preferences(store_in(tmp_path / "a.ini")) == CHOSEN
    assert read_preferences(store_in(tmp_path / "new.ini")) == Preferences()


@pytest.mark.parametrize(
    "line",
    ["theme=pink", "device=cuda:x", "device=", "threads=-1", "threads=many", "card_gb=nan", "card_gb=-2", "card_gb=1e9"]
    + ["keep_mtime=perhaps", "ui_language=tlh", "precision=@Variant(\\0)", "sidecar_naming=x", "quantize=1"],
)
def test_a_value_that_makes_no_sense_is_the_default_and_the_others_hold(tmp_path, line):
    (tmp_path / "a.ini").write_text(f"[preferences]\n{line}\n[preferences]\nunknown=1\n")
    assert read_preferences(store_in(tmp_path / "a.ini")) == Preferences()
    (tmp_path / "b.ini").write_text(f"[preferences]\ntheme=dark\n{line}\nquantize=int8\n".replace("theme=pink\n", ""))
    found = read_preferences(store_in(tmp_path / "b.ini"))
    assert found.theme == "dark"


@pytest.mark.parametrize(
    "damage", [b"\0" * 400, b"\x89PNG\r\n\x1a\n\xff", b"no settings here", b"[preferences\ntheme=dark"]
)
def test_a_damaged_file_is_set_aside_and_the_next_one_is_kept(tmp_path, damage):
    path = tmp_path / "desktop.ini"
    path.write_bytes(damage)
    store, aside = open_store(path)
    assert aside is not None and aside.read_bytes() == damage and aside.parent == tmp_path
    settings = Settings(store)
    assert settings.preferences() == Preferences()
    settings.keep_preferences(CHOSEN)
    again, aside = open_store(path)
    assert aside is None and Settings(again).preferences() == CHOSEN


def test_a_whole_or_missing_or_empty_file_is_left_alone(tmp_path):
    for content in (None, b"", b"[preferences]\ntheme=dark\n"):
        path = tmp_path / "desktop.ini"
        if content is not None:
            path.write_bytes(content)
        assert open_store(path)[1] is None
        assert [file.name for file in tmp_path.glob("*.damaged*")] == []


def test_the_file_is_where_the_environment_says(tmp_path):
    assert settings_path() == tmp_path / "data" / "desktop.ini"


def open_dialog(window):
    window.settings_part.open()
    return window.settings_part.dialog


def choose(combo, value):
    combo.setCurrentIndex(combo.findData(value))


def test_ok_settles_everything_and_the_theme_at_once(qapp, qtbot, make_window, store, tmp_path):
    window = make_window(Loader(FakeCaptioner()))
    dialog = open_dialog(window)
    assert dialog.isModal() and dialog.preferences() == Preferences()
    choose(dialog.language, CHOSEN.ui_language)
    choose(dialog.theme, CHOSEN.theme)
    dialog.device.setEditText(CHOSEN.device)
    choose(dialog.precision, CHOSEN.precision)
    choose(dialog.quantize, CHOSEN.quantize)
    dialog.card_gb.setValue(CHOSEN.card_gb)
    dialog.threads.setValue(CHOSEN.threads)
    choose(dialog.naming, CHOSEN.sidecar_naming)
    dialog.keep_mtime.setChecked(True)
    dialog.models.setText(str(tmp_path / "my models"))
    dialog.accept()
    assert Settings(store_in(Path(store.fileName()))).preferences() == CHOSEN
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == theme.DARK.window
    assert "重新启动" in window.notice.text(), "the other language comes with the next start, and that is said in it"
    assert models_folder() == tmp_path / "my models"
    settings = window._settings.preferences().applied_to(RunSettings())
    assert settings.keep_mtime and settings.sidecar_naming == "stem"


def test_cancel_settles_nothing_and_defaults_can_be_had_back(qapp, qtbot, window):
    window._settings.keep_preferences(CHOSEN)
    dialog = open_dialog(window)
    dialog.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).click()
    assert dialog.preferences() == Preferences()
    dialog.reject()
    assert window._settings.preferences() == CHOSEN
    dialog = open_dialog(window)
    assert dialog.preferences() == CHOSEN
    dialog.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).click()
    dialog.accept()
    assert window._settings.preferences() == Preferences()


def test_a_device_that_is_none_cannot_be_settled(qtbot, window):
    dialog = open_dialog(window)
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    for text, known in (("cuda:", False), ("cuda:1", True), ("gpu", False), ("Processor", True)):
        dialog.device.setEditText(text)
        assert ok.isEnabled() is known, text
    assert dialog.preferences().device == "cpu"
    dialog.reject()


def test_the_model_is_loaded_anew_when_what_it_depends_on_changes(qtbot, window, loader, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)

    def run_with(preferences):
        window._settings.keep_preferences(window._settings.preferences())
        dialog = open_dialog(window)
        dialog.threads.setValue(preferences.threads)
        dialog.keep_mtime.setChecked(preferences.keep_mtime)
        dialog.accept()
        (tmp_path / "in" / "1.txt").unlink(missing_ok=True)
        with qtbot.waitSignal(window.captioning.finished):
            window.captioning.start(window.photos.paths(), "starter", RunSettings(existing="overwrite-all"))
        return len(loader.models)

    assert run_with(Preferences()) == 1
    assert run_with(Preferences(keep_mtime=True)) == 1, "the files' settings are none of the model's"
    assert run_with(Preferences(keep_mtime=True, threads=1)) == 2


def test_a_model_is_loaded_as_settled(monkeypatch):
    threads = torch.get_num_threads()
    try:
        chosen = Preferences(device="cpu", precision="float32", quantize="int8", threads=1)
        captioner = load_with(lambda: chosen)("starter", lambda: False)
        assert torch.get_num_threads() == 1
        assert (captioner.plan.device.type, captioner.plan.dtype, captioner.plan.quantize) == (
            "cpu",
            torch.float32,
            "int8",
        )
        limit_process(0, 0)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(threads)
    with pytest.raises(Cancelled):
        load_with(lambda: chosen)("starter", lambda: True)
    with pytest.raises(DeviceError):
        load_with(lambda: Preferences(device="cuda:99"))("starter", lambda: False)


def test_a_shortcut_can_be_changed_and_is_there_after_a_restart(qtbot, make_window):
    window = make_window(Loader(FakeCaptioner()))
    qtbot.wait(10)
    actions = menu_actions(window.menuBar())
    reload = next(action for action in actions if plain(action.text()) == "Reload")
    start = next(action for action in actions if plain(action.text()) == "Start")
    dialog = open_dialog(window)
    dialog.shortcuts.set_keys(reload, start.shortcut())
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled() and dialog.shortcuts.clash(), "two actions with the same keys"
    dialog.shortcuts.set_keys(reload, QKeySequence("Ctrl+Alt+R"))
    assert ok.isEnabled()
    dialog.accept()
    assert reload.shortcut() == QKeySequence("Ctrl+Alt+R")
    again = make_window(Loader(FakeCaptioner()))
    qtbot.waitUntil(lambda: "Ctrl+Alt+R" in [action.shortcut().toString() for action in menu_actions(again.menuBar())])
    dialog = open_dialog(again)
    dialog.shortcuts.restore()
    dialog.accept()
    assert "Ctrl+Alt+R" not in [action.shortcut().toString() for action in menu_actions(again.menuBar())]


def test_the_shortcuts_name_undo_whatever_it_would_undo_just_now(qtbot, window, open_folder, tmp_path):
    (path,) = draw_photos(tmp_path / "in", ["1.png"])
    open_folder(window, tmp_path / "in", 1)
    window.editing.set_shown(path, "typed")
    qtbot.waitUntil(lambda: window.edit_actions.undo.text() == "&Undo caption")
    table = open_dialog(window).shortcuts.table
    names = [table.topLevelItem(row).text(0) for row in range(table.topLevelItemCount())]
    assert "Undo" in names and "Redo" in names


def test_no_two_actions_of_the_menus_have_the_same_keys(qtbot, window):
    keys = [
        action.shortcut().toString() for action in menu_actions(window.menuBar()) if not action.shortcut().isEmpty()
    ]
    assert len(keys) == len(set(keys)) >= 10


def test_mnemonics_are_not_part_of_a_name():
    assert plain("&Open folder…") == "Open folder…"
    assert plain("打开文件夹(&O)…") == "打开文件夹…"
    assert plain("Cut && paste") == "Cut & paste"


def test_the_language_is_the_settings_not_the_systems(qapp: QApplication):
    try:
        assert set_language(qapp, "zh_CN").language() == QLocale.Language.Chinese
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        assert buttons.button(QDialogButtonBox.StandardButton.Cancel).text() == "取消", "Qt's own texts too"
        set_language(qapp, "en")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        assert buttons.button(QDialogButtonBox.StandardButton.Cancel).text() == "Cancel"
    finally:
        set_language(qapp, "en")
        for translator in qapp.findChildren(QTranslator):
            qapp.removeTranslator(translator)
        QLocale.setDefault(QLocale.c() if os.environ.get("LC_ALL") == "C" else QLocale.system())


def test_the_theme_can_be_switched_any_number_of_times(qapp):
    for name in ("light", "dark", "system", "dark", "light"):
        theme.apply_theme(qapp, name)
        wanted = theme.LIGHT if name == "light" or (name == "system" and not theme.is_dark(qapp)) else theme.DARK
        assert qapp.palette().color(QPalette.ColorRole.Window).name() == wanted.window
        assert wanted.accent in qapp.styleSheet()


def test_another_language_can_be_had_at_once_by_a_restart(qtbot, make_window):
    window = make_window(Loader(FakeCaptioner()))
    dialog = open_dialog(window)
    choose(dialog.language, "zh_CN")
    dialog.accept()
    assert window.notice._action.text() == "Restart now" and not window.settings_part.restart_wanted
    window.notice._action.click()
    assert window.isHidden() and window.settings_part.restart_wanted


def test_a_restart_opens_the_same_paths_in_another_process(qtbot, monkeypatch, tmp_path):
    told = tmp_path / "told.txt"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{told}.part" && mv "{told}.part" "{told}"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    start_again([tmp_path / "my photos", tmp_path / "花"])
    qtbot.waitUntil(told.exists)
    assert told.read_text("utf-8").splitlines() == ["-m", "desktop", f"{tmp_path}/my photos", f"{tmp_path}/花"]
