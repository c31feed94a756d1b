"""Make docs/screenshot.png: the window after a run of the starter model over the sample pictures.

    python packaging/screenshot.py [--theme dark] [--scale 1.5] [OUT]

Nothing is written beside the samples themselves: they are copied first. Needs no screen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the README's picture of the window.")
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "docs" / "screenshot.png", metavar="OUT")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--scale", default="1.5", help="pixels a unit")
    parser.add_argument("--model", default="starter")
    arguments = parser.parse_args()
    os.environ.update(QT_QPA_PLATFORM="offscreen", QT_SCALE_FACTOR=arguments.scale)
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="mqwen-") as scratch:
        return take(arguments.out, arguments.theme, arguments.model, Path(scratch))


def take(out: Path, theme: str, model: str, scratch: Path) -> int:
    from PySide6.QtCore import QEventLoop, QSettings, QTimer  # noqa: TID251 - not the engine
    from PySide6.QtWidgets import QApplication  # noqa: TID251

    from desktop.icon import app_icon
    from desktop.settings import Settings
    from desktop.theme import apply_theme
    from desktop.window import MainWindow
    from desktop.worker import Ending

    app = QApplication([])
    app.setWindowIcon(app_icon())
    apply_theme(app, theme)
    folder = scratch / "samples"
    shutil.copytree(ROOT / "resources" / "samples", folder)
    window = MainWindow(Settings(QSettings(str(scratch / "settings.ini"), QSettings.Format.IniFormat)))
    window.bar.set_model(model)
    window.resize(1120, 760)
    window.show()
    window.open([folder])
    loop = QEventLoop()
    endings: list[Ending] = []
    window.captioning.finished.connect(endings.append)
    window.captioning.finished.connect(loop.quit)

    def start() -> None:
        if window.photos.scanning():
            QTimer.singleShot(50, start)
        else:
            window.start()

    start()
    loop.exec()
    if endings[0].how != "done":
        print(endings[0].reason, file=sys.stderr)
        return 1

    def settled() -> None:
        if window.thumbnails.cached() < len(window.grid.visible_paths()):
            QTimer.singleShot(50, settled)
        else:
            loop.quit()

    QTimer.singleShot(300, settled)
    loop.exec()
    out.parent.mkdir(parents=True, exist_ok=True)
    saved = window.grab().save(str(out))
    window.close()
    print(out if saved else f"{out} cannot be written")
    return 0 if saved else 1


if __name__ == "__main__":
    raise SystemExit(main())
