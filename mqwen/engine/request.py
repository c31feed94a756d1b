"""What the scheduler is asked: pictures to look at, and for each look one or several questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os.path import commonprefix
from typing import Any

from torch import Tensor

Prompt = str | Callable[[Any], str]


@dataclass(frozen=True)
class Question:
    """One of several questions about the same picture.

    Attributes:
        prompt: the question, or a function that gives it for an item; None takes the style's.
        style, language: see mqwen.engine.prompts; in the keywords style the answer is split into Caption.keywords.
    """

    prompt: Prompt | None = None
    style: str = "brief"
    language: str = "en"


@dataclass(eq=False)
class Look:
    """The images of one or several requests, looked at once.

    Attributes:
        pixel_values: [3, H, W] for each image, in reading order.
        features: [images, image tokens, hidden], once they are computed.
        pending: requests that are not answered yet.
        entered: one of them has had a slot: the picture is begun, and the others are to follow.
    """

    pixel_values: list[Tensor]
    features: Tensor | None = None
    pending: int = 0
    entered: bool = False

    def answered(self) -> None:
        """One request less: with the last one go pixels and features."""
        self.pending -= 1
        if self.pending == 0:
            self.pixel_values, self.features = [], None


@dataclass(eq=False)
class Request:
    """One answer that is wanted.

    Attributes:
        look: its images.
        input_ids: the prompt, with one marker an image.
        ticket: what the caller knows it by.
        question: which of the look's questions it is.
        keywords: whether the answer is a list of keywords.
        shared_ids: so many of input_ids are those of the look's other requests, too.
        given: ids that the answer begins with, of the caller's.
        kept: ids that it goes on with, of an earlier attempt and the word put in there; and their log-probabilities,
            where a model chose them.
        choosing: the required word that such attempts are about, and `choices` those left, as (kept, kept_logprobs),
            best first; `tries` were made.
        attempts: attempts that failed for want of memory although nothing else was in it.
        told: tokens that were told to a listener.
    """

    look: Look
    input_ids: list[int]
    ticket: Any = None
    question: int = 0
    keywords: bool = False
    shared_ids: int = 0
    given: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    kept_logprobs: list[float] = field(default_factory=list)
    choosing: str = ""
    choices: list[tuple[list[int], list[float]]] = field(default_factory=list)
    tries: int = 0
    attempts: int = 0
    told: int = 0

    def __post_init__(self) -> None:
        self.look.pending += 1

    @property
    def begun(self) -> list[int]:
        """The ids that the answer begins with before the model goes on."""
        return self.given + self.kept

    def spliced(self, image_token_id: int, image_tokens: int) -> list[int]:
        """Return the prompt's ids, each marker as often as an image has tokens."""
        ids: list[int] = []
        for number in self.input_ids:
            ids += [number] * image_tokens if number == image_token_id else [number]
        return ids + self.begun


def requests_of(look: Look, prompts: Sequence[list[int]], keywords: Sequence[bool], **common: Any) -> list[Request]:
    """Return a look's requests, one a prompt, which know what their prompts have in common."""
    shared = len(commonprefix(list(prompts))) if len(prompts) > 1 else 0
    # Of each prompt something must be left to read, or there would be no logits to choose from.
    shared = min([shared, *(len(ids) - 1 for ids in prompts)])
    return [
        Request(look, ids, question=number, keywords=are_keywords, shared_ids=shared, **common)
        for number, (ids, are_keywords) in enumerate(zip(prompts, keywords, strict=True))
    ]
