"""WebP, animated or not: XMP and the Exif description in chunks of their own; no IPTC.

RFC 9649. A file without VP8X gets one, made from the picture's own header; it goes again with what it was made for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from mqwen.library.metadata.blocks import REMOVE, Blocks, Change, Refusal
from mqwen.library.metadata.exif import foreign_exif, is_change, read_exif, replace_description

_XMP, _EXIF, _VP8X = b"XMP ", b"EXIF", b"VP8X"
_EXIF_PREFIX = b"Exif\0\0"  # as in JPEG; not meant here, and written by some
_ICC_FLAG, _ALPHA_FLAG, _EXIF_FLAG, _XMP_FLAG = 0x20, 0x10, 0x08, 0x04
_LARGEST_EXIF = 2**16
_MOST_CHUNKS = 100_000  # an attack on the reader's memory; a long animation has some thousands


@dataclass(frozen=True)
class Chunk:
    """A chunk without the byte that pads it to an even length; `padding` is that byte where it is not 0."""

    kind: bytes
    payload: bytes
    padding: bytes = b""

    def packed(self) -> bytes:
        head = self.kind + struct.pack("<I", len(self.payload))
        return b"".join((head, self.payload, (self.padding or b"\0") if len(self.payload) % 2 else b""))


@dataclass
class Layout:
    """A parsed WebP: its chunks, what follows the RIFF, and by place what matters here."""

    chunks: list[Chunk]
    trailer: bytes
    exif: list[int] = field(default_factory=list)
    xmp: list[int] = field(default_factory=list)
    odd_xmp: bool = False
    signed: bool = False

    def exif_block(self) -> tuple[bytes, bytes | None]:
        """Return what stands before the (first) Exif block in its chunk, and the block."""
        if not self.exif:
            return b"", None
        payload = self.chunks[self.exif[0]].payload
        prefix = _EXIF_PREFIX if payload.startswith(_EXIF_PREFIX) else b""
        return prefix, payload[len(prefix) :]


def read(data: bytes) -> Blocks:
    """Return what of a WebP can be ours.

    Raises:
        Refusal: its chunks cannot be told apart.
    """
    layout = _parse(data)
    exif = layout.exif_block()[1]
    state = read_exif(exif, _LARGEST_EXIF)
    writable = state.writable and len(layout.exif) < 2
    return Blocks(
        xmp=layout.chunks[layout.xmp[0]].payload if layout.xmp else None,
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
    """Return the WebP with `change` made.

    Raises:
        Refusal: a foreign byte could come to harm.
    """
    layout = _parse(data)
    if layout.signed and not break_signature:
        raise Refusal("it is signed (C2PA): a change would break the signature")
    if isinstance(change.iptc, bytes):
        raise Refusal("a WebP has no IPTC")
    chunks: list[Chunk | None] = list(layout.chunks)
    if change.description is not None and is_change(layout.exif_block()[1], change.description):
        if len(layout.exif) > 1:
            raise Refusal("it has more than one Exif block")
        prefix, block = layout.exif_block()
        stream = replace_description(block, change.description)
        # Exif stands before XMP; both stand behind the picture.
        place = layout.xmp[0] if layout.xmp and layout.xmp[0] == len(chunks) - 1 else len(chunks)
        _put(chunks, layout.exif, place, Chunk(_EXIF, prefix + stream) if stream else None)
    if change.xmp is not None:
        if len(layout.xmp) > 1 or layout.odd_xmp:
            raise Refusal("it has more than one XMP packet, or one in an unusual form")
        xmp = [place for place, chunk in enumerate(chunks) if chunk and chunk.kind == _XMP]
        _put(chunks, xmp, len(chunks), None if change.xmp is REMOVE else Chunk(_XMP, change.xmp))
    body = b"".join(chunk.packed() for chunk in _with_flags([chunk for chunk in chunks if chunk]))
    if len(body) + 4 > 0xFFFFFFFE:
        raise Refusal("it would grow beyond 4 GB")
    return b"".join((b"RIFF", struct.pack("<I", len(body) + 4), b"WEBP", body, layout.trailer))


def foreign(data: bytes) -> list[tuple[str, bytes]]:
    """Return every byte that is not ours, in file order; a VP8X that only repeats the picture's header is left out.

    Raises:
        Refusal: its chunks cannot be told apart.
    """
    layout = _parse(data)
    redundant = _is_redundant(layout.chunks)
    found = []
    for place, chunk in enumerate(layout.chunks):
        if [place] == layout.xmp and not layout.odd_xmp:
            continue
        if [place] == layout.exif:
            prefix, block = layout.exif_block()
            found += [(name, prefix + value) for name, value in foreign_exif(block or b"")]
        elif chunk.kind == _VP8X:
            if not redundant:
                flags = chunk.payload[0] & ~(_EXIF_FLAG | _XMP_FLAG)
                found.append(("VP8X", bytes([flags]) + chunk.payload[1:] + chunk.padding))
        else:
            found.append((chunk.kind.decode("latin-1"), chunk.payload + chunk.padding))
    found.append(("trailer", layout.trailer))
    return found


def _parse(data: bytes) -> Layout:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise Refusal("it is not a WebP")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end == len(data) + 1:  # a last chunk of odd length that was not padded
        end = len(data)
    if end > len(data):
        raise Refusal("it ends before its picture does")
    layout = Layout([], data[end:])
    at = 12
    while at < end:
        if at + 8 > end or len(layout.chunks) == _MOST_CHUNKS:
            raise Refusal("its chunks are damaged")
        kind, size = struct.unpack_from("<4sI", data, at)
        start, stop = at + 8, at + 8 + size
        if stop > end:
            raise Refusal("its chunks are damaged")
        place = len(layout.chunks)
        padding = data[stop : min(stop + size % 2, end)].strip(b"\0")
        layout.chunks.append(Chunk(kind, data[start:stop], padding))
        if kind == _EXIF:
            layout.exif.append(place)
        elif kind == _XMP:
            layout.xmp.append(place)
        elif kind[:3] == b"XMP":
            layout.odd_xmp = True
        elif kind == b"C2PA":
            layout.signed = True
        at = stop + size % 2
    _check(layout.chunks)
    return layout


def _check(chunks: list[Chunk]) -> None:
    headers = [place for place, chunk in enumerate(chunks) if chunk.kind == _VP8X]
    if headers:
        if headers != [0] or len(chunks[0].payload) < 10:
            raise Refusal("its VP8X chunk is damaged")
        if not any(chunk.kind in (b"VP8 ", b"VP8L", b"ANMF") for chunk in chunks):
            raise Refusal("it has no picture")
    else:
        _made_header(chunks)


def _put(chunks: list[Chunk | None], places: list[int], new_place: int, chunk: Chunk | None) -> None:
    if places:
        chunks[places[0]] = chunk
    elif chunk:
        chunks.insert(new_place, chunk)


def _with_flags(chunks: list[Chunk]) -> list[Chunk]:
    """Return the chunks with a VP8X that names Exif and XMP if they are there; without one if it says nothing."""
    kinds = {chunk.kind for chunk in chunks}
    wanted = (_EXIF_FLAG if _EXIF in kinds else 0) | (_XMP_FLAG if _XMP in kinds else 0)
    if chunks[0].kind != _VP8X:
        if not wanted:
            return chunks
        header, rest = _made_header(chunks), chunks
    else:
        if not wanted and _is_redundant(chunks):
            return chunks[1:]
        header, rest = chunks[0], chunks[1:]
    flags = header.payload[0] & ~(_EXIF_FLAG | _XMP_FLAG) | wanted
    return [Chunk(_VP8X, bytes([flags]) + header.payload[1:], header.padding), *rest]


def _is_redundant(chunks: list[Chunk]) -> bool:
    if chunks[0].kind != _VP8X or chunks[1].kind not in (b"VP8 ", b"VP8L"):
        return False
    flags = chunks[0].payload[0] & ~(_EXIF_FLAG | _XMP_FLAG)
    try:
        return bytes([flags]) + chunks[0].payload[1:] == _made_header(chunks[1:]).payload
    except Refusal:
        return False


def _made_header(chunks: list[Chunk]) -> Chunk:
    """Return the VP8X of a picture that has none: canvas size and alpha from the picture's own header."""
    kind, payload = (chunks[0].kind, chunks[0].payload) if chunks else (b"", b"")
    if kind == b"VP8 " and len(payload) >= 10 and payload[3:6] == b"\x9d\x01\x2a":
        # RFC 6386, 9.1: 14 bits of width and height, each under 2 bits of scale.
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", payload, 6))
        flags = 0
    elif kind == b"VP8L" and len(payload) >= 5 and payload[0] == 0x2F:
        # RFC 9649, 3.4: 14 bits of width - 1 and height - 1, then alpha.
        (bits,) = struct.unpack_from("<I", payload, 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _ALPHA_FLAG if bits >> 28 & 1 else 0
    else:
        raise Refusal("its picture's header is damaged")
    if not width or not height:
        raise Refusal("its picture's header is damaged")
    if any(chunk.kind == b"ICCP" for chunk in chunks):
        flags |= _ICC_FLAG
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return Chunk(_VP8X, bytes([flags, 0, 0, 0]) + size)
