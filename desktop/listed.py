"""Lists in a line of text, with what the window's language sets between their parts."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication


def listed(parts: Iterable[str], most: int | None = None) -> str:
    """Join parts, the empty ones left out; of more than `most` the first ones, and a mark that there are others."""
    texts = [part for part in parts if part]
    if most is not None and len(texts) > most:
        texts = [*texts[:most], "…"]
    return QCoreApplication.translate("Lists", ", ", "between the parts of a list").join(texts)
