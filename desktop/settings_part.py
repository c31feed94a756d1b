"""Settings in the menu: opens the dialog and makes what was chosen hold at once, or says when it will."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication

from desktop.preferences import Preferences
from desktop.reasons import told
from desktop.shortcuts import apply_shortcuts, keep_shortcuts, menu_actions
from desktop.theme import apply_theme
from mqwen.errors import MqwenError
from mqwen.hub import models_folder, set_models_folder
from mqwen.hub.folders import default_models_folder
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from desktop.settings import Settings
    from desktop.settings_dialog import SettingsDialog
    from desktop.window import MainWindow


class SettingsPart(QObject):
    """Belongs to a window, whose file menu it enters."""

    def __init__(self, window: MainWindow, settings: Settings) -> None:
        super().__init__(window)
        self._window = window
        self._settings = settings
        self._stale_model = False
        self.restart_wanted = False  # the window was closed to be opened again
        self.dialog: SettingsDialog | None = None
        self.action = QAction(self.tr("S&ettings…"), self)
        self.action.setShortcut(QKeySequence("Ctrl+,"))
        self.action.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.action.triggered.connect(self.open)
        menu = window.menus.file_menu
        last = menu.actions()[-1]
        menu.insertAction(last, self.action)
        menu.insertSeparator(last)
        window.captioning.finished.connect(self._run_finished)
        window.notice.action_chosen.connect(lambda key: self._restart() if key == "language" else None)
        # When every part of the window has added its actions.
        QTimer.singleShot(0, self, lambda: apply_shortcuts(menu_actions(window.menuBar()), settings.store))

    def open(self) -> None:
        """Show the dialog."""
        fixed = "MQWEN_MODELS" in os.environ
        try:
            models = models_folder()
        except MqwenError:  # the file that names it is damaged: another choice replaces it
            models = default_models_folder()
        actions = menu_actions(self._window.menuBar())
        from desktop.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self._settings.preferences(), models, actions, fixed_models=fixed, parent=self._window)
        self.dialog = dialog
        dialog.accepted.connect(lambda: self._take(dialog))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def say_set_aside(self, aside: Path | None) -> None:
        """Tell that the settings file was damaged and where it is now; None: it was not."""
        if aside is not None:
            text = self.tr("The settings were damaged and are the usual ones again. The old file is {path}")
            self._window.notice.say("settings", text.format(path=aside))

    def applied_to(self, settings: RunSettings) -> RunSettings:
        """Return the settings of a run with what is settled for all."""
        return self._settings.preferences().applied_to(settings)

    def _take(self, dialog: SettingsDialog) -> None:
        before, after = self._settings.preferences(), dialog.preferences()
        self._settings.keep_preferences(after)
        dialog.shortcuts.apply()
        keep_shortcuts(menu_actions(self._window.menuBar()), self._settings.store)
        app = QCoreApplication.instance()
        if after.theme != before.theme and isinstance(app, QApplication):
            apply_theme(app, after.theme)
        if after.ui_language != before.ui_language:
            # A run is not stopped for the sake of a language.
            restart = "" if self._window.captioning.busy() else self.tr("Restart now")
            self._window.notice.say("language", self._in_both(after), restart)
        if after.model_fields() != before.model_fields():
            self._stale_model = True
            self._run_finished()
        self._take_models_folder(dialog)

    def _restart(self) -> None:
        self.restart_wanted = self._window.close()

    def _take_models_folder(self, dialog: SettingsDialog) -> None:
        try:
            chosen, now = dialog.models_folder(), models_folder()
        except MqwenError:
            now = None
        if not dialog.models.isEnabled() or not dialog.models.text().strip() or chosen == now:
            return
        try:
            set_models_folder(None if chosen == default_models_folder() else chosen)
        except MqwenError as error:
            self._window.notice.say("settings", told(error))
        else:
            self._window.bar.refresh_models()

    def _run_finished(self) -> None:
        """Let a model go that was loaded with other settings, as soon as no run uses it."""
        if self._stale_model and not self._window.captioning.running():
            self._stale_model = False
            self._window.captioning.unload()

    def _in_both(self, chosen: Preferences) -> str:
        own = "MQwen speaks the other language when you start it again."
        return {
            "en": own,
            "zh_CN": "重新启动 MQwen 后将使用简体中文。",
        }.get(chosen.ui_language, self.tr("MQwen speaks the system's language when you start it again."))
