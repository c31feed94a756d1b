"""Atomic writes: a reader sees the old file or the new one, whatever happens in between.

Kill -9, power loss and a full disk included: the new bytes go into a temporary file in the same folder
(`.mqwen-HOST-PID-RANDOM.tmp`), are synced, take the old file's mode and replace it; then the folder is synced.
Temporary files that a killed run or a pulled drive left behind go away with the next write into their folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import stat
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from mqwen.errors import DiskFullError, WriteError

_LEFTOVER = re.compile(r"\.mqwen-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.tmp")
_LEFTOVER_AGE = 3600.0  # seconds after which another computer's temporary file counts as left behind
_cleaned: set[Path] = set()
_cleaned_lock = threading.Lock()
_stranded: set[str] = set()  # names of this process' own that it could not delete


def write_atomic(
    path: Path,
    data: bytes,
    *,
    dress: Callable[[Path, Path], None] | None = None,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Replace `path` by `data`, or leave it as it is.

    A symbolic link is followed, so that it stays a link. An existing file keeps its mode; a read-only one is refused,
    as are folders and devices.

    Args:
        dress: called with the temporary file and the one to replace, before the former is synced: more to keep.
        check: called with the file to replace, last thing before that: an exception leaves it as it is.

    Raises:
        DiskFullError: no space or quota left.
        WriteError: any other reason. Nothing is left behind in either case.
    """
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        mode, owner = check_replaceable(target)
        _clean_once(target.parent)
        _replace(target, data, mode, owner, dress, check)
    except (OSError, ValueError) as error:
        raise write_error(error, path) from error


def write_error(error: Exception, path: Path) -> WriteError:
    """Return the error for the user that an exception of the operating system means."""
    if isinstance(error, WriteError):
        return error
    code = error.errno if isinstance(error, OSError) else None
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            f"there is no space left to write it ({reason})",
            path=path,
            hint="Free some space and start again: what was written before is kept.",
        )
    hints = {
        errno.EACCES: "Check the permissions of the file and its folder.",
        errno.EPERM: "Check the permissions of the file and its folder.",
        errno.EROFS: "The disk is read-only: copy the photos to another one.",
        errno.ENAMETOOLONG: "Give the photo a shorter name.",
        errno.ENOENT: "Its folder is gone.",
    }
    return WriteError(f"it cannot be written ({reason})", path=path, hint=hints.get(code) if code else None)


def remove_leftovers(folder: Path) -> int:
    """Delete the temporary files that dead runs left in `folder`; return how many."""
    removed = 0
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(".mqwen-")]
    except OSError:
        return 0
    for name in names:
        match = _LEFTOVER.fullmatch(name)
        try:
            if match and (name in _stranded or _is_left_behind(folder / name, match[1], int(match[2]))):
                os.unlink(folder / name)
                removed += 1
                _stranded.discard(name)
        except OSError:  # another run was quicker, or it is not ours to delete
            continue
    return removed


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power loss (nothing to do on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # some network disks cannot
            raise
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: a single os.write may stop early."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def check_replaceable(target: Path) -> tuple[int | None, tuple[int, int] | None]:
    """Return mode and owner of a file that may be replaced, None twice where there is none yet.

    Raises:
        WriteError: it is read-only, or no regular file.
        OSError: it cannot be looked at.
    """
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None, None
    if not stat.S_ISREG(found.st_mode):
        raise WriteError("it is not a regular file", path=target, hint="Move it away.")
    if not found.st_mode & 0o222:
        raise WriteError("it is read-only", path=target, hint="Make it writable if it may be replaced.")
    return stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid)


def _replace(
    target: Path,
    data: bytes,
    mode: int | None,
    owner: tuple[int, int] | None,
    dress: Callable[[Path, Path], None] | None,
    check: Callable[[Path], None] | None,
) -> None:
    temporary = target.parent / f".mqwen-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        try:
            write_all(descriptor, data)
            if mode is not None and os.name != "nt":
                _keep_owner_and_mode(descriptor, mode, owner)
            if dress:
                dress(temporary, target)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if check:
            check(target)
        os.replace(temporary, target)
    except BaseException:
        try:
            temporary.unlink()
        except OSError:  # the drive was pulled out: the file is back when the drive is, and this process may go on
            with _cleaned_lock:
                _stranded.add(temporary.name)
                _cleaned.discard(target.parent)
        raise
    sync_folder(target.parent)


def _keep_owner_and_mode(descriptor: int, mode: int, owner: tuple[int, int] | None) -> None:
    made = os.fstat(descriptor)
    if owner and owner != (made.st_uid, made.st_gid):
        try:
            os.fchown(descriptor, *owner)
        except PermissionError:  # someone else's file in a shared folder: it becomes ours, as with any editor
            mode &= 0o777  # but never with its set-uid bits
    os.fchmod(descriptor, mode)


def _clean_once(folder: Path) -> None:
    if folder in _cleaned or not folder.is_dir():  # a pulled drive would count as cleaned
        return
    with _cleaned_lock:
        if folder in _cleaned:
            return
        _cleaned.add(folder)
    remove_leftovers(folder)


def _is_left_behind(path: Path, host: str, pid: int) -> bool:
    if os.name != "nt" and host == _host():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            return False
    return time.time() - os.stat(path).st_mtime > _LEFTOVER_AGE


@cache
def _host() -> str:
    return hashlib.sha256(platform.node().encode("utf-8", "surrogateescape")).hexdigest()[:8]
