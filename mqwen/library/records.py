"""What goes into the catalog and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

State = Literal["new", "captioned", "edited", "approved", "failed", "skipped"]
STATES: tuple[State, ...] = get_args(State)
RunStatus = Literal["running", "interrupted", "done", "stopped", "failed"]
ChangeState = Literal["intended", "confirmed", "reverted"]


@dataclass(frozen=True, slots=True)
class Photo:
    """What is known of one photo.

    Attributes:
        id: stays the photo's own when it is renamed, moved or edited.
        path: absolute; where it was seen last.
        identity: of its pixels, see mqwen.library.identity.
        size, mtime_ns, inode: of its file when it was looked at last.
        captions: by language ("en", "zh", "" where it is not known).
        model: what the words came from: the model's name.
        fingerprint: of model, prompt and settings, as the run made it.
        logprob: mean natural log-probability of the caption's tokens; the lower, the more it should be reviewed.
        finish_reason: "stop", or "length" for a caption that was cut off.
        run: the run that dealt with it last.
        reason: why it failed or was skipped.
        captioned_identity: the identity that the words were written for; None without words.
        written: by target, the SHA-256 of the text that MQwen wrote there.
        changed: when the row changed last, in seconds since 1970.
        revision: grows with every change of any photo, see Catalog.changed_since().
    """

    id: int
    path: Path
    identity: str
    size: int
    mtime_ns: int
    inode: int
    state: State
    captions: Mapping[str, str]
    keywords: tuple[str, ...]
    alt_text: str | None
    model: str | None
    fingerprint: str | None
    logprob: float | None
    finish_reason: str | None
    run: int | None
    reason: str | None
    captioned_identity: str | None
    written: Mapping[str, str]
    changed: float
    revision: int

    @property
    def caption(self) -> str | None:
        """The caption, whatever its language: that of an unknown one first, else the first that was written."""
        return self.captions.get("") or next(iter(self.captions.values()), None)

    @property
    def pixels_changed(self) -> bool:
        """The picture is no longer the one that its words were written for."""
        return self.captioned_identity is not None and self.captioned_identity != self.identity


@dataclass(frozen=True, slots=True)
class PhotoUpdate:
    """What a run has to say about a photo. None leaves a field as it is.

    Attributes:
        path: the photo; if the catalog does not know it yet, it is looked at.
        captions: by language; other languages stay. A blank one goes.
        identity: that of the picture which the model saw; None takes the file's as it is now (after a write that
            changes the identity: metadata embedded into a format which is identified as a whole).
        reason: a clause; None clears it.
        written: by target; other targets stay. "" for one where nothing of ours stands any more.
    """

    path: Path
    state: State = "captioned"
    captions: Mapping[str, str] | None = None
    keywords: Sequence[str] | None = None
    alt_text: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    logprob: float | None = None
    finish_reason: str | None = None
    run: int | None = None
    reason: str | None = None
    written: Mapping[str, str] | None = None
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """What stood in a file before it was written. All None: there was no file.

    Attributes:
        data: what it takes to put it back (mqwen.library.undo); the catalog keeps it as it is.
        sha256: of the whole file, in hexadecimal.
        mode: its permissions, as os.stat has them.
    """

    data: bytes | None = None
    sha256: str | None = None
    mtime_ns: int | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One file that one run changed, or was about to change when it was killed.

    Attributes:
        photo: the photo's id, see Catalog.photo_by_id(); None where the photo has been forgotten.
        target: "txt", "caption", "xmp", "embed", "jsonl".
        file: absolute, as it was called then.
        before: without its data where that was not asked for.
        after_sha256: of the whole file as it was to be after the write; "" if it was to be gone.
        state: "intended" until it is confirmed.
        at: when it was noted, in seconds since 1970.
    """

    id: int
    run: int
    photo: int | None
    target: str
    file: Path
    before: Before
    after_sha256: str
    state: ChangeState
    at: float


@dataclass(frozen=True, slots=True)
class Run:
    """One captioning job.

    Attributes:
        started, ended: in seconds since 1970; ended is None while it runs and after it was killed.
        status: "interrupted" where it neither ended nor runs any more.
        settings: as they were given to begin_run(), through JSON.
        counts: as they were given to end_run(): photos by outcome.
        changes: files changed and not reverted.
        reverted: files changed and put back.
        pruned: when what is kept for reverting it was given up, None as long as it can be reverted.
    """

    id: int
    started: float
    ended: float | None
    status: RunStatus
    settings: Mapping[str, object]
    roots: tuple[Path, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: int = 0
    reverted: int = 0
    pruned: float | None = None


@dataclass(frozen=True, slots=True)
class PrunedRun:
    """A run that can no longer be reverted; `size` is the bytes of what was kept for that."""

    id: int
    ended: float
    size: int


@dataclass(frozen=True, slots=True)
class PhotoEdit:
    """What a person changed of one photo. None leaves a field as it is.

    Attributes:
        captions: by language; None as a value takes that language's caption away, other languages stay.
        alt_text: "" takes it away.
        state: None makes it "edited" where words change.
    """

    path: Path
    captions: Mapping[str, str | None] | None = None
    keywords: Sequence[str] | None = None
    alt_text: str | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class EditStep:
    """One step that can be undone: all that a person changed at once.

    Attributes:
        label: what it was called when it was made.
        undone: True where redo() would be next.
        photos: those it changed; of undo() and redo(), those whose words changed back.
        left: photos that undo() or redo() left as they are, as something else has changed them since.
    """

    id: int
    label: str
    at: float
    undone: bool
    photos: tuple[Path, ...]
    left: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo that a search found; the lower the score, the better it fits (FTS5's bm25)."""

    photo: Photo
    score: float


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of the whole catalog.

    Attributes:
        states: photos by state, every state named.
        pixels_changed: photos whose picture is no longer the captioned one.
        undo_bytes: what is kept for reverting runs.
        file_bytes: the catalog's files on disk.
    """

    photos: int
    states: Mapping[str, int]
    languages: Mapping[str, int]
    keywords: int
    pixels_changed: int
    runs: int
    changes: int
    undo_bytes: int
    edits: int
    file_bytes: int
    schema_version: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that Catalog.verify() found wrong: what it is, and what to do about it."""

    what: str
    hint: str
