"""The catalog: what is known of every photo, and what every run and every person changed.

One SQLite file in the user's data folder, never in a photo folder. Words follow the pixels: a photo is known by an
identity that renames, moves and metadata edits leave as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from mqwen.library.conditions import Condition, Order
from mqwen.library.records import (
    Before,
    Change,
    ChangeState,
    EditStep,
    Hit,
    Photo,
    PhotoEdit,
    PhotoUpdate,
    Problem,
    Run,
    State,
    Stats,
)


class Catalog:
    """One catalog file. Thread-safe; any number of processes may have it open. Close it, or use it in a `with`.

    What is written comes in short transactions, one writer at a time. Undo records and people's edits are on the disk
    when the call returns, power loss included; the rest survives a kill at once and a power loss soon after.

    Args:
        path: the file, made where there is none; None takes `catalog.db` in data_folder().

    Attributes:
        path: the file.
        notice: what the user should be told about opening it, None as a rule: a damaged catalog was moved aside.

    Raises:
        CatalogError: it was made by a newer MQwen, is no catalog, or cannot be opened.
        DiskFullError: there is no space for it.
    """

    path: Path
    notice: str | None

    def __init__(self, path: Path | str | None = None) -> None:
        raise NotImplementedError

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; runs of this object that have not ended count as interrupted. May be called twice."""
        raise NotImplementedError

    # Runs

    def begin_run(self, settings: Mapping[str, object], roots: Iterable[Path | str]) -> int:
        """Note that a run begins, and return its number. It counts as running until end_run(), close() or a kill.

        Args:
            settings: anything that JSON takes, and paths.
        """
        raise NotImplementedError

    def end_run(self, run: int, status: str, counts: Mapping[str, int] | None = None) -> None:
        """Note how a run ended: "done", "stopped" or "failed", and how many photos had which outcome."""
        raise NotImplementedError

    def runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        raise NotImplementedError

    def run(self, run: int) -> Run:
        """Return one run. Raises InputError where there is none of this number."""
        raise NotImplementedError

    # Changes of files

    def intend(
        self, run: int, photo: Path | str | None, target: str, file: Path | str, before: Before, after_sha256: str
    ) -> int:
        """Note, before a file is written, what stands there; return the change's number.

        It is on the disk when this returns. A photo that the catalog does not know yet is looked at.

        Args:
            photo: None for a file that belongs to no one photo.

        Raises:
            ImageError: the photo is not known and cannot be read.
            CatalogError, DiskFullError: it could not be noted: do not write the file.
        """
        raise NotImplementedError

    def confirm(self, *changes: int, photo: PhotoUpdate | None = None) -> None:
        """Note, after files were written, that they were, and what is now known of the photo: all or nothing.

        Where the photo's own file has changed, it is looked at again.
        """
        raise NotImplementedError

    def forget(self, *changes: int) -> None:
        """Drop changes that were intended and never made."""
        raise NotImplementedError

    def pending(self) -> list[Change]:
        """Return what was intended and not confirmed by runs that no longer run, oldest first, without undo data.

        Changes of a run that another process is making at this moment are not among them.
        """
        raise NotImplementedError

    def change(self, change: int) -> Change:
        """Return one change with its undo data. Raises InputError where there is none of this number."""
        raise NotImplementedError

    def changes(
        self, run: int, *, newest_first: bool = False, data: bool = False, state: ChangeState | None = None
    ) -> Iterator[Change]:
        """Yield the changes of a run, in the order in which they were made.

        Args:
            newest_first: the other way round, as a file that was changed twice must be reverted.
            data: with the undo data; a few changes' worth is held at a time.
            state: only those in this state.
        """
        raise NotImplementedError

    def mark_reverted(self, *changes: int) -> None:
        """Note that what these changes replaced stands there again."""
        raise NotImplementedError

    # Photos

    def photo(self, path: Path | str) -> Photo | None:
        """Return what is known of the photo at this path, None if nothing; the file is not looked at."""
        raise NotImplementedError

    def photo_by_id(self, photo: int) -> Photo | None:
        """Return what is known of a photo by its number, wherever it is now."""
        raise NotImplementedError

    def photos_with(self, identity: str) -> list[Photo]:
        """Return the photos with these pixels: more than one where there are copies."""
        raise NotImplementedError

    def observe(self, path: Path | str, stat: os.stat_result | None = None) -> Photo:
        """Look at a photo's file and return what is then known of it.

        Known and unchanged (size, mtime, inode): nothing is read. New, but with the pixels of a known photo whose file
        is gone: that photo was renamed or moved. New pixels at a known path: the photo is the same, its words are
        stale (`pixels_changed`). Copies are two photos.

        Args:
            stat: os.stat(path), where the caller has it.

        Raises:
            ImageError: the file is gone or cannot be read.
        """
        raise NotImplementedError

    def observe_many(self, paths: Iterable[Path | str]) -> Iterator[Photo]:
        """Observe many photos, writing in batches; those that cannot be read are left out."""
        raise NotImplementedError

    def update(self, *photos: PhotoUpdate) -> None:
        """Note what a run has to say about photos for which no file was changed (failed, skipped, nothing to write)."""
        raise NotImplementedError

    # What people change

    def edit(self, edits: Iterable[PhotoEdit], label: str = "") -> EditStep:
        """Change words or states of photos as one step that can be undone. What had been undone is dropped."""
        raise NotImplementedError

    def set_caption(self, path: Path | str, text: str | None, language: str = "") -> EditStep:
        """Change a caption by hand; None or a blank text takes it away. The photo is then "edited"."""
        raise NotImplementedError

    def set_keywords(self, path: Path | str, keywords: Sequence[str]) -> EditStep:
        """Change the keywords by hand, in this order. The photo is then "edited"."""
        raise NotImplementedError

    def set_alt_text(self, path: Path | str, text: str | None) -> EditStep:
        """Change the alt text by hand; None or a blank text takes it away. The photo is then "edited"."""
        raise NotImplementedError

    def set_state(self, paths: Path | str | Iterable[Path | str], state: State) -> EditStep:
        """Give photos a state by hand: "approved", say, or "new" to have them captioned again."""
        raise NotImplementedError

    def undo(self) -> EditStep | None:
        """Take the last step back, also one of an earlier start; None where there is none.

        A photo whose fields have changed since, by a run say, is left as it is and named in `left`.
        """
        raise NotImplementedError

    def redo(self) -> EditStep | None:
        """Do again what undo() took back last; None where there is nothing. Photos changed since are left alone."""
        raise NotImplementedError

    def undoable(self) -> EditStep | None:
        """Return the step that undo() would take back."""
        raise NotImplementedError

    def redoable(self) -> EditStep | None:
        """Return the step that redo() would do again."""
        raise NotImplementedError

    # Finding

    def search(self, query: str, limit: int = 50, where: Condition | None = None) -> list[Hit]:
        """Return the photos whose captions, keywords and alt text have all words of the query, the best first.

        Words in any script, "phrases" in quotation marks, `begin*` for words that begin so. Chinese, Japanese and
        Korean text is found by any part of it, from one character on. Nothing else in a query has a meaning.
        """
        raise NotImplementedError

    def find(
        self, where: Condition | None = None, *, order: Order = "path", limit: int | None = None, offset: int = 0
    ) -> list[Photo]:
        """Return the photos that meet a condition (mqwen.library.conditions), None for all.

        Args:
            order: "path"; "risk", what should be reviewed first: cut off, then by log-probability; "changed", the
                latest first; "id".
        """
        raise NotImplementedError

    def count(self, where: Condition | None = None) -> int:
        """Return how many photos meet a condition."""
        raise NotImplementedError

    def keywords(self, beginning: str = "", limit: int = 50) -> list[tuple[str, int]]:
        """Return keywords that begin so, whatever their case, with how many photos have them, the most used first."""
        raise NotImplementedError

    def changed_since(self, revision: int, limit: int = 1000) -> list[Photo]:
        """Return the photos that changed after this Photo.revision, in any process, in the order of the changes."""
        raise NotImplementedError

    # The file

    def stats(self) -> Stats:
        """Return figures of the whole catalog."""
        raise NotImplementedError

    def verify(self, *, repair: bool = False) -> list[Problem]:
        """Check the whole file and return what is wrong with it, nothing as a rule.

        Args:
            repair: make the search index and the list of keywords anew where they do not fit the photos.
        """
        raise NotImplementedError

    def vacuum(self) -> int:
        """Give space that is not used back to the disk; return how many bytes. Nothing that is known is dropped."""
        raise NotImplementedError
