-- Notifications on observed channels, from wherever pg_notify() and NOTIFY may stand.
SELECT fraiseql_nats.create_preview_slot('regress_notify', temporary => false);
CREATE TABLE nt (id int PRIMARY KEY, p text);
CREATE TABLE nd (id int, d text DEFAULT pg_notify('fq', 'default')::text);
CREATE FUNCTION f_plpgsql(c text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify(c, 'plpgsql'); END $$;
CREATE FUNCTION f_dynamic(c text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT pg_notify($1, $2)' USING c, 'dynamic'; END $$;
CREATE FUNCTION f_assign(c text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN x := pg_notify(c, 'assign')::text; RETURN x; END $$;
CREATE FUNCTION f_sql(c text) RETURNS void LANGUAGE sql AS $$ SELECT pg_notify(c, 'sql') $$;
CREATE FUNCTION f_inline(c text) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT pg_notify(c, 'inline')::text $$;
CREATE FUNCTION f_nested(c text) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT f_inline(c) $$;
CREATE FUNCTION f_atomic(c text) RETURNS text LANGUAGE sql VOLATILE BEGIN ATOMIC SELECT pg_notify(c, 'atomic')::text; END;
CREATE FUNCTION f_setof(c text) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$ SELECT pg_notify(c, 'setof')::text $$;
CREATE FUNCTION f_definer(c text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ SELECT pg_notify(c, 'definer') $$;
CREATE FUNCTION f_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('fq', 'trigger ' || new.id); RETURN new; END $$;
CREATE TRIGGER t AFTER INSERT ON nt FOR EACH ROW EXECUTE FUNCTION f_trigger();
CREATE VIEW v_notify AS SELECT pg_notify('fq', 'view')::text AS x;
CREATE RULE r AS ON DELETE TO nt DO ALSO NOTIFY fq, 'rule';
-- planned before anybody observes
PREPARE early(text) AS SELECT pg_notify('fq', $1);
EXECUTE early('nobody listens');
SELECT fraiseql_nats.observe_channel('fq');
CREATE FUNCTION captured() RETURNS TABLE (payload text) LANGUAGE sql AS $$
    SELECT payload FROM fraiseql_nats.messages('regress_notify', advance => true) $$;
\pset tuples_only on
SELECT pg_notify('fq', 'select');
NOTIFY fq, 'command';
NOTIFY fq;
EXECUTE early('prepared early');
SELECT * FROM pg_notify('fq', 'from');
SELECT pg_notify('fq', 'row ' || i) FROM generate_series(1, 3) i;
WITH x AS (SELECT pg_notify('fq', 'cte')::text AS y) SELECT * FROM x;
SELECT f_plpgsql('fq'), f_dynamic('fq'), f_assign('fq'), f_sql('fq'), f_inline('fq'), f_nested('fq'), f_atomic('fq'), f_definer('fq');
SELECT * FROM f_setof('fq');
DO $$ BEGIN PERFORM pg_notify('fq', 'do'); END $$;
INSERT INTO nt SELECT i FROM generate_series(1, 2) i;
COPY nt FROM STDIN;
7	a
\.
SELECT * FROM v_notify;
DELETE FROM nt WHERE id = 1;
INSERT INTO nd (id) VALUES (1);
PREPARE generic(text) AS SELECT pg_notify('fq', $1);
SET plan_cache_mode = force_generic_plan;
EXECUTE generic('generic 1');
EXECUTE generic('generic 2');
RESET plan_cache_mode;
BEGIN;
DECLARE c CURSOR FOR SELECT pg_notify('fq', 'cursor');
FETCH c;
COMMIT;
UPDATE nd SET d = 'z' RETURNING pg_notify('fq', 'returning');
CREATE TEMP TABLE ctas AS SELECT pg_notify('fq', 'create table as')::text AS x;
BEGIN READ ONLY;
SELECT pg_notify('fq', 'read only');
COMMIT;
-- named force_parallel_mode before PostgreSQL 16
SELECT count(set_config(name, 'on', false)) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT pg_notify('fq', 'parallel');
SELECT count(set_config(name, 'off', false)) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT * FROM captured();
-- repeated ones collapse, those rolled back never were
BEGIN;
NOTIFY fq, 'twice';
SELECT pg_notify('fq', 'twice');
SAVEPOINT a;
NOTIFY fq, 'rolled back';
ROLLBACK TO a;
SAVEPOINT b;
NOTIFY fq, 'kept';
RELEASE b;
COMMIT;
BEGIN;
NOTIFY fq, 'never';
ROLLBACK;
SELECT * FROM captured();
-- a channel that nobody observes writes nothing
SELECT pg_current_wal_insert_lsn() AS before \gset
SELECT pg_notify('unobserved', 'x');
NOTIFY unobserved, 'x';
SELECT count(*) FROM captured();
-- the payload is bounded by Postgres
SELECT length(pg_notify('fq', repeat('x', 7999))::text);
SELECT pg_notify('fq', repeat('x', 8000));
SELECT length(payload) FROM captured() AS payload;
-- whoever may not notify may not
REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC;
SET ROLE regress_nobody;
SELECT pg_notify('fq', 'denied');
RESET ROLE;
GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO PUBLIC;
SET ROLE regress_nobody;
SELECT pg_notify('fq', 'allowed');
RESET ROLE;
SELECT * FROM captured();
-- subjects and payloads
SELECT fraiseql_nats.observe_channel('job_done_now');
SELECT fraiseql_nats.observe_channel('plain.channel');
SELECT fraiseql_nats.observe_channel('mapped', 'jobs.{channel}.{database}');
SELECT fraiseql_nats.observe_channel('odd channel>', name => 'odd');
NOTIFY job_done_now, '{"a": 1}';
NOTIFY job_done_now, '{}';
NOTIFY job_done_now, ' {"type": 1, "x": {"timestamp": 2}} ';
NOTIFY job_done_now, '{"type": 1, "timestamp": 2}';
NOTIFY job_done_now, '[1, 2]';
NOTIFY job_done_now, '{"a": 1';
SELECT pg_notify('plain.channel', 'x'), pg_notify('mapped', 'y'), pg_notify('odd channel>', 'z');
SELECT subject, regexp_replace(payload, '"timestamp":"[^"]+"', '"timestamp":"T"'), headers ->> 'Content-Type', headers ->> 'Fraiseql-Channel'
FROM fraiseql_nats.messages('regress_notify', advance => true);
\pset tuples_only off
SELECT fraiseql_nats.drop_preview_slot('regress_notify');
DELETE FROM fraiseql_nats.observer;
DROP TABLE nt, nd CASCADE;
DROP VIEW v_notify;
