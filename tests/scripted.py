"""Stands where a Captioner stands, for tests of what a run does with captions: it says each photo's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from mqwen.engine.caption import Caption, split_keywords
from mqwen.errors import MqwenError


class Scripted:
    """Answers with `text`, after doing what the test wants done at that moment.

    Attributes:
        asked: photos in the order in which it was asked about them.
        prompts: what it was asked.
    """

    def __init__(
        self,
        before: Callable[[Path], None] = lambda photo: None,
        text: Callable[[Path], str] = lambda photo: "" if "silent" in photo.stem else f"a picture of {photo.stem}",
    ) -> None:
        self.asked: list[Path] = []
        self.prompts: dict[Path, str] = {}
        self._before = before
        self._text = text

    def caption_many(
        self, items: Iterable[Path], *, prompt: Callable[[Path], str], finishing: Callable[[], bool], **options: Any
    ) -> Iterator[tuple[Path, Caption | MqwenError]]:
        for photo in items:
            if finishing():
                return
            self.asked.append(photo)
            self.prompts[photo] = prompt(photo)
            self._before(photo)
            text = self._text(photo)
            keywords = split_keywords(text) if options["style"] == "keywords" else ()
            yield photo, Caption(text, keywords, 5, "stop", -0.1)


def draw(folder: Path, *names: str, size: tuple[int, int] = (8, 8)) -> list[Path]:
    """Write small pictures, each with pixels of its own; the suffix tells the format."""
    paths = [folder / name for name in names]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = (number * 37 % 256, number * 91 % 256, sum(path.name.encode()) % 256)
        Image.new("RGB", size, colour).save(path)
    return paths


def look(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file of a folder: its bytes and its date of change."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
