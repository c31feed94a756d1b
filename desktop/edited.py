"""One photo's files brought to its words, and the note from which the next start goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.photos import State
from desktop.reasons import reason_of
from desktop.sidecars import EditPlaces, RunTargets
from mqwen.errors import MqwenError
from mqwen.library.edited_files import Words, write_words
from mqwen.library.kept_texts import KeptTexts
from mqwen.library.unfinished_edits import UnfinishedEdit

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Edited:
    """What became of one photo.

    Attributes:
        shown: its caption as it stands now; of one that could not be written, as it was to be.
        error: why the words are not in its files, None if they are.
    """

    path: Path
    shown: str
    state: State
    error: str | None = None


def write_photo(
    catalog: Catalog, path: Path, old: Words, where: EditPlaces, run: RunTargets | None, *, again: bool = False
) -> Edited:
    """Bring a photo's files from its old words to those that the catalog has now.

    Args:
        run: the targets of the run that is under way.
        again: it was tried before, and some of the files may have the words already.
    """
    known = catalog.photo(path)
    new, state = Words.of(known), State(known.state) if known is not None else State.EDITED

    def through(photo: Path, name: str, text: str) -> bool:
        # A metadata.jsonl has one writer at a time: while a run holds it, the edit goes through the run's hands.
        return run is not None and run.write_edit(photo, name, text, where.targets(photo).table_folder(photo))

    shown = new.caption()
    try:
        if run is not None:
            run.leave_to_human(path)
        if new != old:
            kept = KeptTexts(catalog.path, known.id) if known is not None else None
            write_words(path, old, new, where.targets(path), where.write, through, again=again, kept=kept)
        if run is None or "jsonl" not in run.names:  # what a run holds open is not to be read from here
            shown = where.targets(path).text(path) or shown
    except MqwenError as error:
        return Edited(path, shown, State.FAILED, reason_of(error))
    return Edited(path, " ".join(shown.split()), state if shown or state is not State.EDITED else State.NEW)


def note_of(catalog: Catalog, olds: Mapping[Path, Words], where: EditPlaces) -> UnfinishedEdit | None:
    """Note an edit before it is made; without a note it is made all the same."""
    if not olds:
        return None
    try:
        return UnfinishedEdit.note(catalog.path, olds, where.opened, where.write)
    except (MqwenError, OSError):
        log.exception("an edit goes without a note")
        return None
