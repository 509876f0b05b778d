-- The binding of the ledger to an evidence log: leaves leave the queue for exactly one batch, and stay in it for ever.
-- Posting touches none of what is here. A batch goes through three steps, each safe to repeat:
--   1. `ledger.assign_batch` numbers it and fixes its members, durably;
--   2. the binder appends it to the evidence log, under an id that this number alone gives;
--   3. `ledger.confirm_batch` writes down where in the log it stands.
-- While a batch is not confirmed no other is assigned, so batches stand in the log in the order of their numbers.

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'florin_binder') THEN CREATE ROLE florin_binder LOGIN; END IF;
END $$;
DO $$ BEGIN EXECUTE format('GRANT florin_binder TO %I', current_user); END $$;
SET ROLE florin_owner;

CREATE TABLE ledger.leaf_batch (
  batch bigint PRIMARY KEY CHECK (batch >= 1),
  first bigint NOT NULL,
  last bigint NOT NULL,
  count int NOT NULL CHECK (count >= 1),
  root bytea NOT NULL CHECK (length(root) = 32),
  oldest_queued_at timestamptz NOT NULL,
  assigned_at timestamptz NOT NULL DEFAULT now(),
  CHECK (first <= last AND count <= last - first + 1)
);

-- No foreign key to the entry: whoever binds or verifies a leaf asks for its entry's row, and says when it is gone.
CREATE TABLE ledger.bound_leaf (
  entry_id bigint PRIMARY KEY,
  batch bigint NOT NULL REFERENCES ledger.leaf_batch,
  leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32)
);
CREATE INDEX bound_leaf_by_batch ON ledger.bound_leaf (batch, entry_id);

CREATE TABLE ledger.batch_evidence (
  batch bigint PRIMARY KEY REFERENCES ledger.leaf_batch,
  log text NOT NULL CHECK (length(log) BETWEEN 1 AND 255),
  evidence_index bigint NOT NULL CHECK (evidence_index >= 0),
  confirmed_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (log, evidence_index)
);

SELECT platform.make_append_only(target) FROM unnest(ARRAY[
  'ledger.leaf_batch', 'ledger.bound_leaf', 'ledger.batch_evidence']::regclass[]) target;

-- A leaf leaves the queue only for the bound leaves, as it is. Nobody but the owner's functions may delete at all.
CREATE FUNCTION ledger.only_when_bound() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_entry bigint;
BEGIN
  SELECT gone.entry_id INTO v_entry
    FROM gone LEFT JOIN ledger.bound_leaf b ON b.entry_id = gone.entry_id AND b.leaf_hash = gone.leaf_hash
   WHERE b.entry_id IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger.leaf_queue is append-only: entry % is not bound as it was queued', v_entry
      USING ERRCODE = '42501';
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER no_change ON ledger.leaf_queue;
CREATE TRIGGER no_update BEFORE UPDATE ON ledger.leaf_queue FOR EACH ROW EXECUTE FUNCTION platform.deny();
CREATE TRIGGER only_when_bound AFTER DELETE ON ledger.leaf_queue REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.only_when_bound();
-- `ledger.post` alone writes the queue, in the call that writes the entry: to check that again costs each posting a query.
ALTER TABLE ledger.leaf_queue DROP CONSTRAINT leaf_queue_entry_id_fkey;
-- The queue is short and always new: clean up by number of rows and not by its share of a size.
ALTER TABLE ledger.leaf_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- RFC 6962 §2.1: level by level in pairs, a last one without a partner going up as it is.
CREATE FUNCTION ledger.merkle_root(p_leaves bytea[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_level bytea[] := p_leaves;
BEGIN
  WHILE cardinality(v_level) > 1 LOOP
    SELECT array_agg(CASE WHEN right_hash IS NULL THEN left_hash
                          ELSE sha256('\x01'::bytea || left_hash || right_hash) END ORDER BY n) INTO v_level
      FROM (SELECT n, hash AS left_hash, lead(hash) OVER (ORDER BY n) AS right_hash
              FROM unnest(v_level) WITH ORDINALITY AS level(hash, n)) pairs
     WHERE n % 2 = 1;
  END LOOP;
  RETURN v_level[1];
END $$;

-- The batch that waits for its confirmation, or a new one of at most `p_limit` leaves that are committed, by entry id;
-- no row when there is nothing to bind.
CREATE FUNCTION ledger.assign_batch(p_limit int) RETURNS SETOF ledger.leaf_batch
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_batch ledger.leaf_batch;
  v_ids bigint[];
  v_hashes bytea[];
  v_oldest timestamptz;
BEGIN
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'a batch has 1 to 10000 leaves' USING ERRCODE = '22023';
  END IF;
  LOCK TABLE ledger.leaf_batch IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO v_batch FROM ledger.leaf_batch ORDER BY batch DESC LIMIT 1;
  IF FOUND AND NOT EXISTS (SELECT FROM ledger.batch_evidence e WHERE e.batch = v_batch.batch) THEN
    RETURN NEXT v_batch;
    RETURN;
  END IF;
  SELECT array_agg(entry_id ORDER BY entry_id), array_agg(leaf_hash ORDER BY entry_id), min(queued_at)
    INTO v_ids, v_hashes, v_oldest
    FROM (SELECT entry_id, leaf_hash, queued_at FROM ledger.leaf_queue
           ORDER BY entry_id LIMIT p_limit FOR UPDATE SKIP LOCKED) taken;
  IF v_ids IS NULL THEN RETURN; END IF;
  INSERT INTO ledger.leaf_batch (batch, first, last, count, root, oldest_queued_at)
    VALUES (coalesce(v_batch.batch, 0) + 1, v_ids[1], v_ids[cardinality(v_ids)], cardinality(v_ids),
            ledger.merkle_root(v_hashes), v_oldest)
    RETURNING * INTO v_batch;
  INSERT INTO ledger.bound_leaf (entry_id, batch, leaf_hash)
    SELECT taken.entry_id, v_batch.batch, taken.leaf_hash FROM unnest(v_ids, v_hashes) AS taken(entry_id, leaf_hash);
  DELETE FROM ledger.leaf_queue WHERE entry_id = ANY (v_ids);
  RETURN NEXT v_batch;
END $$;

-- The same place again is the same confirmation; another place is refused.
CREATE FUNCTION ledger.confirm_batch(p_batch bigint, p_log text, p_index bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO ledger.batch_evidence (batch, log, evidence_index) VALUES (p_batch, p_log, p_index)
    ON CONFLICT (batch) DO NOTHING;
  IF NOT EXISTS (SELECT FROM ledger.batch_evidence
                  WHERE batch = p_batch AND log = p_log AND evidence_index = p_index) THEN
    RAISE EXCEPTION 'batch % stands elsewhere in the evidence', p_batch
      USING ERRCODE = '23505', CONSTRAINT = 'batch_bound_once';
  END IF;
END $$;

-- As before, but that the leaf's text is put together from what is at hand: asking `ledger.canonical_entry` for it, which
-- reads the same rows again, took a fifth of the whole call. The two write the same text, and whoever binds or verifies
-- a leaf makes it from the rows once more.
CREATE OR REPLACE FUNCTION ledger.post(p_source text, p_ref text, p_kind text, p_deployment uuid, p_codes text[], p_amounts bigint[])
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_entry bigint;
  v_known bigint;
  v_leg record;
  v_balance ledger.balance;
  v_postings ledger.posting[] := '{}';
  v_created timestamptz;
  v_lines text[];
  v_count int := cardinality(p_codes);
BEGIN
  IF v_count IS DISTINCT FROM cardinality(p_amounts) OR v_count < 2 THEN
    RAISE EXCEPTION 'an entry has at least two legs, each with an account and an amount' USING ERRCODE = '22023';
  END IF;
  INSERT INTO ledger.entry (kind, source, ref, deployment_id, legs)
    VALUES (p_kind, p_source, p_ref, p_deployment, v_count)
    ON CONFLICT (source, ref) DO NOTHING RETURNING id, created_at INTO v_entry, v_created;
  IF v_entry IS NULL THEN
    SELECT id INTO STRICT v_entry FROM ledger.entry WHERE source = p_source AND ref = p_ref;
    IF NOT EXISTS (SELECT FROM ledger.entry WHERE id = v_entry AND kind = p_kind AND legs = v_count) OR EXISTS (
      SELECT FROM unnest(p_codes, p_amounts) WITH ORDINALITY u(code, amount, leg)
        LEFT JOIN (ledger.posting p JOIN ledger.account a ON a.id = p.account_id)
          ON p.entry_id = v_entry AND p.leg = u.leg AND a.code = u.code AND p.amount = u.amount
       WHERE p.entry_id IS NULL)
    THEN
      RAISE EXCEPTION '% % was posted as something else', p_source, p_ref
        USING ERRCODE = '23505', CONSTRAINT = 'ref_posted_once';
    END IF;
    RETURN v_entry;
  END IF;
  SELECT count(*) INTO v_known FROM unnest(p_codes) AS wanted(code) JOIN ledger.account a ON a.code = wanted.code;
  IF v_known <> v_count THEN
    RAISE EXCEPTION 'an account is not known' USING ERRCODE = '23503', CONSTRAINT = 'account_known';
  END IF;
  FOR v_leg IN
    SELECT a.id AS account_id, a.code, a.currency, u.amount, u.leg
      FROM unnest(p_codes, p_amounts) WITH ORDINALITY u(code, amount, leg)
      JOIN ledger.account a ON a.code = u.code ORDER BY a.id, u.leg
  LOOP
    UPDATE ledger.balance SET posted = posted + v_leg.amount, version = version + 1
      WHERE account_id = v_leg.account_id RETURNING * INTO STRICT v_balance;
    v_postings := v_postings || ROW(v_entry, v_leg.leg, v_leg.account_id, v_leg.currency, v_leg.amount,
                                    v_balance.posted, v_balance.version)::ledger.posting;
    v_lines[v_leg.leg] := format(E'posting %s %s %s %s\n', v_leg.leg, v_leg.code, v_leg.currency, v_leg.amount);
  END LOOP;
  INSERT INTO ledger.posting SELECT * FROM unnest(v_postings);
  INSERT INTO ledger.leaf_queue (entry_id, leaf_hash)
    VALUES (v_entry, sha256('\x00'::bytea || convert_to(
      format(E'florin/entry/v1\nid %s\ncreated_at %s\nkind %s\nsource %s\nref %s\ndeployment %s\n', v_entry,
        to_char(v_created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), p_kind, p_source, p_ref, p_deployment)
      || array_to_string(v_lines, ''), 'UTF8')));
  RETURN v_entry;
END $$;

GRANT SELECT ON ledger.leaf_batch, ledger.bound_leaf, ledger.batch_evidence TO florin_app;
GRANT USAGE ON SCHEMA ledger TO florin_binder;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO florin_binder;
GRANT EXECUTE ON FUNCTION ledger.assign_batch, ledger.confirm_batch TO florin_binder;
RESET ROLE;
