"""The write itself: only over the very file that was read, atomically, with its attributes and access lists kept."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from functools import cache
from pathlib import Path

from mqwen.errors import WriteError
from mqwen.library.atomic import sync_folder, write_atomic, write_error

# A file that is in the cloud only: macOS (SF_DATALESS, sys/stat.h), Windows (FILE_ATTRIBUTE_OFFLINE, _RECALL_ON_OPEN,
# _RECALL_ON_DATA_ACCESS).
_DATALESS = 0x40000000
_RECALL = 0x1000 | 0x40000 | 0x400000
_COPYFILE_ACL, _COPYFILE_XATTR = 1, 4  # macOS, copyfile.h


def commit(path: Path, new: bytes, stat_at_read: os.stat_result | None, *, keep_mtime: bool = False) -> None:
    """Replace a file by `new` if it still is the one that was read.

    Mode, owner, extended attributes and access lists are kept (on Windows only what os.replace keeps); a symbolic
    link's target is what is replaced.

    Args:
        stat_at_read: os.stat of the file whose bytes the new ones were made from; None: there was none.
        keep_mtime: keep the times of the file too. By default its mtime is now, which is what makes other programs
            look at it again.

    Raises:
        WriteError: it was changed, moved or deleted since; it has further hard links, is read-only or in the cloud
            only; or the system refuses. Nothing has happened to it then.
        DiskFullError: no space left.
    """
    target = Path(os.path.realpath(path))

    def check(target: Path) -> None:
        _check_same(path, target, stat_at_read)

    def dress(temporary: Path, target: Path) -> None:
        if stat_at_read is None:
            return
        _copy_attributes(target, temporary)
        if keep_mtime:
            os.utime(temporary, ns=(stat_at_read.st_atime_ns, stat_at_read.st_mtime_ns))

    try:
        check(target)
        write_atomic(target, new, dress=dress, check=check)
    except OSError as error:
        raise write_error(error, path) from error


def remove(path: Path, stat_at_read: os.stat_result) -> None:
    """Delete a file if it still is the one that was read. Raises WriteError as `commit`."""
    try:
        target = Path(os.path.realpath(path))
        _check_same(path, target, stat_at_read)
        os.unlink(target)
        sync_folder(target.parent)
    except OSError as error:
        raise write_error(error, path) from error


def obstacle(found: os.stat_result) -> str | None:
    """Return why a file may not be replaced, a clause for people; None where it may."""
    if not stat.S_ISREG(found.st_mode):
        return "it is not a regular file"
    if not found.st_mode & 0o222:
        return "it is read-only"
    if found.st_nlink > 1:
        return "it has further hard links, which a change would cut off"
    if getattr(found, "st_flags", 0) & _DATALESS or getattr(found, "st_file_attributes", 0) & _RECALL:
        return "it is in the cloud, not on this computer"
    return None


def _check_same(path: Path, target: Path, stat_at_read: os.stat_result | None) -> None:
    try:
        found = os.stat(target)
    except FileNotFoundError:
        if stat_at_read is None:
            return
        raise WriteError("it was moved or deleted meanwhile", path=path) from None
    if stat_at_read is None:
        raise WriteError("it was made by another program meanwhile", path=path, hint="Write it again.")
    if _identity(found) != _identity(stat_at_read):
        raise WriteError("it was changed by another program meanwhile", path=path, hint="Write it again.")
    if reason := obstacle(found):
        raise WriteError(reason, path=path)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def _copy_attributes(source: Path, copy: Path) -> None:
    """Copy extended attributes and access lists; what the system sets by itself (security labels) may stay behind."""
    if sys.platform == "darwin":
        if _copyfile()(os.fsencode(source), os.fsencode(copy), None, _COPYFILE_ACL | _COPYFILE_XATTR) < 0:
            raise OSError(ctypes.get_errno(), "its extended attributes cannot be kept")
        return
    if sys.platform != "linux":
        return
    try:
        names = os.listxattr(source)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS, errno.ENOENT):
            return  # no such thing there; or the file is gone, which the check reports
        raise
    for name in names:
        try:
            os.setxattr(copy, name, os.getxattr(source, name))
        except OSError as error:
            if name.startswith("user.") or name == "system.posix_acl_access":
                raise OSError(error.errno, f"its attribute {name} cannot be kept: {error.strerror}") from error


@cache
def _copyfile() -> ctypes._NamedFuncPointer:
    """Return copyfile(3) of macOS."""
    function = ctypes.CDLL(None, use_errno=True).copyfile
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_uint32]
    function.restype = ctypes.c_int
    return function
