"""XMP sidecars: which file belongs to a photo, and edits that merge into what other programs keep there.

IMG.jpg.xmp (digiKam, darktable) or IMG.xmp (Adobe). The latter belongs to the photo of this stem; where several have
it, to the one of `photoshop:SidecarForExtension`, or else to the only raw photo among them, as Adobe's programs do it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mqwen.library.metadata import xmp
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.fields import Edit, Metadata
from mqwen.library.metadata.held import Held, metadata_of
from mqwen.library.metadata.resolve import resolve
from mqwen.library.metadata.unwrite import unwrite
from mqwen.library.metadata.xmp_fields import XmpFields, prove_packet, read_fields, write_fields
from mqwen.library.scan import is_photo_name

Naming = Literal["name", "stem"]
RAW_SUFFIXES = frozenset(
    (
        *(".3fr", ".ari", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".drf", ".eip"),
        *(".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf"),
        *(".pef", ".ptx", ".pxn", ".r3d", ".raf", ".raw", ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f"),
    )
)
_FOR_EXTENSION = xmp.Name("http://ns.adobe.com/photoshop/1.0/", "SidecarForExtension", "photoshop")


def xmp_sidecar_paths(photo: Path, naming: Naming = "name") -> tuple[Path, ...]:
    """Return the sidecars of a photo: those that exist, else the one to make.

    Args:
        naming: of one to make. "stem" falls back to "name" where another photo has the same stem.
    """
    if existing := existing_sidecars(photo):
        return existing
    stem = photo.with_suffix(".xmp")
    if naming == "stem" and not os.path.lexists(stem) and not _namesakes(photo):
        return (stem,)
    return (photo.with_name(photo.name + ".xmp"),)


def existing_sidecars(photo: Path) -> tuple[Path, ...]:
    """Return the sidecars of a photo that exist, at most IMG.jpg.xmp and IMG.xmp."""
    found = []
    for suffix in (".xmp", ".XMP"):
        path = photo.with_name(photo.name + suffix)
        if path.is_file():
            found.append(path)
            break
    for suffix in (".xmp", ".XMP"):
        path = photo.with_suffix(suffix)
        if path.name != photo.name and path.is_file():
            if _belongs(path, photo):
                found.append(path)
            break
    return tuple(found)


def edit_sidecar(old: bytes | None, edit: Edit, embedded: Metadata | None = None) -> bytes | None:
    """Return a sidecar with the edit in it, `old` itself where all of it stands there: None if that is nothing yet.

    Only the bytes of our properties change.

    Args:
        old: the sidecar, None where there is none.
        embedded: what the photo says itself: what the sidecar lacks counts as if it stood in it.

    Raises:
        Refusal: the sidecar is damaged, UTF-16, or has one of our properties in a form that is not known.
    """
    held = _hold(old)
    after = resolve(held, edit, sidecar=True, embedded=embedded)
    return old if after == held else write_fields(old, after.xmp)


def prove_sidecar(old: bytes | None, new: bytes | None, edit: Edit, embedded: Metadata | None = None) -> None:
    """Read both anew and compare: what is not ours is the same, and the edit is read back. Raises Refusal if not."""
    if old != new:
        wanted = resolve(_hold(old), edit, sidecar=True, embedded=embedded).xmp
        _prove_undated(old, new, wanted)


def strip_sidecar(old: bytes) -> bytes | None:
    """Return a sidecar without what MQwen wrote, `old` itself where it never did; None where nothing is left.

    Raises:
        Refusal: as `edit_sidecar`; or the outcome does not prove right.
    """
    held = _hold(old)
    after = unwrite(held)
    if after == held:
        return old
    new = write_fields(old, after.xmp)
    _prove_undated(old, new, after.xmp)
    return new


def read_sidecar_metadata(data: bytes) -> Metadata:
    """Return what a sidecar says. Raises Refusal where it cannot be parsed."""
    return metadata_of(_hold(data))


def _hold(data: bytes | None) -> Held:
    if data is not None and not data.strip(b" \t\r\n\0"):
        raise Refusal("the sidecar is empty")
    return Held(xmp=read_fields(data))


def _prove_undated(old: bytes | None, new: bytes | None, wanted: XmpFields) -> None:
    dated = read_fields(new).provenance
    if wanted.provenance and dated:
        wanted = replace(wanted, provenance=replace(wanted.provenance, date=dated.date))
    prove_packet(old, new, wanted)


def _belongs(sidecar: Path, photo: Path) -> bool:
    try:
        extension = xmp.read_text(xmp.parse(sidecar.read_bytes()), _FOR_EXTENSION)
    except (Refusal, OSError):  # its reader reports it
        extension = None
    if extension:
        return extension.strip().lstrip(".").casefold() == photo.suffix.lstrip(".").casefold()
    others = _namesakes(photo)
    is_raw = photo.suffix.lower() in RAW_SUFFIXES
    return not others or (is_raw and not any(Path(name).suffix.lower() in RAW_SUFFIXES for name in others))


def _namesakes(photo: Path) -> list[str]:
    """Return the other photos of the folder that have the same stem."""
    try:
        with os.scandir(photo.parent) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return []
    stem = photo.stem.casefold()
    return [
        name
        for name in names
        if name != photo.name
        and os.path.splitext(name)[0].casefold() == stem
        and (is_photo_name(name) or os.path.splitext(name)[1].lower() in RAW_SUFFIXES)
    ]
