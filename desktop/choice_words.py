"""The words for what a run asks and where it writes: the bar's, and those of whatever tells of a run later."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject

from desktop.listed import listed
from desktop.settings import OWN_PROMPT

_MOST = 60  # characters of an own prompt in a line


class ChoiceWords(QObject):
    """Plain words in the window's language, by the values that mqwen.run_settings.RunSettings knows."""

    def styles(self) -> dict[str, str]:
        return {
            "brief": self.tr("Brief"),
            "detailed": self.tr("Detailed"),
            "keywords": self.tr("Keywords"),
            "alt": self.tr("Alt text"),
            OWN_PROMPT: self.tr("Own prompt"),
        }

    def languages(self) -> dict[str, str]:
        return {"en": "English", "zh": "中文"}  # each calls itself so, whatever the window speaks

    def places(self) -> dict[str, str]:
        return {
            "txt": self.tr(".txt"),
            "caption": self.tr(".caption"),
            "xmp": self.tr("XMP"),
            "embed": self.tr("in the photo"),
            "jsonl": self.tr("metadata.jsonl"),
            "none": self.tr("Nothing, only show"),
        }

    def existing(self) -> dict[str, str]:
        return {
            "skip": self.tr("Keep"),
            "fill": self.tr("Keep, fill what is missing"),
            "append": self.tr("Add to it"),
            "stale": self.tr("Replace what is out of date"),
            "overwrite": self.tr("Replace what MQwen wrote"),
            "overwrite-all": self.tr("Replace everything"),
        }

    def of_run(self, number: int, settings: Mapping[str, object]) -> str:
        """Return what a run was asked to do, in one line; a value of a newer MQwen stays as it is recorded."""
        write = settings.get("write")
        places = [_word(self.places(), name) for name in write] if isinstance(write, list) else []
        text = self.tr("Run {number} · asked: {prompt} · written to: {places} · existing text: {existing}")
        return text.format(
            number=number,
            prompt=self._asked(settings),
            places=listed(places) or _word(self.places(), "none"),
            existing=_word(self.existing(), settings.get("existing")),
        )

    def _asked(self, settings: Mapping[str, object]) -> str:
        if own := own_prompt(settings):
            line = " ".join(own.split())
            return line if len(line) <= _MOST else line[: _MOST - 1].rstrip() + "…"
        words = (
            _word(self.styles(), settings.get("style")),
            _word(self.languages(), settings.get("language")),
        )
        return listed(words)


def own_prompt(settings: Mapping[str, object]) -> str:
    """Return the question that a run's user wrote, "" where it asked one of the styles'."""
    prompt = settings.get("prompt")
    return prompt if isinstance(prompt, str) else ""


def _word(words: Mapping[str, str], value: object) -> str:
    return words.get(str(value), str(value)) if value else ""
