"""What people change, step by step, so that it can be undone and done again, also after a restart.

A step keeps the changed fields of each photo as they were and as they became. Undoing puts the former back where the
latter still stand; a photo whose fields something else has changed since is left as it is, and named.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mqwen.errors import InputError
from mqwen.library import photo_rows
from mqwen.library.records import EditStep, Photo, PhotoEdit
from mqwen.library.stored import clean, from_stored

Field = Literal["caption", "keywords", "alt_text"]
_Fields = dict[str, Any]


def edit(db: sqlite3.Connection, edits: Sequence[tuple[int, PhotoEdit]], label: str) -> EditStep:
    """Make one step of edits, each with its photo's number; photos that they leave as they are are not in it."""
    if len({number for number, _ in edits}) < len(edits):
        raise InputError("one photo is named twice in one step", hint="Make one edit of the two.")
    changes = [
        (photo, fields)
        for number, change in edits
        if (photo := photo_rows.by_id(db, number)) and (fields := _changed(photo, change))
    ]
    at = time.time()
    if not changes:
        return EditStep(0, label, at, False, ())
    db.execute("DELETE FROM edit_steps WHERE undone")
    step = int(db.execute("INSERT INTO edit_steps (label, at) VALUES (?, ?)", (label, at)).lastrowid or 0)
    for photo, after in changes:
        before = _fields_of(photo, after)
        photo_rows.change(db, photo.id, _columns(photo, after))
        db.execute(
            "INSERT INTO edits (step, photo, before, after) VALUES (?, ?, ?, ?)",
            (step, photo.id, json.dumps(before), json.dumps(after)),
        )
    return EditStep(step, label, at, False, tuple(photo.path for photo, _ in changes))


def undo(db: sqlite3.Connection) -> EditStep | None:
    """Take the last step back."""
    return _swap(db, "WHERE NOT undone ORDER BY id DESC", back=True)


def redo(db: sqlite3.Connection) -> EditStep | None:
    """Do again what was undone last."""
    return _swap(db, "WHERE undone ORDER BY id", back=False)


def next_step(db: sqlite3.Connection, *, undone: bool) -> EditStep | None:
    """Return the step that undo(), or redo(), comes to next."""
    which = "WHERE undone ORDER BY id" if undone else "WHERE NOT undone ORDER BY id DESC"
    row = db.execute(f"SELECT id, label, at, undone FROM edit_steps {which} LIMIT 1").fetchone()
    if row is None:
        return None
    paths = db.execute("SELECT path FROM photos WHERE id IN (SELECT photo FROM edits WHERE step = ?)", (row[0],))
    return EditStep(row[0], row[1], row[2], bool(row[3]), tuple(from_stored(path) for (path,) in paths))


def texts(db: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """Yield every text that a step found or left, with its photo's number, as a text file would hold it."""
    for number, *stored in db.execute("SELECT photo, before, after FROM edits"):
        for fields in map(json.loads, stored):
            yield from ((number, text) for text in fields.get("captions", {}).values() if text)
            if fields.get("alt_text"):
                yield number, fields["alt_text"]
            if fields.get("keywords"):
                yield number, ", ".join(fields["keywords"])


def is_persons(db: sqlite3.Connection, photo: Photo, field: Field, languages: Iterable[str] = ("",)) -> bool:
    """Say whether words of a photo stand as a person left them.

    Args:
        languages: those of captions that count.
    """
    left = set(languages)
    steps = "FROM edits JOIN edit_steps ON edit_steps.id = step WHERE photo = ? AND NOT undone ORDER BY step DESC"
    for (after,) in db.execute(f"SELECT after {steps}", (photo.id,)):
        fields = json.loads(after)
        if field == "caption":
            for language in left & fields.get("captions", {}).keys():
                left.discard(language)  # what was edited last counts
                if (text := photo.captions.get(language)) and text == fields["captions"][language]:
                    return True
        elif field in fields:
            stands = list(photo.keywords) if field == "keywords" else photo.alt_text
            return bool(stands) and stands == fields[field]
    return False


def _swap(db: sqlite3.Connection, which: str, *, back: bool) -> EditStep | None:
    step = db.execute(f"SELECT id, label, at FROM edit_steps {which} LIMIT 1").fetchone()
    if step is None:
        return None
    done: list[Path] = []
    left: list[Path] = []
    rows = db.execute("SELECT photo, before, after FROM edits WHERE step = ?", (step[0],)).fetchall()
    for number, before, after in rows:
        stands, becomes = (json.loads(after), json.loads(before)) if back else (json.loads(before), json.loads(after))
        photo = photo_rows.by_id(db, number)
        if photo is None:
            continue
        # Words count; the state follows them, and may have been changed for itself.
        if _words(_fields_of(photo, stands)) != _words(stands):
            left.append(photo.path)
            continue
        photo_rows.change(db, number, _columns(photo, becomes))
        done.append(photo.path)
    db.execute("UPDATE edit_steps SET undone = ? WHERE id = ?", (back, step[0]))
    return EditStep(step[0], step[1], step[2], back, tuple(done), tuple(left))


def _changed(photo: Photo, edit: PhotoEdit) -> _Fields:
    """Return the fields that an edit changes, as they become; of captions the languages, None for one without."""
    after: _Fields = {}
    if edit.captions:
        after["captions"] = {
            language: _text(text)
            for language, text in edit.captions.items()
            if _text(text) != photo.captions.get(language)
        }
    if edit.keywords is not None:
        after["keywords"] = list(dict.fromkeys(word for entry in edit.keywords if (word := clean(entry).strip())))
    if edit.alt_text is not None:
        after["alt_text"] = _text(edit.alt_text)
    after = {name: value for name, value in after.items() if value != _fields_of(photo, {name: value})[name]}
    state = edit.state or ("edited" if after else None)
    if after:
        after["captioned_identity"] = photo.identity
    if state and state != photo.state:
        after |= {"state": state, "reason": None}
    return after


def _fields_of(photo: Photo, like: Mapping[str, Any]) -> _Fields:
    """Return the same fields as they are."""
    fields: _Fields = {name: getattr(photo, name) for name in like}
    if "captions" in like:
        fields["captions"] = {language: photo.captions.get(language) for language in like["captions"]}
    if "keywords" in like:
        fields["keywords"] = list(photo.keywords)
    return fields


def _columns(photo: Photo, fields: _Fields) -> _Fields:
    """Return the columns that these fields make of a photo's."""
    if "captions" not in fields:
        return fields
    captions = {**photo.captions, **fields["captions"]}
    return {**fields, "captions": {language: text for language, text in captions.items() if text is not None}}


def _words(fields: _Fields) -> _Fields:
    words: _Fields = {name: fields[name] for name in ("captions", "keywords", "alt_text") if name in fields}
    return words or fields


def _text(text: str | None) -> str | None:
    return clean(text) if text and text.strip() else None
