"""One SQLite file: a connection for each reading thread, one for writing, and errors that a user can act on."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from mqwen.errors import CatalogError, DiskFullError
from mqwen.library import damage
from mqwen.library.schema import TABLES, migrate, version_of

# Seconds that a writer of another process is waited for: migrating or vacuuming a large catalog takes that long.
_BUSY_S = 60.0
_LOOK_AGAIN_S = 0.02
_DAMAGE_HINT = "Run `mqwen library verify --repair`: what can be read is kept."


class Connection(sqlite3.Connection):
    """sqlite3's own, which cannot be referred to weakly.

    Attributes:
        in_use: held while statements run: closing it in another thread meanwhile crashes the process.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.in_use = threading.RLock()


class Database:
    """A catalog's file, migrated to this version. Thread-safe.

    Attributes:
        notice: what the user should be told about opening it, None as a rule.

    Raises:
        CatalogError, DiskFullError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = threading.RLock()
        self._threads = threading.local()
        self._readers: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._readers_lock = threading.Lock()
        self._closed = False
        self._durable = True
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer, self.notice = _open(path)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection for reading; between two statements others may write."""
        with translated(self.path):
            db = self._reader()
            with db.in_use:
                yield db

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """As read(), and nothing changes in between."""
        with translated(self.path):
            db = self._reader()
            with db.in_use:
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    db.execute("ROLLBACK")

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Give the connection for writing, in a transaction of its own: all that is done with it, or nothing.

        Args:
            durable: on the disk at the end, power loss included. Otherwise a power loss may take the last
                transactions back (never a kill, and the file stays whole).
        """
        with self._write_lock, translated(self.path):
            if self._closed:
                raise CatalogError("it is closed", path=self.path)
            db = self._writer
            if durable is not self._durable:
                # FULL syncs the log at each commit, and with it all that was committed before.
                db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    with suppress(sqlite3.Error):  # the first error is the one that counts
                        db.execute("ROLLBACK")
                raise

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for writing, outside of a transaction."""
        with self._write_lock, translated(self.path):
            if self._closed:
                raise CatalogError("it is closed", path=self.path)
            yield self._writer

    def close(self) -> None:
        """Close all connections, whatever thread they are of, each after what is under way. May be called twice."""
        with self._write_lock, self._readers_lock:
            self._closed = True
            readers = list(self._readers)
        for reader in readers:  # without the locks: who reads may be about to write
            with reader.in_use:
                reader.close()
        with self._write_lock:
            self._writer.close()

    def rebuild(self) -> None:
        """Move a catalog that is damaged inside aside, and make a new one of what can be read; `notice` says so.

        Raises:
            CatalogError: another process has it open.
        """
        with ExitStack() as held:
            with self._readers_lock:
                readers = list(self._readers)
            for reader in readers:  # before the locks, as who reads and then writes takes them
                held.enter_context(reader.in_use)
            held.enter_context(self._write_lock)
            held.enter_context(self._readers_lock)
            held.enter_context(translated(self.path))
            for reader in list(self._readers):
                reader.close()
            self._threads = threading.local()
            # The last connection of all gets the file for itself.
            self._writer.execute("PRAGMA busy_timeout = 1000")
            self._writer.execute("PRAGMA locking_mode = EXCLUSIVE")
            try:
                self._writer.execute("BEGIN EXCLUSIVE")
                self._writer.execute("ROLLBACK")
            except sqlite3.DatabaseError as error:
                if not damage.is_damage(error):
                    raise
            finally:
                self._writer.close()
            self._writer, self.notice = damage.rebuild(self.path, _open_sound)
            self._durable = True

    def _reader(self) -> Connection:
        db: Connection | None = getattr(self._threads, "db", None)
        if db is None:
            with self._readers_lock:
                if self._closed:
                    raise CatalogError("it is closed", path=self.path)
                db = connect(self.path)
                db.execute("PRAGMA query_only = ON")
                self._readers.add(db)
            self._threads.db = db
        return db


def connect(path: Path) -> Connection:
    """Open a file with the settings that every connection has. Raises sqlite3.Error."""
    # Autocommit: transactions are begun where they are meant.
    db = sqlite3.connect(path, _BUSY_S, isolation_level=None, check_same_thread=False, factory=Connection)
    try:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cache_size = -16384")  # KiB
        db.execute("PRAGMA fullfsync = ON")  # macOS: through the disk's own cache
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into errors for the user."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        if "closed database" not in str(error):
            raise
        raise CatalogError("it is closed", path=path) from error
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise _catalog_error(error, path) from error
    except OSError as error:
        raise CatalogError(
            f"the catalog cannot be opened ({error.strerror or error})",
            path=path,
            hint="Check the permissions of its folder, or set MQWEN_DATA_DIR to another one.",
        ) from error


def _catalog_error(error: sqlite3.Error, path: Path) -> CatalogError | DiskFullError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL:
        return DiskFullError(
            "there is no space left for the catalog",
            path=path,
            hint="Free some space and start again: what was written before is kept.",
        )
    if damage.is_damage(error):
        return CatalogError(f"the catalog is damaged ({error})", path=path, hint=_DAMAGE_HINT)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CatalogError(
            "the catalog is in use by another MQwen", path=path, hint="Wait until that one has done, and try again."
        )
    return CatalogError(
        f"the catalog cannot be used ({error})",
        path=path,
        hint="Check the permissions of its folder and the disk, or set MQWEN_DATA_DIR to another folder.",
    )


def _open(path: Path) -> tuple[Connection, str | None]:
    """Open, and migrate, a catalog; a damaged one is moved aside first, what can be read goes into a new one."""
    try:
        return _open_sound(path), None
    except sqlite3.DatabaseError as error:
        if not damage.is_damage(error):
            raise
    return damage.replace_damaged(path, _open_sound)


def _write_ahead(db: sqlite3.Connection) -> None:
    """Switch a file to a write-ahead log; SQLite itself does not wait for another that is doing so just now."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_LOOK_AGAIN_S)


def _open_sound(path: Path) -> Connection:
    """Open a catalog. Raises sqlite3.DatabaseError where it is damaged in a way that shows at once."""
    db = connect(path)
    try:
        version_of(db, path)  # before anything of another program's file is changed
        _write_ahead(db)
        migrate(db, path)
        db.execute("PRAGMA journal_size_limit = 67108864")
        db.execute("PRAGMA synchronous = FULL")
        for table in TABLES:
            db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()
    except BaseException:
        db.close()
        raise
    return db
