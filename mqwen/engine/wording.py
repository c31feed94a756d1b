"""From chosen tokens to a Caption, and what is tried when it lacks a required word.

A required word that is missing is put in where the model was nearest to saying it: every step records how probable
the word's first token was; the answer is begun again with its own tokens up to the best such place, the word, and
the model goes on from there. So the caption stays the model's own sentence, and a greedy one stays reproducible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mqwen.engine.caption import Caption, one_line, split_keywords
from mqwen.engine.request import Request
from mqwen.engine.sampling import Sampling, Speech, is_unspaced, word_pattern

if TYPE_CHECKING:
    from mqwen.model.processor import MQwenProcessor

# Places that are tried for one missing word.
_PLACES = 3


class Wording:
    """Makes Captions as a Sampling asks for them.

    Attributes:
        given: the ids of Sampling.begin_with.
        watch: the ids with which the required words begin.
    """

    def __init__(self, sampling: Sampling, processor: MQwenProcessor) -> None:
        self._sampling = sampling
        self._processor = processor
        plain = processor.tokenizer.plain
        # A space at the end would be a token that the model never saw before a word.
        self.given: list[int] = plain(sampling.begin_with.rstrip()) if sampling.begin_with.strip() else []
        self._words = [plain(word if is_unspaced(word) else f" {word}") for word in sampling.required]
        self.watch: list[int] = [ids[0] for ids in self._words]

    def caption(self, request: Request, speech: Speech, finish_reason: Literal["stop", "length"]) -> Caption:
        """Make a Caption of an answer that is complete; with "stop" the last token is the one that ended it."""
        tokens = speech.tokens[:-1] if finish_reason == "stop" else speech.tokens
        text = self._processor.decode([*request.begun, *tokens])
        keywords = split_keywords(text) if request.keywords else ()
        line = ", ".join(keywords) if request.keywords else one_line(text)
        logprobs = request.kept_logprobs + speech.logprobs
        folded = line.casefold()
        return Caption(
            text=line,
            keywords=keywords,
            tokens=len(request.kept) + len(tokens),
            finish_reason=finish_reason,
            logprob=sum(logprobs) / len(logprobs),
            missing=tuple(word for word in self._sampling.required if not re.search(word_pattern(word), folded)),
        )

    def another_attempt(self, request: Request, speech: Speech, caption: Caption) -> Request | None:
        """Return what to try for a caption that lacks a required word, None when it has all or nothing is left.

        The new request counts as one more of its look; the old one is to be given up for it.
        """
        if not caption.missing or request.tries >= _PLACES * len(self._words):
            return None
        choices, word = request.choices, request.choosing
        if word not in caption.missing:  # the first failure, or that word is in and another one is not
            word = caption.missing[0]
            choices = self._places(request, speech, self._sampling.required.index(word))
        if not choices:
            return None
        (kept, logprobs), *rest = choices
        return replace(request, kept=kept, kept_logprobs=logprobs, choices=rest, choosing=word, tries=request.tries + 1)

    def _places(self, request: Request, speech: Speech, word: int) -> list[tuple[list[int], list[float]]]:
        ids = self._words[word]
        room = self._sampling.max_new_tokens - len(request.kept) - len(ids)
        steps = range(min(len(speech.watched), max(0, room)))
        places = [step for step in steps if self._begins_word(speech.tokens[step])] or list(steps)
        places.sort(key=lambda step: -speech.watched[step][word])
        return [
            (request.kept + speech.tokens[:step] + ids, request.kept_logprobs + speech.logprobs[:step])
            for step in places[:_PLACES]
        ]

    def _begins_word(self, token: int) -> bool:
        """A word can be put before this token without cutting another one in two."""
        if token in self._processor.stop_ids:
            return True
        text = self._processor.tokenizer.decode([token])
        return not text[:1].isalnum() or not text[:1].isascii()


def complete(tokens: Sequence[int], stop_ids: Sequence[int], limit: int) -> Literal["stop", "length"] | None:
    """Say why an answer ends after these tokens, None if it goes on."""
    if tokens and tokens[-1] in stop_ids:
        return "stop"
    return "length" if len(tokens) >= limit else None
