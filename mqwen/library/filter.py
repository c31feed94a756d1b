"""The language of the filter box: what a user types, as a tree of terms.

dog "red car"            words and phrases in captions, keywords, alt text and file names; all must be there
caption:dog  keyword:"new york"  alt:dog  name:IMG_2*  path:holiday  model:qwen
state:new                new, captioned, edited, approved, failed, skipped; several: state:new,failed
chars:<125  chars:40..80 chars:>=200
taken:2019  taken:2019-05..2021  taken:..2018-12-24
AND OR NOT ( )           in capitals; AND may be left out; NOT binds before AND, AND before OR
*                        anything: at the end of a word, anywhere in names, paths, models and keywords
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mqwen.errors import InputError
from mqwen.library.records import STATES, State
from mqwen.library.search import Field


@dataclass(frozen=True)
class Words:
    """All words and phrases of a query as mqwen.library.search takes it; `field` None is everywhere."""

    query: str
    field: Field | None = None


@dataclass(frozen=True)
class Like:
    """A keyword, name, path or model; without `*`, names, paths and models that only hold the pattern do, too."""

    what: Literal["keyword", "name", "path", "model"]
    pattern: str


@dataclass(frozen=True)
class HasState:
    states: tuple[State, ...]


@dataclass(frozen=True)
class HasChars:
    """The caption is from `least` to `most` characters long."""

    least: int
    most: int | None


@dataclass(frozen=True)
class Taken:
    """Taken at `first` or later and before `end`; None is without a limit."""

    first: datetime | None
    end: datetime | None


Term = Words | Like | HasState | HasChars | Taken


@dataclass(frozen=True)
class Not:
    part: Filter


@dataclass(frozen=True)
class All:
    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Some:
    parts: tuple[Filter, ...]


Filter = Term | Not | All | Some

FIELDS = ("caption", "keyword", "alt", "name", "path", "state", "model", "chars", "taken")
_QUOTED = r'"[^"]*"?|[“”][^“”]*[“”]?|「[^」]*」?'
# A parenthesis; a field with its value; a phrase; a word. Full width signs are taken, too.
_TOKEN = re.compile(
    rf"\s*(?:(?P<paren>[()（）])|(?P<field>{'|'.join(FIELDS)})[:：]\s*(?P<value>{_QUOTED}|[^\s()（）]*)"
    rf'|(?P<phrase>{_QUOTED})|(?P<word>[^\s()（）"“”「」]+))',
    re.IGNORECASE,
)
_DEEPEST = 50


def parse(text: str) -> Filter | None:
    """Return the filter that a text means, None for a blank one.

    Raises:
        InputError: it means nothing; the message says what is wrong and what is possible.
    """
    tokens = [found for found in _TOKEN.finditer(text) if found[0].strip()]
    return _Parser(tokens).parse() if tokens else None


class _Parser:
    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def parse(self) -> Filter:
        whole = self._some()
        if self._at < len(self._tokens):
            raise InputError("there is a closing parenthesis too many", hint="Remove it, or open one before.")
        return whole

    def _some(self) -> Filter:
        parts = [self._all()]
        while self._take_word("OR"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _all(self) -> Filter:
        parts = [self._not()]
        while (joined := self._take_word("AND")) or not self._at_end_of_all():
            del joined
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _not(self) -> Filter:
        count = 0
        while self._take_word("NOT"):
            count += 1
        part = self._one()
        return Not(part) if count % 2 else part

    def _one(self) -> Filter:
        if self._at == len(self._tokens) or self._next_word() in ("AND", "OR"):
            raise InputError(
                "a word is missing beside AND, OR or NOT", hint='To look for the word itself, write "and".'
            )
        token = self._tokens[self._at]
        self._at += 1
        match token.lastgroup:
            case "paren" if token["paren"] in "(（":
                return self._group()
            case "paren":
                raise InputError("a closing parenthesis stands where a word belongs", hint="Remove it.")
            case "value":
                return _field(token["field"].lower(), token["value"])
            case _:
                return Words(token[0].strip())

    def _group(self) -> Filter:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InputError("the parentheses are nested too deeply", hint=f"Use at most {_DEEPEST} levels.")
        inner = self._some()
        if self._at == len(self._tokens):
            raise InputError("a closing parenthesis is missing", hint="Add ) where the group ends.")
        self._at += 1
        self._depth -= 1
        return inner

    def _next_word(self) -> str | None:
        return self._tokens[self._at]["word"] if self._at < len(self._tokens) else None

    def _take_word(self, word: str) -> bool:
        taken = self._next_word() == word
        self._at += taken
        return taken

    def _at_end_of_all(self) -> bool:
        if self._at == len(self._tokens) or self._next_word() == "OR":
            return True
        return (self._tokens[self._at]["paren"] or "") in tuple(")）")


def _field(name: str, value: str) -> Term:
    plain = value.strip('"“”「」').strip()
    if not plain:
        raise InputError(f"nothing stands after {name}:", hint=f"For instance {_EXAMPLES[name]}.")
    return _READERS[name](value, plain)


def _states(_: str, plain: str) -> Term:
    wanted = [part.strip().lower() for part in re.split("[,，|]", plain) if part.strip()]
    known = [state for state in STATES if state in wanted]
    for part in wanted:
        if part not in STATES:
            raise InputError(f"there is no state {part!r}", hint=f"There are {', '.join(STATES)}.")
    return HasState(tuple(known))


def _chars(_: str, plain: str) -> Term:
    found = re.fullmatch(r"(?P<sign><=|>=|<|>|=)?\s*(?P<one>\d{1,9})|(?P<low>\d{0,9})\.\.(?P<high>\d{0,9})", plain)
    if found is None:
        raise InputError(f"chars:{plain} is no length", hint=f"For instance {_EXAMPLES['chars']}.")
    if found["one"] is None:
        return HasChars(int(found["low"] or 0), int(found["high"]) if found["high"] else None)
    number = int(found["one"])
    limits: dict[str, tuple[int, int | None]] = {
        "<": (0, number - 1), "<=": (0, number), ">": (number + 1, None), ">=": (number, None), "=": (number, number),
    }  # fmt: skip
    return HasChars(*limits[found["sign"] or "="])


def _taken(_: str, plain: str) -> Term:
    first, dots, last = plain.partition("..")
    try:
        if not dots:
            return Taken(*_span(first))
        if not first and not last:
            raise ValueError
        return Taken(_span(first)[0] if first else None, _span(last)[1] if last else None)
    except ValueError:
        raise InputError(f"taken:{plain} is no date", hint=f"For instance {_EXAMPLES['taken']}.") from None


def _span(text: str) -> tuple[datetime, datetime]:
    """Return when a year, a month or a day begins, and when the next one does."""
    found = re.fullmatch(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", text.strip())
    if found is None:
        raise ValueError(text)
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    first = datetime(year, month, day)
    if found[3]:
        return first, datetime.fromordinal(min(first.toordinal() + 1, datetime.max.toordinal()))
    if found[2]:
        return first, datetime(year + month // 12, month % 12 + 1, 1) if (year, month) != (9999, 12) else datetime.max
    return first, datetime(year + 1, 1, 1) if year < 9999 else datetime.max


_EXAMPLES = {
    "caption": "caption:dog",
    "keyword": 'keyword:"new york"',
    "alt": "alt:dog",
    "name": "name:IMG_2*",
    "path": "path:holiday",
    "state": "state:new,failed",
    "model": "model:qwen",
    "chars": "chars:<125, chars:>=40 or chars:40..80",
    "taken": "taken:2019, taken:2019-05..2021 or taken:2020-12-24",
}
_READERS: dict[str, Callable[[str, str], Term]] = {
    "caption": lambda value, _: Words(value, "caption"),
    "keyword": lambda _, plain: Like("keyword", plain),
    "alt": lambda value, _: Words(value, "alt_text"),
    "name": lambda _, plain: Like("name", plain),
    "path": lambda _, plain: Like("path", plain),
    "model": lambda _, plain: Like("model", plain),
    "state": _states,
    "chars": _chars,
    "taken": _taken,
}
