"""Undoing captions in a metadata.jsonl: line by line, so that what others wrote there since stays."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

from mqwen.errors import InputError
from mqwen.library.jsonl_rows import Row, parse
from mqwen.library.metadata_jsonl import TableChange


def packed(change: TableChange, *, ours: bool) -> bytes:
    """Return a change as an undo record; `ours`: the text that stands there is MQwen's own and not edited."""
    lines = [line.decode("utf-8") for line in change.lines]
    content = {
        "name": change.name,
        "lines": lines,
        "sha256": change.sha256,
        "mtime_ns": change.mtime_ns,
        "ours": ours,
    }
    return json.dumps(content).encode()


def unpacked(path: Path, record: bytes) -> tuple[TableChange, bool]:
    """Return the change, and `ours`, that packed() made a record of. Raises InputError where it is none."""
    try:
        content = json.loads(record)
        lines = tuple(line.encode("utf-8") for line in content["lines"])
        change = TableChange(path, content["name"], lines, None, content["sha256"], content["mtime_ns"])
        return change, bool(content["ours"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("its undo record cannot be read", path=path) from error


def texts(data: bytes) -> dict[str, str | None]:
    """Return the captions of a metadata.jsonl by file_name; of several lines of one photo the last one counts."""
    return {row.name: row.text for _, row in _rows(data) if row is not None}


def restored(data: bytes, lines: Mapping[str, tuple[bytes, ...]]) -> bytes:
    """Return a metadata.jsonl with the lines of some photos as they were; all others stay byte for byte.

    Args:
        lines: by file_name what stood there, none where the photo had no line.
    """
    left = {name: list(old) for name, old in lines.items()}
    result: list[bytes] = []
    for line, row in _rows(data):
        if row is None or row.name not in left:
            result.append(line)
        elif old := left[row.name]:
            result.append(old.pop(0))
    for number, line in enumerate(result[:-1]):  # the last line of a file may have had no end; it need not be last now
        if not line.endswith(b"\n"):
            result[number] = line + b"\n"
    return b"".join(result)


def _rows(data: bytes) -> list[tuple[bytes, Row | None]]:
    return [(line, parse(line)) for line in io.BytesIO(data)]
