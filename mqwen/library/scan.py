"""Folders and files -> photos, one at a time, in the order in which a person would list them.

A folder's own photos come first, then its subfolders, both in natural order (img2 before img10). Hidden files and
folders and kohya's `*-masklabel.png` are left out. A file given directly is always yielded, whatever it is called:
its reader decides.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from pathlib import Path

from mqwen.errors import ImageError, MqwenError
from mqwen.library.sliced_sort import sorted_in_slices

log = logging.getLogger(__name__)

# What a folder is searched for. Formats that this computer cannot decode (HEIC without pillow-heif, JPEG XL) are here
# too: such a photo is named with its reason instead of being passed over in silence.
IMAGE_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib"),
        *(".gif", ".avif", ".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm"),
        *(".tga", ".ico", ".pcx", ".dds", ".qoi", ".psd", ".dng", ".cr2", ".nef", ".arw"),
    )
)
_DIGITS = re.compile(r"(\d+)")
# A folder's identity: device and inode. A file's: its folder's and its name, so that hard links stay two photos.
_FolderId = tuple[int, int]


def natural_key(name: str) -> tuple[object, ...]:
    """Return a sort key in which runs of digits (of any script) count as numbers and case does not matter."""
    parts = _DIGITS.split(unicodedata.normalize("NFC", name).casefold())
    key = tuple((0, int(part), "") if i % 2 else (1, 0, part) for i, part in enumerate(parts))
    return (*key, (2, 0, name))


def is_photo_name(name: str) -> bool:
    """Tell whether a folder's entry of this name is a photo to caption."""
    if name.startswith(".") or name.lower().endswith("-masklabel.png"):
        return False
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def scan(
    paths: Iterable[str | Path] | str | Path,
    *,
    recursive: bool = True,
    on_error: Callable[[MqwenError], None] | None = None,
) -> Iterator[Path]:
    """Yield the photos of `paths` as absolute paths, each once, while the folders are still being read.

    Each real folder is read once, so symbolic links cannot loop. A link to a photo counts as that photo; where the
    photo itself lies in one of the folders given, the link has its turn at the end, and only if the photo had none
    (it is hidden, its folder cannot be read). Nothing larger than one folder's list of names is held, but for the
    photos and links that this takes.

    Args:
        paths: files and folders; a path that does not exist is yielded too, so that it is reported with the others.
        recursive: descend into subfolders.
        on_error: is told of each folder that cannot be read (by default it is logged); the scan goes on.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    given = [os.path.abspath(path) for path in paths]
    walk = _Walk(given, recursive, on_error or (lambda error: log.warning("%s", error)))
    for path in given:
        yield from walk.start(path)
    yield from walk.rest()


class _Walk:
    """What one scan remembers: the folders it has read, the photos met outside of those, and links that wait."""

    def __init__(self, given: Iterable[str], recursive: bool, on_error: Callable[[MqwenError], None]) -> None:
        self.tops = {os.path.realpath(path) for path in given if _is_folder(path)}
        self.recursive = recursive
        self.on_error = on_error
        self.folders: set[_FolderId] = set()
        self.singles: set[tuple[_FolderId, str]] = set()
        self.waiting: list[str] = []

    def start(self, path: str) -> Iterator[Path]:
        if _is_folder(path):
            yield from self.walk(path)
        elif self.take_single(path):
            yield Path(path)

    def rest(self) -> Iterator[Path]:
        """Yield the links whose photos were expected and did not come."""
        for path in self.waiting:
            if self.take_single(path):
                yield Path(path)

    def is_ahead(self, link: str) -> bool:
        """Say whether the photo that a link leads to lies where this scan will look, or has looked."""
        try:
            parent, name = os.path.split(os.path.realpath(link, strict=True))
        except OSError:
            return False
        folders = (parent, *map(str, Path(parent).parents)) if self.recursive else (parent,)
        return is_photo_name(name) and not self.tops.isdisjoint(folders)

    def take_single(self, path: str) -> bool:
        """Note a photo that was not found as a plain entry of a folder; False if it has had or will have its turn."""
        try:
            real = os.path.realpath(path)
            exists = os.path.exists(real)
            parent, name = os.path.split(real if exists else path)
            found = os.stat(parent)
        except (OSError, ValueError):
            return True
        folder = (found.st_dev, found.st_ino)
        had_its_turn = exists and folder in self.folders and is_photo_name(name)
        if (folder, name) in self.singles or had_its_turn:
            return False
        self.singles.add((folder, name))
        return True

    def walk(self, top: str) -> Iterator[Path]:
        pending = [top]
        while pending:
            folder = pending.pop()
            try:
                found = os.stat(folder)
                identity = (found.st_dev, found.st_ino)
                if identity in self.folders:
                    continue
                files, folders = _list(folder)
            except OSError as error:
                self.on_error(
                    ImageError(
                        f"the folder cannot be read ({error.strerror or error})",
                        path=folder,
                        hint="Check its permissions; its photos were left out.",
                    )
                )
                continue
            self.folders.add(identity)
            for name, is_link in files:
                path = os.path.join(folder, name)
                if is_link:
                    if self.is_ahead(path):
                        self.waiting.append(path)
                        continue
                    if not self.take_single(path):
                        continue
                elif self.singles and (identity, name) in self.singles:
                    continue
                yield Path(path)
            if self.recursive:
                pending.extend(os.path.join(folder, name) for name in reversed(folders))


def _is_folder(path: str) -> bool:
    try:
        return os.path.isdir(path)
    except ValueError:  # a NUL character
        return False


def _list(folder: str) -> tuple[list[tuple[str, bool]], list[str]]:
    """Return a folder's photos (name, is it a link) and its subfolders, both in natural order."""
    files: list[tuple[tuple[object, ...], str, bool]] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or _has_hidden_attribute(entry):
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link that loops: let the reader say so
                is_folder = False
            if is_folder:
                folders.append(entry.name)
            elif is_photo_name(entry.name):
                files.append((natural_key(entry.name), entry.name, entry.is_symlink()))
    # A window may be waiting beside this thread: nothing large is sorted, or freed, in one go.
    left = sorted_in_slices(files, itemgetter(0))
    files.clear()
    left.reverse()
    photos: list[tuple[str, bool]] = []
    while left:
        photos.append(left.pop()[1:])
    folders.sort(key=natural_key)
    return photos, folders


def _has_hidden_attribute(entry: os.DirEntry[str]) -> bool:
    if os.name != "nt":
        return False
    try:
        attributes = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    except OSError:
        return False
    return bool(attributes & stat.FILE_ATTRIBUTE_HIDDEN)
