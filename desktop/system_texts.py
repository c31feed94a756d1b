"""What the system, SQLite and Python say of a file, in the window's language, for desktop.reasons."""

from __future__ import annotations

import errno
import os
import re

from PySide6.QtCore import QT_TRANSLATE_NOOP

_BY_ERRNO = (
    ("ENOSPC", QT_TRANSLATE_NOOP("Reasons", "there is no space left on the disk")),
    ("EDQUOT", QT_TRANSLATE_NOOP("Reasons", "your share of the disk is used up")),
    ("EACCES", QT_TRANSLATE_NOOP("Reasons", "permission denied")),
    ("EPERM", QT_TRANSLATE_NOOP("Reasons", "the system does not allow it")),
    ("EROFS", QT_TRANSLATE_NOOP("Reasons", "the disk is read-only")),
    ("ENAMETOOLONG", QT_TRANSLATE_NOOP("Reasons", "the name is too long")),
    ("ENOENT", QT_TRANSLATE_NOOP("Reasons", "it is not there")),
    ("EEXIST", QT_TRANSLATE_NOOP("Reasons", "it is there already")),
    ("EISDIR", QT_TRANSLATE_NOOP("Reasons", "it is a folder")),
    ("ENOTDIR", QT_TRANSLATE_NOOP("Reasons", "a part of its path is no folder")),
    ("ENOTEMPTY", QT_TRANSLATE_NOOP("Reasons", "the folder is not empty")),
    ("EIO", QT_TRANSLATE_NOOP("Reasons", "the disk reports an error")),
    ("EMFILE", QT_TRANSLATE_NOOP("Reasons", "too many files are open")),
    ("ENFILE", QT_TRANSLATE_NOOP("Reasons", "too many files are open")),
    ("EBUSY", QT_TRANSLATE_NOOP("Reasons", "it is in use")),
    ("ETXTBSY", QT_TRANSLATE_NOOP("Reasons", "it is in use")),
    ("EFBIG", QT_TRANSLATE_NOOP("Reasons", "it is too large for this disk")),
    ("ELOOP", QT_TRANSLATE_NOOP("Reasons", "its links lead in a circle")),
    ("EINVAL", QT_TRANSLATE_NOOP("Reasons", "the disk does not accept it")),
    ("ENODEV", QT_TRANSLATE_NOOP("Reasons", "the disk is not there any more")),
    ("ENXIO", QT_TRANSLATE_NOOP("Reasons", "the disk is not there any more")),
    ("ESTALE", QT_TRANSLATE_NOOP("Reasons", "the disk is not there any more")),
    ("ETIMEDOUT", QT_TRANSLATE_NOOP("Reasons", "the disk or the network does not answer")),
)
_CODES = {getattr(errno, name): str(text) for name, text in _BY_ERRNO if hasattr(errno, name)}
_BY_WORDS = {os.strerror(code): text for code, text in _CODES.items()}
# str() of the error, and the same behind the name of its class.
_NUMBERED = re.compile(r"(?:\w+: )?\[Errno (\d+)\] .*?(?:: ('.*'|\".*\"))?", re.DOTALL)
# Of Windows, whose own words are in the language of the system: only what names a number is put in ours.
_WINDOWS = {2: "ENOENT", 3: "ENOENT", 5: "EACCES", 19: "EROFS", 32: "EBUSY", 39: "ENOSPC", 80: "EEXIST",
            112: "ENOSPC", 123: "EINVAL", 183: "EEXIST", 206: "ENAMETOOLONG"}  # fmt: skip
_NUMBERED_WINDOWS = re.compile(r"(?:\w+: )?\[WinError (\d+)\] .*?(?:: ('.*'|\".*\"))?", re.DOTALL)

_TEXTS = (
    QT_TRANSLATE_NOOP("Reasons", "database disk image is malformed"),
    QT_TRANSLATE_NOOP("Reasons", "file is not a database"),
    QT_TRANSLATE_NOOP("Reasons", "disk I/O error"),
    QT_TRANSLATE_NOOP("Reasons", "attempt to write a readonly database"),
    QT_TRANSLATE_NOOP("Reasons", "unable to open database file"),
    QT_TRANSLATE_NOOP("Reasons", "database or disk is full"),
    QT_TRANSLATE_NOOP("Reasons", "database is locked"),
    QT_TRANSLATE_NOOP("Reasons", "{what}: line {line} column {column} (char {at})"),  # json
    QT_TRANSLATE_NOOP("Reasons", "Expecting value"),
    QT_TRANSLATE_NOOP("Reasons", "Extra data"),
    QT_TRANSLATE_NOOP("Reasons", "Expecting ',' delimiter"),
    QT_TRANSLATE_NOOP("Reasons", "Expecting ':' delimiter"),
    QT_TRANSLATE_NOOP("Reasons", "Expecting property name enclosed in double quotes"),
    QT_TRANSLATE_NOOP("Reasons", "Unterminated string starting at"),
    QT_TRANSLATE_NOOP("Reasons", "Invalid control character at"),
    QT_TRANSLATE_NOOP("Reasons", "'utf-8' codec can't decode byte {byte} in position {at}: {why}"),
    QT_TRANSLATE_NOOP("Reasons", "invalid start byte"),
    QT_TRANSLATE_NOOP("Reasons", "invalid continuation byte"),
    QT_TRANSLATE_NOOP("Reasons", "unexpected end of data"),
    QT_TRANSLATE_NOOP("Reasons", "{what} at position {at}"),  # re, the rest of them too
    QT_TRANSLATE_NOOP("Reasons", "missing ), unterminated subpattern"),
    QT_TRANSLATE_NOOP("Reasons", "unbalanced parenthesis"),
    QT_TRANSLATE_NOOP("Reasons", "unterminated character set"),
    QT_TRANSLATE_NOOP("Reasons", "nothing to repeat"),
    QT_TRANSLATE_NOOP("Reasons", "multiple repeat"),
    QT_TRANSLATE_NOOP("Reasons", "min repeat greater than max repeat"),
    QT_TRANSLATE_NOOP("Reasons", "bad escape {escape}"),
    QT_TRANSLATE_NOOP("Reasons", "bad escape (end of pattern)"),
    QT_TRANSLATE_NOOP("Reasons", "bad character range {range}"),
    QT_TRANSLATE_NOOP("Reasons", "unknown extension {extension}"),
    QT_TRANSLATE_NOOP("Reasons", "invalid group reference {group}"),
    QT_TRANSLATE_NOOP("Reasons", "unexpected end of pattern"),
)
SYSTEM: tuple[str, ...] = tuple(map(str, _TEXTS))


def of_system(said: str) -> tuple[str, str] | None:
    """Return MQwen's own clause for what str() or .strerror of an OSError is, and the file that it names, or None."""
    if said in _BY_WORDS:
        return _BY_WORDS[said], ""
    if found := _NUMBERED.fullmatch(said):
        text = _CODES.get(int(found[1]))
    elif found := _NUMBERED_WINDOWS.fullmatch(said):
        text = _CODES.get(getattr(errno, _WINDOWS.get(int(found[1]), ""), -1))
    else:
        return None
    return (text, (found[2] or "")[1:-1]) if text is not None else None
