"""TIFF, of one page or many: XMP (tag 700), IPTC (33723), its digest (34377) and ImageDescription in the first IFD.

As `tiff_stream` says, nothing that stands there is moved or overwritten: a new first IFD with our values is appended.
Pictures and values that end beyond the file would change their meaning by that, as would directories that form a ring:
such files are refused.
"""

from __future__ import annotations

import hashlib
import struct
from itertools import zip_longest

from mqwen.library.metadata.blocks import REMOVE, Blocks, Change, Refusal, Remove
from mqwen.library.metadata.exif import ASCII, IMAGE_DESCRIPTION, SUB_DIRECTORIES, description_of
from mqwen.library.metadata.iptc import datasets_length
from mqwen.library.metadata.irb import IPTC as IRB_IPTC
from mqwen.library.metadata.irb import IPTC_DIGEST, foreign_resources, parse_resources, replace_iptc
from mqwen.library.metadata.tiff_stream import (
    HEADER,
    Directory,
    Entry,
    NewValue,
    Stream,
    foreign_tags,
    parse_stream,
    read_directory,
    replace_tags,
)

_XMP, _IPTC, _PHOTOSHOP = 700, 33723, 34377
_OURS = frozenset({IMAGE_DESCRIPTION, _XMP, _IPTC, _PHOTOSHOP})
_BYTE, _SHORT, _LONG, _UNDEFINED, _IFD = 1, 3, 4, 7, 13
_SUB_IFDS, _NEW_SUBFILE_TYPE, _DNG_VERSION = 330, 254, 50706
_PICTURES = {273: 279, 324: 325}  # offsets -> byte counts: strips, tiles
_LARGEST_DESCRIPTION = 2**16
_MOST_ENTRIES = 300_000  # of all pages together
# Programs for microscopes keep what a picture means in ImageDescription: it is read by machines.
_MACHINES = (b"<", b"{", b"ImageJ=", b"SCANIMAGE", b"state.", b"Aperio", b"MMI:", b"shape=")
# Trailers that are found from the file's end: AFCP, Canon VRD, FotoStation, PhotoMechanic, MIE, Samsung.
_TRAILERS = (
    *((12, b"AXS"), (64, b"CANON OPTIONAL DATA\0"), (10, b"\xa1\xb2\xc3\xd4"), (8, b"cbipcbbl")),
    *((10, b"~\0\4\0zmie~\0\0\6"), (4, b"SEFT")),
)


def read(data: bytes) -> Blocks:
    """Return what of a TIFF can be ours.

    Raises:
        Refusal: its first directory cannot be read; a BigTIFF.
    """
    stream = _parse(data)
    xmp, iptc, irb = (_value(stream, tag) for tag in (_XMP, _IPTC, _PHOTOSHOP))
    resources = parse_resources(irb or b"")
    digests = resources.find(IPTC_DIGEST)
    digest = digests[0].data if digests else None
    if iptc is None:
        inner = resources.find(IRB_IPTC)
        iptc = inner[0].data if inner else None
    else:
        padded, iptc = iptc, iptc[: datasets_length(iptc)]
        if digest == _md5(padded):  # some take the MD5 with the padding
            digest = _md5(iptc)
    description = description_of(stream)
    writable = stream.count(IMAGE_DESCRIPTION) < 2 and not (description or b"").lstrip().startswith(_MACHINES)
    return Blocks(
        xmp=xmp,
        iptc=iptc,
        iptc_digest=digest,
        exif=None,
        description=description,
        description_writable=writable,
        supports_iptc=True,
        description_room=_LARGEST_DESCRIPTION if writable else 0,
    )


def replace(data: bytes, change: Change, *, break_signature: bool = False) -> bytes:
    """Return the TIFF with `change` made (`break_signature` is for the other containers: a TIFF has no C2PA here).

    Raises:
        Refusal: a foreign byte could come to harm.
    """
    stream = _parse(data)
    _check(stream)
    if any(stream.count(tag) > 1 for tag in _OURS):
        raise Refusal("a metadata tag stands twice in its first directory")
    tags: dict[int, NewValue] = {}
    new = change.description
    if new is not None and description_of(stream) != (None if new is REMOVE else new):
        if new is not REMOVE and b"\0" in new:
            raise Refusal("a description with a NUL byte cannot be written")
        tags[IMAGE_DESCRIPTION] = REMOVE if new is REMOVE else (ASCII, new + b"\0")
    if change.xmp is not None and _value(stream, _XMP) != change.xmp:
        tags[_XMP] = REMOVE if change.xmp is REMOVE else (_kind(stream, _XMP), change.xmp)
    if change.iptc is not None:
        _set_iptc(stream, change.iptc, tags)
    tags = {tag: new for tag, new in tags.items() if new is not REMOVE or stream.count(tag)}
    return replace_tags(stream, _OURS, tags) if tags else data


def foreign(data: bytes) -> list[tuple[str, bytes]]:
    """Return every byte that is not ours: the header, the other tags of the first IFD, and all that lies behind.

    Raises:
        Refusal: its first directory cannot be read; a BigTIFF.
    """
    stream = _parse(data)
    found = foreign_tags(stream, _OURS)
    for entry in stream.ifd0.entries:
        if entry.tag == _PHOTOSHOP:
            found += foreign_resources(parse_resources(stream.value(entry) or b""))
    return found


def _parse(data: bytes) -> Stream:
    if data[8:10] == b"CR" and data[:2] in (b"II", b"MM"):
        raise Refusal("it is a raw photo")
    stream = parse_stream(data, _OURS)
    if not stream.ifd0.entries:
        raise Refusal("its first TIFF directory is empty")
    kind = stream.entry(_NEW_SUBFILE_TYPE)
    preview = kind is not None and kind.raw[8:] in (b"\1\0\0\0", b"\0\0\0\1")
    if stream.entry(_DNG_VERSION) or (preview and stream.entry(_SUB_IFDS)):
        raise Refusal("it is a raw photo")
    return stream


def _value(stream: Stream, tag: int) -> bytes | None:
    entry = stream.entry(tag)
    return stream.value(entry) if entry else None


def _kind(stream: Stream, tag: int) -> int:
    entry = stream.entry(tag)
    return _UNDEFINED if entry and entry.type == _UNDEFINED else _BYTE


def _set_iptc(stream: Stream, new: bytes | Remove, tags: dict[int, NewValue]) -> None:
    """Set the tag and the digest; where Photoshop's block holds the datasets a second time, these too.

    The type is BYTE, not LONG as with Photoshop: LONG needs padding, and readers differ on whether it counts for the
    digest.
    """
    old = _value(stream, _IPTC)
    resources = parse_resources(_value(stream, _PHOTOSHOP) or b"")
    inner = resources.find(IRB_IPTC)
    if old is not None and any(_unpadded(item.data) != _unpadded(old) for item in inner):
        raise Refusal("it has a second IPTC block")
    irb = replace_iptc(resources, new)
    if not inner and new is not REMOVE:
        # The digest alone: the datasets have a tag of their own.
        parsed = parse_resources(irb)
        irb = b"".join(item.raw for item in parsed.items if item.number != IRB_IPTC) + parsed.tail
    if new is REMOVE:
        tags[_IPTC] = REMOVE
    elif (old is not None or not inner) and old != new:
        tags[_IPTC] = (_kind(stream, _IPTC), new)
    if irb != (_value(stream, _PHOTOSHOP) or b""):
        tags[_PHOTOSHOP] = (_kind(stream, _PHOTOSHOP), irb) if irb else REMOVE


def _unpadded(iim: bytes) -> bytes:
    return iim[: datasets_length(iim)]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _check(stream: Stream) -> None:
    """Refuse what appending an IFD could change: pictures or values beyond the end, directories that form a ring."""
    for size, mark in _TRAILERS:
        if stream.data[-size:].startswith(mark):
            raise Refusal("it ends in a block that other programs look for at the end")
    # Directories that overlap could be read without end.
    entries, offsets = min(len(stream.data) // 12, _MOST_ENTRIES), len(stream.data) // 2
    seen = {stream.before}
    pending: list[tuple[int, bool]] = []  # offsets of directories, and whether they are pages
    directory: Directory | None = stream.ifd0
    is_page = True
    while directory:
        entries -= len(directory.entries)
        offsets -= sum(entry.units for entry in directory.entries if entry.tag in (_SUB_IFDS, *_PICTURES))
        if entries < 0 or offsets < 0:
            raise Refusal("its directories overlap")
        for entry in directory.entries:
            lost = not entry.inline and entry.size is not None and not stream.keeps(entry.at, entry.size)
            if lost and not (directory is stream.ifd0 and entry.tag in _OURS):
                where = "in its header" if entry.at < HEADER else "beyond its end"
                raise Refusal(f"a value of its directory lies {where}")
            if entry.tag == _SUB_IFDS or (entry.tag in SUB_DIRECTORIES and entry.units == 1):
                pending += [(at, False) for at in _numbers(stream, entry)]
        _check_pictures(stream, {entry.tag: entry for entry in directory.entries})
        if is_page and directory.following:
            pending.append((directory.following, True))
        directory = None
        if pending:
            at, is_page = pending.pop()
            directory = _below(stream, at, seen)


def _below(stream: Stream, at: int, seen: set[int]) -> Directory:
    if at in seen:
        raise Refusal("its directories form a ring")
    seen.add(at)
    directory = read_directory(stream.data, at, stream.order) if at < stream.base else None
    if directory is None:
        raise Refusal("one of its directories is damaged")
    return directory


def _check_pictures(stream: Stream, by_tag: dict[int, Entry]) -> None:
    for offsets_tag, sizes_tag in _PICTURES.items():
        if offsets_tag not in by_tag:
            continue
        offsets = _numbers(stream, by_tag[offsets_tag])
        sizes = _numbers(stream, by_tag[sizes_tag]) if sizes_tag in by_tag else ()
        for at, size in zip_longest(offsets, sizes[: len(offsets)], fillvalue=1):
            if at + size > stream.base:
                raise Refusal("it ends before its picture does")
            if at < HEADER and (at or size):  # nothing at 0 is a tile that is left out
                raise Refusal("its picture lies in its header")


def _numbers(stream: Stream, entry: Entry) -> tuple[int, ...]:
    kind = {_BYTE: "B", _SHORT: "H", _LONG: "I", _IFD: "I"}.get(entry.type)
    value = stream.value(entry)
    if kind is None or value is None:
        return ()
    return struct.unpack(f"{stream.order}{entry.units}{kind}", value)
