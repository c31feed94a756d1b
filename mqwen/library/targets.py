"""Where one run writes its captions: what stands there already, and which files a new caption changes."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from mqwen.errors import InputError, WriteError
from mqwen.library.atomic import write_atomic
from mqwen.library.metadata_jsonl import MetadataJsonl, TableChange
from mqwen.library.sidecar import SidecarNames, plan_sidecar, read_sidecar
from mqwen.library.table_undo import restored

if TYPE_CHECKING:
    from mqwen.library.metadata.exiftool import ExifTool
    from mqwen.library.metadata.fields import Edit, Metadata
    from mqwen.library.metadata.plan import Planned
    from mqwen.run_settings import RunSettings

_SUFFIXES = {"txt": ".txt", "caption": ".caption"}
METADATA_TARGETS = ("xmp", "embed")
TARGETS = ("txt", "caption", "xmp", "embed", "jsonl", "none")
# Each keeps a file open; pictures given one by one can come from any number of folders.
_OPEN_TABLES = 16

Field = Literal["caption", "keywords", "alt_text"]

_FIELDS: Mapping[str, Field] = {"keywords": "keywords", "alt": "alt_text"}


def field_of(style: str) -> Field:
    """Return the field of metadata that answers in a style belong in."""
    return _FIELDS.get(style, "caption")


@dataclass(frozen=True)
class Standing:
    """What stands in one target for one photo.

    Attributes:
        text: not blank; keywords joined with ", ".
        machine: all of it is a model's and unchanged since, as the file itself says; None: it cannot tell, the
            catalog may.
        languages: of a caption or alt text in metadata, those it is known to be in.
    """

    text: str
    machine: bool | None = None
    languages: frozenset[str] = frozenset()


class Targets:
    """The targets of one run; thread-safe. Close it, or use it in a `with`.

    Args:
        paths: what the run was given. A photo has its line in the metadata.jsonl of the outermost of these folders that
            it lies in, a photo given directly in its own folder's.
        write: names out of TARGETS; "none" adds nothing.

    Attributes:
        names: the targets that are written.
        field: which of a photo's fields in metadata is read and written; a run sets it.
        naming: of XMP sidecars that do not exist yet.
        exiftool: the user's own, None leaves it out.
        has_embedded: says whether metadata of ours is embedded in a photo, so that it need not be opened; None: it is
            opened.
        recovering: bring what a killed run noted into each metadata.jsonl that is looked at; False for who only reads.
    """

    def __init__(self, paths: Iterable[Path | str], write: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(name for name in write if name != "none"))
        self.field: Field = "caption"
        self.naming: Literal["name", "stem"] = "name"
        self.exiftool: ExifTool | None = None
        self._folders = {Path(os.path.abspath(path)) for path in paths if os.path.isdir(path)}
        self._sidecars = SidecarNames()
        self._tables: OrderedDict[Path, MetadataJsonl] = OrderedDict()
        self._unwritten: dict[Path, WriteError] = {}  # folders whose table could not be brought up to date
        self.has_embedded: Callable[[Path], bool] | None = None
        self.recovering = False
        self._lock = threading.Lock()

    def __enter__(self) -> Targets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def prepared(self, settings: RunSettings) -> Iterator[Targets]:
        """Read and write as these settings say; closed at the end.

        Raises:
            InputError: the user's ExifTool is asked for, and is not there or too old.
        """
        self.field = field_of(settings.style)
        self.naming = settings.sidecar_naming
        with ExitStack() as stack:
            stack.enter_context(self)
            if settings.exiftool and any(name in METADATA_TARGETS for name in self.names):
                from mqwen.library.metadata.exiftool import ExifTool

                self.exiftool = ExifTool()
                stack.callback(self.exiftool.close)
            yield self

    def read(self, photo: Path, name: str) -> Standing | None:
        """Return what stands in one target, None without text. Raises InputError where a file cannot be read."""
        if name in METADATA_TARGETS:
            itself = name == "embed" and self.has_embedded is None
            standing = _standing(self._metadata(photo, itself=itself), self.field)
            if standing is None and name == "embed" and self.has_embedded is not None and self.has_embedded(photo):
                return Standing("embedded", machine=True)
            return standing
        text = self._read(photo, name)
        return None if text is None else Standing(text)

    def lacking(self, photo: Path) -> tuple[str, ...]:
        """Return the targets without text for this photo. Raises InputError where a file cannot be read."""
        return tuple(name for name in self.names if self.read(photo, name) is None)

    def text(self, photo: Path) -> str | None:
        """Return the text that stands in the first target that has any. Raises InputError as lacking()."""
        return self._first_text(photo, self.names)

    def existing(self, photo: Path) -> str | None:
        """Return the caption that a photo has: as text(), else that of a sidecar which is no target of this run."""
        return self._first_text(photo, (*self.names, *(name for name in _SUFFIXES if name not in self.names)))

    def plan(self, photo: Path, name: str, text: str, *, append: bool) -> Planned | None:
        """Return the sidecar that a caption changes, as it would be; None where it says so already.

        Args:
            name: "txt" or "caption".

        Raises:
            InputError: append, and what stands there cannot be read.
            WriteError: the text is blank, or the file is none that can be replaced.
        """
        return plan_sidecar(self.sidecar(photo, name), text, append=append)

    def sidecar(self, photo: Path, name: str) -> Path:
        """Return the text file of a photo in "txt" or "caption"."""
        return self._sidecars.path(photo, _SUFFIXES[name])

    def plan_metadata(self, photo: Path, name: str, edit: Edit) -> list[Planned]:
        """Return the files that an edit of metadata changes: the photo or its XMP sidecars; raises as plan_embed().

        Args:
            name: "xmp" or "embed".
        """
        from mqwen.library.metadata.plan import plan_embed

        return plan_embed(photo, edit, embed=name == "embed", naming=self.naming, exiftool=self.exiftool)

    def table_change(self, photo: Path) -> TableChange:
        """Return what stands for a photo in its metadata.jsonl, for undoing a write. Raises InputError, WriteError."""
        with self._lock:
            return self._table(photo).before(photo)

    def write_table(self, photo: Path, text: str, *, append: bool) -> None:
        """Note a caption in the photo's metadata.jsonl.

        Raises:
            DiskFullError, WriteError: it was not written; what stood there is untouched.
            InputError: append, and what stands there cannot be read.
        """
        with self._lock:
            table = self._table(photo)
            (table.append if append else table.set)(photo, text)

    def restore_table(self, photo: Path, change: TableChange) -> None:
        """Put back the lines that stood for a photo in its metadata.jsonl; raises as MetadataJsonl.rewrite()."""
        with self._lock:
            self._table(photo).rewrite(lambda data: restored(data, {change.name: change.lines}) or None)

    def write(self, photo: Path, name: str, text: str, *, append: bool) -> None:
        """Write a text to one target at once and unrecorded, as a person's edit is; raises as write_table()."""
        if name == "jsonl":
            self.write_table(photo, text, append=append)
            return
        planned = self.plan(photo, name, text, append=append)
        if planned is not None and planned.after is not None:
            write_atomic(planned.path, planned.after)

    def take_away(self, photo: Path, name: str) -> None:
        """Remove a photo's sidecar, or its lines in a metadata.jsonl: a caption is never left empty.

        Args:
            name: "txt", "caption" or "jsonl".

        Raises:
            WriteError: it cannot be removed, or was changed just now.
        """
        if name == "jsonl":
            self.restore_table(photo, replace(self.table_change(photo), lines=()))
            return
        from mqwen.library.metadata.commit import remove

        path = self.sidecar(photo, name)
        if os.path.lexists(path):
            remove(path, os.stat(path))

    @contextmanager
    def writing(self, photo: Path) -> Iterator[bool]:
        """Say whether the run may write for this photo now, and keep that so within the block."""
        yield True

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
        return next((found.text for name in names if (found := self.read(photo, name)) is not None), None)

    def _read(self, photo: Path, name: str) -> str | None:
        if name == "jsonl":
            with self._lock:
                return self._table(photo).get(photo)
        return read_sidecar(self.sidecar(photo, name))

    def _metadata(self, photo: Path, *, itself: bool) -> Iterable[Metadata]:
        """Return what a photo's sidecars say, and before them what it says itself; what cannot be read is left out."""
        from mqwen.library.metadata.plan import read_photo
        from mqwen.library.metadata.xmp_sidecar import existing_sidecars

        found: list[Metadata] = []
        for path in [photo] if itself else existing_sidecars(photo):
            with suppress(WriteError):  # it cannot be opened: that is for its reader to say
                found += read_photo(path, exiftool=self.exiftool).values()
        return found

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


def _standing(found: Iterable[Metadata], field: Field) -> Standing | None:
    """Return what stands in the first of these that has the field; a person's words in any of them make it theirs."""
    holding = [data for data in found if data.holds(field)]
    if not holding:
        return None
    value = getattr(holding[0], field)
    languages: Mapping[str, str] = (
        {} if field == "keywords" else holding[0].captions if field == "caption" else holding[0].alt_texts
    )
    return Standing(
        ", ".join(value) if isinstance(value, tuple) else value,
        machine=not any(data.human(field) for data in holding),
        languages=frozenset(language for language, text in languages.items() if language != "x-default" and text),
    )
