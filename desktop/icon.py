"""Icons, drawn from their SVG at any size: the app's own, and symbols in the colour of the text beside them."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from mqwen.resources import resources_path

_SIZES = (16, 24, 32, 48, 64)  # for screens of up to four pixels a unit


def app_icon() -> QIcon:
    return QIcon(str(resources_path() / "icons" / "mqwen.svg"))


def symbol(name: str, palette: QPalette) -> QIcon:
    """Return resources/icons/`name`.svg in the palette's text colour; ask again when the palette changes."""
    source = (resources_path() / "icons" / f"{name}.svg").read_text("utf-8")
    icon = QIcon()
    for group, mode in (
        (QPalette.ColorGroup.Active, QIcon.Mode.Normal),
        (QPalette.ColorGroup.Disabled, QIcon.Mode.Disabled),
    ):
        colour = palette.color(group, QPalette.ColorRole.ButtonText)
        drawing = source.replace("currentColor", colour.name())
        renderer = QSvgRenderer(QByteArray(drawing.encode()))
        for size in _SIZES:
            pixmap = QPixmap(size, size)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setOpacity(colour.alphaF())
            renderer.render(painter)
            painter.end()
            icon.addPixmap(pixmap, mode)
    return icon
