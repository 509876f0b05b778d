-- Append-only by trigger. Whoever owns the file can drop these, which is why verification compares the schema too.
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER tile_no_update BEFORE UPDATE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END;
CREATE TRIGGER tile_no_delete BEFORE DELETE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END;
CREATE TRIGGER payload_no_update BEFORE UPDATE ON payload BEGIN SELECT RAISE(ABORT, 'payload is append-only'); END;
CREATE TRIGGER payload_no_delete BEFORE DELETE ON payload BEGIN SELECT RAISE(ABORT, 'payload is append-only'); END;
CREATE TRIGGER view_entry_no_update BEFORE UPDATE ON view_entry BEGIN SELECT RAISE(ABORT, 'view_entry is append-only'); END;
CREATE TRIGGER view_entry_no_delete BEFORE DELETE ON view_entry BEGIN SELECT RAISE(ABORT, 'view_entry is append-only'); END;
CREATE TRIGGER view_subject_no_update BEFORE UPDATE ON view_subject BEGIN SELECT RAISE(ABORT, 'view_subject is append-only'); END;
CREATE TRIGGER view_subject_no_delete BEFORE DELETE ON view_subject BEGIN SELECT RAISE(ABORT, 'view_subject is append-only'); END;
CREATE TRIGGER view_ref_no_update BEFORE UPDATE ON view_ref BEGIN SELECT RAISE(ABORT, 'view_ref is append-only'); END;
CREATE TRIGGER view_ref_no_delete BEFORE DELETE ON view_ref BEGIN SELECT RAISE(ABORT, 'view_ref is append-only'); END;
CREATE TRIGGER log_head_grows BEFORE UPDATE ON log_head
WHEN NEW.size <= OLD.size OR NEW.origin <> OLD.origin OR NEW.singleton <> OLD.singleton
BEGIN SELECT RAISE(ABORT, 'the head only grows'); END;
CREATE TRIGGER log_head_no_delete BEFORE DELETE ON log_head BEGIN SELECT RAISE(ABORT, 'the head only grows'); END;
