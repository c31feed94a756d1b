"""The app as its user meets it: its own process, a real window on a virtual screen, real keys and clicks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageGrab

from tests.desktop.fakes import draw_photos

TOOLS = ("Xvfb", "openbox", "xdotool")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


# Another program's window, from which a folder can be dragged.
_SOURCE = """
import sys
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QLabel

class Source(QLabel):
    def mousePressEvent(self, event):
        drag, mime = QDrag(self), QMimeData()
        mime.setUrls([QUrl.fromLocalFile(sys.argv[1])])
        drag.setMimeData(mime)
        print("dragging", flush=True)
        print("taken" if drag.exec(Qt.DropAction.CopyAction) == Qt.DropAction.CopyAction else "refused", flush=True)

app = QApplication(sys.argv[:1])
source = Source("a folder")
source.setWindowTitle("Drag source")
source.resize(200, 80)
source.show()
app.exec()
"""


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.1)


class Screen:
    """A virtual screen with a window manager."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._x = subprocess.Popen(
            # A server that starts anew whenever nobody is connected would refuse who comes just then.
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            self.display = f":{pipe.readline().strip()}"
        self.environment = {**os.environ, "DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb"}
        self._manager = subprocess.Popen(["openbox"], env=self.environment, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.do("get_num_desktops").isdigit(), "the window manager")

    def do(self, *words: str) -> str:
        done = subprocess.run(["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    def picture(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.display).convert("RGB")

    def close(self) -> None:
        for process in (self._manager, self._x):
            process.terminate()
            process.wait(10)


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


class App:
    """`python -m desktop` on a screen, with settings and models of its own."""

    def __init__(self, screen: Screen, home: Path, model: str, *arguments: str) -> None:
        home.mkdir(parents=True)
        (home / "desktop.ini").write_text(f"[choices]\nmodel={model}\n", "utf-8")
        environment = {**screen.environment, "MQWEN_DATA_DIR": str(home), "XDG_DATA_HOME": str(home)}
        self.screen = screen
        self.process = subprocess.Popen(
            [sys.executable, "-m", "desktop", "--theme", "light", *arguments],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> None:
        """Wait for the window, and bring it to a known place and size."""
        screen = self.screen
        wait_for(
            lambda: self.process.poll() is not None or screen.do("search", "--onlyvisible", "--name", "MQwen"),
            "the window",
        )
        assert self.process.poll() is None, self.process.stdout.read()
        self.window = screen.do("search", "--onlyvisible", "--name", "MQwen").split()[0]
        screen.do("windowactivate", "--sync", self.window)
        screen.do("windowsize", "--sync", self.window, "1200", "720")
        screen.do("windowmove", "--sync", self.window, "20", "30")

    def key(self, *keys: str) -> None:
        self.screen.do("key", "--window", "0", "--delay", "60", *keys)

    def start_run(self, folder: Path) -> None:
        """Press Start, and Start again in the question, until the first caption is there.

        Both do nothing before all photos are listed, or in a run.
        """

        def begun() -> bool:
            if any(folder.glob("*.txt")):
                return True
            self.key("ctrl+Return")
            self.key("alt+s")
            return False

        wait_for(begun, "the first caption")

    def type(self, text: str) -> None:
        self.screen.do("type", "--delay", "40", text)

    def click(self, x: int, y: int) -> None:
        self.screen.do("mousemove", "--window", self.window, str(x), str(y), "click", "1")

    def drag_here(self, folder: Path) -> None:
        """Drag a folder from another process's window into the middle of this one, and let it go there."""
        screen = self.screen
        source = subprocess.Popen(
            [sys.executable, "-c", _SOURCE, str(folder)], env=screen.environment, stdout=subprocess.PIPE, text=True
        )
        try:
            wait_for(lambda: screen.do("search", "--onlyvisible", "--name", "Drag source"), "the other window")
            window = screen.do("search", "--onlyvisible", "--name", "Drag source").split()[0]
            screen.do("windowmove", "--sync", window, "1000", "680")
            screen.do("windowraise", window)
            assert source.stdout is not None
            screen.do("mousemove", "--window", window, "60", "40")
            screen.do("mousedown", "1")
            assert source.stdout.readline() == "dragging\n"
            for x, y in ((900, 650), (800, 600), (700, 500), (640, 400), (630, 390)):
                screen.do("mousemove", str(x), str(y))
                time.sleep(0.2)  # as a hand does: the window under the pointer answers to each step
            screen.do("mouseup", "1")
            assert source.stdout.readline() == "taken\n"
            opened = f"^{folder.name} - MQwen"  # the source has to stay: the folder's name is asked of it now
            wait_for(lambda: screen.do("search", "--onlyvisible", "--name", opened), "the folder in the window's title")
        finally:
            source.kill()
            source.communicate()
        screen.do("windowactivate", "--sync", self.window)  # which no window manager does for a drop

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


@pytest.fixture
def start(screen: Screen, tmp_path: Path) -> Iterator[Callable[..., App]]:
    apps: list[App] = []

    def do(model: str, *arguments: str) -> App:
        apps.append(App(screen, tmp_path / "home", model, *arguments))
        apps[-1].wait()
        return apps[-1]

    yield do
    for app in apps:
        if app.process.poll() is None:
            app.process.kill()
            app.process.communicate()


@pytest.fixture(scope="session")
def model(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The starter model; a random tiny one where it has not been trained yet."""
    if (root / "resources" / "starter" / "config.json").is_file():
        return "starter"
    from tests.tiny import tiny_llava

    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_llava(folder)
    return str(folder)


def test_a_folder_that_is_dragged_into_a_real_window_gets_its_captions(start, screen, model, root, tmp_path):
    folder = tmp_path / "photos"
    samples = [path for path in (root / "resources" / "samples").iterdir() if path.suffix != ".md"]
    folder.mkdir()
    for path in samples:
        shutil.copy(path, folder)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    app = start(model)
    app.drag_here(folder)
    ground = screen.picture()
    sidecars = {path: folder / (path.stem + ".txt") for path in samples}
    app.start_run(folder)
    wait_for(lambda: all(sidecar.exists() for sidecar in sidecars.values()), "the captions on disk")
    for sidecar in sidecars.values():
        text = sidecar.read_bytes().decode("utf-8")
        assert text.strip() and "\n" not in text and not text.startswith("\ufeff")
    assert not (folder / "broken.txt").exists()
    # What is on the screen are the photos, not an empty window.
    shown = screen.picture().crop((40, 200, 1180, 560))
    assert len(shown.getcolors(maxcolors=1 << 20)) > 2000
    assert ground.size == (1280, 800)

    # Edit the first caption by hand: click its photo, F2, type, Enter.
    first = sorted(folder.glob("*.*"), key=lambda path: path.name)[0]
    assert first.name == "broken.jpg", "natural order puts it first"
    app.click(120, 260)
    app.key("F2", "ctrl+a")
    app.type("A file that is broken")
    app.key("Return")
    wait_for((folder / "broken.txt").exists, "the edit on disk")
    assert (folder / "broken.txt").read_text("utf-8") == "A file that is broken"

    app.key("ctrl+q")
    assert app.end() == (0, "")
    settings = (tmp_path / "home" / "desktop.ini").read_text("utf-8")
    assert "geometry" in settings
    assert not list(folder.glob(".mqwen-*"))


def test_terminating_the_app_while_it_works_ends_it_cleanly(start, model, tmp_path):
    draw_photos(tmp_path / "photos", [f"{number}.png" for number in range(400)])
    app = start(model, str(tmp_path / "photos"))
    app.start_run(tmp_path / "photos")
    app.process.send_signal(signal.SIGTERM)
    assert app.end() == (0, "")
    texts = [path.read_text("utf-8") for path in (tmp_path / "photos").glob("*.txt")]
    assert 0 < len(texts) < 400 and all(texts)
    assert not list((tmp_path / "photos").glob(".mqwen-*"))
