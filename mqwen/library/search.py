"""Full text in English and Chinese: what a photo's words become in the index, and a query in FTS5's language.

FTS5's own tokenizers do not do: unicode61 takes a Chinese sentence for one word, and trigram finds nothing under three
characters, when most Chinese words have two. So the words are cut here, and FTS5 only splits at blanks (its `ascii`
tokenizer, to which every character beyond ASCII is a letter; the index is the same whatever SQLite's Unicode version).

Text is folded first: compatibility forms (full width), case, and accents of Latin, Greek and Cyrillic letters do not
count. A word of a script with blanks is one term. A run of Chinese, Japanese or Korean characters, or of emoji, becomes
its overlapping pairs and its last character: 红色汽车 -> 红色 色汽 汽车 车. Then one character is a beginning (`红*`),
two are a term, more a phrase of pairs; all are found wherever they stand, and nothing else is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Literal, get_args

Field = Literal["caption", "keyword", "alt_text"]
FIELDS: tuple[Field, ...] = get_args(Field)

_ACCENTS = re.compile("[\u0300-\u036f]")
# Kana, Han, Hangul (all planes), and symbols such as emoji, which stand without blanks, too.
_PAIRED = (
    "\u2600-\u27bf\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3040-\u30ff\u3105-\u312f\u3131-\u318e"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U0001f000-\U0001fbff\U00020000-\U0003ffff"
)
_RUNS = re.compile(f"([{_PAIRED}]+)|([^\\W_{_PAIRED}]+)")
# Of a query: a phrase with its quotation marks (straight, curly, Chinese), or a word.
_PARTS = re.compile(r'"([^"]*)(?:"|\Z)|[“”]([^“”]*)(?:[“”]|\Z)|「([^」]*)(?:」|\Z)|([^\s"“”「」]+)')
# Where a list's entry, or one language's caption, ends: no phrase goes beyond. It is no letter, so no text gives it.
_GAP = "\U0010ffff"


def terms(texts: Iterable[str]) -> str:
    """Return the terms of these texts, separated by blanks, as the index takes them."""
    return f" {_GAP} ".join(filter(None, (" ".join(_cut(text)) for text in texts)))


def match(query: str, field: Field | None = None) -> str | None:
    """Return an expression for FTS5's MATCH that finds what has all parts of a query, None for one without a word.

    Every part becomes a quoted string of letters and digits only, so that no text of a user's has a meaning for FTS5.

    Args:
        field: look in this one only.
    """
    parts = [part for found in _PARTS.finditer(query) if (part := _part(found))]
    if not parts:
        return None
    expression = " AND ".join(f'"{" ".join(cut)}"{" *" if begins else ""}' for cut, begins in parts)
    return f"{{{field}}} : ({expression})" if field else expression


def matcher(query: str) -> Callable[[str], bool] | None:
    """Return a function that says of one text whether match() would find it; None for a query without a word."""
    parts = [part for found in _PARTS.finditer(query) if (part := _part(found))]
    if not parts:
        return None
    needles = [f" {' '.join(cut)}{'' if begins else ' '}" for cut, begins in parts]
    every = {term for cut, _ in parts for term in cut}

    def matches(text: str) -> bool:
        folded = _fold(text)
        if not all(term in folded for term in every):  # few texts get further, and cutting takes its time
            return False
        hay = f" {' '.join(_cut(text))} "
        return all(needle in hay for needle in needles)

    return matches


def _part(found: re.Match[str]) -> tuple[list[str], bool] | None:
    """Return the terms of one part of a query, a phrase or a word, and whether the last one may go on."""
    word = found[4]
    if word is None:
        phrase = next((text for text in found.groups() if text is not None), "")
        return _phrase(phrase, begins=False)
    return _phrase(word, begins=word.endswith(("*", "＊")))


def _phrase(text: str, *, begins: bool) -> tuple[list[str], bool] | None:
    """Return terms that must stand in this order. The last one may go on if `begins`, or is part of a run."""
    cut = _cut(text)
    if not cut:
        return None
    runs = list(_RUNS.finditer(_fold(text)))
    if last := runs[-1][1]:
        if len(last) > 1:
            cut.pop()  # its last pair says it all; what follows it in the text is not known
            begins = False
        else:
            begins = True
    return cut, begins


def _cut(text: str) -> list[str]:
    cut: list[str] = []
    for found in _RUNS.finditer(_fold(text)):
        run = found[1]
        if run is None:
            cut.append(found[2])
        else:
            cut += map("".join, zip(run, run[1:], strict=False))
            cut.append(run[-1])
    return cut


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFC", decomposed).casefold())
