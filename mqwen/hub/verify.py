"""Is a model on this machine whole, and still what was downloaded?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mqwen.errors import Cancelled, CheckpointError
from mqwen.hub.download import manifest_of
from mqwen.hub.transfer import RemoteFile, hash_matches
from mqwen.hub.trouble import Asked


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        revision: the commit that it was downloaded from; None: it was not downloaded by MQwen, so there are no hashes,
            and every tensor was read instead.
        problems: what is wrong, one line for each file; empty: nothing.
    """

    folder: Path
    revision: str | None
    problems: tuple[str, ...]


def verify_model(
    folder: Path, *, progress: Callable[[int, int], None] | None = None, cancelled: Asked = lambda: False
) -> Verified:
    """Check a model folder: every file against its hash, or, where no hashes were noted, every tensor's values.

    Args:
        progress: told the bytes that were read and the bytes in all.

    Raises:
        CheckpointError: the note of the hashes is damaged.
        Cancelled: cancelled() was true.
    """
    manifest = manifest_of(folder)
    if manifest is None:
        return Verified(folder, None, _read_all(folder, progress, cancelled))
    files = {
        name: RemoteFile(name, file["size"], file.get("sha256"), file.get("git_sha1"))
        for name, file in manifest["files"].items()
    }
    problems = []
    done, total = 0, sum(file.size for file in files.values())
    for name, file in files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{path}: it is missing")
        elif path.stat().st_size != file.size:
            problems.append(f"{path}: it has {path.stat().st_size} bytes instead of {file.size}")
        elif not hash_matches(path, file, cancelled):
            problems.append(f"{path}: its content is not what was downloaded")
        done += file.size
        if progress is not None:
            progress(done, total)
    return Verified(folder, manifest.get("revision"), tuple(problems))


def _read_all(folder: Path, progress: Callable[[int, int], None] | None, cancelled: Asked) -> tuple[str, ...]:
    from mqwen.model.checkpoint import open_checkpoint
    from mqwen.model.processor import MQwenProcessor

    try:
        opened = open_checkpoint(folder)
        MQwenProcessor.from_folder(folder, opened.config)
        jobs = opened.jobs
        done, total = 0, sum(job.nbytes for job in jobs)
        for job in jobs:
            if cancelled():
                raise Cancelled("stopped while a model was checked")
            for _ in job.read():
                pass
            done += job.nbytes
            if progress is not None:
                progress(done, total)
    except CheckpointError as error:
        return (str(error),)
    return ()
