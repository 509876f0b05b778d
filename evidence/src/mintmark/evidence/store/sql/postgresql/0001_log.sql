-- The log on PostgreSQL: `mintmark_owner` owns it and nobody logs in as it; `mintmark_app` reads, and adds;
-- `mintmark_writer` may put evidence into the inbox; `mintmark_auditor` reads. A superuser passes all of that, which is
-- what witnesses are for.

DO $$ DECLARE v_role text; BEGIN
  FOREACH v_role IN ARRAY ARRAY['mintmark_owner', 'mintmark_writer', 'mintmark_auditor'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', v_role); END IF;
  END LOOP;
  -- Without a password nobody logs in where passwords are asked for: setting one is the operator's.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mintmark_app') THEN CREATE ROLE mintmark_app LOGIN; END IF;
  EXECUTE format('GRANT mintmark_owner TO %I', current_user);
  EXECUTE format('GRANT CREATE ON DATABASE %I TO mintmark_owner', current_database());
END $$;
SET LOCAL ROLE mintmark_owner;
CREATE SCHEMA mintmark;
-- A function is nobody's to call until it is granted: PostgreSQL's own default is everybody's.
ALTER DEFAULT PRIVILEGES IN SCHEMA mintmark REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE mintmark.log_head (
  singleton bigint PRIMARY KEY CHECK (singleton = 1),
  origin text NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32)
);
CREATE TABLE mintmark.entry (
  idx bigint PRIMARY KEY CHECK (idx >= 0),
  content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 65535)
) PARTITION BY RANGE (idx);
CREATE TABLE mintmark.tile (
  level bigint, idx bigint, content bytea NOT NULL CHECK (octet_length(content) = 8192), PRIMARY KEY (level, idx)
);
CREATE TABLE mintmark.integrated (
  size bigint PRIMARY KEY CHECK (size > 0), root bytea NOT NULL CHECK (octet_length(root) = 32)
);
CREATE TABLE mintmark.checkpoint (
  size bigint CHECK (size > 0), signatures bigint CHECK (signatures > 0), note bytea NOT NULL,
  PRIMARY KEY (size, signatures)
);
CREATE TABLE mintmark.payload (
  commitment text PRIMARY KEY, salt bytea NOT NULL CHECK (octet_length(salt) = 32), content bytea NOT NULL
);
-- Bounded, for whoever drains it reads it: what would not be recorded anyway is refused at once.
CREATE TABLE mintmark.inbox (
  id text PRIMARY KEY,
  bundle bytea NOT NULL CHECK (octet_length(bundle) <= 16777216),
  controls text NOT NULL DEFAULT '[]' CHECK (octet_length(controls) <= 65535),
  refs text NOT NULL DEFAULT '[]' CHECK (octet_length(refs) <= 65535)
);
CREATE TABLE mintmark.entry_id (id text PRIMARY KEY, idx bigint NOT NULL UNIQUE);
CREATE TABLE mintmark.view_entry (idx bigint PRIMARY KEY, kind text NOT NULL, at text NOT NULL, producer text NOT NULL);
CREATE TABLE mintmark.view_subject (
  idx bigint, position bigint, name text NOT NULL, digest text NOT NULL, PRIMARY KEY (idx, position)
);
CREATE TABLE mintmark.view_ref (idx bigint, position bigint, ref text NOT NULL, PRIMARY KEY (idx, position));
CREATE INDEX view_entry_by_kind ON mintmark.view_entry (kind, at);
CREATE INDEX view_subject_by_digest ON mintmark.view_subject (digest);
CREATE INDEX view_ref_by_ref ON mintmark.view_ref (ref);

CREATE FUNCTION mintmark.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only (% denied)', tg_table_schema, tg_table_name, tg_op USING ERRCODE = '42501';
END $$;

CREATE FUNCTION mintmark.deny_unless_erased() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM mintmark.view_ref WHERE ref = 'erased:' || old.commitment) THEN
    RAISE EXCEPTION 'payload is append-only until its erasure is recorded' USING ERRCODE = '42501';
  END IF;
  RETURN old;
END $$;

CREATE FUNCTION mintmark.check_head() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_count bigint; v_last bigint;
BEGIN
  SELECT count(*), max(idx) INTO v_count, v_last FROM mintmark.entry WHERE idx >= old.size;
  IF new.size <= old.size OR new.origin <> old.origin OR new.singleton <> old.singleton
     OR v_count <> new.size - old.size OR v_last IS DISTINCT FROM new.size - 1 THEN
    RAISE EXCEPTION 'the head only grows, to where the entries are' USING ERRCODE = '42501';
  END IF;
  RETURN new;
END $$;

DO $$ DECLARE v_table text; BEGIN
  FOREACH v_table IN ARRAY ARRAY['entry', 'tile', 'integrated', 'checkpoint', 'entry_id', 'view_entry', 'view_subject',
                                 'view_ref'] LOOP
    -- Row triggers on a partitioned table are on its partitions too, TRUNCATE triggers are not.
    EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON mintmark.%I FOR EACH ROW EXECUTE FUNCTION mintmark.deny()', v_table);
  END LOOP;
  FOREACH v_table IN ARRAY ARRAY['entry', 'tile', 'integrated', 'checkpoint', 'entry_id', 'view_entry', 'view_subject',
                                 'view_ref', 'payload', 'log_head'] LOOP
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mintmark.%I FOR EACH STATEMENT EXECUTE FUNCTION mintmark.deny()', v_table);
  END LOOP;
END $$;
CREATE TRIGGER no_update BEFORE UPDATE ON mintmark.payload FOR EACH ROW EXECUTE FUNCTION mintmark.deny();
CREATE TRIGGER no_delete BEFORE DELETE ON mintmark.payload FOR EACH ROW EXECUTE FUNCTION mintmark.deny_unless_erased();
CREATE TRIGGER grows BEFORE UPDATE ON mintmark.log_head FOR EACH ROW EXECUTE FUNCTION mintmark.check_head();
CREATE TRIGGER no_delete BEFORE DELETE ON mintmark.log_head FOR EACH ROW EXECUTE FUNCTION mintmark.deny();

-- Partitions of entries by index, so that old ones can move to cold storage. One is always ahead.
CREATE FUNCTION mintmark.partition_width() RETURNS bigint LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS 'SELECT 1048576::bigint';

CREATE FUNCTION mintmark.make_partition(p_number bigint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_name text := 'entry_p' || p_number; v_width bigint := mintmark.partition_width();
BEGIN
  IF to_regclass('mintmark.' || v_name) IS NULL THEN
    EXECUTE format('CREATE TABLE mintmark.%I PARTITION OF mintmark.entry FOR VALUES FROM (%s) TO (%s)',
      v_name, p_number * v_width, (p_number + 1) * v_width);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mintmark.%I FOR EACH STATEMENT EXECUTE FUNCTION mintmark.deny()', v_name);
  END IF;
END $$;
SELECT mintmark.make_partition(0), mintmark.make_partition(1);

-- Locks the head until the end of the transaction: who holds it is the sequencer. The application may not UPDATE, and
-- FOR UPDATE would ask for that.
CREATE FUNCTION mintmark.lock_head() RETURNS SETOF mintmark.log_head LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS 'SELECT * FROM mintmark.log_head FOR UPDATE';

-- The only way in which the head moves: from where the caller saw it, to where its entries are.
CREATE FUNCTION mintmark.advance(p_from bigint, p_size bigint, p_root bytea) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE mintmark.log_head SET size = p_size, root = p_root WHERE size = p_from;
  IF NOT FOUND THEN RAISE EXCEPTION 'the head is not at %', p_from USING ERRCODE = '40001'; END IF;
  INSERT INTO mintmark.integrated (size, root) VALUES (p_size, p_root);
  IF p_from / mintmark.partition_width() <> p_size / mintmark.partition_width() THEN
    PERFORM mintmark.make_partition(number) FROM generate_series(
      p_from / mintmark.partition_width(), p_size / mintmark.partition_width() + 1) AS number;
  END IF;
END $$;

CREATE FUNCTION mintmark.start_log(p_origin text) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO mintmark.log_head (singleton, origin, size, root) VALUES (1, p_origin, 0, sha256(''::bytea))
    ON CONFLICT DO NOTHING;
$$;

CREATE FUNCTION mintmark.take_inbox(p_ids text[]) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM mintmark.inbox WHERE id IN (
    SELECT id FROM mintmark.inbox WHERE id = ANY (p_ids) FOR UPDATE SKIP LOCKED) RETURNING id;
$$;

CREATE FUNCTION mintmark.erase_payload(p_commitment text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM mintmark.payload WHERE commitment = p_commitment RETURNING 1) SELECT count(*) FROM gone;
$$;

GRANT USAGE ON SCHEMA mintmark TO mintmark_app, mintmark_writer, mintmark_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA mintmark TO mintmark_app, mintmark_auditor;
GRANT INSERT ON mintmark.entry, mintmark.tile, mintmark.checkpoint, mintmark.payload, mintmark.inbox,
  mintmark.entry_id, mintmark.view_entry, mintmark.view_subject, mintmark.view_ref TO mintmark_app;
GRANT INSERT ON mintmark.inbox TO mintmark_writer;
GRANT EXECUTE ON FUNCTION mintmark.lock_head, mintmark.advance, mintmark.start_log, mintmark.take_inbox,
  mintmark.erase_payload TO mintmark_app;
RESET ROLE;
GRANT SELECT ON public.mintmark_schema_version TO mintmark_app, mintmark_auditor;
