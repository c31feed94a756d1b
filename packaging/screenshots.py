"""Make docs/screenshots: the window and its dialogs after a run of the starter model, in both languages and themes.

    python packaging/screenshots.py [--out DIR] [--language en] [--theme light] [--size 1280x720] [--scale 1]
        [--all]

Nothing of the user's is read or written: the sample pictures, the settings and the catalog are copies in a scratch
folder. Needs no screen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from live import Scenes, dialogs, until, wait
from PySide6.QtGui import QPixmap  # noqa: TID251 - not the engine

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication  # noqa: TID251 - not the engine

    from desktop.window import MainWindow

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES, THEMES = ("en", "zh_CN"), ("light", "dark")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the pictures of the window and its dialogs.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots", metavar="DIR")
    parser.add_argument("--language", choices=LANGUAGES, help="this one alone")
    parser.add_argument("--theme", choices=THEMES, help="this one alone")
    parser.add_argument("--size", default="1280x720", metavar="WxH", help="of the window")
    parser.add_argument("--scale", default="1", help="pixels a unit")
    parser.add_argument("--all", action="store_true", help="what users see less often, too: to be looked at")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mqwen-") as scratch:
        os.environ.update(
            QT_QPA_PLATFORM="offscreen",
            QT_SCALE_FACTOR=arguments.scale,
            MQWEN_DATA_DIR=str(Path(scratch) / "data"),
            MQWEN_MODELS=str(Path(scratch) / "models"),
        )
        sys.path.insert(0, str(ROOT))
        app = start()
        for language in [arguments.language] if arguments.language else LANGUAGES:
            for theme in [arguments.theme] if arguments.theme else THEMES:
                folder = Path(scratch) / theme / ("示例图片" if language == "zh_CN" else "Sample pictures")
                shutil.copytree(ROOT / "resources" / "samples", folder, ignore=shutil.ignore_patterns("*.md"))
                window = dressed(app, language, theme, Path(scratch))
                window.resize(width, height)
                for name, shown in scenes(window, folder, more=arguments.all):
                    path = arguments.out / f"{name}-{language}-{theme}.png"
                    if not (shown if isinstance(shown, QPixmap) else shown.grab()).save(str(path)):
                        print(f"{path} cannot be written", file=sys.stderr)
                        return 1
                    print(path, flush=True)
                window.close()
                until(window.isHidden)
                window.deleteLater()  # not whenever, and in whatever thread, Python collects its garbage
                wait(100)
    return 0


def start() -> QApplication:
    from PySide6.QtCore import QLoggingCategory  # noqa: TID251
    from PySide6.QtWidgets import QApplication  # noqa: TID251

    from desktop.icon import app_icon
    from desktop.main import QUIET
    from mqwen.environment import prepare_process

    prepare_process()
    QLoggingCategory.setFilterRules(QUIET)
    app = QApplication([])
    app.setWindowIcon(app_icon())
    return app


def dressed(app: QApplication, language: str, theme: str, scratch: Path) -> MainWindow:
    """Return a window that speaks a language and has a theme, with settings of its own."""
    from desktop.language import set_language
    from desktop.settings import Settings
    from desktop.settings_file import open_store
    from desktop.theme import apply_theme
    from desktop.window import MainWindow

    apply_theme(app, theme)
    set_language(app, language)
    window = MainWindow(Settings(open_store(scratch / f"{language}-{theme}.ini")[0]))
    window.notice.hide()
    window.show()
    return window


def scenes(window: MainWindow, folder: Path, *, more: bool) -> Scenes:
    """Yield name and widget of each picture, when it is there to be taken."""
    wait(300)
    yield "welcome", window
    window.open([folder])
    until(lambda: window.photos.rowCount() > 0 and not window.photos.scanning())
    yield from dialogs(window, {"before-run": window.before_run.ask})
    settings = window.bar.choices().run_settings()
    window.captioning.start(window.photos.paths(), "starter", settings)
    until(lambda: not window.captioning.busy())
    window.filtering.set_text("name:scene*")  # the starter model knows drawings only
    until(lambda: not window.filtering.searching())
    window.grid.setCurrentIndex(window.photos.index(1))
    until(lambda: window.thumbnails.cached() >= len(window.grid.visible_paths()))
    wait(500)
    yield "window", window
    window.review.open()
    wait(1500)
    yield "review", window
    window.review.leave()
    parts = {
        "history": window.history.open,
        "models": window.models_part.open,
        "settings": window.settings_part.open,
    }
    yield from dialogs(window, parts)
    if more:
        from more_scenes import more_scenes

        yield from more_scenes(window, folder)


if __name__ == "__main__":
    raise SystemExit(main())
