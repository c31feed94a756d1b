"""`metadata.jsonl`, the caption table of a Hugging Face imagefolder: one `{"file_name": ..., "text": ...}` a line.

The file is only ever replaced as a whole (mqwen.library.atomic), so that a reader never meets half of it. To rewrite
it for each caption would be quadratic; so each caption is first appended and synced to a journal beside it
(`.mqwen-metadata.journal`), and the file is rewritten when the journal has grown by a quarter of its lines, and at
the end. A killed run leaves its journal; the next `MetadataJsonl` of this folder reads it, and its first rewrite
takes it in: nothing that was written is lost. Only one run at a time writes in a folder (a lock on the journal sees
to it).

Lines of others stay byte for byte: in a photo's own line only the value of "text" changes, or is added at its end.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Set
from pathlib import Path
from types import TracebackType

from mqwen.errors import InputError, WriteError
from mqwen.library.atomic import check_replaceable, sync_folder, write_all, write_atomic, write_error
from mqwen.library.jsonl_rows import new_line, parse
from mqwen.library.sidecar import appended, one_line

NAME = "metadata.jsonl"
JOURNAL = ".mqwen-metadata.journal"
_REWRITE_AFTER = 256


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
        self._texts: dict[str, str] = {}
        self._lines = 0
        named = set()
        for line in io.BytesIO(self._read()):
            self._lines += 1
            if (row := parse(line)) is not None:
                named.add(row.name)
                self._texts[row.name] = row.text or ""
        self._pending = self._read_journal(named)
        self._texts.update(self._pending)

    def __enter__(self) -> MetadataJsonl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, photo: Path | str) -> str | None:
        """Return the caption of a photo; None if it has none or a blank one."""
        with self._lock:
            text = self._texts.get(self._name(photo), "")
        return text if text.strip() else None

    def set(self, photo: Path | str, text: str) -> None:
        """Note the caption of a photo; when this returns, it survives kill -9 and power loss.

        Raises:
            WriteError: the text is blank, the photo is not below the folder, another run writes here, or the disk
                refuses.
            DiskFullError: no space left.
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
                data = self._merged(self._read())
                write_atomic(self.path, data)
                os.ftruncate(journal, 0)
            except OSError as error:
                raise write_error(error, self.path) from error
            self._lines = data.count(b"\n")
            self._pending = {}

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
                self._append(entry)
            except OSError as error:
                raise write_error(error, self.path) from error
            self._texts[name] = self._pending[name] = text
            if len(self._pending) >= max(_REWRITE_AFTER, self._lines // 4):
                self.flush()

    def _name(self, photo: Path | str) -> str:
        try:
            return Path(os.path.abspath(photo)).relative_to(self.folder).as_posix()
        except ValueError as error:
            raise WriteError(f"it does not lie below the folder of {self.path}", path=photo) from error

    def _read(self) -> bytes:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(f"it cannot be read ({error.strerror})", path=self.path, hint="Move it away.") from error
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError("it is UTF-16, and was left as it is", path=self.path, hint="Save it as UTF-8.")
        return data

    def _merged(self, data: bytes) -> bytes:
        """Return the file's bytes with the pending captions in their lines, and new lines for photos without one."""
        left = dict(self._pending)
        lines = []
        for line in io.BytesIO(data):
            row = parse(line)
            if row is not None and row.name in self._pending:
                left.pop(row.name, None)
                line = row.with_text(self._pending[row.name])
            lines.append(line)
        if left and lines and not lines[-1].endswith(b"\n"):
            lines.append(b"\n")
        lines += [new_line(name, text) for name, text in left.items()]
        return b"".join(lines)

    def _read_journal(self, named: Set[str]) -> dict[str, str]:
        """Return what a killed run noted; a line that someone changed after it was killed is left as they wrote it."""
        try:
            data = self._journal_path.read_bytes()
            edited = self.path.exists() and self.path.stat().st_mtime_ns > self._journal_path.stat().st_mtime_ns
        except OSError:
            return {}
        # The last line has no end where power loss cut it short.
        rows = [parse(line) for line in io.BytesIO(data) if line.endswith(b"\n")]
        return {row.name: row.text for row in rows if row and row.text and not (edited and row.name in named)}

    def _open_journal(self) -> int:
        if self._journal is not None:
            return self._journal
        check_replaceable(self.path)  # now, and not only after hundreds of captions
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        while True:
            descriptor = os.open(self._journal_path, flags, 0o666)
            try:
                _lock_journal(descriptor, self.path)
                if not _is_still(descriptor, self._journal_path):  # another run ended between the two lines above
                    os.close(descriptor)
                    continue
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


def _lock_journal(descriptor: int, path: Path) -> None:
    """Hold the journal until this process ends or closes it."""
    busy = WriteError("another run writes it just now", path=path, hint="Wait for that run to end, or stop it.")
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(descriptor, 2**31 - 2, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise busy from error
        return
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise busy from error
    except OSError:  # some network disks know no locks: one run at a time is then up to the user
        return


def _is_still(descriptor: int, path: Path) -> bool:
    if os.name == "nt":
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
