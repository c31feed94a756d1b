"""MQwen captions folders of photos on the user's own GPU.

    from mqwen import Captioner
    caption = Captioner.load("starter").caption("photo.jpg")

Importing this package imports no torch: the names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mqwen.engine.caption import Caption as Caption
    from mqwen.engine.captioner import Captioner as Captioner
    from mqwen.resources import resources_path as resources_path

__version__ = "0.1.0"
__all__ = ["Caption", "Captioner", "__version__", "resources_path"]

_LAZY = {
    "Caption": "mqwen.engine.caption",
    "Captioner": "mqwen.engine.captioner",
    "resources_path": "mqwen.resources",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
