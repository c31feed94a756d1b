"""What is written of a caption: the model's words with those that the user wants in every caption."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mqwen.engine.caption import Caption, split_keywords
from mqwen.run_settings import RunSettings

_CLOSING = tuple(".,;:!?)]}…，。；：！？、）")
_FIRST_CJK = "\u2e80"


@dataclass(frozen=True)
class Words:
    """One photo's caption as it is written.

    Attributes:
        text: one line, not empty.
        keywords: the entries in the keywords style, else empty.
    """

    text: str
    keywords: tuple[str, ...] = ()


def compose(caption: Caption, settings: RunSettings) -> Words:
    """Return a model's caption with trigger words, prepended and appended text. None of them is left to the model."""
    if settings.style == "keywords":
        entries = (
            *settings.trigger,
            *split_keywords(settings.prepend),
            *(caption.keywords or split_keywords(caption.text)),
            *split_keywords(settings.append_text),
        )
        once: dict[str, str] = {}
        for entry in entries:
            once.setdefault(entry.casefold(), entry)
        return Words(", ".join(once.values()), tuple(once.values()))
    text = _join(_join(settings.prepend, caption.text), settings.append_text).strip()
    missing = [word for word in settings.trigger if word.casefold() not in text.casefold()]
    return Words(", ".join([*missing, text]))


def digest(text: str) -> str:
    """Return by what a text is recognised as the one that was written: the SHA-256 of its UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _join(left: str, right: str) -> str:
    """Put two texts together, with a blank where one belongs and neither brings it."""
    if not left or not right or left[-1].isspace() or right[0].isspace() or right.startswith(_CLOSING):
        return left + right
    if left[-1] >= _FIRST_CJK or right[0] >= _FIRST_CJK:
        return left + right
    return f"{left} {right}"
