"""A Captioner without a model, so that a test decides when a caption comes and which photo fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from mqwen.engine.caption import Caption
from mqwen.engine.events import Event
from mqwen.errors import Cancelled, ImageError, MqwenError

if TYPE_CHECKING:
    from torch import Tensor


def text_for(path: Path) -> str:
    return f"A picture called {path.stem}."


class FakeCaptioner:
    """Reads photos in batches of four like the real one; names with "bad" fail.

    With `hold`, a caption comes only after let(): until then it is "being decoded", asking at every
    step whether to stop. `eyes` gives the vector of a photo, None as long as it is being looked at; without
    eyes a look fails.
    """

    is_starter = True

    def __init__(self, *, hold: bool = False, eyes: Callable[[Path], Tensor | None] | None = None) -> None:
        self.hold = hold
        self.eyes = eyes
        self.paused = False
        self.asked: list[Path] = []
        self.prompts: list[str] = []
        self.decoding = threading.Event()  # set while waiting inside a caption
        self._permits = threading.Semaphore(0)

    def let(self, captions: int) -> None:
        self._permits.release(captions)

    def describe(self) -> str:
        return "fake on CPU"

    def unload(self) -> None:
        pass

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def caption_many(self, photos: Iterable[Path], **options: Any) -> Iterator[tuple[Path, Caption | MqwenError]]:
        for event in self.events(photos, **options):
            if event.kind != "token":
                yield event.item, event.error or event.captions[0]

    def events(
        self, photos: Iterable[Path], *, prompt: Callable[[Path], str], cancelled: Callable[[], bool], **options: Any
    ) -> Iterator[Event]:
        photos = iter(photos)
        while batch := list(islice(photos, 4)):
            for path in batch:
                self.asked.append(path)
                self.prompts.append(prompt(path))
                yield Event("token", path, text="A picture")
                while self.paused or (self.hold and not self._permits.acquire(timeout=0.005)):
                    self.decoding.set()
                    if cancelled():
                        raise Cancelled("stopped")
                    time.sleep(0.001)
                self.decoding.clear()
                if cancelled():
                    raise Cancelled("stopped")
                yield self.answer(path)

    def vision_vectors(
        self, photos: Iterable[Path], *, seconds: float, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[Path, Tensor | MqwenError]]:
        assert seconds > 0
        for path in photos:
            if self.eyes is None:
                raise RuntimeError("it has no eyes")
            result = self.answer(path).error or self.eyes(path)
            while result is None:
                if cancelled():
                    raise Cancelled("stopped")
                time.sleep(0.001)
                result = self.eyes(path)
            yield path, result

    def answer(self, path: Path) -> Event:
        """Return what comes out about one photo."""
        if "bad" in path.name:
            error = ImageError("the file ends before its picture does", path=path, hint="Copy it again.")
            return Event("error", path, error=error)
        return Event("caption", path, captions=(Caption(text_for(path), (), 5, "stop", -0.1),))


class Loader:
    """Stands for load_captioner(); counts how often a model was loaded."""

    def __init__(self, captioner: FakeCaptioner, error: MqwenError | None = None) -> None:
        self.captioner = captioner
        self.error = error
        self.models: list[str] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, model: str, cancelled: Callable[[], bool]) -> Any:
        self.models.append(model)
        self.threads.append(threading.current_thread())
        if self.error is not None:
            raise self.error
        return self.captioner


def draw_photos(folder: Path, names: Iterable[str], size: tuple[int, int] = (64, 48)) -> list[Path]:
    """Write small pictures, each of its own colour; return their paths in the order given."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, name in enumerate(names):
        path = folder / name
        Image.new("RGB", size, (number * 37 % 256, number * 91 % 256, 120)).save(path)
        paths.append(path)
    return paths
