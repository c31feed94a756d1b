"""What comes out of a run as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mqwen.engine.caption import Caption
from mqwen.errors import MqwenError


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one item.

    Attributes:
        kind: "token": an answer has grown; "caption": all questions about the item are answered; "error": they will
            not be.
        item: what was to be captioned.
        question: for "token", which of the questions is being answered, from 0.
        text: for "token", the answer so far; with words that are required it can begin anew.
        captions: for "caption", one a question.
        error: for "error".
    """

    kind: Literal["token", "caption", "error"]
    item: Any
    question: int = 0
    text: str = ""
    captions: tuple[Caption, ...] = ()
    error: MqwenError | None = None
