"""A tiny random model and pictures for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mqwen.engine.captioner import Captioner
from tests.tiny import tiny_llava


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP + Qwen2 checkpoint with random weights: its captions are noise, and differ from picture to picture."""
    return tiny_llava(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def captioner(tiny_folder: Path) -> Captioner:
    """The tiny model on the processor in fp32."""
    return Captioner.load(tiny_folder, device="cpu")


@pytest.fixture
def picture() -> Callable[[int], Image.Image]:
    """Make a picture of random coloured squares; the same number, the same picture."""

    def make(seed: int) -> Image.Image:
        rng = np.random.default_rng(seed)
        squares = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        return squares.resize((60 + seed % 7, 50 + seed % 11), Image.Resampling.NEAREST)

    return make
