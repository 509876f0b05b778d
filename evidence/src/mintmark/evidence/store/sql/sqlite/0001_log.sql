-- The log in one SQLite file. `mintmark verify` makes this schema again in memory and compares: a guard that was
-- dropped is found, and what somebody did while it was away is found by the checks of the content.

CREATE TABLE log_head (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  origin TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size >= 0),
  root BLOB NOT NULL CHECK (length(root) = 32)
);
CREATE TABLE entry (
  idx INTEGER PRIMARY KEY CHECK (idx >= 0),
  content BLOB NOT NULL CHECK (length(content) BETWEEN 1 AND 65535)
);
CREATE TABLE tile (level INTEGER NOT NULL, idx INTEGER NOT NULL, content BLOB NOT NULL CHECK (length(content) = 8192),
  PRIMARY KEY (level, idx)) WITHOUT ROWID;
CREATE TABLE integrated (size INTEGER PRIMARY KEY CHECK (size > 0), root BLOB NOT NULL CHECK (length(root) = 32));
CREATE TABLE checkpoint (size INTEGER NOT NULL CHECK (size > 0), signatures INTEGER NOT NULL CHECK (signatures > 0),
  note BLOB NOT NULL, PRIMARY KEY (size, signatures)) WITHOUT ROWID;
CREATE TABLE payload (commitment TEXT PRIMARY KEY, salt BLOB NOT NULL CHECK (length(salt) = 32), content BLOB NOT NULL);
-- Bounded, and of these types, for whoever drains it reads it: what would not be recorded anyway is refused at once.
CREATE TABLE inbox (
  id TEXT PRIMARY KEY NOT NULL CHECK (typeof(id) = 'text'),
  bundle BLOB NOT NULL CHECK (typeof(bundle) = 'blob' AND length(bundle) <= 16777216),
  controls TEXT NOT NULL DEFAULT '[]' CHECK (typeof(controls) = 'text' AND length(controls) <= 65535),
  refs TEXT NOT NULL DEFAULT '[]' CHECK (typeof(refs) = 'text' AND length(refs) <= 65535)
);

CREATE TABLE entry_id (id TEXT PRIMARY KEY, idx INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE view_entry (idx INTEGER PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, producer TEXT NOT NULL);
CREATE TABLE view_subject (idx INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
  PRIMARY KEY (idx, position)) WITHOUT ROWID;
CREATE TABLE view_ref (idx INTEGER NOT NULL, position INTEGER NOT NULL, ref TEXT NOT NULL,
  PRIMARY KEY (idx, position)) WITHOUT ROWID;
CREATE INDEX view_entry_by_kind ON view_entry (kind, at);
CREATE INDEX view_subject_by_digest ON view_subject (digest);
CREATE INDEX view_ref_by_ref ON view_ref (ref);

-- What is recorded is not changed.
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER tile_no_update BEFORE UPDATE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END;
CREATE TRIGGER tile_no_delete BEFORE DELETE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END;
CREATE TRIGGER integrated_no_update BEFORE UPDATE ON integrated BEGIN SELECT RAISE(ABORT, 'integrated is append-only'); END;
CREATE TRIGGER integrated_no_delete BEFORE DELETE ON integrated BEGIN SELECT RAISE(ABORT, 'integrated is append-only'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END;
CREATE TRIGGER payload_no_update BEFORE UPDATE ON payload BEGIN SELECT RAISE(ABORT, 'payload is append-only'); END;
CREATE TRIGGER entry_id_no_update BEFORE UPDATE ON entry_id BEGIN SELECT RAISE(ABORT, 'entry_id is append-only'); END;
CREATE TRIGGER entry_id_no_delete BEFORE DELETE ON entry_id BEGIN SELECT RAISE(ABORT, 'entry_id is append-only'); END;
CREATE TRIGGER view_entry_no_update BEFORE UPDATE ON view_entry BEGIN SELECT RAISE(ABORT, 'view_entry is append-only'); END;
CREATE TRIGGER view_entry_no_delete BEFORE DELETE ON view_entry BEGIN SELECT RAISE(ABORT, 'view_entry is append-only'); END;
CREATE TRIGGER view_subject_no_update BEFORE UPDATE ON view_subject BEGIN SELECT RAISE(ABORT, 'view_subject is append-only'); END;
CREATE TRIGGER view_subject_no_delete BEFORE DELETE ON view_subject BEGIN SELECT RAISE(ABORT, 'view_subject is append-only'); END;
CREATE TRIGGER view_ref_no_update BEFORE UPDATE ON view_ref BEGIN SELECT RAISE(ABORT, 'view_ref is append-only'); END;
CREATE TRIGGER view_ref_no_delete BEFORE DELETE ON view_ref BEGIN SELECT RAISE(ABORT, 'view_ref is append-only'); END;

-- A payload may go, once the log says so: an entry of kind `erasure` refers to it.
CREATE TRIGGER payload_no_delete BEFORE DELETE ON payload
WHEN NOT EXISTS (SELECT 1 FROM view_ref WHERE ref = 'erased:' || OLD.commitment)
BEGIN SELECT RAISE(ABORT, 'payload is append-only until its erasure is recorded'); END;

-- The head only grows, and only to where the entries are.
CREATE TRIGGER log_head_grows BEFORE UPDATE ON log_head
WHEN NEW.size <= OLD.size OR NEW.origin <> OLD.origin OR NEW.singleton <> OLD.singleton
  OR (SELECT count(*) FROM entry WHERE idx >= OLD.size) <> NEW.size - OLD.size
  OR (SELECT max(idx) FROM entry) <> NEW.size - 1
BEGIN SELECT RAISE(ABORT, 'the head only grows, to where the entries are'); END;
CREATE TRIGGER log_head_no_delete BEFORE DELETE ON log_head BEGIN SELECT RAISE(ABORT, 'the head only grows'); END;
