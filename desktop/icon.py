"""Icons, drawn from their SVG at any size: the app's own, and symbols in the colour of the text beside them."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from mqwen.resources import resources_path

_SIZES = (16, 24, 32, 48, 64)  # for screens of up to four pixels a unit


def app_icon() -> QIcon:
    return QIcon(str(resources_path() / "icons" / "mqwen.svg"))


def symbol(name: str, palette: QPalette) -> QIcon:
    """Return resources/icons/`name`.svg in the palette's text colour; ask again when the palette changes."""
    icon = QIcon()
    for group, mode in (
        (QPalette.ColorGroup.Active, QIcon.Mode.Normal),
        (QPalette.ColorGroup.Disabled, QIcon.Mode.Disabled),
    ):
        colour = palette.color(group, QPalette.ColorRole.ButtonText)
        for image in _drawn(name, colour.name(), colour.alphaF()):
            icon.addPixmap(QPixmap.fromImage(image), mode)
    return icon


@lru_cache(maxsize=64)  # drawing takes 5 ms, and a window asks for some twice before it is on the screen
def _drawn(name: str, colour: str, opacity: float) -> list[QImage]:
    source = (resources_path() / "icons" / f"{name}.svg").read_text("utf-8")
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", colour).encode()))
    images = []
    for size in _SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setOpacity(opacity)
        renderer.render(painter)
        painter.end()
        images.append(image)
    return images
