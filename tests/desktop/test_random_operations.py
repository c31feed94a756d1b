"""Whatever is done to the list and to the files while a run goes on, every caption lands on its own photo.

Each picture holds its number as its colour, the model says the number that it sees, and people write it, too: so a file
itself tells which caption is its own, whatever it is called by then.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from desktop.photos import Order, State
from mqwen.engine.caption import Caption
from mqwen.engine.events import Event
from mqwen.errors import Cancelled, ImageError
from tests.desktop.fakes import FakeCaptioner, Loader

COUNT = 1000
FILTERS = ["", "state:new", "model OR person", "name:*7.png OR state:captioned,edited", "NOT chars:<20"]


def draw(path: Path, number: int) -> Path:
    Image.new("RGB", (6, 6), (number % 256, number // 256, 77)).save(path)
    return path


def number_in(path: Path) -> int:
    with Image.open(path) as picture:
        red, green, _ = picture.convert("RGB").getpixel((2, 2))
    return red + 256 * green


def said(text: str) -> int:
    found = re.search(r"number (\d+)", text)
    assert found, text
    return int(found[1])


class Reader(FakeCaptioner):
    """Looks at a picture well before it says what it saw, as a model with a batch does."""

    def events(
        self, photos: Iterable[Path], *, prompt: Callable[[Path], str], cancelled: Callable[[], bool], **options: Any
    ) -> Iterator[Event]:
        ahead: list[tuple[Path, int | None]] = []

        def answer() -> Event:
            path, number = ahead.pop(0)
            time.sleep(0.001)
            if number is None:
                return Event("error", path, error=ImageError("it is gone", path=path))
            self.asked.append(path)
            return Event("caption", path, captions=(Caption(f"The model saw number {number}.", (), 5, "stop", -0.1),))

        for path in photos:
            if cancelled():
                raise Cancelled("stopped")
            try:
                ahead.append((path, number_in(path)))
            except OSError:
                ahead.append((path, None))
            if len(ahead) > 12:
                yield answer()
        while ahead:
            yield answer()


def test_every_caption_lands_on_its_own_photo(qtbot, make_window, open_folder, tmp_path):
    folder = tmp_path / "in"
    for number in range(COUNT):
        (folder / f"{number // 250}").mkdir(parents=True, exist_ok=True)
        draw(folder / f"{number // 250}" / f"{number}.png", number)
    captioner = Reader()
    window = make_window(Loader(captioner))
    open_folder(window, folder, COUNT)
    rng = random.Random(7)
    orders = list(Order)
    rng.shuffle(files := sorted(folder.rglob("*.png")))
    counts: dict[str, int] = {}

    def photos() -> list[Path]:
        return [path for path in files if path.exists()]

    def remove_sidecar(path: Path) -> None:
        path.with_suffix(".txt").unlink(missing_ok=True)

    def rename(new: Path) -> None:
        old = rng.choice(photos())
        sidecar = old.with_suffix(".txt")
        old.rename(new)
        if sidecar.exists():
            sidecar.rename(new.with_suffix(".txt"))
        files[files.index(old)] = new

    def operate(step: int) -> None:
        what = rng.choice(["reload", "sort", "filter", "rename", "delete", "replace", "remove", "edit", "edit", "look"])
        counts[what] = counts.get(what, 0) + 1
        match what:
            case "reload":
                window.reload()
            case "sort":
                window.photos.sort_by(rng.choice(orders))
            case "filter":
                window.filtering.set_text(rng.choice(FILTERS))
            case "rename":
                rename(folder / f"renamed {step}.png")
            case "delete" | "replace":
                gone = rng.choice(photos())
                files.remove(gone)
                gone.unlink()
                remove_sidecar(gone)
                if what == "replace":  # another picture takes the name, perhaps while the first is being captioned
                    rename(gone)
            case "remove":
                window.photos.remove(rng.sample(window.photos.paths(), min(3, window.photos.rowCount())))
            case "edit":
                shown = [path for path in window.photos.paths() if path.exists()]
                if shown:
                    path = rng.choice(shown)
                    window.photos.setData(window.photos.index_of(path), f"A person wrote number {number_in(path)}.")
            case "look":
                window.show_photo(rng.choice(photos()))

    window.start()
    step = 0
    while window.captioning.running():
        operate(step)
        step += 1
        qtbot.wait(5)
    qtbot.waitUntil(lambda: not window.photos.scanning() and not window.filtering.searching())
    qtbot.wait(500)  # edits that wait to be written

    assert step > 60 and all(counts.get(what) for what in ("reload", "sort", "filter", "rename", "delete", "replace"))
    wrong = [
        (path.name, path.with_suffix(".txt").read_text("utf-8"))
        for path in photos()
        if path.with_suffix(".txt").exists() and said(path.with_suffix(".txt").read_text("utf-8")) != number_in(path)
    ]
    assert wrong == []

    window.filtering.set_text("")
    window.reload()
    qtbot.waitUntil(lambda: not window.photos.scanning() and not window.filtering.searching())
    listed = window.photos.listed()
    assert {photo.path for photo in listed} == set(photos())
    for photo in listed:
        sidecar = photo.path.with_suffix(".txt")
        assert photo.caption == (sidecar.read_text("utf-8").strip() if sidecar.exists() else photo.caption)
        if photo.caption:
            assert said(photo.caption) == number_in(photo.path), photo
        if photo.caption.startswith("A person") and not photo.path.name.startswith("renamed"):
            assert photo.state is State.EDITED
    with_words = sum(bool(photo.caption) for photo in listed)
    assert with_words > COUNT / 2, f"{with_words} of {len(listed)}"
