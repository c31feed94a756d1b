"""What a killed run left between two steps is brought to an end: all of a photo's files are written, or none."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.errors import MqwenError
from mqwen.library.atomic import remove_leftovers
from mqwen.library.compose import digest
from mqwen.library.photo_update import photo_update
from mqwen.library.records import Change, PhotoUpdate
from mqwen.library.restore import restore, state_of
from mqwen.library.sidecar import read_sidecar
from mqwen.library.targets import Targets, field_of

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

log = logging.getLogger(__name__)


def heal(catalog: Catalog) -> None:
    """Look at the files of every change that was noted and never confirmed.

    Where all files of a photo were written, that is noted now; where only some were, these are put back, and the photo
    is captioned again. What cannot be looked at now (a drive that is not there) waits for the next start.
    """
    photos: dict[tuple[int, int | None], list[Change]] = defaultdict(list)
    for change in catalog.pending():
        photos[change.run, change.photo].append(catalog.change(change.id))
    for (_, photo), changes in photos.items():
        for folder in {change.file.parent for change in changes}:
            remove_leftovers(folder)
        try:
            states = {change.id: state_of(change) for change in changes}
            if all(state == "made" for state in states.values()):
                catalog.confirm(*states, photo=_update(catalog, photo, changes))
            else:
                take_back(catalog, [change for change, state in states.items() if state == "made"])
                catalog.forget(*(change for change, state in states.items() if state != "made"))
        except (MqwenError, OSError) as error:
            log.warning("an interrupted change of %s is not settled: %s", changes[0].file, error)


def take_back(catalog: Catalog, changes: Sequence[int]) -> None:
    """Put back the files of changes that were noted and made, as far as they were; what fails is left for heal()."""
    for change in reversed([catalog.change(number) for number in changes]):
        with suppress(MqwenError, OSError):
            if state_of(change) == "made":
                restored = restore(change.file, [change])
                if restored.status == "failed":
                    log.warning("%s is not put back yet: %s", change.file, restored.reason)
                    continue
            catalog.forget(change.id)


def _update(catalog: Catalog, photo: int | None, changes: Sequence[Change]) -> PhotoUpdate | None:
    """Return what the run would have noted of the photo, as far as the files tell."""
    known = catalog.photo_by_id(photo) if photo is not None else None
    if known is None:
        return None
    run = catalog.run(changes[0].run)
    settings = run.settings
    if "style" not in settings:  # a person's edit of metadata, see mqwen.library.editing_run
        return None
    style, language = str(settings.get("style")), "" if settings.get("prompt") else str(settings.get("language"))
    text, written = "", {}
    for change in changes:
        read = _text(change, known.path, style)
        text = text or read
        # What was added to a person's words is not ours alone: that cannot be told here.
        if settings.get("existing") != "append" and change.target in ("txt", "caption", "jsonl"):
            written[change.target] = digest(read)
    keywords = tuple(word.strip() for word in text.split(",")) if style == "keywords" else ()
    return photo_update(
        known.path,
        style,
        language,
        text,
        keywords,
        model=str(settings.get("model")),
        fingerprint=str(settings.get("fingerprint")),
        run=run.id,
        written=written,
    )


def _text(change: Change, photo: Path, style: str) -> str:
    """Return the text that a change has left in its target."""
    if change.target in ("txt", "caption"):
        return read_sidecar(change.file) or ""
    with Targets([change.file.parent], ()) as targets:
        targets.field = field_of(style)
        found = targets.read(photo, change.target)
    return found.text if found else ""
