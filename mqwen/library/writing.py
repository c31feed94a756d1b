"""One change of one file that a run is about to make, with all that is needed to take it back."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.library.compose import digest
from mqwen.library.records import Before
from mqwen.library.table_undo import packed
from mqwen.library.undo_record import UndoRecord

if TYPE_CHECKING:
    from mqwen.library.metadata.plan import Planned
    from mqwen.library.metadata_jsonl import TableChange


@dataclass(frozen=True)
class Writing:
    """A change that is planned and not made yet.

    Attributes:
        target: one of mqwen.library.targets.TARGETS.
        file: what changes.
        before: what stands there now. Of a metadata.jsonl: the photo's lines, and the file as the run found it.
        after_sha256: of the file as it will be, "" if it goes; of a metadata.jsonl the digest of the photo's new text.
        make: makes the change; raises WriteError, DiskFullError or InputError, and then nothing has changed.
        unmake: takes it back where only the run itself can: it holds its metadata.jsonl open.
    """

    target: str
    file: Path
    before: Before
    after_sha256: str
    make: Callable[[], object]
    unmake: Callable[[], object] | None = None

    @classmethod
    def of_file(
        cls, target: str, planned: Planned, *, ours: bool = False, photo: bool = False, keep_mtime: bool = False
    ) -> Writing:
        """Return the change of one file.

        Args:
            ours: what stands there is MQwen's own text.
            photo: it is the photo itself.
        """
        from mqwen.library.metadata.commit import commit, remove

        old, found = planned.before, planned.stat_at_read
        new = planned.after if planned.after is not None else b""
        before = Before()
        if old is not None and found is not None:
            record = UndoRecord.of(new, old, ours=ours, photo=photo).pack()
            before = Before(record, hashlib.sha256(old).hexdigest(), found.st_mtime_ns, stat.S_IMODE(found.st_mode))
        if planned.after is None:
            if found is None:
                raise ValueError("what is not there cannot be deleted")
            return cls(target, planned.path, before, "", lambda: remove(planned.path, found))
        return cls(
            target=target,
            file=planned.path,
            before=before,
            after_sha256=hashlib.sha256(new).hexdigest(),
            make=lambda: commit(planned.path, new, found, keep_mtime=keep_mtime),
        )

    @classmethod
    def of_table(
        cls,
        change: TableChange,
        text: str,
        make: Callable[[], object],
        unmake: Callable[[], object],
        *,
        ours: bool = False,
    ) -> Writing:
        """Return the change of one photo's line in a metadata.jsonl."""
        before = Before(packed(change, ours=ours), change.sha256, change.mtime_ns)
        return cls("jsonl", change.path, before, digest(text), make, unmake)
