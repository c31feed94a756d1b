"""The spliced model: vision tower, projector, Qwen language model.

Importing this package imports no torch: the names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
