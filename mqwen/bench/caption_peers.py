"""What others do, with the same model: transformers' generate, pictures decoded and processed on the same thread."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoImageProcessor, GenerationConfig

from mqwen.engine.prompts import prompt_for
from mqwen.model.processor import Message, MQwenProcessor

_NO_REPEAT = 3  # as taggers set it


class Peer:
    """The usual loop: open, process, generate, write a text file, next.

    Args:
        model: in full precision; it may lie partly in main memory by accelerate.
        folder: has the image processor's settings.
        device: where it computes.
        batch: pictures that go through generate() together.
    """

    def __init__(
        self, model: Any, processor: MQwenProcessor, folder: Path, device: torch.device, *, batch: int, tokens: int
    ) -> None:
        self._model = model
        self._device = device
        self._images = AutoImageProcessor.from_pretrained(folder)
        self._processor = processor
        self._batch = batch
        self._config = GenerationConfig(
            max_new_tokens=tokens,
            do_sample=False,
            pad_token_id=processor.pad_id,
            # One caption at a time is how taggers go, and they forbid repeats; a batch is measured without.
            no_repeat_ngram_size=_NO_REPEAT if batch == 1 else 0,
        )
        self._ids = processor.encode([Message("user", prompt_for("brief", "en"), images=1)])

    def images_per_second(self, photos: Sequence[Path]) -> float:
        """Caption photos into .peer files beside them and return how many a second."""
        begin = time.perf_counter()
        for start in range(0, len(photos), self._batch):
            self._caption(photos[start : start + self._batch])
        return len(photos) / (time.perf_counter() - begin)

    def _caption(self, photos: Sequence[Path]) -> None:
        pictures = []
        for photo in photos:
            with Image.open(photo) as image:
                pictures.append(image.convert("RGB"))
        pixels = self._images(pictures, return_tensors="pt")["pixel_values"].to(self._device, self._model.dtype)
        ids = torch.tensor([self._ids] * len(photos), device=self._device)
        # generate() writes into its configuration, and the model's own would bring stop ids.
        self._model.generation_config = copy.deepcopy(self._config)
        with torch.inference_mode():
            answers = self._model.generate(ids, pixels, generation_config=copy.deepcopy(self._config))
        for photo, answer in zip(photos, answers.tolist(), strict=True):
            photo.with_suffix(".peer").write_text(self._processor.decode(answer), encoding="utf-8")
