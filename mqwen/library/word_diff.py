"""What changed between two texts, word by word; Chinese, Japanese and Korean character by character."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_PIECES = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\W_]+(?:['’-][^\W_]+)*|\s+|.", re.DOTALL
)


@dataclass(frozen=True)
class Piece:
    """A stretch of text that both have ("same"), that only the old one has ("gone") or only the new one ("new")."""

    kind: Literal["same", "gone", "new"]
    text: str


def word_diff(old: str, new: str) -> list[Piece]:
    """Return the pieces that make `new` out of `old`: same and gone are the old text, same and new the new one.

    Words that changed one after the other are one piece, with the blanks between them.
    """
    before, after = _PIECES.findall(old), _PIECES.findall(new)
    pieces: list[Piece] = []
    gone = came = ""

    def end_change() -> None:
        nonlocal gone, came
        pieces.extend(Piece(kind, text) for kind, text in (("gone", gone), ("new", came)) if text)  # type: ignore[arg-type]
        gone = came = ""

    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            text = "".join(before[a:b])
            if text.isspace() and (gone or came) and b < len(before) and d < len(after):
                gone, came = gone + text, came + text
                continue
            end_change()
            pieces.append(Piece("same", text))
        else:
            gone, came = gone + "".join(before[a:b]), came + "".join(after[c:d])
    end_change()
    return pieces
