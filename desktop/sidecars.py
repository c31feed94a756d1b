"""The captions beside the photos: what stands there when a folder is opened, and where a human's edit goes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mqwen.errors import WriteError
from mqwen.library.sidecar import one_line
from mqwen.library.targets import METADATA_TARGETS, Targets

_PLACES = ("txt", "caption", "jsonl")


def places(sources: Collection[Path], write: Sequence[str]) -> Targets:
    """Return all places where a caption may stand; those that runs write to now are looked at first.

    Embedded metadata is looked at only where runs write it, and last: for that each photo has to be opened.
    """
    chosen = [name for name in write if name != "none"]
    quick = [name for name in chosen if name != "embed"]
    last = ["embed"] if "embed" in chosen else []
    return Targets(sources, (*quick, *(place for place in _PLACES if place not in quick), *last))


def sources_of(photo: Path, opened: Sequence[Collection[Path]]) -> Collection[Path]:
    """Return what was open when the window last showed a photo; `opened` is all that was, the latest first."""
    for sources in opened:
        if photo in sources or any(folder in sources for folder in photo.parents):
            return sources
    return opened[0] if opened else ()


class EditPlaces:
    """Where the words of photos may stand while one edit is made, and where they go if none do; for one thread.

    One Targets serves all photos that were open together: each lists the folders for itself.
    """

    def __init__(self, opened: Sequence[Collection[Path]], write: Sequence[str]) -> None:
        self.write = tuple(write)
        self.opened = tuple(opened)
        self._targets: dict[frozenset[Path], Targets] = {}

    def targets(self, photo: Path) -> Targets:
        """Return the places for a photo."""
        sources = frozenset(sources_of(photo, self.opened))
        if sources not in self._targets:
            self._targets[sources] = places(sources, self.write)
        return self._targets[sources]

    def close(self) -> None:
        """Bring every metadata.jsonl up to date. Raises WriteError, DiskFullError as Targets.close()."""
        with ExitStack() as stack:
            for targets in self._targets.values():
                stack.callback(targets.close)


class RunTargets(Targets):
    """The targets of a run beside which a human edits: what the run has for an edited photo is not written.

    A photo of a folder that was open earlier, which failed and is tried again, is written where it would have been
    then: see `sources_of`.

    "Has a human written meanwhile?" and the writing are one step for each photo, so that at no moment, not even before
    a crash, the run's text stands where the human's belongs.
    """

    def __init__(self, opened: Sequence[Collection[Path]], write: Sequence[str]) -> None:
        super().__init__(opened[0] if opened else (), write)
        self._opened = tuple(opened)
        self._turns = threading.Condition()  # guards the two sets
        self._edited: set[Path] = set()
        self._being_written: set[Path] = set()
        self._edit_folders: dict[Path, Path] = {}  # where the window has the lines of photos that were edited
        self._closing = threading.RLock()
        self._over = False

    @contextmanager
    def writing(self, photo: Path) -> Iterator[bool]:
        with self._turns:
            allowed = photo not in self._edited
            if allowed:
                self._being_written.add(photo)
        try:
            yield allowed
        finally:
            with self._turns:
                self._being_written.discard(photo)
                self._turns.notify_all()

    def table_folder(self, photo: Path) -> Path:
        if photo in self._edit_folders:
            return self._edit_folders[photo]
        sources = sources_of(photo, self._opened)
        if not self._opened or sources is self._opened[0]:
            return super().table_folder(photo)
        return Targets(sources, ()).table_folder(photo)

    def close(self) -> None:
        with self._closing:
            self._over = True
            super().close()

    def leave_to_human(self, photo: Path) -> None:
        """Keep the run from writing for this photo, for good; what it is writing just now is waited for."""
        with self._turns:
            self._edited.add(photo)
            self._turns.wait_for(lambda: photo not in self._being_written)

    def write_edit(self, photo: Path, name: str, text: str, table_folder: Path) -> bool:
        """Write an edit through this run's hands; False if the run is over or does not write such files.

        Args:
            table_folder: whose metadata.jsonl it goes to; the window may have other folders open than the run.
        """
        with self._closing:
            if self._over or name not in self.names:
                return False
            self._edit_folders[photo] = table_folder
            self.write(photo, name, text, append=False)
            return True


def save_edit(
    photo: Path, text: str, sources: Collection[Path], write: Sequence[str], run: RunTargets | None = None
) -> None:
    """Write a human's words wherever the photo's caption stands, else where `write` says.

    What stands there must be readable: text in an unknown encoding is never replaced. Text that says something else
    than the caption which was shown is another text, and stays.

    Args:
        sources: what the window has open, or had when it showed the photo.
        run: the targets of the run that is under way.

    Raises:
        InputError: the text that stands there cannot be read.
        WriteError, DiskFullError: it cannot be written; what stood there is untouched.
    """
    if run is not None:
        run.leave_to_human(photo)
    with places(sources, write) as targets:
        standing = {name: found for name in targets.names if (found := targets.read(photo, name)) is not None}
        shown = next(iter(standing.values())).text if standing else ""
        names = [name for name, found in standing.items() if one_line(found.text) == one_line(shown)]
        for name in names or [name for name in write if name != "none"] or [_PLACES[0]]:
            if name in METADATA_TARGETS:
                _write_metadata(targets, photo, name, text)
            # A metadata.jsonl has one writer at a time: while the run holds it, the edit goes through the run's hands.
            elif not (run and run.write_edit(photo, name, text, targets.table_folder(photo))):
                targets.write(photo, name, text, append=False)


def _write_metadata(targets: Targets, photo: Path, name: str, text: str) -> None:
    """Write a person's words into a photo or its XMP sidecars, in the one language in which they stand there."""
    from mqwen.library.metadata.blocks import Refusal
    from mqwen.library.metadata.commit import commit
    from mqwen.library.metadata.fields import Edit

    standing = targets.read(photo, name)
    languages = standing.languages if standing else frozenset()
    edit = Edit(caption=text, language=next(iter(languages)) if len(languages) == 1 else None)
    try:
        for planned in targets.plan_metadata(photo, name, edit):
            if planned.after is not None:
                commit(planned.path, planned.after, planned.stat_at_read)
    except Refusal as refusal:
        raise WriteError(refusal.reason, path=photo) from refusal
