"""How much a caption should be looked at by a person, from what is known of it without its picture.

The weights put what is surely wrong (cut off, going in circles) before what may be (unsure, hedging). They order a
queue; they are no probability.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mqwen.library.records import Photo

Reason = Literal["cut off", "repetition", "unsure", "hedging", "no text"]

_CUT_OFF = 1.0
_REPETITION = 0.9
_HEDGING = 0.25
_MOST_HEDGING = 0.5
_UNSURE_BELOW = -0.7  # mean log-probability of a token: about one in two
_UNKNOWN = 0.1  # nothing is known of how sure the model was
_LETTERS = re.compile(r"[㐀-鿿豈-﫿]|[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE = re.compile(r"[.!?。！？]+\s*")
# Words by which a model says that it does not know. "can" and "could" alone are too common to mean anything.
_HEDGES = re.compile(
    r"\b(?:possibly|perhaps|maybe|probably|presumably|apparently|seemingly|supposedly|likely|unclear|uncertain|"
    r"might(?: have)?|may (?:be|have)|could be|could have|appears? to|seems?(?: to)?|suggest(?:s|ing)|"
    r"some (?:kind|sort|type) of|what (?:looks|appears)|it is (?:difficult|hard|not possible) to|"
    r"(?:I )?cannot (?:tell|see)|not (?:sure|certain|clear))\b"
    r"|可能|也许|或许|大概|似乎|好像|看起来|看上去|疑似|应该是|不确定|不清楚"
    r"|难以(?:辨认|判断|确定)|无法(?:辨认|判断|确定|看清)|某种",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Risk:
    """What speaks for looking at a caption.

    Attributes:
        score: 0 for nothing; the higher, the sooner.
        reasons: the heaviest first.
    """

    score: float
    reasons: tuple[Reason, ...] = ()


def risk_of(photo: Photo) -> Risk:
    """Return the risk of what the catalog knows of a photo: the worst of its texts counts."""
    texts = [text for text in (*photo.captions.values(), photo.alt_text, ", ".join(photo.keywords)) if text]
    return assess(texts, photo.logprob, photo.finish_reason)


def assess(texts: Iterable[str], logprob: float | None, finish_reason: str | None) -> Risk:
    """Return the risk of a model's answer.

    Args:
        texts: all that was made of it.
        logprob: mean natural log-probability of its tokens, None where it is not known.
        finish_reason: "length" where it ran into the limit of tokens.
    """
    texts = list(texts)
    parts: dict[Reason, float] = {}
    if not any(text.strip() for text in texts):
        parts["no text"] = _CUT_OFF
    if finish_reason == "length":
        parts["cut off"] = _CUT_OFF
    if any(repeats(text) for text in texts):
        parts["repetition"] = _REPETITION
    if hedges := max((len(hedging_words(text)) for text in texts), default=0):
        parts["hedging"] = min(_MOST_HEDGING, _HEDGING * hedges)
    doubt = _UNKNOWN if logprob is None else 1 - math.exp(max(-20.0, min(0.0, logprob)))
    if logprob is not None and logprob < _UNSURE_BELOW:
        parts["unsure"] = doubt
    ordered = sorted(parts, key=lambda reason: -parts[reason])
    return Risk(sum(parts.values()) + (0 if "unsure" in parts else doubt / 2), tuple(ordered))


def hedging_words(text: str) -> list[str]:
    """Return the words of a text, English or Chinese, that say that it may be wrong."""
    return [found.group() for found in _HEDGES.finditer(text)]


def repeats(text: str) -> bool:
    """Tell whether a text goes in circles: a sentence or an entry said twice, or the same words over and over."""
    sentences = [" ".join(_words(part)) for part in _SENTENCE.split(text)]
    if any(times > 1 for part, times in Counter(sentences).items() if len(part.split()) >= 3):
        return True
    entries = [entry.strip().casefold() for entry in re.split(r"[,，、;；]", text) if entry.strip()]
    if any(times > 2 for times in Counter(entries).values()):
        return True
    words = _words(text)
    # The same one to eight words, three times in a row (a single Chinese character is doubled by grammar, not tripled).
    for size in range(1, 9):
        for start in range(len(words) - 3 * size + 1):
            piece = words[start : start + size]
            if piece == words[start + size : start + 2 * size] == words[start + 2 * size : start + 3 * size]:
                return True
    return False


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _LETTERS.findall(text)]
