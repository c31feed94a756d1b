"""The spliced model: vision tower, projector, Qwen language model.

Importing this package imports no torch: the names below are loaded when they are first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Before anything multiplies: MKL then gives a row of an fp32 product the same bits whatever rows are beside it and on
# any number of threads. Its strict mode is for AVX2 and AVX-512 (Intel's Developer Guide, "Reproducibility
# Conditions"); where it has none, rows are the same from four up. Without STRICT they are not on a Xeon with AMX, and
# with it that one was no slower.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

if TYPE_CHECKING:
    from mqwen.model.checkpoint import load_checkpoint as load_checkpoint
    from mqwen.model.checkpoint import load_parts as load_parts
    from mqwen.model.config import MQwenConfig as MQwenConfig
    from mqwen.model.splice import MQwenForConditionalGeneration as MQwenForConditionalGeneration

__all__ = ["MQwenConfig", "MQwenForConditionalGeneration", "load_checkpoint", "load_parts"]

_LAZY = {
    "MQwenConfig": "mqwen.model.config",
    "MQwenForConditionalGeneration": "mqwen.model.splice",
    "load_checkpoint": "mqwen.model.checkpoint",
    "load_parts": "mqwen.model.checkpoint",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
