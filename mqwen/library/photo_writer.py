"""One photo's caption on its way into files: what is written where, and what there is to say about it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.engine.caption import Caption
from mqwen.errors import DiskFullError, ImageError, InputError, MqwenError, WriteError
from mqwen.library.compose import Words, compose, digest
from mqwen.library.decide import HUMAN, Decision, Known, decide
from mqwen.library.fingerprint import prompt_hash
from mqwen.library.record import Record
from mqwen.library.sidecar import appended, fold, one_line
from mqwen.library.targets import METADATA_TARGETS, Targets
from mqwen.library.writing import Writing
from mqwen.outcome import Outcome, failed
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from mqwen.library.metadata.fields import Edit

_STEMS = 64
# Metadata first: where they go decides what an XMP sidecar gets.
_ORDER = ("embed", "xmp", "txt", "caption", "jsonl")


@dataclass
class _Plan:
    """What one photo's targets come to.

    Attributes:
        writings: by file.
        ours: by target, the digest of the text that then stands there and is all ours.
        text: what then stands in the first file of text.
        reasons: what goes another way than was asked for.
    """

    writings: dict[Path, Writing] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)
    text: str = ""
    errors: list[MqwenError] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class PhotoWriter:
    """Writes captions as one run's settings say; thread-safe.

    Args:
        record: where each change is noted before it is made.
    """

    def __init__(self, targets: Targets, settings: RunSettings, record: Record) -> None:
        self._targets = targets
        self._settings = settings
        self._record = record
        # Photos of one stem may share an XMP sidecar: they are written one after the other.
        self._stems = [threading.Lock() for _ in range(_STEMS)]

    def decide(self, photo: Path, *, look: bool = False) -> Decision:
        """Decide about a photo as it is now; raises as mqwen.library.decide.decide().

        Args:
            look: read the file where that tells more about it.
        """

        def known() -> Known:
            return self._record.known(photo)

        decision = decide(photo, self._targets, self._settings, known)
        if not decision.names or self._settings.existing == "overwrite-all":
            return decision
        # Words that a person gave to the catalog need not stand in any file.
        return Decision((), HUMAN) if self._record.holds_persons_words(photo, look=look) else decision

    def write(self, photo: Path, result: Caption | MqwenError) -> tuple[Outcome, DiskFullError | None]:
        """Write one caption where the settings say; return the photo's outcome, and the error that must end the run.

        Raises:
            WriteError: the catalog takes no more; nothing unrecorded is written.
        """
        outcome, fatal = self._write(photo, result)
        if outcome.status == "failed" and fatal is None:
            self._record.failed(photo, outcome.reason or "")
        return outcome, fatal

    def _write(self, photo: Path, result: Caption | MqwenError) -> tuple[Outcome, DiskFullError | None]:
        same = self._record.is_same(photo)
        if isinstance(result, MqwenError):
            return failed(photo, result), None
        if not result.text:
            return failed(photo, ImageError("the model gave it no text", hint="Try another prompt or model.")), None
        words = compose(result, self._settings)
        stem = fold(str(photo.with_suffix("")))
        with self._targets.writing(photo) as allowed, self._stems[hash(stem) % _STEMS]:
            if not allowed:
                return Outcome(photo, "skipped", reason=HUMAN), None
            lost = _lost(photo, same)
            return (failed(photo, lost), None) if lost else self._write_words(photo, words, result, same)

    def _write_words(
        self, photo: Path, words: Words, result: Caption, same: Callable[[], bool]
    ) -> tuple[Outcome, DiskFullError | None]:
        try:
            # Looked at again: somebody may have written something meanwhile.
            decision = self.decide(photo, look=True)
        except InputError as error:
            return failed(photo, error), None
        if self._targets.names and not decision.names:
            return Outcome(photo, "skipped", reason=decision.reason), None
        plan = self._plan(photo, words, decision)
        if plan.writings or plan.ours:
            update = self._record.update_of(photo, replace(words, text=plan.text or words.text), result, plan.ours)
            try:
                # A write into the photo has looked for itself, and the file is another one after it.
                lost = None if photo in plan.writings else partial(_lost, photo, same)
                plan.errors += self._record.write(list(plan.writings.values()), update, lost)
            except DiskFullError as error:
                return failed(photo, error), error
            except ImageError as error:
                return failed(photo, error), None
        if plan.errors:
            return failed(photo, plan.errors[0]), None
        reasons = [*plan.reasons, *([HUMAN] if decision.reason == HUMAN else [])]
        return Outcome(photo, "captioned", words.text, words.keywords, "; ".join(reasons) or None), None

    def _plan(self, photo: Path, words: Words, decision: Decision) -> _Plan:
        from mqwen.library.metadata.blocks import Refusal

        plan = _Plan()
        for name in sorted(decision.names, key=_ORDER.index):
            try:
                was_ours = name in decision.were_ours
                if name in METADATA_TARGETS:
                    self._plan_metadata(plan, photo, name, words, was_ours)
                    plan.ours |= {name: digest(words.text)} if name in decision.ours else {}
                    continue
                writing, text = self._plan_text(photo, name, one_line(words.text), was_ours)
            except Refusal as refusal:
                plan.errors.append(WriteError(refusal.reason, path=photo))
            except (WriteError, InputError) as error:
                plan.errors.append(error)
            else:
                if writing:
                    plan.writings[writing.file] = writing
                plan.text = plan.text or text
                if name in decision.ours:
                    plan.ours[name] = digest(text)
        return plan

    def _plan_text(self, photo: Path, name: str, line: str, was_ours: bool) -> tuple[Writing | None, str]:
        """Return what writes a text file's target, and what then stands there."""
        append = self._settings.existing == "append"
        if name == "jsonl":
            change = self._targets.table_change(photo)
            existing = change.text if append else None
            text = appended(existing, line) if existing and existing.strip() else line
            if text == change.text:
                return None, text
            make = partial(self._targets.write_table, photo, text, append=False)
            unmake = partial(self._targets.restore_table, photo, change)
            return Writing.of_table(change, text, make, unmake, ours=was_ours), text
        planned = self._targets.plan(photo, name, line, append=append)
        if planned is None:
            return None, line
        return Writing.of_file(name, planned, ours=was_ours), (planned.after or b"").decode()

    def _plan_metadata(self, plan: _Plan, photo: Path, name: str, words: Words, was_ours: bool) -> None:
        for planned in self._targets.plan_metadata(photo, name, self.edit_for(words)):
            if planned.path in plan.writings:  # embedded metadata that had to go to the sidecar which is written anyway
                continue
            plan.writings[planned.path] = Writing.of_file(
                name,
                planned,
                ours=was_ours,
                photo=planned.path == photo,
                keep_mtime=self._settings.keep_mtime,
            )
            if planned.reason:
                plan.reasons.append(f"its metadata went to {planned.path.name}: {planned.reason}")

    def edit_for(self, words: Words) -> Edit:
        """Return the edit of a photo's metadata that these words mean."""
        from mqwen.library.metadata.fields import Edit, Provenance

        settings = self._settings
        edit = Edit(
            language=None if settings.prompt else settings.language,
            provenance=Provenance(model=self._record.model, prompt_hash=prompt_hash(settings)),
            mode={"skip": "fill", "fill": "fill", "append": "append"}.get(settings.existing, "replace"),  # type: ignore[arg-type]
        )
        match self._targets.field:
            case "keywords":
                return replace(edit, keywords=words.keywords)
            case "alt_text":
                return replace(edit, alt_text=words.text)
            case _:
                return replace(edit, caption=words.text)


def _lost(photo: Path, same: Callable[[], bool]) -> ImageError | None:
    """Return an error where a photo is no longer the one that the model has seen."""
    if not os.path.exists(photo):  # Path.exists raises where a folder or a network disk can no longer be read
        return ImageError("it was deleted while it was being captioned")
    if not same():
        return ImageError("another picture took its place while it was being captioned", hint="Run again.")
    return None
