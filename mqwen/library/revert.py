"""Taking a whole run back: every file that has not been touched since, byte for byte, its date of change included."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mqwen.engine.caption import split_keywords
from mqwen.errors import ImageError, InputError
from mqwen.library.catalog import Catalog
from mqwen.library.compose import digest
from mqwen.library.heal import heal
from mqwen.library.metadata.xmp_sidecar import existing_sidecars
from mqwen.library.records import Change, PhotoUpdate, Run
from mqwen.library.restore import Restored, restore
from mqwen.library.scan import scan
from mqwen.library.sidecar import sidecar_path
from mqwen.library.targets import field_of


def revert(
    catalog: Catalog, run: int, paths: Sequence[Path | str] = (), *, force: bool = False, dry_run: bool = False
) -> Iterator[Restored]:
    """Put back what a run changed, file by file, and yield what became of each.

    A file that was touched since, by a person or a later run, is kept and its reason given; one that was renamed along
    with its photo, or with it moved within the run's folders, is found. Each file is done for good when it is yielded:
    this may be stopped at any moment, and repeated; what is back already costs one look.

    Args:
        paths: only of these photos, and of those in these folders; none means all.
        force: put back files that were touched since, too: sidecars as they were, in larger photos the metadata that
            stood there.
        dry_run: change nothing, say what would become of each.

    Raises:
        InputError: there is no such run, it still runs, or its undo data were given up.
        CatalogError, DiskFullError: it cannot be noted.
    """
    about = catalog.run(run)
    if about.status == "running":
        raise InputError(f"run {run} is still running", hint="Stop it first, or wait for its end.")
    if about.pruned is not None:
        raise InputError(
            f"run {run} can no longer be reverted: what was kept for that was given up on "
            f"{time.strftime('%Y-%m-%d', time.localtime(about.pruned))}"
        )
    if not dry_run:
        heal(catalog)
    within = [Path(os.path.abspath(path)) for path in paths]
    files: dict[Path, list[int]] = {}
    for change in catalog.changes(run, newest_first=True, state="confirmed"):
        if not within or _concerns(catalog, change, within):
            files.setdefault(change.file, []).append(change.id)
    looked = False
    for file, numbers in files.items():
        changes = [catalog.change(number) for number in numbers]
        if not looked and not os.path.lexists(file):
            looked = True  # once: photos that were renamed since are known again then, by their pixels
            for _ in catalog.observe_many(scan([*about.roots, *within], on_error=lambda error: None)):
                pass
        result = restore(_where_now(catalog, changes[0]), changes, force=force, dry_run=dry_run)
        if result.undone and not dry_run:
            catalog.mark_reverted(*result.undone)
            for change in changes:
                if change.id in result.undone:
                    _note(catalog, about, change, result.undone[change.id])
        yield result


def _concerns(catalog: Catalog, change: Change, paths: Sequence[Path]) -> bool:
    photo = catalog.photo_by_id(change.photo) if change.photo is not None else None
    return photo is not None and any(path == photo.path or path in photo.path.parents for path in paths)


def _where_now(catalog: Catalog, change: Change) -> Path:
    """Return where a changed file is: the same file may be found at its photo's new name or place."""
    photo = catalog.photo_by_id(change.photo) if change.photo is not None else None
    if photo is None or change.target == "jsonl" or os.path.lexists(change.file):
        return change.file
    match change.file.suffix.lower():
        case ".xmp":
            places: Sequence[Path] = existing_sidecars(photo.path)
        case ".txt" | ".caption":
            places = [sidecar_path(photo.path, change.file.suffix.lower())]
        case _:
            places = [photo.path]
    for place in places:
        with suppress(OSError):
            if hashlib.sha256(place.read_bytes()).hexdigest() == change.after_sha256:
                return place
    return change.file


def _note(catalog: Catalog, run: Run, change: Change, text: str | None) -> None:
    """Tell the catalog what stands in a photo's target again.

    Args:
        text: if it is MQwen's own, else None.
    """
    photo = catalog.photo_by_id(change.photo) if change.photo is not None else None
    if photo is None or "style" not in run.settings:  # a person's edit of metadata is no caption of ours
        return
    is_latest = photo.run == run.id or not photo.fingerprint or photo.written.get(change.target) == change.after_sha256
    if not is_latest:  # a later run has written elsewhere, and what is known of the photo is from that
        return
    others = any(target != change.target for target in photo.written)
    kept = bool(text) or others or catalog.has_changes(photo.id)
    language = "" if run.settings.get("prompt") else str(run.settings.get("language", ""))
    field = field_of(str(run.settings.get("style", "")))
    persons = catalog.is_persons(photo, field, photo.captions)
    update = PhotoUpdate(
        photo.path,
        state=photo.state if persons else "captioned" if kept else "new",
        fingerprint="",  # whatever stands there now, it is not from that model and prompt
        reason=f"run {run.id} was reverted",
        written={change.target: digest(text) if text else ""},
    )
    if not persons and (text or not others):  # a person's words stay, wherever they stand
        match field:
            case "keywords":
                update = replace(update, keywords=split_keywords(text or ""))
            case "alt_text":
                update = replace(update, alt_text=text or "")
            case _:
                gone = {language} if kept else {*photo.captions}
                update = replace(update, captions={**dict.fromkeys(gone, ""), **({language: text} if text else {})})
    try:
        catalog.update(update)
    except ImageError:  # the photo is gone since
        return
