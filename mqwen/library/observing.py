"""A look at a photo's file: is it known, unchanged, renamed, another picture by now, or new?

Words follow the pixels. A path is only where a photo was seen last; when files swap their names, or a new picture takes
the name of a renamed one, each keeps its own words. A copy whose original is still there is a photo of its own. An
original that cannot be found because its drive is not plugged in counts as gone: its copy then takes its place, and the
original is a new photo when it comes back.
"""

from __future__ import annotations

import os
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from mqwen.errors import ImageError
from mqwen.library import former_identities, photo_rows
from mqwen.library.database import Database
from mqwen.library.identity import identify, identities
from mqwen.library.records import Photo
from mqwen.library.stored import to_stored

Seen = tuple[str, tuple[int, int, int]]  # an identity, and what photo_rows.stamp() gives
_Found = tuple[str, tuple[str, str | None], tuple[int, int, int]]  # a path, what identities() and stamp() give
_BATCH = 256
# Copies of one picture that are asked whether they are still there; nobody has more, but for empty files.
_MOST_COPIES = 64


def observe(database: Database, path: Path | str, stat: os.stat_result | None = None) -> Photo:
    """Look at one photo; see Catalog.observe()."""
    text = os.path.abspath(path)
    stamp = photo_rows.stamp(stat or _stat(text))
    if (known := _unchanged(database, text, stamp)) is not None:
        return known
    found = identities(text)
    with database.write() as db:
        return _place(db, text, found, stamp)


def observe_many(database: Database, paths: Iterable[Path | str]) -> Iterator[Photo]:
    """Look at many photos, in order; see Catalog.observe_many()."""
    rest = iter(paths)
    while batch := list(islice(rest, _BATCH)):
        yield from _observe_batch(database, batch)


def _observe_batch(database: Database, paths: Sequence[Path | str]) -> list[Photo]:
    looked: list[tuple[str, tuple[int, int, int]]] = []
    for path in paths:
        text = os.path.abspath(path)
        with suppress(ImageError):
            looked.append((text, photo_rows.stamp(_stat(text))))
    with database.read() as db:
        known = photo_rows.by_paths(db, [text for text, _ in looked])
        unchanged = {text: known[text] for text, stamp in looked if _needs_no_look(db, known.get(text), text, stamp)}
    if len(unchanged) == len(looked):
        return list(unchanged.values())
    seen: list[Photo | _Found] = []
    for text, stamp in looked:
        if text in unchanged:
            seen.append(unchanged[text])
            continue
        with suppress(ImageError):
            seen.append((text, identities(text), stamp))
    with database.write() as db:
        return [item if isinstance(item, Photo) else _place(db, *item) for item in seen]


def look_again(photo: Photo) -> Seen | None:
    """Return identity and stamp of a photo's file if it has changed since it was looked at; None also if it is gone."""
    try:
        stamp = photo_rows.stamp(_stat(os.fspath(photo.path)))
        return None if _is_unchanged(photo, stamp) else (identify(photo.path), stamp)
    except ImageError:
        return None


def _unchanged(database: Database, path: str, stamp: tuple[int, int, int]) -> Photo | None:
    """Return the photo that is known at a path, if its file has not changed and need not be looked at."""
    with database.read() as db:
        known = photo_rows.by_path(db, path)
        return known if _needs_no_look(db, known, path, stamp) else None


def _needs_no_look(db: sqlite3.Connection, known: Photo | None, path: str, stamp: tuple[int, int, int]) -> bool:
    return known is not None and _is_unchanged(known, stamp) and not former_identities.has_former(db, known, path)


def _place(db: sqlite3.Connection, path: str, found: tuple[str, str | None], stamp: tuple[int, int, int]) -> Photo:
    """Enter what was seen at a path: a file with these pixels."""
    identity, former = found
    if former is not None:
        former_identities.adopt(db, former, identity)
    here = photo_rows.by_path(db, path)
    if here is not None and identity in (here.identity, here.captioned_identity):
        photo_rows.move(db, here.id, path, identity, stamp)
        return _known(db, here.id)
    mover = _mover(db, path, identity, stamp)
    if mover is None and here is not None:  # edited, or replaced by a picture that nobody knows
        photo_rows.move(db, here.id, path, identity, stamp)
        return _known(db, here.id)
    if mover is None:
        return _known(db, photo_rows.insert(db, path, identity, stamp))
    if here is not None:
        photo_rows.change(db, here.id, {"displaced": 1})
    photo_rows.move(db, mover.id, path, identity, stamp)
    if mover.identity != identity:
        # Its words were written for these pixels; what has its old path is another picture, and has no words yet.
        _enter_again(db, mover)
    return _known(db, mover.id)


def _enter_again(db: sqlite3.Connection, left: Photo) -> None:
    old = os.fspath(left.path)
    if photo_rows.by_path(db, old) is None and os.path.exists(old):
        photo_rows.insert(db, old, left.identity, (left.size, left.mtime_ns, left.inode))


def _mover(db: sqlite3.Connection, path: str, identity: str, stamp: tuple[int, int, int]) -> Photo | None:
    """Return the photo with these pixels that is no longer where it was."""
    displaced = {row[0] for row in db.execute("SELECT id FROM photos WHERE displaced AND identity = ?", (identity,))}
    same = photo_rows.select(
        db,
        "WHERE identity = ? ORDER BY displaced DESC, inode = ? DESC, name = ? DESC, id LIMIT ?",
        (identity, stamp[2], to_stored(os.path.basename(path)), _MOST_COPIES),
    )
    for photo in same:
        if photo.id in displaced or _is_gone(photo, path):
            return photo
    edited = photo_rows.select(
        db,
        "WHERE captioned_identity = ? AND captioned_identity IS NOT identity ORDER BY id LIMIT ?",
        (identity, _MOST_COPIES),
    )
    # Where the words' own picture still lies somewhere, this is a copy of it.
    return edited[0] if edited and not same else None


def _is_gone(photo: Photo, path: str) -> bool:
    """Say whether a photo's file is no longer where it was seen, given where its pixels are seen now."""
    old = os.fspath(photo.path)
    try:
        if _fold(old) == _fold(path) and os.path.samefile(old, path):
            return True  # one file, spelled in two ways
        stamp = photo_rows.stamp(os.stat(old))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it cannot be looked at, so it is not known to be gone
        return False
    if _is_unchanged(photo, stamp):
        return False
    try:
        return photo.identity not in identities(old)
    except ImageError:
        return False


def _is_unchanged(photo: Photo, stamp: tuple[int, int, int]) -> bool:
    return (photo.size, photo.mtime_ns, photo.inode) == stamp


def _known(db: sqlite3.Connection, photo: int) -> Photo:
    known = photo_rows.by_id(db, photo)
    if known is None:
        raise KeyError(photo)
    return known


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"it cannot be read ({reason})", path=path, hint="Check that it is still there.") from error


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
