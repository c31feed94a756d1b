"""The catalog: what is known of every photo, and what every run and every person changed.

One SQLite file in the user's data folder, never in a photo folder. Words follow the pixels: a photo is known by an
identity that renames, moves and metadata edits leave as it is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from mqwen.errors import InputError
from mqwen.library import edits as edits_of
from mqwen.library import finding, observing, photo_rows, pruning, run_rows, upkeep
from mqwen.library.conditions import Condition, Order
from mqwen.library.data_folder import data_folder
from mqwen.library.database import Database
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
    PrunedRun,
    Run,
    State,
    Stats,
)
from mqwen.library.run_locks import RunLocks

NAME = "catalog.db"


def catalog_path() -> Path:
    """Return where the user's own catalog is, or would be."""
    return data_folder() / NAME


class Catalog:
    """One catalog file. Thread-safe; any number of processes may have it open. Close it, or use it in a `with`.

    What is written comes in short transactions, one writer at a time. Undo records and people's edits are on the disk
    when the call returns, power loss included; the rest survives a kill at once and a power loss soon after.

    Args:
        path: the file, made where there is none; None takes `catalog.db` in data_folder().

    Attributes:
        path: the file.

    Raises:
        CatalogError: it was made by a newer MQwen, is no catalog, or cannot be opened.
        DiskFullError: there is no space for it.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(os.path.abspath(path)) if path is not None else catalog_path()
        self._database = Database(self.path)
        self._locks = RunLocks(self.path)

    @property
    def notice(self) -> str | None:
        """What the user should be told about the file, None as a rule: it was damaged, and moved aside."""
        return self._database.notice

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; runs of this object that have not ended count as interrupted. May be called twice."""
        self._locks.release_all()
        self._database.close()

    # Runs

    def begin_run(self, settings: Mapping[str, object], roots: Iterable[Path | str]) -> int:
        """Note that a run begins, and return its number. It counts as running until end_run(), close() or a kill.

        Args:
            settings: anything that JSON takes, and paths.
        """
        with self._database.write() as db:
            run = run_rows.begin(db, settings, roots)
            self._locks.take(run)  # before anybody can see the run and find that nobody makes it
        return run

    def end_run(self, run: int, status: str, counts: Mapping[str, int] | None = None) -> None:
        """Note how a run ended: "done", "stopped" or "failed", and how many photos had which outcome."""
        with self._database.write() as db:
            run_rows.end(db, run, status, counts)
        self._locks.release(run)

    def runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        with self._database.read() as db:
            return run_rows.runs(db, self._locks.is_held)

    def run(self, run: int) -> Run:
        """Return one run. Raises InputError where there is none of this number."""
        with self._database.read() as db:
            found = run_rows.runs(db, self._locks.is_held, run)
        if not found:
            raise InputError(f"there is no run {run}", hint="`mqwen runs list` shows those that there are.")
        return found[0]

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
        return self.intend_all(run, photo, [(target, file, before, after_sha256)])[0]

    def intend_all(
        self, run: int, photo: Path | str | None, files: Iterable[tuple[str, Path | str, Before, str]]
    ) -> list[int]:
        """As intend(), for several files at once, which costs one wait for the disk: all are noted or none.

        Args:
            files: target, file, before and after_sha256 of each.
        """
        number = None if photo is None else (self.photo(photo) or self.observe(photo)).id
        with self._database.write(durable=True) as db:
            return [run_rows.intend(db, run, number, *file) for file in files]

    def confirm(self, *changes: int, photo: PhotoUpdate | None = None) -> None:
        """Note, after files were written, that they were, and what is now known of the photo: all or nothing.

        Where the photo's own file has changed, it is looked at again.
        """
        seen = None if photo is None else self._look(photo)
        with self._database.write() as db:
            run_rows.set_state(db, changes, "confirmed")
            if photo is not None and seen is not None:
                _apply(db, photo, *seen)

    def forget(self, *changes: int) -> None:
        """Drop changes that were intended and never made."""
        with self._database.write() as db:
            run_rows.forget(db, changes)

    def pending(self) -> list[Change]:
        """Return what was intended and not confirmed by runs that no longer run, oldest first, without undo data.

        Changes of a run that another process is making at this moment are not among them.
        """
        with self._database.read() as db:
            return run_rows.pending(db, self._locks.is_held)

    def change(self, change: int) -> Change:
        """Return one change with its undo data. Raises InputError where there is none of this number."""
        with self._database.read() as db:
            found = run_rows.change(db, change)
        if found is None:
            raise InputError(f"there is no change {change}")
        return found

    def changes(
        self, run: int, *, newest_first: bool = False, data: bool = False, state: ChangeState | None = None
    ) -> Iterator[Change]:
        """Yield the changes of a run, in the order in which they were made.

        Args:
            newest_first: the other way round, as a file that was changed twice must be reverted.
            data: with the undo data; a few changes' worth is held at a time.
            state: only those in this state.
        """
        return run_rows.changes(self._database, run, newest_first=newest_first, data=data, state=state)

    def has_changes(self, photo: int) -> bool:
        """Say whether a run changed files of this photo, by its number, and has not been reverted there."""
        with self._database.read() as db:
            return run_rows.has_confirmed(db, photo)

    def changes_of(self, photo: int) -> list[Change]:
        """Return the changes of a photo that stand, of any run, the newest first, with their undo data."""
        with self._database.read() as db:
            return run_rows.of_photo(db, photo)

    def mark_reverted(self, *changes: int) -> None:
        """Note that what these changes replaced stands there again."""
        with self._database.write(durable=True) as db:
            run_rows.set_state(db, changes, "reverted")

    # Photos

    def photo(self, path: Path | str) -> Photo | None:
        """Return what is known of the photo at this path, None if nothing; the file is not looked at."""
        with self._database.read() as db:
            return photo_rows.by_path(db, os.path.abspath(path))

    def photo_by_id(self, photo: int) -> Photo | None:
        """Return what is known of a photo by its number, wherever it is now."""
        with self._database.read() as db:
            return photo_rows.by_id(db, photo)

    def photos_with(self, identity: str) -> list[Photo]:
        """Return the photos with these pixels: more than one where there are copies."""
        with self._database.read() as db:
            return photo_rows.select(db, "WHERE identity = ? ORDER BY id", (identity,))

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
        return observing.observe(self._database, path, stat)

    def observe_many(self, paths: Iterable[Path | str]) -> Iterator[Photo]:
        """Observe many photos, writing in batches; those that cannot be read are left out."""
        return observing.observe_many(self._database, paths)

    def update(self, *photos: PhotoUpdate) -> None:
        """Note what a run has to say about photos for which no file was changed (failed, skipped, nothing to write)."""
        looked = [(photo, self._look(photo)) for photo in photos]
        with self._database.write() as db:
            for photo, seen in looked:
                _apply(db, photo, *seen)

    # What people change

    def edit(self, edits: Iterable[PhotoEdit], label: str = "") -> EditStep:
        """Change words or states of photos as one step that can be undone. What had been undone is dropped."""
        named = [((self.photo(one.path) or self.observe(one.path)).id, one) for one in edits]
        with self._database.write(durable=True) as db:
            return edits_of.edit(db, named, label)

    def set_caption(self, path: Path | str, text: str | None, language: str = "") -> EditStep:
        """Change a caption by hand; None or a blank text takes it away. The photo is then "edited"."""
        return self.edit([PhotoEdit(Path(path), captions={language: text})], "caption")

    def set_keywords(self, path: Path | str, keywords: Sequence[str]) -> EditStep:
        """Change the keywords by hand, in this order. The photo is then "edited"."""
        return self.edit([PhotoEdit(Path(path), keywords=keywords)], "keywords")

    def set_alt_text(self, path: Path | str, text: str | None) -> EditStep:
        """Change the alt text by hand; None or a blank text takes it away. The photo is then "edited"."""
        return self.edit([PhotoEdit(Path(path), alt_text=text or "")], "alt text")

    def set_state(self, paths: Path | str | Iterable[Path | str], state: State) -> EditStep:
        """Give photos a state by hand: "approved", say, or "new" to have them captioned again."""
        several = [paths] if isinstance(paths, str | Path) else paths
        return self.edit([PhotoEdit(Path(path), state=state) for path in several], state)

    def is_persons(self, photo: Photo, field: edits_of.Field, languages: Iterable[str] = ("",)) -> bool:
        """Say whether a photo's words stand as a person left them by edit(); `languages`: of captions, which count."""
        with self._database.read() as db:
            return edits_of.is_persons(db, photo, field, languages)

    def undo(self) -> EditStep | None:
        """Take the last step back, also one of an earlier start; None where there is none.

        A photo whose fields have changed since, by a run say, is left as it is and named in `left`.
        """
        with self._database.write(durable=True) as db:
            return edits_of.undo(db)

    def redo(self) -> EditStep | None:
        """Do again what undo() took back last; None where there is nothing. Photos changed since are left alone."""
        with self._database.write(durable=True) as db:
            return edits_of.redo(db)

    def undoable(self) -> EditStep | None:
        """Return the step that undo() would take back."""
        with self._database.read() as db:
            return edits_of.next_step(db, undone=False)

    def redoable(self) -> EditStep | None:
        """Return the step that redo() would do again."""
        with self._database.read() as db:
            return edits_of.next_step(db, undone=True)

    # Finding

    def search(self, query: str, limit: int = 50, where: Condition | None = None) -> list[Hit]:
        """Return the photos whose captions, keywords and alt text have all words of the query, the best first.

        Words in any script, "phrases" in quotation marks, `begin*` for words that begin so. Chinese, Japanese and
        Korean text is found by any part of it, from one character on. Nothing else in a query has a meaning.
        """
        with self._database.read() as db:
            return finding.search(db, query, limit, where)

    def find(
        self, where: Condition | None = None, *, order: Order = "path", limit: int | None = None, offset: int = 0
    ) -> list[Photo]:
        """Return the photos that meet a condition (mqwen.library.conditions), None for all.

        Args:
            order: "path"; "risk", what should be reviewed first: cut off, then by log-probability; "changed", the
                latest first; "id".
        """
        with self._database.read() as db:
            return finding.find(db, where, order, limit, offset)

    def paths(self, where: Condition | None = None) -> set[Path]:
        """Return where the photos lie that meet a condition, None for all; much faster than find()."""
        with self._database.read() as db:
            return finding.paths(db, where)

    def count(self, where: Condition | None = None) -> int:
        """Return how many photos meet a condition."""
        with self._database.read() as db:
            return finding.count(db, where)

    def keywords(self, beginning: str = "", limit: int = 50) -> list[tuple[str, int]]:
        """Return keywords that begin so, whatever their case, with how many photos have them, the most used first."""
        with self._database.read() as db:
            return finding.keywords(db, beginning, limit)

    def changed_since(self, revision: int, limit: int = 1000) -> list[Photo]:
        """Return the photos that changed after this Photo.revision, in any process, in the order of the changes."""
        with self._database.read() as db:
            return photo_rows.select(db, "WHERE revision > ? ORDER BY revision LIMIT ?", (revision, limit))

    def revision(self) -> int:
        """Return the revision of the last change, for changed_since(); 0 in an empty catalog."""
        with self._database.read() as db:
            return int(db.execute("SELECT COALESCE(MAX(revision), 0) FROM photos").fetchone()[0])

    # The file

    def stats(self) -> Stats:
        """Return figures of the whole catalog."""
        with self._database.snapshot() as db:
            return upkeep.stats(db, self.path)

    def verify(self, *, repair: bool = False) -> list[Problem]:
        """Check the whole file and return what is wrong with it, nothing as a rule.

        Args:
            repair: make the search index and the list of keywords anew where they do not fit the photos.
        """
        return upkeep.verify(self._database, repair=repair)

    def vacuum(self) -> int:
        """Give space that is not used back to the disk; return how many bytes. Nothing that is known is dropped."""
        return upkeep.vacuum(self._database)

    def prune(
        self, *, older_than_s: float | None = None, keep_bytes: int | None = None, dry_run: bool = False
    ) -> list[PrunedRun]:
        """Give up what is kept for reverting runs, for good, and return these runs, the oldest first.

        Runs that are being made, or that a kill left unsettled, are left alone. vacuum() then frees the space.

        Args:
            older_than_s: runs that ended so long ago.
            keep_bytes: besides, the oldest ones until what is kept for the others is at most so much.
            dry_run: only say which.
        """
        return pruning.prune(
            self._database, self._locks.is_held, older_than_s=older_than_s, keep_bytes=keep_bytes, dry_run=dry_run
        )

    def _look(self, update: PhotoUpdate) -> tuple[Photo, observing.Seen | None]:
        """Return the photo of an update, and what its file is by now if that has changed."""
        photo = self.photo(update.path) or self.observe(update.path)
        return photo, observing.look_again(photo)


def _apply(db: sqlite3.Connection, update: PhotoUpdate, known: Photo, seen: observing.Seen | None) -> None:
    if seen is not None:
        identity, (size, mtime_ns, inode) = seen
        photo_rows.change(db, known.id, {"identity": identity, "size": size, "mtime_ns": mtime_ns, "inode": inode})
    # Read again, now that nobody else can change it.
    photo_rows.apply(db, photo_rows.by_id(db, known.id) or known, update)
