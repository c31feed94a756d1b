"""Where the starter's recipe runs: on a CUDA card where there is one, and in bf16 only where that is the faster way."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache

import torch

from mqwen.engine import device as devices

_TRIED = (128, 256, 1024)  # rows, width in, width out: a layer of the recipe's over two pictures


@dataclass(frozen=True)
class RecipeDevice:
    """A device, and whether its matrix products are in bf16.

    The same device repeats a training to the bit; another one, or another precision, does not.
    """

    device: torch.device
    bf16: bool

    def autocast(self) -> AbstractContextManager[object]:
        """The precision of a step's forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)


def recipe_device(requested: str = "auto") -> RecipeDevice:
    """Choose the device. Raises DeviceError where the one that was asked for is not there."""
    device = devices.choose_device(requested)
    if device.type == "cuda":
        return RecipeDevice(device, torch.cuda.get_device_capability(device) >= (8, 0))
    return RecipeDevice(device, devices.bf16_works_on_cpu() and bf16_pays_on_cpu())


@lru_cache(maxsize=1)
def bf16_pays_on_cpu() -> bool:
    """Whether this processor multiplies faster in bf16 than in fp32.

    One without bf16 units emulates them: 100 times slower on a Zen 1, and the training would seem to stand still.
    """
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    """The better of two products, after one that does not count."""
    rows, width, out = _TRIED
    a, b = torch.ones(rows, width, dtype=dtype), torch.ones(width, out, dtype=dtype)
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        torch.mm(a, b)
        taken.append(time.perf_counter() - began)
    return min(taken[1:])


def drawing_workers() -> int:
    """Processes that draw pictures: all cores but the one that trains. The pictures are the same for any number."""
    return max(1, (os.cpu_count() or 2) - 1)
