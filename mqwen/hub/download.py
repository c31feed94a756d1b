"""A model from the hub into models_folder(). It gets its name there when every file of it is verified, not before.

Each file grows as `.partial/OWNER/NAME/FILE.HASH.part` and becomes `FILE.HASH` when its hash is right, so that what has
come is of use to the next try, even where the repository has changed meanwhile. At the end the files move into a folder
beside them under their own names, config.json last; that folder is opened as a model once, and renamed to its place.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mqwen.errors import CheckpointError, DiskFullError, DownloadError, InputError
from mqwen.hub.folders import LOCK, MANIFEST, discard, partial_folder
from mqwen.hub.meter import Meter, Progress
from mqwen.hub.remote import Offer
from mqwen.hub.transfer import RemoteFile, disk_error, fetch, hash_matches, online
from mqwen.hub.trouble import Asked
from mqwen.library.journal_lock import BusyError, hold, is_still

_SPARE_BYTES = 100_000_000  # left free on the disk, beside what a download needs


def download(
    offer: Offer,
    *,
    accept_licence: bool = False,
    allow_pickles: bool = False,
    progress: Progress | None = None,
    cancelled: Asked = lambda: False,
) -> Path:
    """Bring an offer here and return its folder; what an earlier try brought is not brought again.

    Call it in any thread. An older download of the same model stays in its place until the new one is complete; files
    that did not change are taken from there.

    Args:
        accept_licence: the user has read and accepted a licence that is not permissive.
        allow_pickles: the user agrees to weights in pickles.
        progress: told how far it is, in the calling thread.
        cancelled: asked all the time; when it is true the download ends, and what has come stays for the next try.

    Raises:
        InputError: the user has to accept the licence, or the pickles, first.
        DownloadError: the hub does not give a file, or another process downloads the same model.
        CheckpointError: what came is no model that MQwen can run; nothing of it is kept.
        DiskFullError, WriteError: the disk has no room, or cannot be written.
        Cancelled: cancelled() was true.
    """
    if not (offer.permissive or accept_licence):
        raise InputError(
            f"the licence of {offer.hub_id} is not a permissive one ({offer.licence or 'its page names none'})",
            hint=f"Read it at {offer.page}, and accept it (--yes).",
        )
    if offer.pickles and not allow_pickles:
        raise InputError(
            f"the weights of {offer.hub_id} are pickles, there are no safetensors",
            hint="MQwen runs no code in them. If you trust their owner, say so (--allow-pickle).",
        )
    staging = partial_folder(offer.hub_id)
    with _alone(staging), online():
        meter = Meter(offer.download_bytes, progress)
        _take_over(offer, staging, meter, cancelled)
        _check_room(offer, staging)
        small = [file for file in offer.files if file.name.endswith((".json", ".txt", ".jinja", ".tiktoken"))]
        for file in (*small, *(file for file in offer.files if file not in small)):
            _bring(offer, file, staging, meter, cancelled)
            if file == small[-1] and offer.kind == "llava":
                _check_small_files(offer, staging)  # before the large ones: a tokenizer that is missing is told now
        return _settle(offer, staging)


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """Return what was noted beside a download (hub_id, revision, licence, languages, files' sizes and hashes), or None.

    Raises:
        CheckpointError: the note is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        [(file["size"], file.get("sha256") or file["git_sha1"]) for file in content["files"].values()]
        return content
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "Download the model again: `mqwen models get NAME --again`."
        raise CheckpointError(f"it is damaged ({error})", path=path, hint=hint) from error


@contextmanager
def _alone(staging: Path) -> Iterator[None]:
    try:
        staging.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(staging / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise disk_error(error, staging) from error
    try:
        hold(descriptor, staging)
        if not is_still(descriptor, staging / LOCK):
            raise BusyError("the other process has just come to its end", path=staging)
        yield
    except BusyError as error:
        hint = "Wait for it, or stop it."
        raise DownloadError("another process downloads this model just now", path=staging, hint=hint) from error
    finally:
        os.close(descriptor)


def _verified(staging: Path, file: RemoteFile) -> Path:
    return staging / f"{file.name}.{file.hash[:16]}"


def _part(staging: Path, file: RemoteFile) -> Path:
    return staging / f"{file.name}.{file.hash[:16]}.part"


def _take_over(offer: Offer, staging: Path, meter: Meter, cancelled: Asked) -> None:
    """Bring what is here already into the staging folder: of an older download, and of an interrupted end."""
    ended = list(staging.glob("commit-*"))
    for file in offer.files:
        target = _verified(staging, file)
        for source in (*(folder / file.name for folder in ended), offer.folder / file.name):
            if target.exists() or not source.is_file():
                continue
            meter.tell("checking", file, 0)
            if not hash_matches(source, file, cancelled):
                continue
            try:
                if source.parent == offer.folder:
                    _link(source, target)
                else:
                    source.replace(target)
            except OSError as error:
                raise disk_error(error, target) from error
    for folder in ended:
        shutil.rmtree(folder, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        copy = target.with_name(target.name + ".part")
        shutil.copyfile(source, copy)
        copy.replace(target)


def _check_room(offer: Offer, staging: Path) -> None:
    here = 0
    for file in offer.files:
        path = next((path for path in (_verified(staging, file), _part(staging, file)) if path.exists()), None)
        here += min(path.stat().st_size, file.size) if path else 0
    needed, free = offer.download_bytes - here, shutil.disk_usage(staging).free
    if needed and free < needed + _SPARE_BYTES:
        room = (needed + _SPARE_BYTES) / 1e9
        raise DiskFullError(
            f"the download needs {room:.2f} GB of room, a little to spare in it, and {free / 1e9:.2f} GB are free",
            path=staging,
            hint="Make room, or keep models elsewhere: `mqwen models path --set DIR`.",
        )


def _bring(offer: Offer, file: RemoteFile, staging: Path, meter: Meter, cancelled: Asked) -> None:
    part, target = _part(staging, file), _verified(staging, file)
    if target.exists():
        meter.file_done(file)
        return
    for _ in range(2):  # what an earlier try left may be damaged: then once from the beginning
        fetch(
            offer.hub_id,
            offer.revision,
            file,
            part,
            received=lambda have: meter.tell("downloading", file, have),
            waiting=lambda why: meter.tell("waiting", file, part.stat().st_size if part.exists() else 0, why),
            cancelled=cancelled,
        )
        meter.tell("checking", file, file.size)
        try:
            if hash_matches(part, file, cancelled):
                part.replace(target)
                meter.file_done(file)
                return
            part.unlink()
        except OSError as error:
            raise disk_error(error, part) from error
    hint = "Try again later. If it stays so, the file on the server, or something on the way, is damaged."
    path = f"{offer.hub_id}/{file.name}"
    raise DownloadError("twice it did not arrive as the hub lists it", path=path, hint=hint)


def _check_small_files(offer: Offer, staging: Path) -> None:
    """Raise CheckpointError where tokenizer, chat template or image settings are such that MQwen cannot use them."""
    from mqwen.model.layouts import llava_config
    from mqwen.model.processor import MQwenProcessor
    from mqwen.model.tensors import read_json

    scratch = staging / "small"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        for file in offer.files:
            if _verified(staging, file).exists():
                _link(_verified(staging, file), scratch / file.name)
        MQwenProcessor.from_folder(scratch, llava_config(read_json(scratch / "config.json")))
    except CheckpointError as error:
        error.path = Path(offer.hub_id, *error.path.parts[len(scratch.parts) :]) if error.path else Path(offer.hub_id)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _assembled(offer: Offer, staging: Path) -> Path:
    return staging / f"commit-{offer.revision}"


def _settle(offer: Offer, staging: Path) -> Path:
    """Give the verified files their names, see that they are a model, and put it in its place."""
    whole = _assembled(offer, staging)
    try:
        whole.mkdir(exist_ok=True)
        note = {
            "hub_id": offer.hub_id,
            "revision": offer.revision,
            "licence": offer.licence,
            "languages": list(offer.languages),
            "downloaded": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": {
                file.name: {"size": file.size, ("sha256" if file.sha256 else "git_sha1"): file.hash}
                for file in offer.files
            },
        }
        (whole / MANIFEST).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        for file in sorted(offer.files, key=lambda file: file.name == "config.json"):  # nothing is a model without it
            _verified(staging, file).replace(whole / file.name)
    except OSError as error:
        raise disk_error(error, whole) from error
    try:
        _check_whole(offer, whole)
    except CheckpointError as error:
        shutil.rmtree(staging, ignore_errors=True)
        error.path = Path(offer.hub_id, error.path.name) if error.path else Path(offer.hub_id)
        raise
    try:
        if offer.folder.exists() or offer.folder.is_symlink():
            discard(offer.folder)
        offer.folder.parent.mkdir(parents=True, exist_ok=True)
        whole.rename(offer.folder)
        shutil.rmtree(staging, ignore_errors=True)
        return offer.folder
    except OSError as error:
        raise disk_error(error, offer.folder) from error


def _check_whole(offer: Offer, folder: Path) -> None:
    if offer.kind == "llava":
        from mqwen.model.checkpoint import inspect_checkpoint

        inspect_checkpoint(folder)
    else:
        from mqwen.model.tensors import find_weights

        find_weights(folder)
