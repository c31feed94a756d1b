"""What a run would come to, before its first byte: for a dry run, and for the window's question "Start?"."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.errors import InputError, MqwenError
from mqwen.library.catalog import Catalog
from mqwen.library.compose import Words
from mqwen.library.decide import DONE, HAS_TEXT
from mqwen.library.image import undecodable
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.commit import obstacle
from mqwen.library.metadata.plan import plan_embed
from mqwen.library.metadata.splice import container_of
from mqwen.library.metadata.xmp_sidecar import existing_sidecars
from mqwen.library.photo_writer import PhotoWriter
from mqwen.library.record import Record, recording
from mqwen.library.scan import scan
from mqwen.library.sidecar import fold
from mqwen.library.targets import METADATA_TARGETS, Targets
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from mqwen.library.metadata.fields import Edit

_FORMATS = {"JPG": "JPEG", "JPE": "JPEG", "JFIF": "JPEG", "TIF": "TIFF", "HEIF": "HEIC", "HIF": "HEIC", "DIB": "BMP"}
_TEXT_BYTES = 4096  # a small file takes one block
_XMP_BYTES = 8192
_LOOK_INTO_S = 20.0
_HEAD = 16  # bytes that tell a container


@dataclass
class Precheck:
    """What a run would come to.

    Attributes:
        photos: how many there are.
        to_caption: how many of them need the model.
        skipped: of the others, how many for which reason.
        undecodable: those that need it and cannot be read on this computer, by the reason and what to install.
        formats: photos by the format that their suffix tells.
        collisions: photos of one folder that share a stem: each gets sidecars with its whole name.
        read_only, hard_linked: photos into which nothing can be embedded, for that reason.
        read_only_folders: nothing can be written there.
        unreadable: text that stands there and cannot be read, or a folder, with the reason.
        sidecar_styles: XMP sidecars that are there: "name" (IMG.jpg.xmp), "stem" (IMG.xmp).
        sidecars_instead: by reason, the photos that get an XMP sidecar instead of embedded metadata. Only where the run
            embeds.
        looked_into: so many photos were opened for that; what is known of the others is their format and their
            permissions.
        free_bytes, needed_bytes: on the disk where space is shortest, as far as one can tell beforehand.
        seconds: what the run will take; None where no run with this model was measured yet.
    """

    photos: int = 0
    to_caption: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    undecodable: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    formats: Counter[str] = field(default_factory=Counter)
    collisions: list[tuple[Path, ...]] = field(default_factory=list)
    read_only: list[Path] = field(default_factory=list)
    hard_linked: list[Path] = field(default_factory=list)
    read_only_folders: list[Path] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)
    sidecar_styles: Counter[str] = field(default_factory=Counter)
    sidecars_instead: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    looked_into: int = 0
    free_bytes: int | None = None
    needed_bytes: int = 0
    seconds: float | None = None


def precheck(
    paths: Sequence[Path | str],
    settings: RunSettings,
    *,
    catalog: Catalog | None = None,
    into: Targets | None = None,
    stopped: Callable[[], bool] = lambda: False,
    seconds: float = _LOOK_INTO_S,
) -> Precheck:
    """Look at all photos of `paths` as a run with these settings would; nothing is written.

    Args:
        catalog: None opens the user's own, and does without where that cannot be.
        into: as run() takes it, closed at the end.
        stopped: asked before each photo.
        seconds: how long photos are opened to learn whether metadata can be embedded. Later ones are judged by their
            format and permissions.
    """
    found = Precheck()
    disks: dict[int, _Disk] = defaultdict(_Disk)
    stems: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    until = time.monotonic() + seconds
    with (
        recording(catalog, settings, paths, settings.model, writes=False) as record,
        (into or Targets(paths, settings.write)).prepared(settings) as targets,
    ):
        writer = PhotoWriter(targets, settings, record)
        embedding = _Embedding(settings, targets, writer.edit_for(Words("text", ("keyword",))))

        def cannot_list(error: MqwenError) -> None:
            found.unreadable[error.path or Path()] = error.what

        for photo in scan(paths, recursive=settings.recursive, on_error=cannot_list):
            if stopped():
                break
            found.photos += 1
            suffix = photo.suffix[1:].upper()
            found.formats[_FORMATS.get(suffix, suffix or "?")] += 1
            stems[photo.parent, fold(photo.stem)].append(photo)
            if not _needs_model(found, photo, writer, targets, record):
                continue
            if (error := undecodable(photo)) is not None:
                found.undecodable[f"{error.what}. {error.hint}"].append(photo)
                continue
            found.to_caption += 1
            try:
                stat = os.stat(photo)
            except (OSError, ValueError) as error:
                found.unreadable[photo] = str(error)
                continue
            disks[stat.st_dev].add(photo, stat.st_size, targets.names)
            if "embed" in targets.names:
                _note_obstacles(found, photo, stat)
                try:
                    reason = embedding.refusal(photo, stat, look_into=time.monotonic() < until)
                except (Refusal, MqwenError, OSError) as error:
                    found.unreadable[photo] = getattr(error, "reason", None) or str(error)
                    reason = None
                if reason:
                    found.sidecars_instead[reason].append(photo)
            _note_sidecars(found, photo, targets.names)
        found.looked_into = embedding.looked_into
        pace = record.seconds_per_photo()
        found.seconds = None if pace is None else pace * found.to_caption
    found.collisions = [tuple(photos) for photos in stems.values() if len(photos) > 1]
    folders = {folder for folder, _ in stems} if targets.names else set()
    as_it_counts = os.access in os.supports_effective_ids
    found.read_only_folders = sorted(
        folder for folder in folders if not os.access(folder, os.W_OK, effective_ids=as_it_counts)
    )
    _note_space(found, disks)
    return found


@dataclass
class _Disk:
    """What one disk has to take."""

    folder: Path | None = None
    bytes: int = 0
    largest: int = 0

    def add(self, photo: Path, size: int, names: Sequence[str]) -> None:
        self.folder = photo.parent
        self.bytes += sum(_XMP_BYTES if name in ("xmp", "embed") else _TEXT_BYTES for name in names)
        if "embed" in names:  # the new photo stands beside the old one for a moment
            self.largest = max(self.largest, size)


class _Embedding:
    """Says why metadata of photos would go to a sidecar."""

    def __init__(self, settings: RunSettings, targets: Targets, edit: Edit) -> None:
        self._naming = settings.sidecar_naming
        self._exiftool = targets.exiftool
        self._edit = edit
        self.looked_into = 0

    def refusal(self, photo: Path, stat: os.stat_result, *, look_into: bool) -> str | None:
        """Return the reason, None where it can be embedded as far as is known; raises Refusal where neither can be."""
        if look_into:
            self.looked_into += 1
            planned = plan_embed(photo, self._edit, naming=self._naming, exiftool=self._exiftool)
            return next((one.reason for one in planned if one.reason), None)
        if reason := obstacle(stat):
            return reason
        if self._exiftool and self._exiftool.writes(photo):
            return None
        try:
            with open(photo, "rb") as file:
                container_of(file.read(_HEAD))
        except Refusal as refusal:
            return refusal.reason
        return None


def _needs_model(found: Precheck, photo: Path, writer: PhotoWriter, targets: Targets, record: Record) -> bool:
    """Say whether a photo needs the model, and note why not."""
    try:
        if record.did(photo) and not targets.lacking(photo):
            found.skipped[DONE] += 1
            return False
        decision = writer.decide(photo)
    except InputError as error:
        found.unreadable[error.path or photo] = error.what
        return False
    if targets.names and not decision.names:
        found.skipped[decision.reason or HAS_TEXT] += 1
        return False
    return True


def _note_obstacles(found: Precheck, photo: Path, stat: os.stat_result) -> None:
    if not stat.st_mode & 0o222:
        found.read_only.append(photo)
    elif stat.st_nlink > 1:
        found.hard_linked.append(photo)


def _note_sidecars(found: Precheck, photo: Path, names: Sequence[str]) -> None:
    if any(name in METADATA_TARGETS for name in names):
        for sidecar in existing_sidecars(photo):
            found.sidecar_styles["name" if sidecar.stem == photo.name else "stem"] += 1


def _note_space(found: Precheck, disks: Mapping[int, _Disk]) -> None:
    """Note the disk on which least is left."""
    left = None
    for disk in disks.values():
        if disk.folder is None:
            continue
        try:
            free = shutil.disk_usage(disk.folder).free
        except OSError:
            continue
        needed = disk.bytes + disk.largest
        if left is None or free - needed < left:
            left, found.free_bytes, found.needed_bytes = free - needed, free, needed
