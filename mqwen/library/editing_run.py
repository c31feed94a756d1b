"""Edits of metadata that a person asks for by name, in the catalog as a run, so that they can be reverted like one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.errors import DiskFullError, WriteError
from mqwen.library.catalog import Catalog
from mqwen.library.heal import take_back
from mqwen.library.writing import Writing

if TYPE_CHECKING:
    from mqwen.library.metadata.plan import Planned


class EditingRun:
    """A run that is entered with its first change.

    Args:
        settings: what was asked for; without a style, by which a captioning run is told.
    """

    def __init__(self, catalog: Catalog, settings: Mapping[str, object], roots: Sequence[Path]) -> None:
        self._catalog = catalog
        self._settings = settings
        self._roots = roots
        self._run: int | None = None
        self._written = 0

    def write(self, photo: Path, planned: Sequence[Planned], *, keep_mtime: bool) -> None:
        """Make the changes of one photo, each noted first: all of them, or none.

        Raises:
            WriteError, DiskFullError: one cannot be made; those before it are taken back.
            CatalogError: they cannot be noted.
        """
        if not planned:
            return
        if self._run is None:
            self._run = self._catalog.begin_run(self._settings, self._roots)
        writings = [
            Writing.of_file(
                "embed" if one.path == photo else "xmp", one, photo=one.path == photo, keep_mtime=keep_mtime
            )
            for one in planned
        ]
        changes = self._catalog.intend_all(
            self._run, photo, [(one.target, one.file, one.before, one.after_sha256) for one in writings]
        )
        try:
            for writing in writings:
                writing.make()
        except (WriteError, DiskFullError):
            take_back(self._catalog, changes)
            raise
        self._catalog.confirm(*changes)
        self._written += 1

    def end(self, status: str) -> None:
        """Note how it ended: "done" or "failed"."""
        if self._run is not None:
            self._catalog.end_run(self._run, status, {"written": self._written})


@contextmanager
def editing_run(settings: Mapping[str, object], files: Sequence[Path]) -> Iterator[EditingRun]:
    """Open the user's catalog for a run of edits, which ends with the block. Raises CatalogError, DiskFullError."""
    with Catalog() as catalog:
        run = EditingRun(catalog, settings, sorted({file.parent for file in files}))
        try:
            yield run
        except BaseException:
            run.end("failed")
            raise
        run.end("done")
