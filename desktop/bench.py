"""`python -m desktop.bench`, which `mqwen bench desktop` runs: what the window costs with a large folder.

A folder of real JPEG files is made (a few pictures under many names), opened in a real window, scrolled, filtered,
sorted, selected, changed, and captioned by a stand-in for a model that says something 50 times a second; everything
else (worker thread, files written, catalog) is what users have. A timer that should fire every few milliseconds shows
how long the event loop was busy with something else.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

_TICK_MS = 4
_A_FOLDER = 500
_PICTURES = 40
_RATE = 50
_TEXT = "A quiet street in the evening light, two people walking a small dog past a row of parked bicycles, number {}."


def main(argv: list[str] | None = None) -> int:
    """Measure, print the figures, return 0."""
    began = time.perf_counter()
    parser = argparse.ArgumentParser(prog="mqwen bench desktop", description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000, metavar="N", help="how many (default: 100000)")
    parser.add_argument("--captions", type=int, default=500, metavar="N", help="how many arrive (default: 500)")
    parser.add_argument("--screen", action="store_true", help="on the real screen instead of an invisible one")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args(argv)
    if not arguments.screen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory(prefix="mqwen-bench-") as temporary:
        os.environ["MQWEN_DATA_DIR"] = str(Path(temporary) / "data")
        figures = _measure(Path(temporary), arguments.photos, arguments.captions, began)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:<{width}}  {figure:,.1f}" if isinstance(figure, float) else f"{name:<{width}}  {figure:,}")
    return 0


class _PacedCaptioner:
    """Says something about a photo 50 times a second: as much of a Captioner as a run of the window uses."""

    is_starter = True

    def describe(self) -> str:
        return "no model"

    def events(self, photos: Iterable[Path], **options: Any) -> Iterator[Any]:
        from mqwen.engine.caption import Caption
        from mqwen.engine.events import Event

        due = time.perf_counter()
        for number, path in enumerate(photos):
            yield Event("token", path, text="A quiet street")
            due += 1 / _RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            yield Event("caption", path, captions=(Caption(_TEXT.format(number), (), 24, "stop", -0.3),))

    def pause(self) -> None:
        """Nothing is computed that could rest."""

    resume = unload = pause


class _Stalls:
    """Notes by how much each tick of a timer comes late, and what this thread computed meanwhile, in milliseconds.

    On a machine that others use, too, only the latter is all ours.
    """

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._late: list[float] = []
        self._busy: list[float] = []
        self._last, self._last_busy = time.perf_counter(), time.thread_time()
        self._timer = QTimer(interval=_TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now, busy = time.perf_counter(), time.thread_time()
        self._late.append(max(0.0, (now - self._last) * 1000 - _TICK_MS))
        self._busy.append((busy - self._last_busy) * 1000)
        self._last, self._last_busy = now, busy

    def take(self, phase: str) -> dict[str, float]:
        """Return the figures since the last call."""
        late, self._late = sorted(self._late), []
        busy, self._busy = self._busy, []
        if not late:
            return {}
        return {
            f"{phase} stall_p99_ms": late[min(len(late) - 1, len(late) * 99 // 100)],
            f"{phase} stall_max_ms": late[-1],
            f"{phase} computing_max_ms": max(busy),
        }


def _measure(folder: Path, photos: int, captions: int, began: float) -> dict[str, float | int]:
    from PySide6.QtCore import QEventLoop, QSettings, QTimer
    from PySide6.QtWidgets import QApplication

    from desktop.bench_changes import measure_changes
    from desktop.main import SWITCH_S
    from desktop.preloading import preload
    from desktop.settings import Settings
    from desktop.theme import apply_theme
    from desktop.window import MainWindow
    from desktop.worker import CaptionWorker
    from mqwen.run import RunSettings

    sys.setswitchinterval(SWITCH_S)
    imported = time.perf_counter()
    app = QApplication(sys.argv[:1])
    apply_theme(app, "light")
    store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    worker = CaptionWorker(lambda model, cancelled: cast("Any", _PacedCaptioner()))
    window = MainWindow(Settings(store), worker=worker)
    window.resize(1280, 800)
    window.show()
    app.processEvents()
    figures: dict[str, float | int] = {
        "photos": photos,
        "imports_s": imported - began,
        "window_s": time.perf_counter() - imported,
        "rss_window_mb": _rss(),
    }

    def until(done: Callable[[], bool], seconds: float = 600) -> float:
        start, loop = time.perf_counter(), QEventLoop()
        timer = QTimer(interval=10)
        timer.timeout.connect(lambda: loop.quit() if done() or time.perf_counter() > start + seconds else None)
        timer.start()
        loop.exec()
        return time.perf_counter() - start

    def rest(seconds: float) -> None:
        end = time.perf_counter() + seconds
        until(lambda: time.perf_counter() >= end)

    _say(f"making {photos} photos")
    root = _make_photos(folder / "photos", photos)
    loading = preload(window)  # as main() does; the folder is opened by a person, a moment later
    until(lambda: not loading.isActive())
    stalls = _Stalls()

    _say("opening")
    opened = time.perf_counter()
    window.open([root])
    until(lambda: window.photos.rowCount() > 0)
    figures["open first_row_s"] = time.perf_counter() - opened
    until(lambda: window.thumbnails.cached() > 0)
    figures["open first_thumbnail_s"] = time.perf_counter() - opened
    until(lambda: not window.photos.scanning())
    figures["open all_rows_s"] = time.perf_counter() - opened
    rest(1)
    figures |= stalls.take("open")
    figures["rss_open_mb"] = _rss()

    _say("scrolling")
    bar = window.grid.verticalScrollBar()
    for step in range(200):
        bar.setValue(bar.maximum() * ((step * 37) % 200) // 200)
        rest(0.03)
    until(lambda: all(window.thumbnails.pixmap(path) is not None for path in window.grid.visible_paths()), 30)
    rest(0.5)
    figures |= stalls.take("scroll")
    figures["rss_scroll_mb"] = _rss()

    _say("captions arriving")
    bar.setValue(0)
    rest(1)
    stalls.take("")
    paths = window.photos.paths()[:captions]
    window.captioning.start(paths, "starter", RunSettings(write=("txt",)))
    started = time.perf_counter()
    until(lambda: not window.captioning.running())
    figures["captions per_s"] = len(paths) / (time.perf_counter() - started)
    figures |= stalls.take("captions")
    landed = sum(window.photos.photo(path).caption == _TEXT.format(n) for n, path in enumerate(paths))  # type: ignore[union-attr]
    figures["captions landed"] = landed
    figures["rss_captions_mb"] = _rss()

    _say("filtering")
    for name, text in (("words", "quiet street"), ("names", "name:*7.jpg"), ("none", "")):
        filtered = time.perf_counter()
        window.filtering.set_text(text)
        until(lambda: not window.filtering.searching())
        figures[f"filter {name}_s"] = time.perf_counter() - filtered
        rest(0.5)
        figures |= stalls.take(f"filter {name}")
    _say("arranging, selecting and changing all")
    figures |= measure_changes(window, app, stalls.take, until)
    figures["rss_peak_mb"] = _rss(peak=True)
    closed = time.perf_counter()
    window.close()
    until(window.isHidden)
    figures["close s"] = time.perf_counter() - closed
    figures |= stalls.take("close")
    return figures


def _make_photos(root: Path, count: int) -> Path:
    """Make `count` JPEG files of 1600 x 1200; all but a few are hard links, each a photo of its own to the app."""
    from PIL import Image

    made: list[Path] = []
    for number in range(count):
        folder = root / f"{number // _A_FOLDER:03}"
        if number % _A_FOLDER == 0:
            folder.mkdir(parents=True)
        path = folder / f"IMG_{number:06}.jpg"
        if number < _PICTURES:
            noise = Image.effect_noise((400, 300), 60).resize((1600, 1200))
            tint = Image.new("L", noise.size, number * 6)
            Image.merge("RGB", (noise, tint, noise.point(lambda value: 255 - value))).save(path, quality=85)
            made.append(path)
            continue
        try:
            os.link(made[number % _PICTURES], path)
        except OSError:  # a file system without hard links
            path.write_bytes(made[number % _PICTURES].read_bytes())
    return root


def _rss(*, peak: bool = False) -> float:
    """Return the memory that this process has in use now, or had at most, in MB; nan where nobody tells."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM" if peak else "VmRSS"))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        return math.nan


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
