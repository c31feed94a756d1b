"""Photos that were known by their whole files before the catalog's version 4, though their pixels can be told: GIF,
HEIC and others of mqwen.library.pixel_extents.

When such a photo's file is seen as it was then, wherever it is, the photo gets the identity of its pixels. Until then
it keeps its former one, as its file may be on a disk that is not there.
"""

from __future__ import annotations

import sqlite3

from mqwen.library import photo_rows
from mqwen.library.records import Photo
from mqwen.library.schema import ONCE_WHOLE


def has_former(db: sqlite3.Connection, photo: Photo, path: str) -> bool:
    """Say whether the photo at a path may still be known by its whole file."""
    if not path.lower().endswith(ONCE_WHOLE):  # asked of every photo of a library, most of which are JPEGs
        return False
    return db.execute("SELECT 1 FROM former_identities WHERE photo = ?", (photo.id,)).fetchone() is not None


def adopt(db: sqlite3.Connection, former: str, identity: str) -> None:
    """Give the photos that are known by a whole file the identity of its pixels.

    Args:
        former: of a file.
        identity: of its pixels.
    """
    known = photo_rows.select(
        db, "WHERE identity = ? AND id IN (SELECT photo FROM former_identities) ORDER BY id", (former,)
    )
    captioned = photo_rows.select(
        db, "WHERE captioned_identity = ? AND captioned_identity IS NOT identity ORDER BY id", (former,)
    )
    for photo in known:
        columns = ["identity", *(["captioned_identity"] if photo.captioned_identity == former else [])]
        photo_rows.change(db, photo.id, dict.fromkeys(columns, identity))
        db.execute("DELETE FROM former_identities WHERE photo = ?", (photo.id,))
    for photo in captioned:
        photo_rows.change(db, photo.id, {"captioned_identity": identity})
    if known or captioned:  # or else undoing an edit would bring the former one back
        db.execute(
            "UPDATE edits SET before = replace(before, :former, :identity), after = replace(after, :former, :identity) "
            "WHERE instr(before, :former) OR instr(after, :former)",
            {"former": former, "identity": identity},
        )
