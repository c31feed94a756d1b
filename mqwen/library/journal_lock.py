"""The lock that lets one run at a time write a folder's metadata.jsonl."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mqwen.errors import WriteError


class BusyError(WriteError):
    """Another run writes the file."""


def hold(descriptor: int, path: Path) -> None:
    """Lock an open journal until this process ends or closes it; BusyError where another run holds it.

    Args:
        path: the file that the journal is of.
    """
    busy = BusyError("another run writes it just now", path=path, hint="Wait for that run to end, or stop it.")
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


def is_still(descriptor: int, path: Path) -> bool:
    """Say whether this open file is the one that has this name now."""
    if os.name == "nt":
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
