"""Drafts on the disk, one small file for each beside the catalog, so that neither a restart nor a crash loses them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.drafts import Draft
from mqwen.library.atomic import write_atomic

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What the last start left.

    Attributes:
        drafts: by their files; of photos that are there.
        set_aside: files that cannot be read, where they are now.
    """

    drafts: Mapping[Path, Draft]
    set_aside: Sequence[Path]


class DraftFiles:
    """The files of one folder; not for two threads at a time.

    Args:
        folder: need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self) -> Path:
        """Return a file's name that sorts behind all before."""
        return self._folder / f"{time.time_ns():020}.json"

    def write(self, file: Path, draft: Draft, opened: Sequence[Collection[Path]]) -> None:
        """Write a draft; `opened` is what is open, and was before. Raises OSError, WriteError, DiskFullError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        data = {
            "paths": [str(path) for path in draft.paths],
            "language": draft.language,
            "texts": dict(draft.texts),
            "opened": [[str(path) for path in sources] for sources in opened],
        }
        write_atomic(file, json.dumps(data).encode())

    def read(self) -> Found:
        """Return the drafts, the oldest first. One of photos whose folder is away waits, one of deleted ones goes."""
        drafts: dict[Path, Draft] = {}
        aside: list[Path] = []
        for file in sorted(self._folder.glob("*.json")):
            try:
                draft = _draft(json.loads(file.read_bytes()))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                log.exception("cannot read %s", file)
                aside.append(_set_aside(file, ".damaged"))
                continue
            there = tuple(path for path in draft.paths if path.exists())
            gone = [path for path in draft.paths if path not in set(there)]
            if any(not path.parent.exists() for path in gone):  # on a disk that is not there
                log.info("%s waits for %s", file, gone[0].parent)
            elif there:
                drafts[file] = Draft(there, draft.language, draft.texts, draft.opened)
            else:
                log.warning("the photos of %s are gone; it said %s", file, dict(draft.texts))
                _set_aside(file, ".gone")
        return Found(drafts, aside)


def _draft(data: Mapping[str, Any]) -> Draft:
    texts = {name: data["texts"][name] for name in ("caption", "alt text") if name in data["texts"]}
    if not texts or not all(isinstance(text, str) for text in (*texts.values(), data["language"])):
        raise ValueError("it holds no texts")
    opened = tuple(tuple(Path(path) for path in sources) for sources in data["opened"])
    return Draft(tuple(Path(path) for path in data["paths"]), data["language"], texts, opened)


def _set_aside(file: Path, ending: str) -> Path:
    aside = file.with_suffix(ending)
    try:
        file.replace(aside)
    except OSError:  # it stays in the way, and is told of again
        log.exception("cannot set %s aside", file)
        return file
    return aside
