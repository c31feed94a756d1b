"""What a picture is asked: styles, languages, and the variables of the user's own prompts."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

VARIABLES = ("name", "folder", "date", "existing")
STYLES = ("brief", "detailed", "keywords", "alt")
LANGUAGES = ("en", "zh")

# The starter model is trained on these very texts: a change here asks for a new starter model.
_PROMPTS = {
    ("brief", "en"): "Describe this picture in one sentence.",
    ("detailed", "en"): "Describe this picture in detail.",
    ("keywords", "en"): "List keywords for this picture, separated by commas.",
    ("alt", "en"): "Write a short alt text for this picture.",
    ("brief", "zh"): "用一句话描述这张图片。",
    ("detailed", "zh"): "详细描述这张图片。",
    ("keywords", "zh"): "列出这张图片的关键词，用逗号分隔。",
    ("alt", "zh"): "为这张图片写一段简短的替代文字。",
}
_VARIABLE = re.compile("{(" + "|".join(VARIABLES) + ")}")


def prompt_for(style: str, language: str) -> str:
    """Return the prompt of a style in a language; KeyError for one that is not in STYLES or LANGUAGES."""
    return _PROMPTS[style, language]


def fill(prompt: str, path: Path | str, existing: str | None = None) -> str:
    """Return a prompt with its variables replaced for one photo.

    {name} is the file's name without suffix, {folder} its folder's name, {date} the day on which it was taken (EXIF,
    else the file's own date) as 2024-05-31, {existing} the caption that it has. Any other {word} stays as it is, and
    so do braces in the values: nothing is replaced twice.
    """
    path = Path(path).absolute()

    def value(match: re.Match[str]) -> str:
        match match[1]:
            case "name":
                return path.stem
            case "folder":
                return path.parent.name
            case "date":
                return _date(path)
            case _:
                return existing or ""

    return _VARIABLE.sub(value, prompt)


def _date(path: Path) -> str:
    from mqwen.library.image import taken_at

    taken = taken_at(path)
    if taken is None:
        try:
            taken = datetime.fromtimestamp(path.stat().st_mtime)
        except (OSError, ValueError, OverflowError):  # gone meanwhile, or dated beyond all calendars
            return ""
    return taken.date().isoformat()
