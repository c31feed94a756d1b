"""Lines of a metadata.jsonl, changed without touching what others wrote in them."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from typing import Any

_WHITE = " \t\n\r"


@dataclass(frozen=True)
class Row:
    """One line that describes a photo.

    Attributes:
        text: None without one, and for one that is not a string.
        foreign: its "text" is something other than a string or null.
    """

    line: str
    name: str
    text: str | None
    foreign: bool = False

    def with_text(self, text: str) -> bytes:
        """Return the line with this text and all else as it is."""
        start, end = self._text_span()
        value = json.dumps(text, ensure_ascii=False)
        if start is None:
            value = f', "text": {value}'
            start = end
        return (self.line[:start] + value + self.line[end:]).encode("utf-8")

    def _text_span(self) -> tuple[int | None, int]:
        """Return where the value of the last "text" stands; (None, the end of the last value) without one."""
        line, decoder = self.line, json.JSONDecoder()
        position = line.index("{")
        found: tuple[int, int] | None = None
        while True:
            key, position = decoder.raw_decode(line, _skip_white(line, position + 1))
            start = _skip_white(line, _skip_white(line, position) + 1)
            _, end = decoder.raw_decode(line, start)
            if key == "text":
                found = (start, end)
            position = _skip_white(line, end)
            if line[position] != ",":
                return found or (None, end)


def parse(line: bytes) -> Row | None:
    """Return the row of a line; None for a blank one, and for one that is not about a photo or not JSON at all."""
    try:
        text = line.decode("utf-8")
        content: Any = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not isinstance(content.get("file_name"), str):
        return None
    caption = content.get("text")
    name = posixpath.normpath(content["file_name"])
    if caption is None or isinstance(caption, str):
        return Row(text, name, caption)
    return Row(text, name, None, foreign=True)


def new_line(name: str, text: str) -> bytes:
    return (json.dumps({"file_name": name, "text": text}, ensure_ascii=False) + "\n").encode("utf-8")


def _skip_white(line: str, position: int) -> int:
    while line[position] in _WHITE:
        position += 1
    return position
