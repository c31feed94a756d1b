"""What is kept of a file before it is changed: a small one whole, else a patch that turns its new bytes back.

A caption written into a 5 MB photo moves megabytes of pixels and changes a few hundred bytes. What is kept for undoing
it are copies "so many bytes from there in the new file" and, between them, the old bytes that the new file lacks:

    magic, lengths of new and old (8 bytes each), SHA-256 of old, then deflated:
    number of hunks; for each hunk: bytes to copy, where from in new, bytes to insert; then all bytes to insert

Numbers are LEB128. Applying a patch checks its result, so that it gives the old bytes or an error. A record of a small
file is its deflated bytes after a magic of its own: these come back even if someone has changed the file since.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

from mqwen.errors import InputError

_MAGIC = b"MQu1"
_WHOLE = b"MQw1"
_SMALL = 64 * 1024  # bytes; sidecars are smaller
_HEADER = struct.Struct("<4sQQ32s")
_ANCHOR = 32  # bytes that must agree where the two files are matched again after a difference
_LARGEST_STEP = 2**20
_MOST_HUNKS = 1_000  # files that differ everywhere: what is left is kept as it is


def make_record(new: bytes, old: bytes) -> bytes:
    """Return what old_bytes() makes `old` of."""
    return _WHOLE + zlib.compress(old, 9) if len(old) <= _SMALL else make_patch(new, old)


def old_bytes(record: bytes, new: bytes) -> bytes:
    """Return the bytes that stood there before.

    Args:
        new: what was written; of no account where is_whole(record).

    Raises:
        InputError: the record is damaged, or a patch that was not made for these bytes.
    """
    if not is_whole(record):
        return apply_patch(new, record)
    try:
        return zlib.decompress(record[len(_WHOLE) :])
    except zlib.error as error:
        raise InputError("its undo record does not fit it") from error


def is_whole(record: bytes) -> bool:
    """Say whether a record brings the old bytes back whatever the file holds now."""
    return record.startswith(_WHOLE)


def make_patch(new: bytes, old: bytes) -> bytes:
    """Return the patch that apply_patch() makes `old` of, given `new`."""
    hunks: list[bytes] = []
    literals: list[bytes] = []
    for start, length, literal in _hunks(new, old):
        hunks.append(_number(length) + _number(start) + _number(len(literal)))
        literals.append(literal)
    body = _number(len(hunks)) + b"".join(hunks) + b"".join(literals)
    return _HEADER.pack(_MAGIC, len(new), len(old), hashlib.sha256(old).digest()) + zlib.compress(body, 9)


def apply_patch(new: bytes, patch: bytes) -> bytes:
    """Return the bytes that stood there before.

    Raises:
        InputError: the patch is damaged, or was not made for these bytes.
    """
    wrong = InputError("its undo record does not fit it")
    try:
        magic, new_length, old_length, digest = _HEADER.unpack_from(patch)
        body = zlib.decompress(patch[_HEADER.size :])
        if magic != _MAGIC or new_length != len(new):
            raise wrong
        count, position = _read_number(body, 0)
        hunks = []
        for _ in range(count):
            length, position = _read_number(body, position)
            start, position = _read_number(body, position)
            inserted, position = _read_number(body, position)
            hunks.append((start, length, inserted))
    except (struct.error, zlib.error, IndexError) as error:
        raise wrong from error
    pieces = []
    for start, length, inserted in hunks:
        pieces += [new[start : start + length], body[position : position + inserted]]
        position += inserted
    if sum(map(len, pieces)) != old_length:
        raise wrong
    old = b"".join(pieces)
    if hashlib.sha256(old).digest() != digest:
        raise wrong
    return old


def _hunks(new: bytes, old: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (where to copy from in new, how many bytes, what to insert after them) until `old` is complete."""
    i = j = count = 0  # in old, in new
    while i < len(old):
        length = _common(old, i, new, j)
        start, i, j, count = j, i + length, j + length, count + 1
        found = _match_again(old, i, new, j) if i < len(old) and count < _MOST_HUNKS else None
        next_i, j = found or (len(old), j)
        yield start, length, old[i:next_i]
        i = next_i


def _match_again(old: bytes, i: int, new: bytes, j: int) -> tuple[int, int] | None:
    """Return the next places in old and new that agree, None if no more is found."""
    step, at = 0, i
    while at + _ANCHOR <= len(old):
        anchor = old[at : at + _ANCHOR]
        # Where the change left all in place, and where it only inserted or removed something before it; else anywhere.
        near = (at + j - i, at + len(new) - len(old))
        places = [place for place in near if place >= 0 and new[place : place + _ANCHOR] == anchor]
        place = max(places, key=lambda place: _common(old, at, new, place)) if places else new.find(anchor, j)
        if place < 0:
            place = new.find(anchor, 0, j)
        if place >= 0:
            room = min(at - i, place)
            back = _common(old[at - room : at][::-1], 0, new[place - room : place][::-1], 0)
            return at - back, place - back
        step = max(_ANCHOR, 2 * step)
        at += step
    return None


def _common(a: bytes, i: int, b: bytes, j: int) -> int:
    """Return how many bytes agree in `a` from `i` on and in `b` from `j` on."""
    most = min(len(a) - i, len(b) - j)
    same, step, grows = 0, _ANCHOR, True
    while same < most and step:
        size = min(step, most - same)
        if a[i + same : i + same + size] == b[j + same : j + same + size]:
            same += size
            step = min(2 * step, _LARGEST_STEP) if grows else step
        else:
            grows, step = False, size // 2
    return same


def _number(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """Return a number and the place after it; IndexError where the data end."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, position
