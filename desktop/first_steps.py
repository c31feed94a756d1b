"""What the welcome page offers: the sample pictures, copied to where captions may be written, and the models."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from desktop.reasons import unexpected
from mqwen.hub import STARTER
from mqwen.library.data_folder import data_folder
from mqwen.resources import resources_path

if TYPE_CHECKING:
    from desktop.window import MainWindow


class FirstSteps(QObject):
    """Belongs to a window, whose welcome page and help menu ask for it."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.action = QAction(self.tr("Open the sa&mple pictures"), self)
        self.action.triggered.connect(self.open_samples)
        window.menus.help_menu.insertAction(window.menus.help_menu.actions()[0], self.action)
        window.welcome.samples_requested.connect(self.open_samples)
        window.welcome.models_requested.connect(window.models_part.open)

    def open_samples(self) -> None:
        """Show a copy of the sample pictures, for the starter model, which knows such drawings."""
        try:
            folder = copy_samples(data_folder() / self.tr("Sample pictures"))
        except OSError as error:
            text = self.tr("The sample pictures cannot be copied: {reason}")
            self._window.notice.say("samples", text.format(reason=unexpected(error)))
            return
        self._window.bar.set_model(STARTER)
        self._window.open([folder])


def copy_samples(folder: Path) -> Path:
    """Copy those sample pictures that are not there yet, and return the folder. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted((resources_path() / "samples").iterdir()):
        if source.suffix != ".md" and not (folder / source.name).exists():
            shutil.copyfile(source, folder / source.name)
    return folder
