"""Changes of words that a person makes to many photos at once: find and replace, text before or after."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Literal

from mqwen.errors import InputError
from mqwen.library.edited_files import Words
from mqwen.library.timed_regex import TimedRegex

Field = Literal["caption", "keywords", "alt_text"]
FIELDS: tuple[Field, ...] = ("caption", "keywords", "alt_text")
TextChange = Callable[[str], str]


def replacing(
    find: str, by: str, *, regex: bool = False, match_case: bool = False, whole_words: bool = False
) -> TextChange:
    r"""Return a change that replaces every hit in a text.

    Args:
        regex: `find` is a regular expression of Python, and `by` may hold `\1` or `\g<name>`.
        whole_words: only where no letter or digit stands beside a hit; in Chinese that is nowhere a bound.

    Raises:
        InputError: nothing is looked for, or the expression is none; by the change, where it takes too long.
    """
    if not find:
        raise InputError("there is nothing to look for")
    source = find if regex else re.escape(find)
    if whole_words:
        source = rf"(?<![^\W_])(?:{source})(?![^\W_])"
    try:
        pattern = re.compile(source, 0 if match_case else re.IGNORECASE)
        if regex:
            re.sub(f"{source}|", by, "")  # it always has a hit, so that an unknown group in `by` shows now
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        raise InputError(f"it is no regular expression: {error}") from error
    return TimedRegex(source, pattern.flags, by) if regex else lambda text: pattern.sub(lambda _: by, text)


def affixing(before: str, after: str) -> TextChange:
    """Return a change that puts text before and after; where it stands already it is not put there again.

    Raises:
        InputError: there is nothing to put.
    """
    if not before and not after:
        raise InputError("there is nothing to add")

    def change(text: str) -> str:
        if not text.strip():
            return text
        start = "" if before and text.startswith(before) else before
        end = "" if after and text.endswith(after) else after
        return start + text + end

    return change


def changed(words: Words, change: TextChange, fields: Collection[Field]) -> Words:
    """Return the words with a change made in some fields: in each language, each keyword; empty ones go."""
    if "caption" in fields:
        for language, caption in words.captions.items():
            if (becomes := change(caption)) != caption:
                words = words.with_caption(language, becomes)
    if "keywords" in fields and words.keywords:
        keywords = [change(keyword).strip() for keyword in words.keywords]
        if keywords != list(words.keywords):
            words = replace(words, keywords=tuple(dict.fromkeys(keyword for keyword in keywords if keyword)))
    if "alt_text" in fields and words.alt_text and (becomes := change(words.alt_text)) != words.alt_text:
        words = replace(words, alt_text=" ".join(becomes.split()) or None)
    return words


def lines_of(words: Words, fields: Collection[Field]) -> list[str]:
    """Return the texts of these fields, in a fixed order: for showing what changes."""
    lines: list[str] = []
    if "caption" in fields:
        lines += words.captions.values()
    if "keywords" in fields and words.keywords:
        lines.append(", ".join(words.keywords))
    if "alt_text" in fields and words.alt_text:
        lines.append(words.alt_text)
    return lines
