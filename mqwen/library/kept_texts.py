"""Text files as they were before a person's edit, where the words alone would not bring back every byte.

A byte order mark, UTF-16, several lines or a line's end: the catalog keeps words, and undo writes them as UTF-8. What
such a file held is kept beside the catalog, so that undo brings it back byte for byte, also after a restart.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from mqwen.errors import WriteError
from mqwen.library.atomic import write_atomic
from mqwen.library.sidecar import one_line

log = logging.getLogger(__name__)

_FOLDER = "kept-texts"


@dataclass(frozen=True)
class KeptTexts:
    """The text files that are kept.

    Attributes:
        catalog: the catalog's file, beside which they lie.
    """

    catalog: Path

    def keep(self, file: Path, text: str) -> None:
        """Keep a file that is about to be edited. Where that fails the edit goes on, and undo writes UTF-8.

        Args:
            text: what it says.
        """
        try:
            data = file.read_bytes()
            if data != one_line(text).encode():
                place = self._place(file, text)
                place.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(place, data)
        except (OSError, WriteError):
            log.exception("an edited text is not kept byte for byte: %s", file)

    def former(self, file: Path, text: str) -> bytes | None:
        """Return the bytes that a file held when it said this text; None where they are not kept."""
        try:
            return self._place(file, text).read_bytes()
        except OSError:
            return None

    def _place(self, file: Path, text: str) -> Path:
        key = os.fsencode(os.path.abspath(file)) + b"\0" + one_line(text).encode()
        return self.catalog.parent / _FOLDER / hashlib.sha256(key).hexdigest()
