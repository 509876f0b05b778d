-- The ledger: double entry, append-only, written through `ledger.post` alone.

-- Without a password nobody logs in as `florin_app` where passwords are asked for: setting one is the operator's.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'florin_owner') THEN CREATE ROLE florin_owner NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'florin_app') THEN CREATE ROLE florin_app LOGIN; END IF;
END $$;
DO $$ BEGIN
  EXECUTE format('GRANT florin_owner, florin_app TO %I', current_user);
  EXECUTE format('GRANT CREATE ON DATABASE %I TO florin_owner', current_database());
END $$;
SET ROLE florin_owner;
-- A function is nobody's to call until it is granted: PostgreSQL's own default is everybody's.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE SCHEMA ledger;
CREATE SCHEMA payments;
CREATE SCHEMA platform;

CREATE FUNCTION platform.deny() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only (% denied)', tg_table_schema, tg_table_name, tg_op USING ERRCODE = '42501';
END $$;

-- `pg_temp` last in every search_path here: left out, it is searched first, and whoever calls may have filled it.
CREATE FUNCTION platform.make_permanent(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION platform.deny()', target);
  EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION platform.deny()', target);
END $$;

CREATE FUNCTION platform.make_append_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION platform.deny()', target);
  EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION platform.deny()', target);
END $$;

-- ISO 4217: `exponent` says how many digits the minor unit has.
CREATE TABLE ledger.currency (
  code text PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$'),
  exponent smallint NOT NULL CHECK (exponent BETWEEN 0 AND 4)
);
INSERT INTO ledger.currency (code, exponent)
  SELECT code, exponent FROM (VALUES
    (0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'),
    (3, 'BHD IQD JOD KWD LYD OMR TND'),
    (4, 'CLF UYW'),
    (2, 'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC '
        'CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR '
        'JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD '
        'NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN '
        'SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW')
  ) AS known(exponent, codes), LATERAL unnest(string_to_array(codes, ' ')) AS code;

CREATE TABLE ledger.account (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE CHECK (code ~ '^[a-z][a-z0-9:_-]{0,62}$'),
  currency text NOT NULL REFERENCES ledger.currency,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (id, currency)
);

-- The one mutable table: what has been posted, and what is held. Holds count against what is available.
CREATE TABLE ledger.balance (
  account_id bigint PRIMARY KEY REFERENCES ledger.account,
  posted bigint NOT NULL DEFAULT 0,
  pending_out bigint NOT NULL DEFAULT 0 CHECK (pending_out >= 0),
  min_available bigint,
  version bigint NOT NULL DEFAULT 0,
  CONSTRAINT funds CHECK (min_available IS NULL OR posted - pending_out >= min_available)
) WITH (fillfactor = 50);

CREATE TABLE ledger.entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
  kind text NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
  source text NOT NULL CHECK (source ~ '^[a-z_]{1,40}$'),
  ref text NOT NULL CHECK (ref ~ '^[A-Za-z0-9:_-]{1,100}$'),
  deployment_id uuid NOT NULL,
  legs smallint NOT NULL CHECK (legs >= 2),
  UNIQUE (source, ref)
);
CREATE INDEX entry_by_deployment ON ledger.entry (deployment_id, id);

CREATE TABLE ledger.posting (
  entry_id bigint NOT NULL REFERENCES ledger.entry,
  leg smallint NOT NULL CHECK (leg >= 1),
  account_id bigint NOT NULL,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount <> 0),
  balance_after bigint NOT NULL,
  account_version bigint NOT NULL,
  PRIMARY KEY (entry_id, leg),
  UNIQUE (account_id, account_version),
  FOREIGN KEY (account_id, currency) REFERENCES ledger.account (id, currency)
);

-- One row an entry, for whoever binds the ledger to an evidence log: RFC 6962 leaf hash of the canonical text.
CREATE TABLE ledger.leaf_queue (
  entry_id bigint PRIMARY KEY REFERENCES ledger.entry,
  leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
  queued_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION ledger.check_balanced() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE problem text;
BEGIN
  SELECT CASE
      WHEN count(*) = 0 THEN NULL
      WHEN bool_or(grouped.late) THEN 'legs are written in their entry''s own transaction'
      WHEN bool_or(grouped.written <> grouped.legs) THEN 'an entry has exactly the legs that it declares'
      ELSE 'an entry sums to zero in each currency' END
    INTO problem
    FROM (
      SELECT new_rows.entry_id, new_rows.currency, sum(new_rows.amount) AS total, min(e.legs) AS legs,
             -- The moment too, for a dump restored elsewhere brings numbers of transactions that are yet to come.
             bool_or(e.xact <> pg_current_xact_id() OR e.created_at <> now()) AS late,
             sum(count(*)) OVER (PARTITION BY new_rows.entry_id) AS written
        FROM new_rows JOIN ledger.entry e ON e.id = new_rows.entry_id
       GROUP BY new_rows.entry_id, new_rows.currency
    ) grouped
   WHERE grouped.total <> 0 OR grouped.late OR grouped.written <> grouped.legs;
  IF problem IS NOT NULL THEN RAISE EXCEPTION '%', problem USING ERRCODE = '23514', CONSTRAINT = 'balanced'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER balanced AFTER INSERT ON ledger.posting REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_balanced();

CREATE FUNCTION ledger.check_has_legs() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM ledger.posting WHERE entry_id = new.id) THEN
    RAISE EXCEPTION 'an entry has the legs that it declares' USING ERRCODE = '23514', CONSTRAINT = 'has_legs';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER has_legs AFTER INSERT ON ledger.entry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger.check_has_legs();

SELECT platform.make_append_only(target) FROM unnest(ARRAY[
  'ledger.currency', 'ledger.account', 'ledger.entry', 'ledger.posting', 'ledger.leaf_queue']::regclass[]) target;
SELECT platform.make_permanent('ledger.balance');

-- The text that the leaf hash covers; service/README.md defines it line by line.
CREATE FUNCTION ledger.canonical_entry(p_entry bigint) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT format(E'florin/entry/v1\nid %s\ncreated_at %s\nkind %s\nsource %s\nref %s\ndeployment %s\n',
      e.id, to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      e.kind, e.source, e.ref, e.deployment_id)
    || (SELECT string_agg(format(E'posting %s %s %s %s\n', p.leg, a.code, p.currency, p.amount), '' ORDER BY p.leg)
          FROM ledger.posting p JOIN ledger.account a ON a.id = p.account_id WHERE p.entry_id = e.id)
    FROM ledger.entry e WHERE e.id = p_entry
$$;

-- The only write path. Rows are locked in id order; the same (source, ref) returns the first entry again, and with
-- other legs or of another kind it is refused: two different movements of money are never taken for one.
CREATE FUNCTION ledger.post(p_source text, p_ref text, p_kind text, p_deployment uuid, p_codes text[], p_amounts bigint[])
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_entry bigint;
  v_known bigint;
  v_leg record;
  v_balance ledger.balance;
  v_postings ledger.posting[] := '{}';
  v_count int := cardinality(p_codes);
BEGIN
  IF v_count IS DISTINCT FROM cardinality(p_amounts) OR v_count < 2 THEN
    RAISE EXCEPTION 'an entry has at least two legs, each with an account and an amount' USING ERRCODE = '22023';
  END IF;
  INSERT INTO ledger.entry (kind, source, ref, deployment_id, legs)
    VALUES (p_kind, p_source, p_ref, p_deployment, v_count)
    ON CONFLICT (source, ref) DO NOTHING RETURNING id INTO v_entry;
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
    SELECT a.id AS account_id, a.currency, u.amount, u.leg
      FROM unnest(p_codes, p_amounts) WITH ORDINALITY u(code, amount, leg)
      JOIN ledger.account a ON a.code = u.code ORDER BY a.id, u.leg
  LOOP
    UPDATE ledger.balance SET posted = posted + v_leg.amount, version = version + 1
      WHERE account_id = v_leg.account_id RETURNING * INTO STRICT v_balance;
    v_postings := v_postings || ROW(v_entry, v_leg.leg, v_leg.account_id, v_leg.currency, v_leg.amount,
                                    v_balance.posted, v_balance.version)::ledger.posting;
  END LOOP;
  INSERT INTO ledger.posting SELECT * FROM unnest(v_postings);
  INSERT INTO ledger.leaf_queue (entry_id, leaf_hash)
    VALUES (v_entry, sha256('\x00'::bytea || convert_to(ledger.canonical_entry(v_entry), 'UTF8')));
  RETURN v_entry;
END $$;

-- Holds reduce what is available; the check constraint `funds` refuses one that is not covered.
CREATE FUNCTION ledger.hold(p_code text, p_currency text, p_amount bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE ledger.balance b SET pending_out = pending_out + p_amount FROM ledger.account a
    WHERE a.id = b.account_id AND a.code = p_code AND a.currency = p_currency;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'account % in % is not known', p_code, p_currency USING ERRCODE = '23503', CONSTRAINT = 'account_known';
  END IF;
END $$;

CREATE FUNCTION ledger.open_account(p_code text, p_currency text, p_min_available bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
  INSERT INTO ledger.account (code, currency) VALUES (p_code, p_currency)
    ON CONFLICT (code) DO NOTHING RETURNING id INTO v_id;
  IF v_id IS NOT NULL THEN INSERT INTO ledger.balance (account_id, min_available) VALUES (v_id, p_min_available); END IF;
END $$;
RESET ROLE;
