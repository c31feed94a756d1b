"""Captions of many photos in one file, as other tools read them."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqwen.library.atomic import write_atomic
from mqwen.library.sidecar import one_line

Format = Literal["txt", "csv", "jsonl", "kohya"]


@dataclass(frozen=True)
class Exported:
    """One photo of an export; `keywords` may be empty."""

    photo: Path
    caption: str
    keywords: tuple[str, ...] = ()


def export(photos: Iterable[Exported], to: Path, form: Format) -> int:
    """Write captions to a file and return how many; photos without one are left out.

    Args:
        to: names of photos are relative to its folder where they lie in it, else absolute, but for kohya's.
        form: "txt", a line a photo: name, tab, caption; "csv" and "jsonl", the metadata.csv and metadata.jsonl of a
            Hugging Face imagefolder (file_name, text); "kohya", the JSON of sd-scripts: caption and tags by absolute
            path.

    Raises:
        WriteError, DiskFullError: it cannot be written; what stood there is untouched.
    """
    rows = [photo for photo in photos if photo.caption.strip() or photo.keywords]
    text = _WRITERS[form](rows, to.parent)
    # A name that is no UTF-8 reaches us as surrogates: in its own bytes it goes out again, as it came.
    write_atomic(to, text.encode("utf-8", "surrogateescape"))
    return len(rows)


def lies_beside(photo: Path, to: Path) -> bool:
    """Say whether a photo is in an exported file's folder or below it: Hugging Face's imagefolder finds no others."""
    return Path(os.path.abspath(to)).parent in Path(os.path.abspath(photo)).parents


def _txt(rows: Iterable[Exported], folder: Path) -> str:
    return "".join(f"{_name(row.photo, folder)}\t{one_line(_text(row))}\n" for row in rows)


def _csv(rows: Iterable[Exported], folder: Path) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["file_name", "text"])
    writer.writerows([_name(row.photo, folder), _text(row)] for row in rows)
    return out.getvalue()


def _jsonl(rows: Iterable[Exported], folder: Path) -> str:
    return "".join(_json({"file_name": _name(row.photo, folder), "text": _text(row)}) + "\n" for row in rows)


def _kohya(rows: Iterable[Exported], folder: Path) -> str:
    entries: dict[str, Mapping[str, str]] = {}
    for row in rows:
        entry = {"caption": row.caption, "tags": ", ".join(row.keywords)}
        entries[os.path.abspath(row.photo)] = {name: text for name, text in entry.items() if text}
    return _json(entries, indent=2) + "\n"


_WRITERS: dict[Format, Callable[[Iterable[Exported], Path], str]] = {
    "txt": _txt,
    "csv": _csv,
    "jsonl": _jsonl,
    "kohya": _kohya,
}


def _text(row: Exported) -> str:
    return row.caption or ", ".join(row.keywords)


def _name(photo: Path, folder: Path) -> str:
    """Return a photo's name with forward slashes, relative to the folder if it lies in it."""
    photo, folder = Path(os.path.abspath(photo)), Path(os.path.abspath(folder))
    return (photo.relative_to(folder) if folder in photo.parents else photo).as_posix()


def _json(value: object, indent: int | None = None) -> str:
    # Surrogates can only be carried by JSON's escapes.
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text
