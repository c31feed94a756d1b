"""Damaged pictures: a Refusal, or a file with every foreign byte and every pixel as before; nothing else.

Bytes are turned, cut, inserted, taken from another picture, and numbers replaced by those that parsers trip over.
"""

from __future__ import annotations

import random
import struct
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqwen.library.metadata.blocks import Refusal
from tests.library.metadata.samples import SAMPLES, container, pixels, unwrite, write

_LARGEST = 40_000  # bytes of a real photo that is worth damaging again and again
_NUMBERS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0", b"\x08\0\0\0")


@cache
def pictures(photos: Path | None = None) -> tuple[bytes, ...]:
    """Return the samples, and those of the real photos whose container is known."""
    found = [make() for make in SAMPLES.values()]
    for path in sorted(photos.rglob("*.*")) if photos else ():
        data = path.read_bytes() if path.stat().st_size < _LARGEST else b""
        if data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"II*\0", b"MM\0*")):
            found.append(data)
    return tuple(found)


def damaged(chance: random.Random, whole: tuple[bytes, ...]) -> bytes:
    data = bytearray(chance.choice(whole))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        # Headers lie at the front, except in a TIFF.
        at = chance.randrange(min(len(data), chance.choice((64, 400, 2000, 2**31))) or 1)
        what = chance.randrange(7)
        if what == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif what == 1:
            data[at : at + 1] = bytes(byte ^ 1 << chance.randrange(8) for byte in data[at : at + 1])
        elif what == 2:
            del data[chance.randrange(len(data) or 1) :]
        elif what == 3:
            del data[at : at + chance.choice((1, 2, 4, 12, 50))]
        elif what == 4:
            data[at:at] = chance.randbytes(chance.choice((1, 2, 4, 12)))
        elif what == 5:
            number = chance.randrange(len(data) + 40)
            data[at : at + 4] = chance.choice((*_NUMBERS, struct.pack("<I", number), struct.pack(">I", number)))
        else:
            other = chance.choice(whole)
            start = chance.randrange(len(other))
            data[at:at] = other[start : start + chance.choice((10, 100, 1000))]
    return bytes(data)


def check(data: bytes) -> bool:
    """Write, write again and bring back what stood there; return whether it was not refused."""
    module = container(data)
    try:
        new = write(data)
    except Refusal:
        return False
    foreign = module.foreign(data)
    assert module.foreign(new) == foreign
    again = write(new, "short")
    assert module.foreign(again) == foreign
    assert module.foreign(unwrite(again, data)) == foreign
    before = pixels(data)
    assert before is None or pixels(new) == before
    return True


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64))
def test_damaged_pictures(seed: int) -> None:
    check(damaged(random.Random(seed), pictures()))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**64))
def test_damaged_photos(photos_folder: Path, seed: int) -> None:
    check(damaged(random.Random(seed), pictures(photos_folder)))


@settings(max_examples=300)
@given(
    st.sampled_from([b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP", b"II*\0", b"MM\0*", b""]),
    st.binary(),
)
def test_arbitrary_bytes(head: bytes, rest: bytes) -> None:
    check(head + rest)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("start", range(20))
def test_many_damaged_photos(photos_folder: Path, start: int) -> None:
    whole = pictures(photos_folder)
    written = sum(check(damaged(random.Random(start * 10**6 + i), whole)) for i in range(10_000))
    assert written > 3000  # most damage leaves a file that can be written
