-- check(): without a broker, what it finds in observers; what else it finds is for test/t/176_check.pl.
CREATE VIEW found AS SELECT level, object, what, what_to_do FROM fraiseql_nats.check()
WHERE object ~ '^(observer|setting|extension)' ORDER BY object COLLATE "C", what COLLATE "C";
\x on
SELECT * FROM found;
-- the broker is away, and nothing is well
SELECT level, object, what <> '' AS what, what_to_do <> '' AS what_to_do FROM fraiseql_nats.check() WHERE object = 'broker';
SELECT count(*) FROM fraiseql_nats.check() WHERE level = 'ok';
CREATE TABLE tb_checked (id int PRIMARY KEY, region text, note text);
CREATE TABLE tb_parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE tb_part PARTITION OF tb_parts DEFAULT;
SET client_min_messages = error;
SELECT fraiseql_nats.observe('tb_checked', filter => 'old.note IS NULL', name => 'a');
SELECT fraiseql_nats.observe('tb_checked', 'DELETE', 'fraiseql.{column:region}', name => 'b');
SELECT fraiseql_nats.observe('tb_checked', 'TRUNCATE', 'fraiseql.of.{column:region}', name => 'c');
SELECT fraiseql_nats.observe('tb_parts', name => 'd');
SELECT fraiseql_nats.observe('tb_checked', columns => '{id,region}', name => 'e');
SELECT fraiseql_nats.observe_channel('f', name => 'f');
SELECT * FROM found;
ALTER TABLE tb_checked REPLICA IDENTITY FULL;
ALTER TABLE tb_part SET UNLOGGED;
SELECT fraiseql_nats.disable('c');
SELECT * FROM found;
ALTER TABLE tb_part SET LOGGED;
ALTER TABLE tb_checked DROP COLUMN region;
ALTER TABLE tb_checked ALTER note TYPE int USING 0;
SELECT * FROM found;
SELECT fraiseql_nats.unobserve(name) FROM unnest('{a,b,c,d,e,f}'::text[]) name;
RESET client_min_messages;
SELECT * FROM found;
-- a new bucket, whose stream takes rows with a key
SELECT fraiseql_nats.create_stream(kv => 'checked');
SELECT fraiseql_nats.observe('tb_checked', stream => 'KV_checked');
ALTER TABLE tb_checked DROP CONSTRAINT tb_checked_pkey;
SELECT * FROM found;
ALTER TABLE tb_checked ADD PRIMARY KEY (id);
ALTER TABLE tb_checked REPLICA IDENTITY NOTHING;
SELECT * FROM found;
SELECT fraiseql_nats.unobserve('tb_checked');
SELECT fraiseql_nats.drop_stream('KV_checked');
\x off
-- by name
SELECT p.proname, p.prosecdef, p.proacl::text LIKE '%pg_monitor=X%' AS monitor, p.proacl::text LIKE '%fraiseql_nats_admin=X%' AS admin
FROM pg_proc p WHERE p.oid = 'fraiseql_nats.check()'::regprocedure;
DROP VIEW found;
DROP TABLE tb_checked, tb_parts;
