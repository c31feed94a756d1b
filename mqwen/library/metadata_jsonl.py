"""`metadata.jsonl`, the caption table of a Hugging Face imagefolder: one `{"file_name": ..., "text": ...}` a line.

The file is only ever replaced as a whole (mqwen.library.atomic), so that a reader never meets half of it. To rewrite
it for each caption would be quadratic; so each caption is first appended and synced to a journal beside it
(`.mqwen-metadata.journal`), and the file is rewritten when the journal has grown by a quarter of its lines, and at
the end. A killed run leaves its journal; the next `MetadataJsonl` of this folder reads it, and its first rewrite
takes it in: nothing that was written is lost. Only one run at a time writes in a folder (a lock on the journal sees
to it).

A person may edit the file while a run writes here: it is read again whenever it has changed, and where a photo's text
is then another than before, that text stands and what had been noted for the photo is dropped.

Lines of others stay byte for byte: in a photo's own line only the value of "text" changes, or is added at its end.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from mqwen.errors import InputError, WriteError
from mqwen.library.atomic import check_replaceable, sync_folder, write_all, write_atomic, write_error
from mqwen.library.journal_lock import BusyError, hold, is_still
from mqwen.library.jsonl_rows import Row, new_line, parse
from mqwen.library.sidecar import appended, one_line

NAME = "metadata.jsonl"
JOURNAL = ".mqwen-metadata.journal"
_REWRITE_AFTER = 256


@dataclass(frozen=True)
class TableChange:
    """What stood for one photo before its caption was noted; see mqwen.library.table_undo.

    Attributes:
        path: the metadata.jsonl.
        name: the photo's file_name in it.
        lines: all of the photo's lines, byte for byte; none where it had none.
        text: the caption in them, None for a blank one.
        sha256, mtime_ns: of the whole file when this run first read it; None where there was none.
    """

    path: Path
    name: str
    lines: tuple[bytes, ...]
    text: str | None
    sha256: str | None
    mtime_ns: int | None


class MetadataJsonl:
    """The captions of one folder's metadata.jsonl. Thread-safe; close it, or use it in a `with`.

    Reading alone writes nothing. Of several lines of one photo the last one counts, and all are updated.

    Args:
        folder: holds the file, and the photos at any depth below it.

    Raises:
        InputError: the file cannot be read, or is UTF-16.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.path = self.folder / NAME
        self._journal_path = self.folder / JOURNAL
        self._journal: int | None = None
        self._lock = threading.RLock()
        self._stamp: tuple[int, ...] = ()
        self._lines = 0
        self._raw: dict[str, list[bytes]] = {}  # each photo's lines
        self._found: tuple[str, int] | tuple[None, None] | None = None  # SHA-256 and mtime at the first look
        self._stands: dict[str, str | None] = {}  # the file's texts; None for one that is not a string
        self._pending: dict[str, str] = {}  # noted, not yet in the file
        self._withdrawn: set[str] = set()  # in the journal, but a person's text counts instead
        self._read()
        self._read_journal()

    def __enter__(self) -> MetadataJsonl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, photo: Path | str) -> str | None:
        """Return the caption of a photo; None if it has none or a blank one.

        Raises:
            InputError: its text is not a string, or someone made the file unreadable meanwhile.
        """
        with self._lock:
            self._refresh()
            name = self._name(photo)
            text = self._pending.get(name, self._stands.get(name, ""))
        if text is None:
            raise InputError(
                f"its text in {NAME} is not a string, and was left as it is",
                path=self.path,
                hint="Make it a string, or let it be overwritten.",
            )
        return text if text.strip() else None

    def before(self, photo: Path | str) -> TableChange:
        """Return what a change of this photo's caption would change.

        Raises:
            InputError: someone made the file unreadable meanwhile.
            WriteError: the photo does not lie below the folder.
        """
        with self._lock:
            self._refresh()
            name = self._name(photo)
            stands = self._pending.get(name, self._stands.get(name))
            lines = list(self._raw.get(name, ()))
            if name in self._pending:
                text = self._pending[name]
                rows = [row for line in lines if (row := parse(line))]
                lines = [row.with_text(text) for row in rows] or [new_line(name, text)]
            stands = stands if stands and stands.strip() else None
        return TableChange(self.path, name, tuple(lines), stands, *(self._found or (None, None)))

    def set(self, photo: Path | str, text: str) -> None:
        """Note the caption of a photo; when this returns, it survives kill -9 and power loss.

        Raises:
            WriteError: the text is blank, the photo is not below the folder, another run writes here, or the disk
                refuses.
            DiskFullError: no space left.
            InputError: someone made the file unreadable meanwhile.
        """
        self._note(photo, one_line(text))

    def append(self, photo: Path | str, text: str) -> None:
        """Add to the caption of a photo as `mqwen.library.sidecar.appended` does; raises as `set`."""
        with self._lock:
            line, existing = one_line(text), self.get(photo)
            self._note(photo, appended(existing, line) if existing and line else line)

    def flush(self) -> None:
        """Rewrite the file with all captions noted so far.

        Raises:
            InputError: someone made the file unreadable meanwhile.
            WriteError, DiskFullError: it could not be written; file and journal are as before.
        """
        with self._lock:
            if not self._pending:
                return
            try:
                journal = self._open_journal()  # two runs must not rewrite it at once
                rows = self._read()  # a person's edit may drop the last of what is pending
                if self._pending:
                    write_atomic(self.path, self._merged(rows))
                os.ftruncate(journal, 0)
            except OSError as error:
                raise write_error(error, self.path) from error
            self._pending = {}
            self._withdrawn = set()

    def rewrite(self, change: Callable[[bytes], bytes | None]) -> None:
        """Bring the file up to date, then replace it by what `change` makes of its bytes; None deletes it.

        Raises:
            BusyError: a run writes it just now.
            InputError, WriteError, DiskFullError: as `flush`.
        """
        with self._lock:
            try:
                self._open_journal()
                self.flush()
                data = self.path.read_bytes() if self.path.exists() else b""
                new = change(data)
                if new is None:
                    self.path.unlink(missing_ok=True)
                    sync_folder(self.folder)
                elif new != data:
                    write_atomic(self.path, new)
                self._read()
            except OSError as error:
                raise write_error(error, self.path) from error

    def recover(self) -> None:
        """Take over what a killed run noted, so that close() brings it into the file; raises as `flush`.

        While another run writes the file, that is its task.
        """
        with self._lock:
            try:
                # One killed just before its end leaves an empty journal: there is nothing to take over but the file.
                if self._pending or self._journal_path.exists():
                    self._open_journal()
            except BusyError:
                return
            except OSError as error:
                raise write_error(error, self.path) from error

    def close(self) -> None:
        """Rewrite the file if this object noted a caption, and remove the journal; raises as `flush`."""
        with self._lock:
            if self._journal is None:
                return
            try:
                self.flush()
                if os.name != "nt":  # while the lock is held; Windows cannot delete an open file
                    self._journal_path.unlink(missing_ok=True)
            except BaseException:
                os.close(self._journal)
                self._journal = None
                raise
            os.close(self._journal)
            self._journal = None
            if os.name == "nt":
                self._journal_path.unlink(missing_ok=True)

    def _note(self, photo: Path | str, text: str) -> None:
        if not text:
            raise WriteError("an empty caption is not written", path=photo, hint="Caption the photo again.")
        name = self._name(photo)
        try:
            entry = new_line(name, text)
        except UnicodeEncodeError as error:
            raise WriteError(
                "its name is not Unicode, as metadata.jsonl must be", path=photo, hint="Rename the photo."
            ) from error
        with self._lock:
            try:
                self._open_journal()
                self._refresh()
                self._append(b"".join(new_line(gone, "") for gone in self._withdrawn) + entry)
            except OSError as error:
                raise write_error(error, self.path) from error
            self._withdrawn = set()
            self._pending[name] = text
            if len(self._pending) >= max(_REWRITE_AFTER, self._lines // 4):
                self.flush()

    def _name(self, photo: Path | str) -> str:
        try:
            return Path(os.path.abspath(photo)).relative_to(self.folder).as_posix()
        except ValueError as error:
            raise WriteError(f"it does not lie below the folder of {self.path}", path=photo) from error

    def _refresh(self) -> None:
        if _stamp(self.path) != self._stamp:
            self._read()

    def _read(self) -> list[tuple[bytes, Row | None]]:
        """Read the file and return its lines; what was noted for a photo whose text is another now is dropped."""
        stamp = _stamp(self.path)  # before the reading: a change in between is then seen as one
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise InputError(f"it cannot be read ({error.strerror})", path=self.path, hint="Move it away.") from error
        if self._found is None:
            self._found = (hashlib.sha256(data).hexdigest(), stamp[0]) if stamp else (None, None)
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError("it is UTF-16, and was left as it is", path=self.path, hint="Save it as UTF-8.")
        rows = [(line, parse(line)) for line in io.BytesIO(data)]
        stands = {row.name: None if row.foreign else row.text or "" for _, row in rows if row is not None}
        for name in self._pending.keys() & stands.keys():
            text = stands[name]
            if (text is None or text.strip()) and text not in (self._stands.get(name, ""), self._pending[name]):
                del self._pending[name]
                self._withdrawn.add(name)
        self._stamp, self._stands, self._lines = stamp, stands, len(rows)
        self._raw = {}
        for line, row in rows:
            if row is not None:
                self._raw.setdefault(row.name, []).append(line)
        return rows

    def _merged(self, rows: list[tuple[bytes, Row | None]]) -> bytes:
        """Return the file's bytes with the pending captions in their lines, and new lines for photos without one."""
        left = dict(self._pending)
        lines = []
        for line, row in rows:
            if row is not None and row.name in self._pending:
                left.pop(row.name, None)
                line = row.with_text(self._pending[row.name])
            lines.append(line)
        if left and lines and not lines[-1].endswith(b"\n"):
            lines.append(b"\n")
        lines += [new_line(name, text) for name, text in left.items()]
        return b"".join(lines)

    def _read_journal(self) -> None:
        """Take in what a killed run noted; a line that someone changed after it was killed is left as they wrote it."""
        try:
            data = self._journal_path.read_bytes()
            edited = self.path.exists() and self.path.stat().st_mtime_ns > self._journal_path.stat().st_mtime_ns
        except OSError:
            return
        # The last line has no end where power loss cut it short.
        rows = [parse(line) for line in io.BytesIO(data) if line.endswith(b"\n")]
        noted = {row.name: row.text for row in rows if row}  # a blank text withdraws what was noted before
        self._pending = {name: text for name, text in noted.items() if text and not (edited and name in self._stands)}
        self._withdrawn = noted.keys() - self._pending.keys()

    def _open_journal(self) -> int:
        if self._journal is not None:
            return self._journal
        check_replaceable(self.path)  # now, and not only after hundreds of captions
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        while True:
            descriptor = os.open(self._journal_path, flags, 0o666)
            try:
                hold(descriptor, self.path)
                if not is_still(descriptor, self._journal_path):  # another run ended between the two lines above
                    os.close(descriptor)
                    continue
                self._read()
                self._pending = {}  # until now only what the journal said, and another run may have written it since
                self._read_journal()
                end = os.lseek(descriptor, 0, os.SEEK_END)
                if end:
                    os.lseek(descriptor, end - 1, os.SEEK_SET)
                    if os.read(descriptor, 1) != b"\n":  # half a line: nothing may be joined to it
                        write_all(descriptor, b"\n")
                sync_folder(self.folder)
            except BaseException:
                os.close(descriptor)
                raise
            self._journal = descriptor
            return descriptor

    def _append(self, entry: bytes) -> None:
        journal = self._open_journal()
        start = os.lseek(journal, 0, os.SEEK_END)
        try:
            write_all(journal, entry)
            os.fsync(journal)
        except OSError:
            os.ftruncate(journal, start)
            raise


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what tells one state of a file from another."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
