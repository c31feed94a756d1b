"""IPTC-IIM datasets: caption (2:120), keywords (2:25), caption writer (2:122), and in which character set they are.

IIM 4.2: each dataset is 0x1C, record, number, size (two bytes, or an extended size) and its value. 1:90 names the
character set of records 2 to 6. Without it a dataset is UTF-8 if it is valid UTF-8, and cp1252 otherwise, which is what
cameras and Windows programs wrote.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from mqwen.library.metadata.blocks import REMOVE, Refusal, Remove

CAPTION, KEYWORD, CAPTION_WRITER = (2, 120), (2, 25), (2, 122)
_CHARSET, _ENVELOPE_VERSION, _VERSION = (1, 90), (1, 0), (2, 0)
LIMITS = {CAPTION: 2000, KEYWORD: 64, CAPTION_WRITER: 32}  # bytes (IIM 4.2, chapter 6)
UTF_8 = b"\x1b%G"
_MOST = 100_000  # datasets; more is an attack on the reader's memory
_IIM_4 = b"\0\4"
# ISO 2022: UTF-8 without return and its three levels; then ISO 8859-1 as G1 and G2; ASCII alone.
_UTF_8_MARKS = frozenset({UTF_8, b"\x1b%/G", b"\x1b%/H", b"\x1b%/I"})
_LATIN_MARKS = frozenset({b"\x1b-A", b"\x1b.A", b"\x1b.A\x1bn", b"\x1b(B", b""})
# Record 2 datasets that are text: IIM 4.2, and 188 to 255, which programs have added (ExifTool's IPTC tag names).
_TEXT = frozenset(
    (3, 4, 5, 7, 8, 10, 12, 15, 20, 22, 25, 26, 27, 30, 35, 37, 38, 40, 42, 45, 47, 50, 55, 60, 62, 63, 65, 70, 75, 80)
    + (85, 90, 92, 95, 100, 101, 103, 105, 110, 115, 116, 118, 120, 121, 122, 130, 131, 135)
    + (188, 221, 225, 228, 230, 231, 232, 255)
)


@dataclass(frozen=True)
class Dataset:
    """One dataset: `key` is record and number, `raw` all of its bytes."""

    key: tuple[int, int]
    raw: bytes
    value: bytes

    @property
    def is_text(self) -> bool:
        return self.key[0] == 2 and self.key[1] in _TEXT


@dataclass(frozen=True)
class IptcFields:
    """What IPTC says; None or empty = absent.

    Attributes:
        charset: "utf-8", "cp1252" or "latin-1", as found out; "unknown" if 1:90 names one that is not supported (the
            texts are then read as Latin-1, and `edit_iptc` refuses).
    """

    caption: str | None
    keywords: tuple[str, ...]
    caption_writer: str | None
    charset: str


def parse_iptc(iim: bytes) -> tuple[list[Dataset], bytes]:
    """Split IIM into its datasets and a rest that is none (padding, or damage)."""
    found: list[Dataset] = []
    at = 0
    while at + 5 <= len(iim) and iim[at] == 0x1C and len(found) < _MOST:
        record, number, size = struct.unpack_from(">BBH", iim, at + 1)
        start = at + 5
        if size & 0x8000:  # extended: the size of the size
            digits = size & 0x7FFF
            if digits > 4 or start + digits > len(iim):
                break
            size = int.from_bytes(iim[start : start + digits], "big")
            start += digits
        if start + size > len(iim):
            break
        found.append(Dataset((record, number), iim[at : start + size], iim[start : start + size]))
        at = start + size
    return found, iim[at:]


def read_iptc(iim: bytes) -> IptcFields:
    """Return caption, keywords and caption writer; never raises."""
    datasets, _ = parse_iptc(iim)
    charset = _charset(datasets)

    def texts(key: tuple[int, int]) -> tuple[str, ...]:
        return tuple(_decode(item.value, charset) for item in datasets if item.key == key)

    caption, writer = texts(CAPTION), texts(CAPTION_WRITER)
    return IptcFields(caption[0] if caption else None, texts(KEYWORD), ", ".join(writer) if writer else None, charset)


def edit_iptc(
    iim: bytes | None,
    *,
    caption: str | Remove | None = None,
    keywords: Sequence[str] | Remove | None = None,
    caption_writer: str | Remove | None = None,
) -> bytes:
    """Return the datasets with fields set; None leaves a field as it is, `REMOVE` takes it away.

    The outcome is marked as UTF-8; texts that are in another character set are transcoded, all else is kept byte for
    byte and in order. Values are cut to IIM's limits on a UTF-8 boundary. Where a field was removed and nothing is left
    but marks and versions, the outcome is empty: remove the block.

    Raises:
        Refusal: the datasets are damaged, or in a character set that is not known.
    """
    datasets, tail = parse_iptc(iim or b"")
    if b"\x1c\x02" in tail:
        raise Refusal("its IPTC datasets are damaged")
    wanted: dict[tuple[int, int], list[str] | None] = {}
    for key, value in ((CAPTION, caption), (KEYWORD, keywords), (CAPTION_WRITER, caption_writer)):
        if value is not None:
            wanted[key] = None if value is REMOVE else [value] if isinstance(value, str) else list(value)
    edited = _as_utf_8(datasets)
    removed = False
    for key, values in wanted.items():
        before = len(edited)
        place = next((i for i, item in enumerate(edited) if item.key == key), None)
        edited = [item for item in edited if item.key != key]
        removed |= values is None and len(edited) < before
        if place is None:
            place = _place(edited, key)
        cut = [cut_utf_8(value, LIMITS[key]) for value in values or ()]
        edited[place:place] = [_dataset(key, value) for value in dict.fromkeys(cut) if value]
    if removed and not tail.strip(b"\0") and all(_is_bookkeeping(item) for item in edited):
        return b""
    if not datasets:
        edited[:0] = [_dataset(_ENVELOPE_VERSION, _IIM_4), _dataset(_CHARSET, UTF_8), _dataset(_VERSION, _IIM_4)]
    elif not any(item.key == _CHARSET for item in edited):
        edited.insert(_place(edited, _CHARSET), _dataset(_CHARSET, UTF_8))
    return b"".join(item.raw for item in edited) + tail


def foreign_iptc(iim: bytes | None) -> list[tuple[str, bytes]]:
    """Return what of the datasets `edit_iptc` leaves alone, texts as UTF-8: equal before and after."""
    if not iim:
        return []
    datasets, tail = parse_iptc(iim)
    charset = _charset(datasets)
    found = [
        (f"IPTC {item.key[0]}:{item.key[1]:02d}", _transcoded(item, charset).value)
        for item in datasets
        if item.key not in LIMITS and not _is_bookkeeping(item)
    ]
    if tail.strip(b"\0"):
        found.append(("IPTC tail", tail))
    return found


def _is_bookkeeping(item: Dataset) -> bool:
    """Whether `edit_iptc` writes such a dataset by itself: the mark of UTF-8, and the versions in a new block."""
    return item.key == _CHARSET or (item.key in (_ENVELOPE_VERSION, _VERSION) and item.value == _IIM_4)


def datasets_length(iim: bytes) -> int:
    """Return the length of `iim` without padding: up to three NUL bytes, as a TIFF adds them."""
    tail = parse_iptc(iim)[1]
    return len(iim) - (len(tail) if len(tail) < 4 and not tail.strip(b"\0") else 0)


def cut_utf_8(text: str, limit: int) -> bytes:
    """Return a text's UTF-8, cut to `limit` bytes between two characters; blanks at the cut go."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded
    return encoded[:limit].decode("utf-8", "ignore").rstrip().encode()


def _charset(datasets: list[Dataset]) -> str:
    mark = next((item.value for item in datasets if item.key == _CHARSET), None)
    if mark in _UTF_8_MARKS:
        return "utf-8"
    texts = [item.value for item in datasets if item.is_text]
    if all(_is_utf_8(text) for text in texts):
        return "utf-8"
    if mark is None:
        return "cp1252"
    return "latin-1" if mark in _LATIN_MARKS else "unknown"


def _is_utf_8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        # A program that counted bytes may have cut a character in two.
        return error.reason == "unexpected end of data" and not text[: error.start].isascii()
    return True


def _decode(value: bytes, charset: str) -> str:
    if _is_utf_8(value):
        return value.decode("utf-8", "ignore")
    if charset == "cp1252" or charset == "utf-8":
        # Five bytes have no meaning in cp1252: they become control characters, as in browsers.
        return "".join(
            part.decode("cp1252") if part not in _UNDEFINED else part.decode("latin-1")
            for part in (value[i : i + 1] for i in range(len(value)))
        )
    return value.decode("latin-1")


_UNDEFINED = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")


def _as_utf_8(datasets: list[Dataset]) -> list[Dataset]:
    charset = _charset(datasets)
    if charset == "unknown":
        raise Refusal("its IPTC is in a character set that MQwen does not know")
    return [
        _dataset(_CHARSET, UTF_8)
        if item.key == _CHARSET and item.value not in _UTF_8_MARKS
        else _transcoded(item, charset)
        for item in datasets
    ]


def _transcoded(item: Dataset, charset: str) -> Dataset:
    """Return a text as UTF-8; one that is marked as UTF-8 and is not stays as it is, its bytes are foreign."""
    if charset in ("utf-8", "unknown") or not item.is_text or _is_utf_8(item.value):
        return item
    return _dataset(item.key, _decode(item.value, charset).encode())


def _place(datasets: list[Dataset], key: tuple[int, int]) -> int:
    return next((i for i, item in enumerate(datasets) if item.key > key), len(datasets))


def _dataset(key: tuple[int, int], value: bytes) -> Dataset:
    size = struct.pack(">H", len(value)) if len(value) < 0x8000 else struct.pack(">HI", 0x8004, len(value))
    return Dataset(key, bytes((0x1C, *key)) + size + value, value)
