"""The catalog's tables, and how a catalog of an earlier version becomes one of this version.

The version is SQLite's user_version. Each migration is a step of one version; all steps that a file needs are one
transaction: it is migrated, or it stays as it was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from mqwen.errors import CatalogError
from mqwen.library.search import terms

APPLICATION_ID = 0x4D51776E  # "MQwn": what `file` and we know the catalog by

_VERSION_1 = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started REAL NOT NULL,
    ended REAL,
    status TEXT NOT NULL,
    settings TEXT NOT NULL,
    roots TEXT NOT NULL,
    counts TEXT NOT NULL DEFAULT '{}'
);
-- Paths and names: see mqwen.library.stored. A displaced photo's path is another photo's now; it waits to be found.
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path NOT NULL,
    identity TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'new'
        CHECK (state IN ('new', 'captioned', 'edited', 'approved', 'failed', 'skipped')),
    captions TEXT NOT NULL DEFAULT '{}',
    keywords TEXT NOT NULL DEFAULT '[]',
    alt_text TEXT,
    model TEXT,
    fingerprint TEXT,
    logprob REAL,
    finish_reason TEXT,
    run INTEGER REFERENCES runs,
    reason TEXT,
    captioned_identity TEXT,
    written TEXT NOT NULL DEFAULT '{}',
    changed REAL NOT NULL,
    revision INTEGER NOT NULL,
    name NOT NULL,
    displaced INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX photos_path ON photos (path) WHERE NOT displaced;
CREATE INDEX photos_identity ON photos (identity);
CREATE INDEX photos_captioned_identity ON photos (captioned_identity) WHERE captioned_identity IS NOT identity;
CREATE INDEX photos_state ON photos (state) WHERE NOT displaced;
CREATE UNIQUE INDEX photos_revision ON photos (revision);
-- What stood there comes last: who only lists changes does not read it.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs,
    photo INTEGER REFERENCES photos ON DELETE SET NULL,
    target TEXT NOT NULL,
    file NOT NULL,
    before_sha256 TEXT,
    before_mtime_ns INTEGER,
    before_mode INTEGER,
    after_sha256 TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'intended' CHECK (state IN ('intended', 'confirmed', 'reverted')),
    at REAL NOT NULL,
    before BLOB
);
CREATE INDEX changes_run ON changes (run, id);
CREATE INDEX changes_photo ON changes (photo);
CREATE INDEX changes_intended ON changes (id) WHERE state = 'intended';
"""

_WORDS = "CREATE VIRTUAL TABLE words USING fts5 (caption, keyword, alt_text, tokenize = 'ascii')"
_VERSION_2 = f"""
{_WORDS};
CREATE TABLE photo_keywords (
    folded TEXT NOT NULL,
    photo INTEGER NOT NULL REFERENCES photos ON DELETE CASCADE,
    keyword TEXT NOT NULL,
    PRIMARY KEY (folded, photo)
) WITHOUT ROWID;
CREATE INDEX photo_keywords_photo ON photo_keywords (photo);
CREATE INDEX photos_run ON photos (run);
CREATE INDEX photos_model ON photos (model);
"""

_VERSION_3 = """
CREATE TABLE edit_steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL,
    at REAL NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);
-- As mqwen.library.conditions orders by risk.
CREATE INDEX photos_risk ON photos (finish_reason IS NOT 'length', logprob IS NULL, logprob) WHERE NOT displaced;
CREATE INDEX edit_steps_undone ON edit_steps (undone, id);
CREATE TABLE edits (
    step INTEGER NOT NULL REFERENCES edit_steps ON DELETE CASCADE,
    photo INTEGER NOT NULL REFERENCES photos ON DELETE CASCADE,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (step, photo)
) WITHOUT ROWID;
"""

# See mqwen.library.former_identities.
_VERSION_4 = """
CREATE TABLE former_identities (photo INTEGER PRIMARY KEY REFERENCES photos ON DELETE CASCADE);
"""
_VERSION_5 = """
ALTER TABLE runs ADD COLUMN pruned REAL;
CREATE INDEX edits_photo ON edits (photo);
"""
ONCE_WHOLE = (".gif", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".jpx", ".psd")


def index_words(db: sqlite3.Connection, photo: int, captions: str, keywords: str, alt_text: str | None) -> None:
    """Enter a photo's words into the search index and the list of keywords, in place of what is there."""
    texts = word_terms(captions, keywords, alt_text)
    db.execute("DELETE FROM words WHERE rowid = ?", (photo,))
    if any(texts):
        db.execute("INSERT INTO words (rowid, caption, keyword, alt_text) VALUES (?, ?, ?, ?)", (photo, *texts))
    db.execute("DELETE FROM photo_keywords WHERE photo = ?", (photo,))
    db.executemany(
        "INSERT OR IGNORE INTO photo_keywords (folded, photo, keyword) VALUES (?, ?, ?)",
        [(entry.casefold(), photo, entry) for entry in json.loads(keywords)],
    )


def word_terms(captions: str, keywords: str, alt_text: str | None) -> tuple[str, str, str]:
    """Return what the columns of the search index hold for these columns of `photos`."""
    return terms(json.loads(captions).values()), terms(json.loads(keywords)), terms([alt_text or ""])


def index_all_words(db: sqlite3.Connection) -> None:
    """Make the search index and the list of keywords anew."""
    db.execute("DROP TABLE words")  # a damaged one takes no DELETE
    db.execute(_WORDS)
    db.execute("DELETE FROM photo_keywords")
    for row in db.execute("SELECT id, captions, keywords, alt_text FROM photos").fetchall():
        index_words(db, *row)


def note_former_identities(db: sqlite3.Connection) -> None:
    """Note the photos whose identity may be that of the whole file, though their pixels can be told by now."""
    suffixes = " OR ".join(f"lower(name) LIKE '%{suffix}'" for suffix in ONCE_WHOLE)
    db.execute(
        "INSERT OR IGNORE INTO former_identities SELECT id FROM photos "
        f"WHERE identity LIKE printf('%x-%%', size) AND ({suffixes})"
    )


def _execute(script: str) -> Callable[[sqlite3.Connection], None]:
    def run(db: sqlite3.Connection) -> None:
        for statement in script.split(";\n"):  # executescript() would commit what is open
            if statement.strip():
                db.execute(statement)

    return run


# What takes a catalog from version i to i + 1.
MIGRATIONS: tuple[tuple[Callable[[sqlite3.Connection], None], ...], ...] = (
    (_execute(_VERSION_1),),
    (_execute(_VERSION_2), index_all_words),
    (_execute(_VERSION_3),),
    (_execute(_VERSION_4), note_former_identities),
    (_execute(_VERSION_5),),
)
VERSION = len(MIGRATIONS)
TABLES = ("photos", "runs", "changes", "edit_steps", "edits", "photo_keywords", "words", "former_identities")


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return a catalog's version, 0 for a new file.

    Raises:
        CatalogError: it is another program's file, or of a newer MQwen.
    """
    # In this order: another may be making the catalog at the same moment, and what it has made has its mark.
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise CatalogError(
            "this is another program's database, not a catalog", path=path, hint="Move it away, or give another path."
        )
    if version > VERSION:
        raise CatalogError(
            f"it was made by a newer MQwen (version {version} of its tables; this one knows {VERSION})",
            path=path,
            hint="Update MQwen. The catalog was left as it is.",
        )
    return int(version)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a catalog to this version. Raises CatalogError as version_of(); the file is then as it was."""
    if version_of(db, path) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for steps in MIGRATIONS[version_of(db, path) :]:  # looked at again: another process may have been quicker
            for step in steps:
                step(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
