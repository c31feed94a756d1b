"""The app's icon, drawn from its SVG at any size."""

from __future__ import annotations

from PySide6.QtGui import QIcon

from mqwen.resources import resources_path


def app_icon() -> QIcon:
    return QIcon(str(resources_path() / "icons" / "mqwen.svg"))
