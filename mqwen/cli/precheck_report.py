"""What `mqwen caption --dry-run` says before it lists the photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.cli.progress import duration

if TYPE_CHECKING:
    from mqwen.library.precheck import Precheck

_EXAMPLES = 3


def report(found: Precheck) -> Iterator[str]:
    """Yield the lines of a Precheck, for people."""
    formats = ", ".join(f"{number} {name}" for name, number in found.formats.most_common())
    yield f"{found.photos} pictures" + (f": {formats}" if formats else "")
    took = "" if found.seconds is None else f", about {duration(found.seconds)} at the speed of the last run"
    yield f"{found.to_caption} to caption{took}"
    for reason, number in found.skipped.most_common():
        yield f"{number} skipped: {reason}"
    for reason, paths in found.undecodable.items():
        yield f"{len(paths)} cannot be read here ({_some(paths)}): {reason}"
    if found.collisions:
        names = [" and ".join(photo.name for photo in photos) for photos in found.collisions]
        yield f"{len(names)} times pictures share a stem, their sidecars get whole names: {_some(names)}"
    for what, paths in (("read-only", found.read_only), ("with further hard links", found.hard_linked)):
        if paths:
            yield f"{len(paths)} {what}: {_some(paths)}"
    if found.read_only_folders:
        yield f"nothing can be written in {_some(found.read_only_folders)}"
    for path, reason in found.unreadable.items():
        yield f"{path}: {reason}"
    if found.sidecar_styles:
        styles = {"name": "IMG.jpg.xmp", "stem": "IMG.xmp"}
        yield "XMP sidecars there: " + ", ".join(f"{n} as {styles[style]}" for style, n in found.sidecar_styles.items())
    for reason, paths in found.sidecars_instead.items():
        yield f"{len(paths)} get an XMP sidecar instead of embedded metadata, as {reason}: {_some(paths)}"
    if found.sidecars_instead and found.looked_into < found.to_caption:
        yield f"({found.looked_into} were looked into for that; the others are judged by format and permissions)"
    if found.free_bytes is not None:
        short = ", which is NOT enough" if found.free_bytes < found.needed_bytes else ""
        yield f"{_size(found.needed_bytes)} needed, {_size(found.free_bytes)} free{short}"


def _some(names: Iterable[Path] | Sequence[str]) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:_EXAMPLES]) + (f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else "")


def _size(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
