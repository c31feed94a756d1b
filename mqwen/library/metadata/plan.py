"""Which files an edit of a photo's metadata changes, and into what: proved, and nothing written yet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.library.metadata.fields import Edit, Metadata

if TYPE_CHECKING:
    from mqwen.library.metadata.exiftool import ExifTool
    from mqwen.library.metadata.xmp_sidecar import Naming


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
    raise NotImplementedError


def plan_strip(path: Path, *, allow_signed: bool = False, exiftool: ExifTool | None = None) -> list[Planned]:
    """Return the files that lose what MQwen wrote, photo and sidecars, as they would be then.

    Raises:
        Refusal: one of them holds something of ours, and cannot be changed.
        WriteError: the photo cannot be read.
    """
    raise NotImplementedError


def read_photo(path: Path) -> dict[Path, Metadata]:
    """Return what the photo and each of its sidecars say, the photo first; one that cannot be read is left out."""
    raise NotImplementedError
