"""Paths and text as SQLite keeps them.

A name that is not UTF-8 (POSIX allows it) reaches Python with surrogate escapes, which no SQLite text can hold. Each
path has exactly one of the two forms, so that equal paths are equal in SQL. A path is kept as it was spelled: where
the file system takes other spellings (case on Windows and macOS, Unicode normal forms on macOS), a file seen under
another spelling is the same photo, renamed (mqwen.library.observing).
"""

from __future__ import annotations

import os
from pathlib import Path


def to_stored(path: Path | str) -> str | bytes:
    """Return a path or a file name as a value for SQLite."""
    text = os.fspath(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def from_stored(value: str | bytes) -> Path:
    """Return the path that to_stored() was given."""
    return Path(os.fsdecode(value))


def clean(text: str) -> str:
    """Return text that SQLite takes: a lone surrogate becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")
