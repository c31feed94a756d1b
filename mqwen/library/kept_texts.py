"""Text files as they were before a person's edit, where the words alone would not bring back every byte.

A byte order mark, UTF-16, several lines or a line's end: the catalog keeps words, and undo writes them as UTF-8. What
such a file held is kept beside the catalog, so that undo brings it back byte for byte, also after a restart and after
the photo was renamed or moved with its files: it is kept by the photo's number in the catalog.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mqwen.errors import WriteError
from mqwen.library.atomic import write_atomic
from mqwen.library.sidecar import one_line

log = logging.getLogger(__name__)

_FOLDER = "kept-texts"
_NAMES = ("txt", "caption")  # of the targets that are text files


@dataclass(frozen=True)
class KeptTexts:
    """The text files of one photo that are kept.

    Attributes:
        catalog: the catalog's file, beside which they lie.
        photo: the photo's number there.
    """

    catalog: Path
    photo: int

    def keep(self, name: str, file: Path, text: str) -> None:
        """Keep a file that is about to be edited. Where that fails the edit goes on, and undo writes UTF-8.

        Args:
            name: "txt" or "caption".
            text: what it says.
        """
        try:
            data = file.read_bytes()
            if data != one_line(text).encode():
                place = self._place(name, text)
                place.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(place, data)
        except (OSError, WriteError):
            log.exception("an edited text is not kept byte for byte: %s", file)

    def former(self, name: str, text: str) -> bytes | None:
        """Return the bytes that a file held when it said this text; None where they are not kept."""
        try:
            return self._place(name, text).read_bytes()
        except OSError:
            return None

    def _place(self, name: str, text: str) -> Path:
        return self.catalog.parent / _FOLDER / _key(self.photo, name, text)


def drop_unwanted(catalog: Path, wanted: Callable[[], Iterable[tuple[int, str]]]) -> int:
    """Remove the texts that no undo or redo can bring back any more; return how many bytes that gives.

    Args:
        wanted: gives photos' numbers with the texts that they had before, or after, edits that are still known. It is
            asked when the files have been listed: an edit that is made meanwhile keeps its own.
    """
    files = {file.name: file for file in (catalog.parent / _FOLDER).glob("*")}
    if not files:
        return 0
    for photo, text in wanted():
        for name in _NAMES:
            files.pop(_key(photo, name, text), None)
    freed = 0
    for file in files.values():
        with suppress(OSError):  # it stays until the next time
            size = file.stat().st_size
            file.unlink()
            freed += size
    return freed


def _key(photo: int, name: str, text: str) -> str:
    return hashlib.sha256(f"{photo} {name}\0{one_line(text)}".encode()).hexdigest()
