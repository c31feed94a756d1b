"""Which files an edit of a photo's metadata changes, and into what: proved, and nothing written yet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.errors import WriteError
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.commit import obstacle
from mqwen.library.metadata.fields import Edit, Metadata
from mqwen.library.metadata.splice import container_of, prove, prove_strip, read_metadata, splice, strip
from mqwen.library.metadata.xmp_sidecar import (
    RAW_SUFFIXES,
    Naming,
    edit_sidecar,
    existing_sidecars,
    prove_sidecar,
    read_sidecar_metadata,
    strip_sidecar,
    xmp_sidecar_paths,
)

if TYPE_CHECKING:
    from mqwen.library.metadata.exiftool import ExifTool

_HEAD = 16  # bytes that tell a container
_LARGEST = 2**30  # bytes; it is read into memory


@dataclass(frozen=True)
class Planned:
    """One file that would change; hand it to `commit(path, after, stat_at_read)`.

    Attributes:
        path: the photo itself or a sidecar.
        before: its bytes, None where there is no file yet.
        after: its new bytes, None where the file goes (a sidecar that `plan_strip` leaves nothing in).
        stat_at_read: of the file that `before` was read from, None where there was none.
        reason: a sidecar: why not embedded, a clause for people; None where that was asked for.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    stat_at_read: os.stat_result | None
    reason: str | None = None


def plan_embed(
    path: Path,
    edit: Edit,
    *,
    embed: bool = True,
    naming: Naming = "name",
    allow_signed: bool = False,
    exiftool: ExifTool | None = None,
) -> list[Planned]:
    """Return the files that writing `edit` would change: the photo, or its sidecars with the reason.

    Empty where all of it stands there already. Every `after` is proved: what is not ours is identical, and the edit is
    read back.

    Args:
        path: the photo; a symbolic link's target is what is embedded into, the sidecar lies beside the link.
        embed: False plans the sidecar only.
        naming: of a sidecar that does not exist yet: IMG.jpg.xmp ("name") or IMG.xmp ("stem").
        allow_signed: embed although that breaks a C2PA signature.
        exiftool: the user's own, for the formats that MQwen does not write itself; None = a sidecar for those.

    Raises:
        Refusal: neither can be written (the sidecar that is there is damaged, or may not be changed).
        WriteError: the photo cannot be read.
    """
    path = _photo_path(path)
    photo = _Photo.read(path)
    reason = None
    if embed:
        try:
            return _plan_photo(photo, edit, allow_signed, exiftool)
        except Refusal as refusal:
            reason = refusal.reason
    embedded = photo.metadata(exiftool)
    planned = []
    for sidecar in xmp_sidecar_paths(path, naming):
        before, found = _read_sidecar(sidecar)
        after = edit_sidecar(before, edit, embedded)
        prove_sidecar(before, after, edit, embedded)
        if after is not None and after != before:
            planned.append(Planned(sidecar, before, after, found, reason))
    return planned


def plan_strip(path: Path, *, allow_signed: bool = False, exiftool: ExifTool | None = None) -> list[Planned]:
    """Return the files that lose what MQwen wrote, photo and sidecars, as they would be then.

    Raises:
        Refusal: one of them holds something of ours, and cannot be changed.
        WriteError: the photo cannot be read.
    """
    path = _photo_path(path)
    photo = _Photo.read(path)
    planned = []
    metadata = photo.metadata(exiftool)
    if metadata and metadata.provenance:
        if reason := obstacle(photo.stat):
            raise Refusal(reason)
        if photo.data is not None:
            stripped = strip(photo.data, allow_signed=allow_signed)
            prove_strip(photo.data, stripped)
            planned.append(Planned(path, photo.data, stripped, photo.stat))
        elif exiftool:
            planned.append(Planned(path, *exiftool.strip(path), photo.stat))
    for sidecar in existing_sidecars(path):
        before, found = _read_sidecar(sidecar)
        left = strip_sidecar(before) if before is not None else None
        if left != before:
            planned.append(Planned(sidecar, before, left, found))
    return planned


def read_photo(
    path: Path,
    *,
    exiftool: ExifTool | None = None,
    on_refusal: Callable[[Path, str], None] | None = None,
) -> dict[Path, Metadata]:
    """Return what the photo and each of its sidecars say, the photo first.

    Args:
        exiftool: the user's own, for the formats that MQwen does not read itself.
        on_refusal: is told of each that cannot be read, and why; it is left out.

    Raises:
        WriteError: the photo cannot be opened.
    """
    path = Path(path)
    refused = on_refusal or (lambda path, reason: None)
    photo, found = _Photo.read(path), {}
    try:
        if path.suffix.lower() == ".xmp":
            found[path] = read_sidecar_metadata(_read(path)[0])
        elif photo.data is not None:
            found[path] = read_metadata(photo.data)
        elif exiftool and exiftool.writes(path):
            found[path] = exiftool.read(path)
        else:
            raise Refusal(photo.reason or "")
    except Refusal as refusal:
        refused(path, refusal.reason)
    for sidecar in existing_sidecars(path):
        try:
            found[sidecar] = read_sidecar_metadata(_read(sidecar)[0])
        except Refusal as refusal:
            refused(sidecar, refusal.reason)
    return found


@dataclass(frozen=True)
class _Photo:
    """A photo as read: its bytes if they are a container of ours, else None and the reason."""

    path: Path
    data: bytes | None
    stat: os.stat_result
    reason: str | None = None

    @classmethod
    def read(cls, path: Path) -> _Photo:
        data, found = _read(path, most=_HEAD)
        try:
            if path.suffix.lower() in RAW_SUFFIXES:
                raise Refusal("it is a raw photo")
            container_of(data)
            if found.st_size > _LARGEST:
                raise Refusal("it is larger than 1 GB")
        except Refusal as refusal:
            return cls(path, None, found, refusal.reason)
        return cls(path, *_read(path))

    def metadata(self, exiftool: ExifTool | None) -> Metadata | None:
        """Return what it says itself, None where that cannot be read."""
        try:
            if self.data is not None:
                return read_metadata(self.data)
            return exiftool.read(self.path) if exiftool and exiftool.writes(self.path) else None
        except Refusal:
            return None


def _photo_path(path: Path) -> Path:
    path = Path(path)
    if path.suffix.lower() == ".xmp":
        raise Refusal("it is a sidecar: give its photo")
    return path


def _plan_photo(photo: _Photo, edit: Edit, allow_signed: bool, exiftool: ExifTool | None) -> list[Planned]:
    if reason := obstacle(photo.stat):
        raise Refusal(reason)
    if photo.data is not None:
        before, after = photo.data, splice(photo.data, edit, allow_signed=allow_signed)
        prove(before, after, edit)
    elif exiftool and exiftool.writes(photo.path):
        before, after = exiftool.edit(photo.path, edit)
    else:
        raise Refusal(photo.reason or "")
    return [] if after == before else [Planned(photo.path, before, after, photo.stat)]


def _read_sidecar(path: Path) -> tuple[bytes | None, os.stat_result | None]:
    if not os.path.lexists(path):
        return None, None
    data, found = _read(path)
    if reason := obstacle(found):
        raise Refusal(f"its sidecar {path.name} cannot be changed: {reason}")
    return data, found


def _read(path: Path, most: int = -1) -> tuple[bytes, os.stat_result]:
    """Return a file's bytes and the stat that belongs to them."""
    try:
        with open(path, "rb") as file:
            return file.read(most), os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WriteError(f"it cannot be read ({reason})", path=path) from error
