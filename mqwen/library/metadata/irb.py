"""Photoshop's image resources (IRB, 8BIM): what APP13 of a JPEG and tag 34377 of a TIFF hold.

Ours are two of them: 0x0404, the IPTC datasets, and 0x0425, their MD5. Layout after Adobe's Photoshop File Formats
Specification: signature, number, Pascal string and size, the latter two padded to even lengths, as is the data.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from mqwen.library.metadata.blocks import REMOVE, Refusal, Remove

IPTC, IPTC_DIGEST = 0x0404, 0x0425
_OURS = (IPTC, IPTC_DIGEST)
_MOST = 100_000  # resources; more is an attack on the reader's memory
_SIGNATURES = (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa")


@dataclass(frozen=True)
class Resource:
    """One resource: `raw` is all of it, `head` what stands before its size; the number is -1 unless it is an 8BIM."""

    number: int
    raw: bytes
    head: bytes
    data: bytes


@dataclass(frozen=True)
class Resources:
    """The resources in order; `tail` is what follows them and is none."""

    items: tuple[Resource, ...]
    tail: bytes

    def find(self, number: int) -> list[Resource]:
        return [item for item in self.items if item.number == number]

    def datasets(self) -> list[Resource]:
        """Return the IPTC blocks; empty ones only where there are no others."""
        found = self.find(IPTC)
        return [item for item in found if item.data] or found[:1]


def parse_resources(data: bytes) -> Resources:
    """Split an IRB; where it is damaged the rest becomes the tail."""
    items: list[Resource] = []
    at = 0
    while data[at : at + 4] in _SIGNATURES and at + 12 <= len(data) and len(items) < _MOST:
        number = struct.unpack_from(">H", data, at + 4)[0] if data[at : at + 4] == b"8BIM" else -1
        name_end = at + 7 + data[at + 6]
        name_end += (name_end - at) % 2
        if name_end + 4 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, name_end)
        start = name_end + 4
        if start + size > len(data):
            break
        end = min(start + size + size % 2, len(data))
        items.append(Resource(number, data[at:end], data[at:name_end], data[start : start + size]))
        at = end
    return Resources(tuple(items), data[at:])


def replace_iptc(resources: Resources, iptc: bytes | Remove) -> bytes:
    """Return the IRB with other datasets and their digest, or without both; empty where nothing is left.

    Raises:
        Refusal: it holds several of them, so that no reader could tell which one counts.
    """
    if len(resources.datasets()) > 1 or len(resources.find(IPTC_DIGEST)) > 1:
        raise Refusal("it has a second IPTC block")
    if any(b"8BIM" + struct.pack(">H", number) in resources.tail for number in _OURS):
        raise Refusal("its Photoshop block is damaged where its IPTC is")
    if iptc is REMOVE:
        return b"".join(item.raw for item in resources.items if item.number not in _OURS) + resources.tail
    digest = hashlib.md5(iptc, usedforsecurity=False).digest()
    old = resources.datasets()
    pieces = [] if old else [_resource(IPTC, iptc)]
    place = len(pieces)
    for item in resources.items:
        if old and item is old[0]:
            pieces.append(_resource(IPTC, iptc, item.head))
            place = len(pieces)
        elif item.number == IPTC_DIGEST:
            pieces.append(_resource(IPTC_DIGEST, digest, item.head))
        else:
            pieces.append(item.raw)
    if not resources.find(IPTC_DIGEST):
        pieces.insert(place, _resource(IPTC_DIGEST, digest))
    return b"".join(pieces) + resources.tail


def without_digest(resources: Resources) -> bytes:
    """Return the IRB without digests, for one that does not hold the datasets."""
    return b"".join(item.raw for item in resources.items if item.number != IPTC_DIGEST) + resources.tail


def foreign_resources(resources: Resources) -> list[tuple[str, bytes]]:
    """Return the resources that are not ours, and the tail."""
    found = [(f"8BIM {item.number}", _even(item.raw)) for item in resources.items if item.number not in _OURS]
    if resources.tail:
        found.append(("8BIM tail", resources.tail))
    return found


def _resource(number: int, data: bytes, head: bytes = b"") -> bytes:
    head = head or b"8BIM" + struct.pack(">H", number) + b"\0\0"
    return _even(head + struct.pack(">I", len(data)) + data)


def _even(raw: bytes) -> bytes:
    return raw + b"\0" * (len(raw) % 2)
