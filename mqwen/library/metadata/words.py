"""Text on its way into metadata: what XML can hold, one normal form, lists without doubles, lengths in bytes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

ALT_TEXT_AIM, ALT_TEXT_MOST = 125, 250  # characters; the IPTC's advice for AltTextAccessibility
# What XML 1.0 forbids even as a character reference (https://www.w3.org/TR/xml/#charsets), lone surrogates included.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]")


def clean(text: str) -> str:
    """Return `text` as it will be read back: no characters that XML forbids, line ends as \\n, NFC, no outer blanks."""
    text = _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n"))
    return unicodedata.normalize("NFC", text).strip().lstrip("\ufeff").strip()


def clean_line(text: str) -> str:
    """Return `text` cleaned, each run of blanks and line ends as one blank."""
    return " ".join(clean(text).split())


def clean_keywords(keywords: Iterable[str]) -> tuple[str, ...]:
    """Return the keywords cleaned, without empty ones and without a second spelling of one (case does not count)."""
    return union((), (clean_line(keyword) for keyword in keywords))


def union(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    """Return `first` as it stands, then what `second` has besides; case and normal form do not count."""
    result = list(first)
    seen = {folded(word) for word in result}
    for word in second:
        if word and folded(word) not in seen:
            seen.add(folded(word))
            result.append(word)
    return tuple(result)


def folded(word: str) -> str:
    """Return what two spellings of one keyword have in common."""
    return unicodedata.normalize("NFC", word).casefold()


def short_alt_text(text: str) -> str:
    """Return an alt text of at most 250 characters: whole sentences if any end in time, else whole words and "…"."""
    if len(text) <= ALT_TEXT_MOST:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, ALT_TEXT_MOST)]
    if ends and ends[-1] >= ALT_TEXT_AIM // 2:
        return text[: ends[-1]]
    start = text[: ALT_TEXT_MOST - 1]
    words, blank, _ = start.rpartition(" ")
    return (words if blank and len(words) >= ALT_TEXT_AIM else start).rstrip() + "…"


def appended(existing: str, text: str) -> str:
    """Return `existing`, and after it `text` unless it ends with that already: a blank between, or a full stop too."""
    if not existing or not text or existing == text or existing.endswith((" " + text, "\n" + text)):
        return existing or text
    if existing[-1] in "。！？":
        return f"{existing}{text}" if not existing.endswith(text) else existing
    return f"{existing} {text}" if existing[-1] in ".!?…;,:" else f"{existing}. {text}"
