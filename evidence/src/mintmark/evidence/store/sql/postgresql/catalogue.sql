-- What guards the log, as rows of PostgreSQL's catalogue: place and definition. PostgreSQL 15 and later write these
-- texts alike; a function is the digest of its source.

SELECT concat('table ', c.relname), concat(c.relkind, ' of ', c.relowner::regrole, ' rls ', c.relrowsecurity)
  FROM pg_class c WHERE c.relnamespace = 'mintmark'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S');

SELECT concat('column ', c.relname, '.', a.attname),
       concat(format_type(a.atttypid, a.atttypmod), ' not null ', a.attnotnull, ' generated ', a.attgenerated,
              ' default ', pg_get_expr(d.adbin, d.adrelid))
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'mintmark'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped;

SELECT concat('constraint ', c.relname, ' ', pg_get_constraintdef(k.oid)), concat('valid ', k.convalidated)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
 WHERE c.relnamespace = 'mintmark'::regnamespace AND k.contype IN ('c', 'p', 'u', 'f', 'x');

SELECT concat('trigger ', c.relname, '.', t.tgname),
       concat('enabled ', t.tgenabled, ' type ', t.tgtype, ' calls ', p.proname)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE c.relnamespace = 'mintmark'::regnamespace AND NOT t.tgisinternal;

SELECT concat('function ', p.proname, '(', pg_get_function_identity_arguments(p.oid), ')'),
       concat(md5(p.prosrc), ' of ', p.proowner::regrole, ' definer ', p.prosecdef, ' ',
              array_to_string(p.proconfig, ' '))
  FROM pg_proc p WHERE p.pronamespace = 'mintmark'::regnamespace;

SELECT concat('privilege ', c.relname, ' ', a.privilege_type, ' to ',
              CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END),
       concat('grantable ', a.is_grantable)
  FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.relnamespace = 'mintmark'::regnamespace AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner;

SELECT concat('privilege ', c.relname, '.', t.attname, ' ', a.privilege_type, ' to ',
              CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END),
       concat('grantable ', a.is_grantable)
  FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a
 WHERE c.relnamespace = 'mintmark'::regnamespace AND a.grantee <> c.relowner;

SELECT concat('privilege ', p.proname, ' ', a.privilege_type, ' to ',
              CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END),
       concat('grantable ', a.is_grantable)
  FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 WHERE p.pronamespace = 'mintmark'::regnamespace AND a.grantee <> p.proowner;

SELECT concat('privilege schema ', n.nspname, ' ', a.privilege_type, ' to ',
              CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END),
       concat('grantable ', a.is_grantable)
  FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'mintmark' AND a.grantee <> n.nspowner;

SELECT concat('role ', rolname),
       concat('super ', rolsuper, ' bypassrls ', rolbypassrls, ' createrole ', rolcreaterole, ' replication ',
              rolreplication, ' owner ', rolname <> 'mintmark_owner' AND pg_has_role(oid, 'mintmark_owner', 'MEMBER'))
  FROM pg_roles WHERE rolname IN ('mintmark_owner', 'mintmark_app', 'mintmark_writer', 'mintmark_auditor');

SELECT concat('rule ', c.relname, '.', r.rulename), r.ev_enabled::text
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = 'mintmark'::regnamespace;

SELECT concat('policy ', c.relname, '.', p.polname), p.polcmd::text
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'mintmark'::regnamespace;
