"""How long a text is for those that set a limit: screen readers, and CLIP text encoders."""

from __future__ import annotations

import re
from functools import cache

from mqwen.library.metadata.words import ALT_TEXT_AIM, ALT_TEXT_MOST

__all__ = ["ALT_TEXT_AIM", "ALT_TEXT_MOST", "CLIP_TOKENS", "about_clip_tokens"]

CLIP_TOKENS = 77  # the begin and end marks among them
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# As CLIP's tokenizer splits before it joins pieces: contractions, letters, single digits, runs of signs.
_WORD = rf"'(?:s|t|re|ve|m|ll|d)\b|[{_CJK}]|[^\W\d_{_CJK}]+|\d|(?:[^\s\w]|_)+"
_USUAL = 9  # bytes: words up to here mostly are one entry of CLIP's vocabulary
_PIECE = 5  # bytes of a token in longer ones


def about_clip_tokens(text: str) -> int:
    """Return about how many tokens CLIP's tokenizer makes of a text, its two marks included.

    An estimate, without CLIP's vocabulary: short words count as one token, longer ones as one for each few letters
    more, and a Chinese character, three bytes to CLIP, as two.
    """
    count = 2
    for word in _words().findall(text):
        if re.match(f"[{_CJK}]", word):
            count += 2
        elif word[0].isalpha():
            count += 1 + max(0, -(-(len(word.encode()) - _USUAL) // _PIECE))
        else:
            count += 1
    return count


@cache
def _words() -> re.Pattern[str]:
    return re.compile(_WORD, re.IGNORECASE)  # takes 40 ms: not before a text is measured
