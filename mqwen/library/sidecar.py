"""Caption files beside the photos: `photo.txt` or `photo.caption`, as kohya, TagGUI and OneTrainer read them.

UTF-8 without a byte order mark, one line, never empty, written atomically.

Whose file is whose: a photo's sidecar has its stem (`z.jpg` -> `z.txt`), as every trainer expects. Where two photos
of one folder share a stem, or a photo's stem is another photo's whole name, these photos write their whole names
(`z.jpg.txt`, `z.png.txt`). A `z.txt` that stands beside `z.jpg` and `z.png` then belongs to neither: it is not read,
not changed and not deleted. Case and Unicode normal form do not count when stems are compared. The rule looks only at
the photos that lie in the folder, so the name is the same whether one photo, the folder or its parent is captioned.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import threading
import unicodedata
from collections import Counter, OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.errors import InputError, WriteError
from mqwen.library.atomic import write_atomic
from mqwen.library.scan import is_photo_name

if TYPE_CHECKING:
    from mqwen.library.metadata.plan import Planned

SUFFIXES = (".txt", ".caption")
_LARGEST = 16 * 2**20  # bytes; a "sidecar" beyond this is something else
_SENTENCE_ENDS = tuple(".!?。！？…")
# Everything that str.splitlines takes for the end of a line, and the control characters that no caption needs.
_BREAKS = re.compile(r"[ \t]*[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029][\x00-\x20\x7f\x85\u2028\u2029]*")


class SidecarNames:
    """Names of sidecars, with each folder listed once: use one of these for a whole run.

    A photo that a folder did not hold when it was listed makes it be listed again. At most 64 folders are remembered.
    Thread-safe.
    """

    def __init__(self) -> None:
        self._folders: OrderedDict[str, _Folder] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, photo: Path | str, suffix: str = ".txt") -> Path:
        """Return where the caption of `photo` belongs; the same path for no other photo."""
        photo = Path(os.path.abspath(photo))
        with self._lock:
            parent = str(photo.parent)
            folder = self._folders.get(parent)
            if folder is None or (is_photo_name(photo.name) and photo.name not in folder.names):
                folder = self._folders[parent] = _Folder(parent)
                while len(self._folders) > 64:
                    self._folders.popitem(last=False)
            self._folders.move_to_end(parent)
            return photo.parent / (folder.base(photo.name) + suffix)


class _Folder:
    """The photos of one folder, by folded stem and by folded name."""

    def __init__(self, path: str) -> None:
        try:
            with os.scandir(path) as entries:
                self.names = {entry.name for entry in entries if is_photo_name(entry.name)}
        except OSError:  # the photo's reader reports it
            self.names = set()
        self.stems = Counter(fold(os.path.splitext(name)[0]) for name in self.names)
        self.folded = {fold(name) for name in self.names}

    def base(self, name: str) -> str:
        stem = os.path.splitext(name)[0]
        if is_photo_name(name):
            shared = self.stems[fold(stem)] > 1 or fold(stem) in self.folded
            return name if shared else stem
        # Given directly and not called like a photo: its whole name, unless that is a photo's stem.
        while self.stems[fold(name)]:
            name += ".file"
        return name


def sidecar_path(photo: Path | str, suffix: str = ".txt") -> Path:
    """Return where the caption of one photo belongs (lists its folder: for many photos use `SidecarNames`)."""
    return SidecarNames().path(photo, suffix)


def read_sidecar(path: Path | str) -> str | None:
    """Return the text of a sidecar, as it stands but without a byte order mark; None if there is none or it is blank.

    Raises:
        InputError: it cannot be read, or is not UTF-8 (nor UTF-16 with its mark): guessing could destroy it.
    """
    path = Path(path)
    data, _ = _load(path)
    return None if data is None else _decoded(data, path)


def plan_sidecar(path: Path | str, text: str, *, append: bool) -> Planned | None:
    """Return what writing a caption makes of a sidecar: one line of UTF-8; None where it stands there already.

    Args:
        append: add it to the first line (see `appended`) and keep the others, instead of replacing all.

    Raises:
        InputError: append, and the text that stands there is not UTF-8; it is left as it is.
        WriteError: the text is blank, or what stands there is no file that can be replaced.
    """
    path, line = Path(path), one_line(text)
    if not line:
        raise WriteError("an empty caption is not written", path=path, hint="Caption the photo again.")
    try:
        data, found = _load(path)
    except InputError as error:
        raise WriteError(error.what, path=path, hint=error.hint) from error
    existing = _decoded(data, path) if append and data is not None else None
    after = (appended(existing, line) if existing is not None else line).encode()
    if after == data:
        return None
    from mqwen.library.metadata.plan import Planned  # and with it all formats, which a window can start without

    return Planned(path, data, after, found)


def write_sidecar(path: Path | str, text: str) -> None:
    """Write a caption as one line of UTF-8, atomically.

    Raises:
        WriteError: the text is blank, or the file cannot be written; what stood there is untouched.
        DiskFullError: no space left.
    """
    _write(plan_sidecar(path, text, append=False))


def append_sidecar(path: Path | str, text: str) -> None:
    """Add a caption to the first line of a sidecar (see `appended`), the others kept; without one, write one.

    Raises:
        InputError: the text that stands there is not UTF-8; it is left as it is.
        WriteError, DiskFullError: as for `write_sidecar`.
    """
    _write(plan_sidecar(path, text, append=True))


def _write(planned: Planned | None) -> None:
    if planned is not None and planned.after is not None:
        write_atomic(planned.path, planned.after)


def _load(path: Path) -> tuple[bytes | None, os.stat_result | None]:
    """Return a sidecar's bytes and the stat of the file they are from; None twice where there is none."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise InputError("it is not a regular file", path=path, hint="Move it away.")
        if found.st_size > _LARGEST:
            raise InputError("it is too large for a caption", path=path, hint="Move it away.")
        with open(path, "rb") as file:
            return file.read(), os.fstat(file.fileno())
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"it cannot be read ({reason})", path=path, hint="Check its permissions.") from error


def _decoded(data: bytes, path: Path) -> str | None:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "its text is not UTF-8, and was left as it is",
            path=path,
            hint="Save it as UTF-8, or let it be overwritten.",
        ) from error
    return text if text.strip() else None


def appended(existing: str, text: str) -> str:
    """Return `existing` with `text` added to its first line, which is the one that trainers read.

    After a sentence's end a blank stands between them, else kohya's separator ", ". Text that was added already is not
    added again, so that a run that was killed can be repeated.
    """
    first, rest = _split_first_line(existing.lstrip())
    first, line = first.rstrip(), one_line(text)
    before = first.removesuffix(line)
    if first == line or (before != first and _added_after(before)):
        return existing
    if first.endswith(","):
        return f"{first} {line}{rest}"
    return f"{first}{' ' if first.endswith(_SENTENCE_ENDS) else ', '}{line}{rest}"


def _added_after(text: str) -> bool:
    """Say whether appended() would have left a text so, right before what it adds: "red " of "red cat" is another's."""
    return text.endswith(" ") and text.rstrip().endswith((",", *_SENTENCE_ENDS))


def one_line(text: str) -> str:
    """Return `text` on one line: line breaks and control characters become a blank, all else stays as it is."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be written
    return _BREAKS.sub(" ", text.replace("\r\n", "\n")).strip().lstrip("\ufeff").strip()


def _split_first_line(text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    first = lines[0].splitlines()[0] if lines else ""
    return first, text[len(first) :]


def fold(name: str) -> str:
    """Return a name as it is compared: some file systems do not tell case and normal forms apart."""
    return unicodedata.normalize("NFC", name).casefold()
