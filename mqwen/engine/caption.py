"""A caption: what the model said about one picture, and how sure it was."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_SEPARATORS = re.compile(r"[,、，;；\n]")
_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Caption:
    """What was said about one picture.

    Attributes:
        text: one line, without special tokens and without a model's thinking; empty if the model said nothing.
        keywords: the entries of an answer in the keywords style, in its order; empty for prose.
        tokens: generated tokens, neither the one that ended the answer nor those it was made to begin with counted.
        finish_reason: "stop" when the model ended by itself, "length" when it ran into max_new_tokens.
        logprob: mean natural log-probability of the generated tokens, the ending one included.
        missing: words that were required and that it lacks, whatever was tried.
    """

    text: str
    keywords: tuple[str, ...]
    tokens: int
    finish_reason: Literal["stop", "length"]
    logprob: float
    missing: tuple[str, ...] = ()


def one_line(answer: str) -> str:
    """Return a model's answer as one line, without Qwen3's <think> part (an unfinished one included)."""
    return " ".join(_THOUGHT.sub(" ", answer).split())


def split_keywords(answer: str) -> tuple[str, ...]:
    """Split an answer at commas and semicolons (Chinese ones too); each entry once, whatever its case, in order."""
    entries: dict[str, str] = {}
    for entry in _SEPARATORS.split(_THOUGHT.sub(" ", answer)):
        word = " ".join(entry.split()).rstrip(".。 ")
        if word:
            entries.setdefault(word.casefold(), word)
    return tuple(entries.values())
