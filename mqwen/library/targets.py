"""Where one run writes its captions: what stands there already, and the writing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mqwen.library.sidecar import SidecarNames, append_sidecar, read_sidecar, write_sidecar

_SUFFIXES = {"txt": ".txt", "caption": ".caption"}
TARGETS = ("txt", "caption", "jsonl", "none")


class Targets:
    """The targets of one run; thread-safe.

    Args:
        paths: what the run was given: a photo found in a folder has its line in that folder's metadata.jsonl, a
            photo given directly in its own folder's.
        write: names out of TARGETS; "none" adds nothing.

    Attributes:
        names: the targets that are written.
    """

    def __init__(self, paths: Iterable[Path | str], write: Iterable[str]) -> None:
        self.names = tuple(name for name in write if name != "none")
        self._sidecars = SidecarNames()

    def lacking(self, photo: Path) -> tuple[str, ...]:
        """Return the targets without text for this photo. Raises InputError where a file cannot be read."""
        return tuple(name for name in self.names if self._read(photo, name) is None)

    def text(self, photo: Path) -> str | None:
        """Return the text that stands in the first target that has any. Raises InputError as lacking()."""
        return next((text for name in self.names if (text := self._read(photo, name)) is not None), None)

    def write(self, photo: Path, name: str, text: str, *, append: bool) -> None:
        """Write a caption to one target, in place of what stands there or after it.

        Raises:
            DiskFullError, WriteError: it was not written; what stood there is untouched.
            InputError: append, and what stands there cannot be read.
        """
        (append_sidecar if append else write_sidecar)(self._sidecars.path(photo, _SUFFIXES[name]), text)

    def _read(self, photo: Path, name: str) -> str | None:
        return read_sidecar(self._sidecars.path(photo, _SUFFIXES[name]))
