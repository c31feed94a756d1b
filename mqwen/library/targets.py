"""Where one run writes its captions: what stands there already, and the writing."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from mqwen.errors import InputError, WriteError
from mqwen.library.metadata_jsonl import MetadataJsonl
from mqwen.library.sidecar import SidecarNames, append_sidecar, read_sidecar, write_sidecar

_SUFFIXES = {"txt": ".txt", "caption": ".caption"}
TARGETS = ("txt", "caption", "jsonl", "none")
# Each keeps a file open; pictures given one by one can come from any number of folders.
_OPEN_TABLES = 16


class Targets:
    """The targets of one run; thread-safe. Close it, or use it in a `with`.

    Args:
        paths: what the run was given. A photo has its line in the metadata.jsonl of the outermost of these folders that
            it lies in, a photo given directly in its own folder's.
        write: names out of TARGETS; "none" adds nothing.

    Attributes:
        names: the targets that are written.
        recovering: bring what a killed run noted into each metadata.jsonl that is looked at; False for who only reads.
    """

    def __init__(self, paths: Iterable[Path | str], write: Iterable[str]) -> None:
        self.names = tuple(name for name in write if name != "none")
        self._folders = {Path(os.path.abspath(path)) for path in paths if os.path.isdir(path)}
        self._sidecars = SidecarNames()
        self._tables: OrderedDict[Path, MetadataJsonl] = OrderedDict()
        self._unwritten: dict[Path, WriteError] = {}  # folders whose table could not be brought up to date
        self.recovering = False
        self._lock = threading.Lock()

    def __enter__(self) -> Targets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def lacking(self, photo: Path) -> tuple[str, ...]:
        """Return the targets without text for this photo. Raises InputError where a file cannot be read."""
        return tuple(name for name in self.names if self._read(photo, name) is None)

    def text(self, photo: Path) -> str | None:
        """Return the text that stands in the first target that has any. Raises InputError as lacking()."""
        return self._first_text(photo, self.names)

    def existing(self, photo: Path) -> str | None:
        """Return the caption that a photo has: as text(), else that of a sidecar which is no target of this run."""
        return self._first_text(photo, (*self.names, *(name for name in _SUFFIXES if name not in self.names)))

    def write(self, photo: Path, name: str, text: str, *, append: bool) -> None:
        """Write a caption to one target, in place of what stands there or after it.

        Raises:
            DiskFullError, WriteError: it was not written; what stood there is untouched.
            InputError: append, and what stands there cannot be read.
        """
        if name == "jsonl":
            with self._lock:
                table = self._table(photo)
                (table.append if append else table.set)(photo, text)
        else:
            (append_sidecar if append else write_sidecar)(self._sidecars.path(photo, _SUFFIXES[name]), text)

    def close(self) -> None:
        """Bring every metadata.jsonl up to date.

        Raises:
            DiskFullError, WriteError: one could not be, now or when the run had passed it (the others are); what was
                noted for it is kept beside it for the next run.
        """
        with self._lock:
            while self._tables:
                self._close_table()
            unwritten, self._unwritten = self._unwritten, {}
        for error in unwritten.values():
            raise error

    def _first_text(self, photo: Path, names: Iterable[str]) -> str | None:
        return next((text for name in names if (text := self._read(photo, name)) is not None), None)

    def _read(self, photo: Path, name: str) -> str | None:
        if name == "jsonl":
            with self._lock:
                return self._table(photo).get(photo)
        return read_sidecar(self._sidecars.path(photo, _SUFFIXES[name]))

    def table_folder(self, photo: Path) -> Path:
        """Return the folder whose metadata.jsonl holds this photo's line."""
        given = [folder for folder in photo.parents if folder in self._folders]
        return given[-1] if given else photo.parent

    def _table(self, photo: Path) -> MetadataJsonl:
        folder = self.table_folder(photo)
        if folder not in self._tables:
            if len(self._tables) >= _OPEN_TABLES:
                self._close_table()
            self._tables[folder] = MetadataJsonl(folder)
        return self._tables[folder]

    def _close_table(self) -> None:
        """Close the table that has been open longest; what is wrong with it is told by close(), to nobody else."""
        folder, table = self._tables.popitem(last=False)
        try:
            if self.recovering:
                table.recover()
            table.close()
        except WriteError as error:
            self._unwritten[folder] = error
        except InputError as error:
            self._unwritten[folder] = WriteError(error.what, path=error.path, hint=error.hint)
        else:
            self._unwritten.pop(folder, None)
