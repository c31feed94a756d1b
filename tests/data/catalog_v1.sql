PRAGMA user_version = 1;
PRAGMA application_id = 1297184622;
BEGIN TRANSACTION;
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
INSERT INTO "changes" VALUES(1,1,1,'txt','/photos/a.txt','b1',3,420,'a1','confirmed',1767225601.5,X'6F6C64');
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
INSERT INTO "photos" VALUES(1,'/photos/a.jpg','10-aa',100,5,7,'captioned','{"en": "A red car.", "zh": "一辆红色汽车。"}','["Car", "red"]','A car','starter','f1',-0.25,NULL,1,NULL,'10-aa','{"txt": "77"}',1767225601.0,1,'a.jpg',0);
INSERT INTO "photos" VALUES(2,X'2F70686F746F732FFF2E6A7067','10-bb',100,5,8,'new','{}','[]',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',1767225602.0,2,X'FF2E6A7067',0);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started REAL NOT NULL,
    ended REAL,
    status TEXT NOT NULL,
    settings TEXT NOT NULL,
    roots TEXT NOT NULL,
    counts TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO "runs" VALUES(1,1767225600.0,1767225660.0,'done','{"model": "starter"}','["/photos"]','{"captioned": 2}');
CREATE UNIQUE INDEX photos_path ON photos (path) WHERE NOT displaced;
CREATE INDEX photos_identity ON photos (identity);
CREATE INDEX photos_captioned_identity ON photos (captioned_identity) WHERE captioned_identity IS NOT identity;
CREATE INDEX photos_state ON photos (state) WHERE NOT displaced;
CREATE UNIQUE INDEX photos_revision ON photos (revision);
CREATE INDEX changes_run ON changes (run, id);
CREATE INDEX changes_photo ON changes (photo);
CREATE INDEX changes_intended ON changes (id) WHERE state = 'intended';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',1);
INSERT INTO "sqlite_sequence" VALUES('photos',2);
INSERT INTO "sqlite_sequence" VALUES('changes',1);
COMMIT;
