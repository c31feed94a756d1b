"""Putting one file back to what stood there before one or several changes of a run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mqwen.errors import InputError, MqwenError
from mqwen.library.atomic import write_error
from mqwen.library.compose import digest
from mqwen.library.metadata_jsonl import MetadataJsonl
from mqwen.library.records import Change
from mqwen.library.table_undo import restored, texts, unpacked
from mqwen.library.undo_record import UndoRecord

CHANGED_SINCE = "it was changed since"
GONE = "it was moved or deleted since"
PRUNED = "what stood there is no longer kept"


@dataclass
class Restored:
    """What became of one file.

    Attributes:
        status: "restored" (in a dry run: would be), "kept" (it was touched since) or "failed".
        reason: why it was kept or failed, a clause for people.
        undone: the changes that are no more.
        text: for each of these, the text that stands in its target again if that is MQwen's own, else None.
    """

    file: Path
    status: Literal["restored", "kept", "failed"]
    reason: str | None = None
    undone: dict[int, str | None] = field(default_factory=dict)


def restore(file: Path, changes: Sequence[Change], *, force: bool = False, dry_run: bool = False) -> Restored:
    """Take back what was changed in one file, its date of change included.

    Args:
        changes: the newest first, all of this file, with their undo data.
        force: also where it was touched since, as far as what was kept allows: a small file comes back whole, in a
            large photo the metadata that stood there.

    What went wrong is in the result; nothing is raised.
    """
    try:
        if changes[0].target == "jsonl":
            return _restore_table(file, changes, force=force, dry_run=dry_run)
        return _restore_file(file, changes, force=force, dry_run=dry_run)
    except MqwenError as error:
        return Restored(file, "failed", error.what)
    except OSError as error:
        return Restored(file, "failed", write_error(error, file).what)


def state_of(change: Change) -> Literal["made", "not made", "other"]:
    """Say whether a change that was intended has been made; "other": somebody changed the file since.

    Args:
        change: with its undo data.

    Raises:
        InputError, OSError: it cannot be told now: the drive is gone, the file cannot be read.
    """
    if change.target == "jsonl":
        table, _ = unpacked(change.file, change.before.data or b"")
        with MetadataJsonl(change.file.parent) as content:
            text = content.get(change.file.parent / table.name)
        return "made" if text is not None and digest(text) == change.after_sha256 else "not made"
    if not change.file.parent.is_dir():
        raise InputError("its folder is not there", path=change.file)
    data, _ = _read(change.file)
    found = hashlib.sha256(data).hexdigest() if data is not None else None
    if (found or "") == change.after_sha256:
        return "made"
    return "not made" if found == change.before.sha256 else "other"


def _restore_file(file: Path, changes: Sequence[Change], *, force: bool, dry_run: bool) -> Restored:
    on_disk, found = _read(file)
    now, result = on_disk, Restored(file, "restored")
    mtime_ns = mode = None
    for change in changes:
        before = change.before
        if before.data is None and before.sha256 is not None:  # without its data it must not pass for a new file
            result.status, result.reason = "kept", PRUNED
            break
        sha256 = hashlib.sha256(now).hexdigest() if now is not None else None
        record = UndoRecord.unpack(before.data) if before.data else None
        exact = True
        if (sha256 or "") == change.after_sha256:
            now = record.old(now or b"") if record else None
        elif sha256 != before.sha256:
            if not force or (record is None and now is None):
                result.status, result.reason = "kept", GONE if now is None else CHANGED_SINCE
                break
            try:
                now = record.by_force(now) if record else None
            except InputError as error:
                result.status, result.reason = "kept", error.what
                break
            exact = now is None or hashlib.sha256(now).hexdigest() == before.sha256
        # A photo that only got its old metadata back by force keeps the date of the change that it keeps, too.
        mtime_ns, mode = (before.mtime_ns, before.mode) if exact else (None, None)
        result.undone[change.id] = _text(change.target, now) if record and record.ours else None
    if not result.undone or dry_run:
        return result
    if now is None:
        if on_disk is not None and found is not None:
            _remove(file, found)
    else:
        _replace(file, on_disk, now, found)
        if mode is not None and os.name != "nt" and os.stat(file).st_mode & 0o7777 != mode:
            os.chmod(file, mode)
        if mtime_ns is not None:
            _set_mtime(file, mtime_ns)
    return result


def _restore_table(file: Path, changes: Sequence[Change], *, force: bool, dry_run: bool) -> Restored:
    """Take back the lines of photos in a metadata.jsonl; where nothing else changed in it, the file is as it was."""
    result = Restored(file, "restored")
    if not file.parent.is_dir():
        return Restored(file, "failed", "its folder is not there")
    oldest, _ = unpacked(file, changes[-1].before.data or b"")
    with MetadataJsonl(file.parent) as table:
        kept = 0

        def change_back(data: bytes) -> bytes | None:
            nonlocal kept
            now: dict[str, str | None] = texts(data)
            lines: dict[str, tuple[bytes, ...]] = {}
            for change in changes:
                before, ours = unpacked(file, change.before.data or b"")
                text = now.get(before.name)
                old = texts(b"".join(before.lines)).get(before.name)
                if text is None and not force and not before.lines:
                    pass  # the line is gone already
                elif not force and (text is None or digest(text) not in (change.after_sha256, digest(old or ""))):
                    kept += 1
                    continue
                now[before.name] = old
                lines[before.name] = before.lines
                result.undone[change.id] = old if ours else None
            after = restored(data, lines)
            if _sha256(after) != oldest.sha256 and _sha256(after.removesuffix(b"\n")) == oldest.sha256:
                after = after.removesuffix(b"\n")  # only there for the lines after it
            return None if oldest.sha256 is None and not after else after

        if dry_run:
            change_back(file.read_bytes() if file.exists() else b"")
        else:
            table.rewrite(change_back)
    if kept:
        result.status = "kept"
        result.reason = f"{kept} of its lines were changed since" if result.undone else "its lines were changed since"
    if not dry_run and oldest.mtime_ns is not None and file.exists() and _sha256(file.read_bytes()) == oldest.sha256:
        _set_mtime(file, oldest.mtime_ns)
    return result


def _text(target: str, data: bytes | None) -> str | None:
    """Return the text that a .txt or .caption holds; of metadata the file itself knows whose it is."""
    if data is None or target not in ("txt", "caption"):
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _read(file: Path) -> tuple[bytes | None, os.stat_result | None]:
    try:
        with open(file, "rb") as opened:
            return opened.read(), os.fstat(opened.fileno())
    except FileNotFoundError:
        return None, None


def _replace(file: Path, on_disk: bytes | None, now: bytes, found: os.stat_result | None) -> None:
    from mqwen.library.metadata.commit import commit

    if now != on_disk:
        commit(file, now, found)


def _remove(file: Path, found: os.stat_result) -> None:
    from mqwen.library.metadata.commit import remove

    remove(file, found)


def _set_mtime(file: Path, mtime_ns: int) -> None:
    found = os.stat(file)
    if found.st_mtime_ns != mtime_ns:
        os.utime(file, ns=(found.st_atime_ns, mtime_ns))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
