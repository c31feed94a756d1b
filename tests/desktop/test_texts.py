"""Every text of the window goes through tr() in a way that a translation reaches: proved with a made-up language."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QComboBox, QDockWidget, QLabel, QLineEdit, QMenu, QTreeWidget, QWidget

from desktop.photos import PhotoModel
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos


def tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def made_up(qapp, root, tmp_path):
    """A translation that puts every text between marks."""
    ts, qm = tmp_path / "x.ts", tmp_path / "x.qm"
    sources = [str(path) for path in (root / "desktop").glob("*.py")]
    subprocess.run([tool("pyside6-lupdate"), *sources, "-ts", str(ts)], check=True, capture_output=True, timeout=120)
    tree = ElementTree.parse(ts)
    for message in tree.iter("message"):
        translation = message.find("translation")
        for text in translation.findall("numerusform") or [translation]:
            text.text = f"«{message.findtext('source')}»"
        translation.attrib.pop("type", None)
    assert all(context.findtext("name") for context in tree.iter("context")), "a text outside of any class"
    tree.write(ts, encoding="utf-8", xml_declaration=True)
    subprocess.run([tool("pyside6-lrelease"), str(ts), "-qm", str(qm)], check=True, capture_output=True, timeout=120)
    translator = QTranslator()
    assert translator.load(str(qm))
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def texts(window: QWidget) -> set[str]:
    found: set[str] = set()
    for widget in [window, *window.findChildren(QWidget)]:
        if widget.objectName().startswith("qt_"):  # Qt's own, in qtbase's translation
            continue
        found |= {widget.toolTip(), widget.accessibleName()}
        if isinstance(widget, QLabel | QAbstractButton):
            found.add(widget.text())
        elif isinstance(widget, QComboBox):
            found |= {widget.itemText(place) for place in range(widget.count())}
        elif isinstance(widget, QLineEdit):
            found.add(widget.placeholderText())
        elif isinstance(widget, QMenu):
            found.add(widget.title())
        elif isinstance(widget, QDockWidget):
            found.add(widget.windowTitle())
        elif isinstance(widget, QTreeWidget):
            header = widget.headerItem()
            found |= {header.text(column) for column in range(widget.columnCount())}
    return found | {action.text() for action in window.findChildren(QAction)}


def test_a_translation_reaches_every_text(qtbot, made_up, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["1.png", "2 bad.png"])
    window = make_window(Loader(FakeCaptioner()))
    found = texts(window)
    open_folder(window, tmp_path / "in", 2)
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    qtbot.waitUntil(lambda: "«" in window.footer.summary())
    found |= texts(window)
    bare = {text for text in found if re.search(r"[^\W\d_]{2,}", text) and "«" not in text}
    # Languages call themselves so; the others are the captioner's words and a recent folder.
    assert bare <= {"English", "中文", "fake on CPU", "&1 in"}
    assert "«Failed: 1»" in found and len(found) > 40
    assert PhotoModel().tr("captioned") == "«captioned»"
