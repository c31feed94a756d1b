"""Pictures with known pixels, and a user who is not root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from PIL import Image


class AsUser(Protocol):
    """Called without arguments: a block in which permissions count even if root runs the tests."""

    def __call__(self) -> AbstractContextManager[None]: ...


@pytest.fixture
def as_user() -> AsUser:
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no numeric users")

    @contextmanager
    def block() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return block


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder into which every user may look, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="mqwen-"))
    folder.chmod(0o777)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o777)
    shutil.rmtree(folder)


def squares(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """A picture of random coloured squares, no two of them alike."""
    colours = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((width, height), Image.Resampling.NEAREST)
