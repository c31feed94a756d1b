"""A Precheck in plain words: what a run will do, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QLocale, QObject

from desktop.listed import listed
from desktop.reasons import shown
from mqwen.library.decide import DONE, HAS_TEXT, HUMAN, UP_TO_DATE
from mqwen.library.precheck import Precheck

_EXAMPLES = 3


class CheckReport(QObject):
    """The lines of a Precheck.

    Attributes:
        heading: the whole of it in one line.
        facts: what will happen.
        warnings: what the user should know before starting.
    """

    def __init__(self, found: Precheck) -> None:
        super().__init__()
        self._found = found
        self.heading = self._heading()
        self.facts = [*self._skipped(), *self._costs()]
        self.warnings = [*self._in_the_way(), *self._elsewhere()]

    def _heading(self) -> str:
        if self._found.to_caption:
            return self.tr("%Ln photo(s) will be captioned", "", self._found.to_caption)
        return self.tr("There is nothing to caption")

    def _skipped(self) -> Iterable[str]:
        reasons = {
            HAS_TEXT: lambda n: self.tr("%Ln photo(s) have text already and are left as they are", "", n),
            UP_TO_DATE: lambda n: self.tr("%Ln photo(s) have a caption that is up to date", "", n),
            DONE: lambda n: self.tr("%Ln photo(s) were done before the run was interrupted", "", n),
            HUMAN: lambda n: self.tr("%Ln photo(s) have words that a person wrote: they stay", "", n),
        }
        for reason, number in self._found.skipped.most_common():
            say = reasons.get(reason)
            yield say(number) if say else f"{_number(number)}: {shown(reason)}"

    def _costs(self) -> Iterable[str]:
        found = self._found
        if found.seconds:
            time = self._duration(found.seconds)
            yield self.tr("It takes about {time} at the speed of the last run").format(time=time)
        if found.to_caption and found.free_bytes is not None and found.free_bytes >= found.needed_bytes:
            sizes = {"needed": size(found.needed_bytes), "free": size(found.free_bytes)}
            yield self.tr("{needed} will be written; {free} are free").format(**sizes)

    def _in_the_way(self) -> Iterable[str]:
        found = self._found
        if found.free_bytes is not None and found.free_bytes < found.needed_bytes:
            sizes = {"needed": size(found.needed_bytes), "free": size(found.free_bytes)}
            yield self.tr("The disk is too full: {needed} are needed, {free} are free").format(**sizes)
        if found.read_only_folders:
            folders = listed(map(str, found.read_only_folders), _EXAMPLES)
            yield self.tr("Nothing can be written in {folders}").format(folders=folders)
        for reason, paths in found.undecodable.items():
            number = len(paths)
            text = self.tr("%Ln photo(s) cannot be read here ({names}): {reason}", "", number)
            yield text.format(names=_names(paths), reason=shown(reason))
        if found.unreadable:
            examples = listed(
                (f"{path.name} ({shown(reason)})" for path, reason in found.unreadable.items()), _EXAMPLES
            )
            yield self.tr("%Ln cannot be read: ", "", len(found.unreadable)) + examples
        if found.read_only:
            yield self.tr("%Ln photo(s) are read-only: ", "", len(found.read_only)) + _names(found.read_only)
        if found.hard_linked:
            number = len(found.hard_linked)
            yield self.tr("%Ln photo(s) have further names (hard links): ", "", number) + _names(found.hard_linked)

    def _elsewhere(self) -> Iterable[str]:
        found = self._found
        if found.collisions:
            groups = listed((" + ".join(photo.name for photo in photos) for photos in found.collisions), _EXAMPLES)
            yield self.tr("Photos that share a name get files with their whole names: ") + groups
        for reason, paths in found.sidecars_instead.items():
            number = len(paths)
            text = self.tr("%Ln photo(s) get an XMP sidecar, as nothing can be embedded ({reason}): ", "", number)
            yield text.format(reason=shown(reason)) + _names(paths)
        if found.sidecars_instead and found.looked_into < found.to_caption:
            number = found.looked_into
            yield self.tr("%Ln photo(s) were opened for that; the others are judged by their format", "", number)
        if len(found.sidecar_styles) > 1:
            yield self.tr("There are XMP sidecars of both names, IMG.jpg.xmp and IMG.xmp; each is kept as it is called")

    def _duration(self, seconds: float) -> str:
        if seconds < 90:
            return self.tr("%Ln second(s)", "", max(1, round(seconds)))
        if seconds < 90 * 60:
            return self.tr("%Ln minute(s)", "", round(seconds / 60))
        return self.tr("%Ln hour(s)", "", round(seconds / 3600))


def size(number: int) -> str:
    """Return a number of bytes for people."""
    return QLocale().formattedDataSize(number, 1, QLocale.DataSizeFormat.DataSizeSIFormat)


def _number(value: int) -> str:
    return QLocale().toString(value)


def _names(paths: Iterable[Path]) -> str:
    return listed((path.name for path in paths), _EXAMPLES)
