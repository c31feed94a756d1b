"""PNG and APNG: XMP in an uncompressed iTXt, the Exif description in eXIf, both before the picture; no IPTC.

W3C PNG, third edition. What follows a chunk that cannot be told apart, or IEND, is kept as it is.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from mqwen.library.metadata.blocks import REMOVE, Blocks, Change, Refusal
from mqwen.library.metadata.exif import foreign_exif, is_change, read_exif, replace_description

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp\0"
_EXIF_PREFIX = b"Exif\0\0"  # not allowed in eXIf, and written by some
_LEGACY_EXIF = (b"raw profile type exif\0", b"raw profile type app1\0")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_LARGEST_XMP = 16 * 2**20  # bytes after decompression; more is a bomb
_LARGEST_EXIF = 2**16
_MOST_CHUNKS = 200_000  # a long APNG has some thousands; more is an attack on the reader's memory


@dataclass(frozen=True)
class Chunk:
    """A chunk: `start` and `end` of all of it in the file."""

    kind: bytes
    start: int
    end: int


@dataclass
class Layout:
    """A parsed PNG: its chunks, where the rest begins, and by place what matters here."""

    data: bytes
    chunks: list[Chunk]
    tail: int
    front: int = 0
    exif: list[int] = field(default_factory=list)
    xmp: list[int] = field(default_factory=list)
    odd_xmp: bool = False
    other_exif: bool = False
    signed: bool = False

    def raw(self, place: int) -> bytes:
        chunk = self.chunks[place]
        return self.data[chunk.start : chunk.end]

    def payload(self, place: int) -> bytes:
        chunk = self.chunks[place]
        return self.data[chunk.start + 8 : chunk.end - 4]

    def exif_block(self) -> tuple[bytes, bytes | None]:
        """Return what stands before the (first) Exif block in its chunk, and the block."""
        if not self.exif:
            return b"", None
        payload = self.payload(self.exif[0])
        prefix = _EXIF_PREFIX if payload.startswith(_EXIF_PREFIX) else b""
        return prefix, payload[len(prefix) :]


def read(data: bytes) -> Blocks:
    """Return what of a PNG can be ours.

    Raises:
        Refusal: its chunks cannot be told apart, or its XMP cannot be decompressed.
    """
    layout = _parse(data)
    exif = layout.exif_block()[1]
    state = read_exif(exif, _LARGEST_EXIF)
    writable = state.writable and len(layout.exif) < 2 and not layout.other_exif
    return Blocks(
        xmp=_xmp_text(layout.payload(layout.xmp[0]))[1] if layout.xmp else None,
        iptc=None,
        iptc_digest=None,
        exif=exif if exif and exif[:4] in (b"II*\0", b"MM\0*") else None,
        description=state.description,
        description_writable=writable,
        supports_iptc=False,
        description_room=state.room if writable else 0,
        signed=layout.signed,
    )


def replace(data: bytes, change: Change, *, break_signature: bool = False) -> bytes:
    """Return the PNG with `change` made.

    Raises:
        Refusal: a foreign byte could come to harm.
    """
    layout = _parse(data)
    if layout.signed and not break_signature:
        raise Refusal("it is signed: a change would break the signature")
    if isinstance(change.iptc, bytes):
        raise Refusal("a PNG has no IPTC")
    replaced: dict[int, bytes] = {}
    new = [b"", b""]
    if change.description is not None and is_change(layout.exif_block()[1], change.description):
        if len(layout.exif) > 1 or layout.other_exif:
            raise Refusal("it has more than one Exif block, or one in an old form")
        prefix, block = layout.exif_block()
        stream = replace_description(block, change.description)
        chunk = _chunk(b"eXIf", prefix + stream) if stream else b""
        if layout.exif:
            replaced[layout.exif[0]] = chunk
        else:
            new[0] = chunk
    if change.xmp is not None:
        if len(layout.xmp) > 1 or layout.odd_xmp:
            raise Refusal("it has more than one XMP packet, or one in an unusual form")
        head = _xmp_text(layout.payload(layout.xmp[0]))[0] if layout.xmp else _XMP + b"\0\0\0\0"
        if change.xmp is REMOVE and head.strip(b"\0") != _XMP.strip(b"\0"):
            raise Refusal("its XMP chunk names a language, which would be lost with it")
        chunk = b"" if change.xmp is REMOVE else _chunk(b"iTXt", head + change.xmp)
        if layout.xmp:
            replaced[layout.xmp[0]] = chunk
        else:
            new[1] = chunk
    front = layout.chunks[layout.front].start
    view, at = memoryview(data), 0
    pieces: list[bytes | memoryview] = []
    for place, chunk in sorted(replaced.items()):
        found = layout.chunks[place]
        if at <= front <= found.start:
            pieces += [view[at:front], *new]
            at = front
        pieces += [view[at : found.start], chunk]
        at = found.end
    if at <= front:
        pieces += [view[at:front], *new]
        at = front
    return b"".join([*pieces, view[at:]])


def foreign(data: bytes) -> list[tuple[str, bytes]]:
    """Return every byte that is not ours, in file order.

    Raises:
        Refusal: its chunks cannot be told apart, or its XMP cannot be decompressed.
    """
    layout = _parse(data)
    found = []
    for place, chunk in enumerate(layout.chunks):
        if [place] == layout.xmp and not layout.odd_xmp:
            head = _xmp_text(layout.payload(place))[0][len(_XMP) :]
            if head.strip(b"\0"):
                found.append(("language of the XMP chunk", head))
        elif [place] == layout.exif and not layout.other_exif:
            prefix, block = layout.exif_block()
            found += [(name, prefix + value) for name, value in foreign_exif(block or b"")]
        else:
            found.append((chunk.kind.decode("ascii"), layout.raw(place)))
    found.append(("tail", data[layout.tail :]))
    return found


def _parse(data: bytes) -> Layout:
    if not data.startswith(_SIGNATURE):
        raise Refusal("it is not a PNG")
    layout = Layout(data, [], len(_SIGNATURE))
    front: int | None = None
    at = len(_SIGNATURE)
    while at + 12 <= len(data) and len(layout.chunks) < _MOST_CHUNKS:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if length > 0x7FFFFFFF or end > len(data) or not kind.isalpha():
            break
        place = len(layout.chunks)
        layout.chunks.append(Chunk(kind, at, end))
        if front is None and kind in (b"IDAT", b"fcTL"):
            front = place
        if kind == b"eXIf":
            layout.exif.append(place)
        elif kind == b"zxIf":
            layout.other_exif = True
        elif kind in (b"caBX", b"dSIG"):
            layout.signed = True
        elif kind in _TEXTS:
            _look_at_text(layout, place, kind)
        at = end
        if kind == b"IEND":
            break
    layout.tail = at
    if front is None or not any(chunk.kind == b"IHDR" for chunk in layout.chunks[:front]):
        raise Refusal("its chunks are damaged")
    layout.front = front
    for place in layout.exif[:1]:
        # With a wrong checksum readers differ in what they see; setting it right would be a change too.
        chunk = layout.chunks[place]
        if zlib.crc32(data[chunk.start + 4 : chunk.end - 4]) != int.from_bytes(data[chunk.end - 4 : chunk.end], "big"):
            layout.other_exif = True
    return layout


def _look_at_text(layout: Layout, place: int, kind: bytes) -> None:
    chunk = layout.chunks[place]
    head = layout.data[chunk.start + 8 : min(chunk.start + 8 + 32, chunk.end - 4)]
    if head.startswith(_XMP):
        if kind == b"iTXt":
            layout.xmp.append(place)
        else:
            layout.odd_xmp = True
    elif head.lower().startswith(_LEGACY_EXIF):
        layout.other_exif = True


def _xmp_text(payload: bytes) -> tuple[bytes, bytes]:
    """Return an iTXt's head, its flags set to uncompressed, and its text."""
    at = len(_XMP)
    language = payload.find(b"\0", at + 2)
    keyword = payload.find(b"\0", language + 1) if language != -1 else -1
    if keyword == -1 or payload[at] > 1:
        raise Refusal("its XMP chunk is damaged")
    head = payload[:at] + b"\0\0" + payload[at + 2 : keyword + 1]
    text = payload[keyword + 1 :]
    if payload[at] == 0:
        return head, text
    if payload[at + 1] != 0:
        raise Refusal("its XMP chunk is compressed in an unknown way")
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(text, _LARGEST_XMP)
    except zlib.error as error:
        raise Refusal("its XMP chunk cannot be decompressed") from error
    if not inflater.eof:
        raise Refusal("its XMP chunk is damaged, or is implausibly large when decompressed")
    return head, text


def _chunk(kind: bytes, payload: bytes) -> bytes:
    if len(payload) > 0x7FFFFFFF:
        raise Refusal("it would be larger than a PNG chunk can be")
    return b"".join((struct.pack(">I", len(payload)), kind, payload, struct.pack(">I", zlib.crc32(kind + payload))))
