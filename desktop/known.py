"""What the catalog knows of the photos in the list: whose words they are, what failed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.photo import Photo, State
from desktop.reasons import shown
from mqwen.errors import ImageError
from mqwen.library import conditions, records
from mqwen.library.compose import digest
from mqwen.library.identity import identify

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

_AT_ONCE = 500
_BESIDE = ("txt", "caption", "jsonl")  # what a look at the disk reads


def known_of(catalog: Catalog, paths: Sequence[Path]) -> dict[Path, records.Photo]:
    """Return what the catalog knows of photos at these paths; no file is looked at."""
    known: dict[Path, records.Photo] = {}
    for start in range(0, len(paths), _AT_ONCE):
        found = catalog.find(conditions.at(paths[start : start + _AT_ONCE]), order="id")
        known.update((photo.path, photo) for photo in found)
    return known


def settle(photo: Photo, known: records.Photo) -> None:
    """Give a photo, as the disk shows it, the state that the catalog knows, and words that stand only there."""
    state = State(known.state)
    if photo.state is State.FAILED:
        return  # the disk could not be read, whatever the catalog says
    if photo.caption:
        if state in (State.CAPTIONED, State.EDITED, State.APPROVED):
            photo.state = state if _is_known(photo.caption, known) else State.EDITED
        return
    # Where a file beside the photo held the words and is gone, they were taken away.
    beside = any(known.written.get(target) for target in _BESIDE)
    if known.caption and not beside and _is_same_picture(photo.path, known):
        photo.caption = " ".join(known.caption.split())
    if photo.caption or state in (State.FAILED, State.SKIPPED):
        photo.state, photo.reason = state, shown(known.reason or "")


def is_shown(photo: Photo, known: records.Photo) -> bool:
    """Say whether a photo of the list has the state and the words that the catalog knows."""
    if photo.state is not State(known.state):
        return False
    return _is_known(photo.caption, known) if photo.caption else not known.caption


def settle_all(photos: Iterable[Photo], catalog: Catalog) -> None:
    """Settle photos of which the catalog knows something."""
    listed = {photo.path: photo for photo in photos}
    for path, known in known_of(catalog, list(listed)).items():
        if path in listed:
            settle(listed[path], known)


def _is_same_picture(path: Path, known: records.Photo) -> bool:
    """Say whether the file is the photo of which the catalog tells, edited in place perhaps, and no other one."""
    try:
        stat = os.stat(path)
        if stat.st_ino == known.inode or (stat.st_size, stat.st_mtime_ns) == (known.size, known.mtime_ns):
            return True
        return identify(path) == known.identity
    except (OSError, ImageError):  # it cannot be read just now
        return True


def _is_known(text: str, known: records.Photo) -> bool:
    """Say whether a text is what the catalog has for the photo, rather than what another program wrote since."""
    if any(" ".join(caption.split()) == " ".join(text.split()) for caption in known.captions.values()):
        return True
    if text == ", ".join(known.keywords):
        return True
    return digest(text) in known.written.values()
