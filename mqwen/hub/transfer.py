"""One file from the hub into a `.part` beside its place: resumed where it broke, retried, checked by its hash.

huggingface_hub does the talking (its session, with the proxy and the token that the user gave it, its addresses, its
errors). The bytes are received here, because its own downloads (2.4) begin anew after a kill: their temporary file has
a random name and is deleted at every error.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mqwen.errors import Cancelled, DiskFullError, WriteError
from mqwen.hub.trouble import Asked, Interrupted, patiently

_PIECE = 1 << 22
_online_lock = threading.Lock()
_online, _offline_before = 0, False


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository. Exactly one hash is known: large files have a SHA-256, small ones git's SHA-1."""

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None

    @property
    def hash(self) -> str:
        return self.sha256 or self.git_sha1 or ""


@contextmanager
def online() -> Iterator[None]:
    """Let huggingface_hub use the network, which MQwen forbids it everywhere else."""
    global _online, _offline_before
    from huggingface_hub import constants
    from huggingface_hub.utils import logging

    with _online_lock:
        if _online == 0:
            _offline_before = constants.HF_HUB_OFFLINE
        _online += 1
        constants.HF_HUB_OFFLINE = False
    logging.set_verbosity_error()  # its warnings of retries would get between our own lines
    try:
        yield
    finally:
        with _online_lock:
            _online -= 1
            if _online == 0:
                constants.HF_HUB_OFFLINE = _offline_before


def fetch(
    hub_id: str,
    commit: str,
    file: RemoteFile,
    part: Path,
    *,
    received: Callable[[int], None],
    waiting: Callable[[str], None],
    cancelled: Asked,
) -> None:
    """Bring `part` to the file's size, from where it is.

    Args:
        received: told the bytes that `part` has now, whenever some have come.
        waiting: told why nothing comes, and how long it waits before the next try.
        cancelled: asked between pieces; what has come stays.

    Raises:
        Cancelled: cancelled() was true.
        DownloadError: the hub does not give the file, or cannot be reached.
        DiskFullError, WriteError: it cannot be written.
    """

    def attempt() -> None:
        try:
            _receive(hub_id, commit, file, part, received, cancelled)
        except OSError as error:
            if getattr(error, "response", None) is not None or isinstance(error, ConnectionError):
                raise  # the hub's answer, not the disk's
            raise disk_error(error, part) from error

    def size() -> int:
        return part.stat().st_size if part.exists() else 0

    patiently(attempt, f"{hub_id}/{file.name}", waiting=waiting, cancelled=cancelled, gained=size)


def hash_matches(path: Path, file: RemoteFile, cancelled: Asked = lambda: False) -> bool:
    """Say whether a file on this disk is byte for byte the hub's.

    Raises:
        Cancelled: cancelled() was true.
        WriteError: it cannot be read.
    """
    try:
        size = path.stat().st_size
        if size != file.size:
            return False
        # Git names a file by the hash of "blob SIZE", a zero byte and the content.
        digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                if cancelled():
                    raise Cancelled("stopped while a file was checked")
                digest.update(piece)
    except OSError as error:
        raise WriteError(f"it cannot be read back ({error.strerror})", path=path) from error
    return digest.hexdigest() == file.hash


def disk_error(error: OSError, path: Path) -> WriteError:
    """Return what to tell the user about a write that failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Make room and start again: it goes on from here. `mqwen models path --set DIR` keeps models elsewhere."
        return DiskFullError("the disk is full", path=path, hint=hint)
    return WriteError(f"it cannot be written ({error.strerror})", path=path)


def _receive(
    hub_id: str, commit: str, file: RemoteFile, part: Path, received: Callable[[int], None], cancelled: Asked
) -> None:
    from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    have = part.stat().st_size if part.exists() else 0
    if have > file.size:
        part.unlink()
        have = 0
    if have == file.size:
        part.touch()
        return
    url = hf_hub_url(hub_id, file.name, revision=commit)
    # Asked each time: the address that a large file is redirected to is valid for a short while only.
    location = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT).location
    headers = {**build_hf_headers(), "accept-encoding": "identity"}
    if not _is_the_hubs(location):
        headers.pop("authorization", None)
    if have:
        headers["range"] = f"bytes={have}-"
    session: Any = get_session()
    with session.stream("GET", location, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response:
        if response.status_code == 416:
            part.unlink()  # the server knows no such place in the file: begin anew
            raise Interrupted("the server refused to go on from where the download was")
        hf_raise_for_status(response)
        if have and not _goes_on_at(response, have):
            have = 0
        with part.open("r+b" if have else "wb", buffering=0) as stream:
            stream.seek(have)
            for piece in response.iter_bytes():
                if cancelled():
                    raise Cancelled("the download was stopped")
                have += len(piece)
                while piece:  # a disk that is almost full takes less than all of it
                    piece = piece[stream.write(piece) :]
                if have > file.size:
                    break
                received(have)
            os.fsync(stream.fileno())
    if have > file.size:
        part.unlink()
        raise Interrupted("the server sent more than the file holds")
    if have < file.size:
        raise Interrupted("the connection ended early")


def _goes_on_at(response: Any, start: int) -> bool:
    """Say whether an answer is the rest of a file; a server may send all of it, or another part."""
    return response.status_code == 206 and response.headers.get("content-range", "").startswith(f"bytes {start}-")


def _is_the_hubs(url: str) -> bool:
    """Say whether an address belongs to the hub, or to the mirror that the user named: these get the token."""
    from huggingface_hub import constants

    def origin(address: str) -> tuple[str, str | None, int | None]:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname, parts.port

    return origin(url) in (origin(constants.ENDPOINT), ("https", "huggingface.co", None), ("https", "hf.co", None))
