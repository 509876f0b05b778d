-- Payments: a life cycle held in a table, and one function a call: key, money, state and answer in one commit.
SET ROLE florin_owner;

CREATE TABLE payments.transition (from_state text, to_state text, PRIMARY KEY (from_state, to_state));
INSERT INTO payments.transition VALUES ('new', 'authorized'), ('authorized', 'captured');

-- A run of 12 to 19 digits that stands by itself, single spaces and dashes between them aside, and that passes the Luhn
-- check (ISO/IEC 7812-1) looks like a card number, alone or inside other text. UUIDs are none, though one in some
-- thousand would pass. `florin.kit.guard` says the same in Python.
CREATE FUNCTION platform.looks_like_pan(p_text text) RETURNS boolean LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(bool_or(total % 10 = 0), false)
    FROM (SELECT regexp_replace(run[1], '[ -]', '', 'g') AS d
            FROM regexp_matches(
              regexp_replace(p_text, '[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}', '.', 'g'),
              '(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9])*(?![0-9A-Za-z])', 'g') AS run) runs,
         LATERAL (SELECT sum(CASE WHEN (length(d) - i) % 2 = 0 THEN v WHEN v * 2 > 9 THEN v * 2 - 9 ELSE v * 2 END) AS total
                    FROM generate_series(1, length(d)) i, LATERAL (SELECT substr(d, i, 1)::int AS v) digit) luhn
   WHERE length(d) BETWEEN 12 AND 19
$$;

CREATE TABLE payments.payment (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  payer text NOT NULL REFERENCES ledger.account (code),
  payee text NOT NULL REFERENCES ledger.account (code),
  amount bigint NOT NULL CHECK (amount > 0),
  captured bigint NOT NULL DEFAULT 0,
  currency text NOT NULL REFERENCES ledger.currency,
  payment_token text NOT NULL CHECK (length(payment_token) BETWEEN 1 AND 100),
  state text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT over_capture CHECK (captured BETWEEN 0 AND amount),
  CONSTRAINT no_pan CHECK (NOT platform.looks_like_pan(payment_token)),
  CONSTRAINT two_accounts CHECK (payer <> payee)
);

CREATE TABLE payments.payment_event (
  payment_id uuid NOT NULL REFERENCES payments.payment,
  seq int NOT NULL,
  from_state text NOT NULL,
  to_state text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (payment_id, seq),
  FOREIGN KEY (from_state, to_state) REFERENCES payments.transition
);

CREATE FUNCTION payments.on_state() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_before text := CASE WHEN tg_op = 'INSERT' THEN 'new' ELSE old.state END;
BEGIN
  IF NOT EXISTS (SELECT FROM payments.transition WHERE from_state = v_before AND to_state = new.state) THEN
    RAISE EXCEPTION 'a payment does not go from % to %', v_before, new.state
      USING ERRCODE = '23514', CONSTRAINT = 'legal_transition';
  END IF;
  INSERT INTO payments.payment_event (payment_id, seq, from_state, to_state)
    SELECT new.id, count(*) + 1, v_before, new.state FROM payments.payment_event WHERE payment_id = new.id;
  RETURN NULL;
END $$;
CREATE TRIGGER state_on_insert AFTER INSERT ON payments.payment FOR EACH ROW EXECUTE FUNCTION payments.on_state();
CREATE TRIGGER state_on_update AFTER UPDATE ON payments.payment FOR EACH ROW EXECUTE FUNCTION payments.on_state();

-- `body` is BYTEA: JSONB would reorder keys, and a replay must be the same bytes.
CREATE TABLE platform.idempotency_key (
  tenant text NOT NULL,
  endpoint text NOT NULL,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  status smallint NOT NULL,
  body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, endpoint, key),
  CONSTRAINT no_pan CHECK (NOT platform.looks_like_pan(key))
);

SELECT platform.make_append_only(target) FROM unnest(ARRAY[
  'payments.transition', 'payments.payment_event']::regclass[]) target;
SELECT platform.make_permanent('payments.payment');

CREATE TYPE platform.answer AS (status smallint, body bytea, replayed boolean);

-- Claim a key, or find what it answered before: status -1 for another body, -2 while the first call is still at work.
-- The lock makes a second caller hear that at once, and not wait with a connection in his hand; it ends with the
-- transaction. Two keys with one hash would share it, and the later caller would be told to try again.
CREATE FUNCTION platform.claim(p_tenant text, p_endpoint text, p_key text, p_fingerprint bytea)
RETURNS platform.answer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_known platform.idempotency_key;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended(concat_ws(E'\n', p_tenant, p_endpoint, p_key), 0)) THEN
    RETURN (-2, '', false)::platform.answer;
  END IF;
  INSERT INTO platform.idempotency_key VALUES (p_tenant, p_endpoint, p_key, p_fingerprint, 0, '')
    ON CONFLICT DO NOTHING;
  IF FOUND THEN RETURN NULL; END IF;
  SELECT * INTO STRICT v_known FROM platform.idempotency_key
    WHERE tenant = p_tenant AND endpoint = p_endpoint AND key = p_key;
  IF v_known.fingerprint <> p_fingerprint THEN RETURN (-1, '', true)::platform.answer; END IF;
  RETURN (v_known.status, v_known.body, true)::platform.answer;
END $$;

CREATE FUNCTION platform.conclude(p_tenant text, p_endpoint text, p_key text, p_status int, p_body json)
RETURNS platform.answer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_body bytea := convert_to(p_body::text, 'UTF8');
BEGIN
  UPDATE platform.idempotency_key SET status = p_status, body = v_body
    WHERE tenant = p_tenant AND endpoint = p_endpoint AND key = p_key;
  RETURN (p_status, v_body, false)::platform.answer;
END $$;

-- What the database refused, as a problem (RFC 9457). The refusal is stored under the key like any other outcome.
CREATE FUNCTION payments.problem(p_constraint text) RETURNS json LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT json_build_object('type', 'https://mintmark.dev/florin/problems/' || kind, 'title', title, 'status', status, 'detail', detail)
    FROM (VALUES
      ('funds', 'insufficient-funds', 'Insufficient funds', 402, 'The payer''s available balance does not cover the amount; fund the account or lower the amount.'),
      ('account_known', 'unknown-account', 'Unknown account', 422, 'Payer and payee are account codes of the payment''s currency; open the account first.'),
      ('payment_payee_fkey', 'unknown-account', 'Unknown account', 422, 'Payer and payee are account codes of the payment''s currency; open the account first.'),
      ('two_accounts', 'same-account', 'Payer and payee are the same', 422, 'Name two different accounts.'),
      ('over_capture', 'over-capture', 'Over-capture', 422, 'Capture at most what was authorised.'),
      ('legal_transition', 'illegal-state', 'Not possible in this state', 409, 'Read the payment''s state; each authorisation is captured once.'),
      ('no_pan', 'card-number', 'Looks like a card number', 422, 'Send the token that the hosted fields gave, never a card number.')
    ) known(name, kind, title, status, detail) WHERE name = p_constraint
$$;

CREATE FUNCTION payments.authorize(p_tenant text, p_key text, p_fingerprint bytea, p_id uuid, p_payer text, p_payee text,
  p_amount bigint, p_currency text, p_token text) RETURNS platform.answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_answer platform.answer; v_constraint text; v_problem json;
BEGIN
  v_answer := platform.claim(p_tenant, 'authorize', p_key, p_fingerprint);
  IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  BEGIN
    PERFORM ledger.hold(p_payer, p_currency, p_amount);
    IF NOT EXISTS (SELECT FROM ledger.account WHERE code = p_payee AND currency = p_currency) THEN
      RAISE EXCEPTION 'account % is not known', p_payee USING ERRCODE = '23503', CONSTRAINT = 'account_known';
    END IF;
    INSERT INTO payments.payment (id, tenant, payer, payee, amount, currency, payment_token, state)
      VALUES (p_id, p_tenant, p_payer, p_payee, p_amount, p_currency, p_token, 'authorized');
  EXCEPTION WHEN check_violation OR foreign_key_violation THEN
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    v_problem := payments.problem(v_constraint);
    IF v_problem IS NULL THEN RAISE; END IF;
    RETURN platform.conclude(p_tenant, 'authorize', p_key, (v_problem ->> 'status')::int, v_problem);
  END;
  RETURN platform.conclude(p_tenant, 'authorize', p_key, 201, json_build_object('id', p_id, 'state', 'authorized',
    'amount_minor', p_amount, 'currency', p_currency, 'payer', p_payer, 'payee', p_payee));
END $$;

CREATE FUNCTION payments.capture(p_tenant text, p_key text, p_fingerprint bytea, p_id uuid, p_amount bigint,
  p_deployment uuid) RETURNS platform.answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_answer platform.answer; v_payment payments.payment; v_entry bigint; v_constraint text; v_problem json;
BEGIN
  IF NOT EXISTS (SELECT FROM payments.payment WHERE id = p_id AND tenant = p_tenant) THEN
    RETURN (404, '', false)::platform.answer;
  END IF;
  v_answer := platform.claim(p_tenant, 'capture:' || p_id, p_key, p_fingerprint);
  IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  SELECT * INTO STRICT v_payment FROM payments.payment WHERE id = p_id FOR UPDATE;
  BEGIN
    UPDATE payments.payment SET state = 'captured', captured = p_amount WHERE id = p_id;
    PERFORM ledger.hold(v_payment.payer, v_payment.currency, -v_payment.amount);
    v_entry := ledger.post('payments', p_id || ':capture', 'capture', p_deployment,
      ARRAY[v_payment.payer, v_payment.payee], ARRAY[-p_amount, p_amount]);
  EXCEPTION WHEN check_violation OR foreign_key_violation THEN
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    v_problem := payments.problem(v_constraint);
    IF v_problem IS NULL THEN RAISE; END IF;
    RETURN platform.conclude(p_tenant, 'capture:' || p_id, p_key, (v_problem ->> 'status')::int, v_problem);
  END;
  RETURN platform.conclude(p_tenant, 'capture:' || p_id, p_key, 201, json_build_object('id', p_id, 'state', 'captured',
    'captured_minor', p_amount, 'currency', v_payment.currency, 'entry_id', v_entry,
    'posting_ids', json_build_array(v_entry || '.1', v_entry || '.2')));
END $$;

GRANT USAGE ON SCHEMA ledger, payments, platform TO florin_app;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger, payments TO florin_app;
GRANT EXECUTE ON FUNCTION ledger.post, ledger.open_account, ledger.canonical_entry, payments.authorize, payments.capture TO florin_app;
RESET ROLE;
GRANT SELECT ON public.schema_version TO florin_app;
