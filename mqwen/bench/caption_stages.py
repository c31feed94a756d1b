"""Where a caption's time goes: pixels, vision tower, prompt, decode steps, writing; and how busy the card is."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from mqwen.engine.caption import Caption
from mqwen.engine.captioner import Captioner
from mqwen.engine.request import Question
from mqwen.library.catalog import Catalog
from mqwen.library.image import read_reduced
from mqwen.run import RunSettings, run

_IMAGES_AT_ONCE = {"cpu": 1, "cuda": 16}  # as the engine looks at them
_MOST_KERNELS = 12


class Engine:
    """A Captioner under measurement; it writes .txt files and a catalog of its own.

    Args:
        photos: all in one folder.
        batch: slots.
    """

    def __init__(self, captioner: Captioner, photos: Sequence[Path], *, batch: int, tokens: int) -> None:
        self.captioner = captioner
        self._photos = list(photos)
        self._batch = batch
        self._tokens = tokens
        self._settings = RunSettings(
            write=("txt",),
            existing="overwrite-all",
            batch_size=batch,
            max_new_tokens=tokens,
            model=str(captioner.folder),
        )
        self._runs = 0

    def images_per_second(self, captioner: Any = None) -> float:
        """Make a whole run, as `mqwen caption` does, and return its pace. Raises RuntimeError if a photo fails."""
        folder = self._photos[0].parent
        self._runs += 1
        with Catalog(folder.parent / f"catalog-{self._runs}.db") as catalog:
            begin = time.perf_counter()
            for outcome in run([folder], self._settings, captioner=captioner or self.captioner, catalog=catalog):
                if outcome.status != "captioned":
                    raise RuntimeError(f"{outcome.path}: {outcome.reason}")
            return len(self._photos) / (time.perf_counter() - begin)

    def seconds_asking(self, questions: Sequence[Question]) -> float:
        """Ask questions about all photos in one run, which writes nothing; return how long it took."""
        slots = max(1, self._batch // len(questions))
        begin = time.perf_counter()
        for _, answers in self.captioner.caption_many(
            self._photos, questions=questions, max_new_tokens=self._tokens, batch_size=slots
        ):
            if isinstance(answers, Exception):
                raise answers
        return time.perf_counter() - begin

    def stages(self) -> dict[str, float]:
        """Measure each stage on its own; milliseconds an image, and `decode_step_ms` of one step of all slots."""
        captioner, count = self.captioner, len(self._photos)
        begin = time.perf_counter()
        pictures = [read_reduced(photo, at_least=captioner.processor.least_side) for photo in self._photos]
        values = [captioner.processor.pixel_values(picture) for picture in pictures]
        pixels = time.perf_counter() - begin
        # Small pictures cost next to nothing to prepare: what is left is the model's.
        size = captioner.processor.image_size
        small = [reduced.picture.resize((size[1], size[0])) for reduced in pictures]
        del pictures
        plan = captioner.plan
        at_once = _IMAGES_AT_ONCE[plan.device.type]

        def look() -> None:
            with torch.inference_mode():
                for start in range(0, count, at_once):
                    batch = torch.stack(values[start : start + at_once]).to(plan.device, plan.dtype)
                    captioner._loaded().get_image_features(batch)

        def answer(tokens: int) -> Callable[[], object]:
            return lambda: list(captioner.caption_many(small, max_new_tokens=tokens, batch_size=self._batch))

        vision = self._seconds(look)
        first = self._seconds(answer(1))
        whole = self._seconds(answer(self._tokens)) if self._tokens > 1 else first
        rounds = max(1, (self._tokens - 1) * -(-count // self._batch))
        writing = 1 / self.images_per_second(_Told())
        return {
            "pixels_ms": 1e3 * pixels / count,
            "vision_ms": 1e3 * vision / count,
            "prefill_ms": 1e3 * max(0.0, first - vision) / count,
            "decode_ms": 1e3 * max(0.0, whole - first) / count,
            "decode_step_ms": 1e3 * max(0.0, whole - first) / rounds,
            "scan_and_write_ms": 1e3 * writing,
        }

    def card(self) -> dict[str, Any]:
        """Make a run under torch's profiler: the share of its time in which no kernel ran, and what the others did."""
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            pace = self.images_per_second()
            torch.cuda.synchronize(self.captioner.plan.device)
        wall = 1e6 * len(self._photos) / pace
        kernels = sorted(profiled.key_averages(), key=lambda entry: -entry.self_device_time_total)
        total = sum(entry.self_device_time_total for entry in kernels)
        return {
            "idle_share": max(0.0, 1 - total / wall),
            "kernels": [
                {"name": entry.key, "share": entry.self_device_time_total / total, "count": entry.count}
                for entry in kernels[:_MOST_KERNELS]
            ],
        }

    def _seconds(self, work: Callable[[], object]) -> float:
        """The second of two runs: the first one compiles and fills caches."""
        cuda = self.captioner.plan.device.type == "cuda"
        for _ in range(2):
            gc.collect()
            begin = time.perf_counter()
            work()
            if cuda:
                torch.cuda.synchronize(self.captioner.plan.device)
            seconds = time.perf_counter() - begin
        return seconds


class _Told:
    """A captioner that knows everything at once."""

    folder = Path("none")

    def caption_many(self, photos: Iterable[Path], **_: Any) -> Iterator[tuple[Path, Caption]]:
        for photo in photos:
            yield photo, Caption("a photo of something", (), 5, "stop", -1.0)
