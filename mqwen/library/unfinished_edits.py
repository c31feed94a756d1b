"""Which edits are on their way into the files, so that a kill in between leaves none of them half made.

One small file for each edit, beside the catalog: written before the catalog has the edit, removed when the files do.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqwen.library.atomic import write_atomic
from mqwen.library.edited_files import Words

log = logging.getLogger(__name__)

_FOLDER = "unfinished-edits"


@dataclass(frozen=True)
class UnfinishedEdit:
    """An edit whose files may not have it yet.

    Attributes:
        file: the note of it.
        olds: the words that the photos had before.
        opened: what was open then, and before, the latest first.
        write: where words went of which none stood anywhere.
    """

    file: Path
    olds: Mapping[Path, Words]
    opened: Sequence[Collection[Path]]
    write: Sequence[str]

    @classmethod
    def note(
        cls,
        catalog: Path,
        olds: Mapping[Path, Words],
        opened: Sequence[Collection[Path]],
        write: Sequence[str],
    ) -> UnfinishedEdit:
        """Note an edit before it is made. Raises WriteError, DiskFullError."""
        edit = cls(catalog.parent / _FOLDER / f"{time.time_ns():020}.json", dict(olds), opened, write)
        edit._save()
        return edit

    def keep(self, paths: Collection[Path]) -> None:
        """Note that only these photos are left; with none of them it is finished."""
        if not paths:
            self.file.unlink(missing_ok=True)
        elif len(paths) < len(self.olds):
            olds = {path: self.olds[path] for path in paths}
            UnfinishedEdit(self.file, olds, self.opened, self.write)._save()

    def _save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        data = {
            "olds": {str(path): vars(words) | {"captions": dict(words.captions)} for path, words in self.olds.items()},
            "opened": [[str(path) for path in sources] for sources in self.opened],
            "write": list(self.write),
        }
        write_atomic(self.file, json.dumps(data).encode())


def unfinished_edits(catalog: Path, set_aside: Callable[[Path], object] = lambda aside: None) -> list[UnfinishedEdit]:
    """Return the edits that were begun and not finished, the first first; one that cannot be read is set aside.

    Args:
        catalog: the catalog's file.
        set_aside: told where a note is now that cannot be read.
    """
    found = []
    for file in sorted((catalog.parent / _FOLDER).glob("*.json")):
        try:
            data: dict[str, Any] = json.loads(file.read_bytes())
            olds = {Path(path): _words(words) for path, words in data["olds"].items()}
            opened = [[Path(path) for path in sources] for sources in data["opened"]]
            found.append(UnfinishedEdit(file, olds, opened, data["write"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            log.exception("cannot read %s", file)
            aside = file.with_suffix(".damaged")
            try:
                file.replace(aside)
            except OSError:  # it stays in the way, and is told of again
                log.exception("cannot set %s aside", file)
                aside = file
            set_aside(aside)
    return found


def _words(data: Mapping[str, Any]) -> Words:
    return Words(data["captions"], tuple(data["keywords"]), data["alt_text"])
