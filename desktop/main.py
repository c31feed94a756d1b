"""The entry point of `mqwen-desktop`: a window first, everything slow later."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLoggingCategory, QProcess, QSettings, QTimer
from PySide6.QtWidgets import QApplication

# Only what a second start and the first frame need. The rest is imported when that is on the screen.
from desktop.settings_file import open_store, settings_path
from desktop.single_instance import SingleInstance
from desktop.starting import StartFrame, import_window
from desktop.theme import THEMES, apply_theme
from mqwen import __version__
from mqwen.environment import prepare_process

log = logging.getLogger(__name__)
# A damaged photo is shown as one, a script without a font as boxes: what Qt mutters about it is no news in a terminal.
QUIET = "qt.gui.imageio*=false\nqt.imageformats*=false\nqt.text.font.db=false"

# How long another thread may keep Python to itself once the window wants it: each call into Qt may have to ask for it
# again, so that at Python's own 5 ms painting a page beside a run took up to 0.5 s.
SWITCH_S = 0.0005


def main(argv: list[str] | None = None) -> int:
    """Open the window with the paths on the command line; return the exit status."""
    prepare_process()
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    terminal = logging.StreamHandler()
    terminal.setLevel(logging.WARNING)  # the log file hears more
    logging.basicConfig(handlers=[terminal], format="%(levelname)s %(name)s: %(message)s")
    QLoggingCategory.setFilterRules(QUIET)
    sys.setswitchinterval(SWITCH_S)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("mqwen")
    app.setApplicationDisplayName("MQwen")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("mqwen")
    paths = [path.absolute() for path in arguments.paths]
    instance = SingleInstance()
    if not instance.first(paths):
        return 0
    early: list[list[Path]] = []  # what other starts hand over before the window is there
    instance.paths_received.connect(early.append)
    store, aside = open_store(settings_path())
    apply_theme(app, arguments.theme or _theme(store))
    frame = StartFrame(store)
    if sys.platform != "darwin":  # there the files to open come as the first events, which only the window can take
        frame.show()
        app.processEvents()
    from desktop.log import Reporter, log_folder

    reporter = Reporter(log_folder())
    import_window(app.processEvents if frame.isVisible() else lambda: None)
    if sys.platform != "darwin" and not frame.isVisible():
        instance.close()
        reporter.close()
        return 0  # closed before there was anything in it
    from desktop.icon import app_icon
    from desktop.language import set_language
    from desktop.opening import FileOpenWatch
    from desktop.preloading import preload
    from desktop.settings import Settings
    from desktop.unix_signals import SignalWatch
    from desktop.window import MainWindow

    app.setWindowIcon(app_icon())
    settings = Settings(store)
    set_language(app, settings.preferences().ui_language)
    window = MainWindow(settings)
    window.settings_part.say_set_aside(aside)
    window.trouble.start(reporter)
    # As the window's own button does: what is being typed is saved, the run stops cleanly.
    SignalWatch(window).arrived.connect(window.close_now)
    instance.paths_received.connect(window.opening.receive)
    if sys.platform == "darwin":  # no other system sends such events, and it looks at every event there is
        FileOpenWatch(app, window.opening)
    window.show()
    frame.close()
    for given in (paths, *early):
        if given:
            window.open(given)
    instance.paths_received.disconnect(early.append)
    preload(window)
    QTimer.singleShot(0, lambda: log.info("the window is shown"))
    status = app.exec()
    instance.close()
    reporter.close()
    if window.settings_part.restart_wanted:
        start_again(window.sources.paths)
    return status


def _theme(store: QSettings) -> str:
    """Return the theme that was settled, before all settings can be read."""
    theme = str(store.value("preferences/theme"))
    return theme if theme in THEMES else THEMES[0]


def start_again(paths: Sequence[Path]) -> None:
    """Start another process of the app, with what is open here."""
    command = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "desktop"]
    QProcess.startDetached(command[0], [*command[1:], *map(str, paths)])


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mqwen-desktop", description="Caption folders of photos in a window.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders and photos to open")
    parser.add_argument("--theme", choices=THEMES, help="look so this time")
    parser.add_argument("--version", action="version", version=f"mqwen {__version__}")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
