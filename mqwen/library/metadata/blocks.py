"""What the containers (jpeg, png, webp, tiff) give to read and take to write; they know nothing of captions.

Each container module has the same three functions, pure and thread-safe, which raise `Refusal` and nothing else:

    read(data) -> Blocks
    replace(data, change, *, break_signature=False) -> bytes
    foreign(data) -> list[tuple[str, bytes]]

`foreign` lists, in file order, all bytes that are not ours: whatever `replace` returned, it is equal before and after.
Ours are the XMP packet, the IPTC datasets with their digest, IFD0's ImageDescription, and the bookkeeping that must
follow them (offset of IFD0, sizes, the changed chunk's CRC, the flags of VP8X).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Refusal(Exception):
    """A file that is not written because a byte that is not ours could come to harm; nothing has happened to it.

    Args:
        reason: a clause for people, without the file's name: "it is signed (C2PA): a change would break the signature".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Remove(Enum):
    """Type of `REMOVE`."""

    REMOVE = "remove"


REMOVE: Final = Remove.REMOVE
"""In a `Change`: the block goes, and with it what was only there to hold it."""


@dataclass(frozen=True)
class Blocks:
    """What of a container can be ours, as it stands; None = absent.

    Attributes:
        xmp: the packet (RDF/XML), padding included. Of JPEG the main packet only.
        iptc: the IIM datasets, without container padding.
        iptc_digest: 16 bytes, the MD5 that 8BIM 0x0425 holds of `iptc`; may be stale.
        exif: the Exif block, a TIFF stream beginning with II*\\0 or MM\\0*. None for a TIFF: it is one itself.
        description: ImageDescription (IFD0 0x010E), the value up to its first NUL.
        description_writable: `Change.description` may be set: IFD0 is sound, or there is no Exif block yet.
        description_room: how many bytes it may have then.
        supports_iptc: `Change.iptc` may be set; False for PNG and WebP.
        signed: it carries a C2PA manifest; `replace` refuses unless told `break_signature`.
        extended_xmp: JPEG's second packet, which is never changed; None where absent or incomplete.
    """

    xmp: bytes | None
    iptc: bytes | None
    iptc_digest: bytes | None
    exif: bytes | None
    description: bytes | None
    description_writable: bool
    supports_iptc: bool
    description_room: int = 0
    signed: bool = False
    extended_xmp: bytes | None = None


@dataclass(frozen=True)
class Change:
    """What `replace` is to do; None leaves a block as it is, `REMOVE` takes it away.

    Attributes:
        xmp: the whole new packet. JPEG drops its padding where it would not fit otherwise; else it is read back equal.
        iptc: the new datasets; the digest is made anew with them, and goes with them.
        description: the new ImageDescription, UTF-8 without NUL. `REMOVE` leaves no ImageDescription, and takes back
            the new IFD0 (or the whole Exif block) that `replace` had made for it.
    """

    xmp: bytes | Remove | None = None
    iptc: bytes | Remove | None = None
    description: bytes | Remove | None = None
