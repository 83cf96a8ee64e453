-- backfill(): the rows that a table has, as SNAPSHOT events.
\set SHOW_CONTEXT never
CREATE TABLE tb_old_order (
    id bigint PRIMARY KEY,
    total numeric NOT NULL,
    note text,
    double_total numeric GENERATED ALWAYS AS (total * 2) STORED
);
INSERT INTO tb_old_order (id, total, note) VALUES (1, 10.50, 'a'), (2, 20, NULL), (10, 30, 'c'), (-5, 40, 'd');
SELECT fraiseql_nats.create_preview_slot('regress_backfill');
-- nobody is told
CALL fraiseql_nats.backfill('tb_old_order');
SELECT fraiseql_nats.create_preview_slot('regress_backfill');
SELECT fraiseql_nats.observe('tb_old_order');
CALL fraiseql_nats.backfill('tb_old_order');
SELECT * FROM shown();
SELECT relation, state, filter, observer, rows_published, rows_passed, rows_busy, key_columns, last_key,
       "position" <= pg_current_wal_insert_lsn() AS has_position, finished_at > started_at AS has_time, pid
FROM fraiseql_nats.backfill;
-- headers say what it is, and ids are those of the log
INSERT INTO tb_old_order (id, total) VALUES (3, 1);
CALL fraiseql_nats.backfill('tb_old_order', 'id IN (2, 3)', restart => true);
SELECT subject, headers ->> 'Fraiseql-Event' AS event, headers ->> 'Fraiseql-Table' AS "table",
       msg_id ~ '^\d+\.\d+\.[0-9A-F]{16}\.\d+$' AS has_id
FROM fraiseql_nats.messages('regress_backfill', advance => true);
-- what is finished is not done again, unless asked for
SET client_min_messages = warning;
CALL fraiseql_nats.backfill('tb_old_order', 'id IN (2, 3)');
SELECT * FROM shown();
RESET client_min_messages;
CALL fraiseql_nats.backfill('tb_old_order', 'id = 3');
SELECT * FROM shown();
SELECT filter, rows_published, rows_passed FROM fraiseql_nats.backfill;

-- observers: formats, columns, conditions, topics; those that do not want INSERT are not told
SELECT fraiseql_nats.unobserve('tb_old_order');
SELECT fraiseql_nats.observe('tb_old_order', format => 'row', subject => 'a.{op}.{column:id}', columns => '{id,note}', name => 'a row');
SELECT fraiseql_nats.observe('tb_old_order', '{INSERT}', 'old_order_created', filter => 'total >= 30', name => 'b topic');
INSERT INTO fraiseql_nats.observer (name, relation, format, subject, condition)
VALUES ('c changed', 'tb_old_order', 'topic', 'c.{op}', 'field_changed(''total'')');
SELECT fraiseql_nats.observe('tb_old_order', '{UPDATE,DELETE}', 'd.{op}', name => 'd no insert');
SELECT fraiseql_nats.observe('tb_old_order', subject => 'old_order_told', source => 'notify', name => 'e notify');
SELECT fraiseql_nats.observe('tb_old_order', format => 'topic', subject => 'f.{op}', name => 'f disabled');
SELECT fraiseql_nats.disable('f disabled');
CALL fraiseql_nats.backfill('tb_old_order', chunk_rows => 2);
SELECT * FROM shown();
-- one of them alone
CALL fraiseql_nats.backfill('tb_old_order', 'id > 2', 'a row', chunk_rows => 1);
SELECT * FROM shown();
CALL fraiseql_nats.backfill('tb_old_order', NULL, 'd no insert');
CALL fraiseql_nats.backfill('tb_old_order', NULL, 'nobody');
SELECT fraiseql_nats.create_preview_slot('regress_backfill');
DELETE FROM fraiseql_nats.observer;

-- keys of several columns and types, in an order of their own
CREATE TABLE tb_line (
    "Order" text COLLATE "C", n int, place uuid, day date, sent timestamptz, what varchar(10),
    PRIMARY KEY ("Order", n, place, day, sent, what)
);
INSERT INTO tb_line SELECT o, n, '550e8400-e29b-41d4-a716-446655440000', date '2026-02-01' + n, '2026-02-03 04:05:06.789+00', w
FROM unnest('{a,"b c","{\"\\","é"}'::text[]) o, generate_series(1, 3) n, unnest('{x,y}'::text[]) w;
SELECT fraiseql_nats.observe('tb_line', format => 'row', subject => 'line.{op}');
CALL fraiseql_nats.backfill('tb_line', chunk_rows => 1);
SELECT count(*), count(DISTINCT payload), array_agg(payload ORDER BY "position") = array_agg(payload ORDER BY payload::jsonb ->> 'Order' COLLATE "C", payload::jsonb ->> 'n', payload::jsonb ->> 'what') AS in_order
FROM fraiseql_nats.messages('regress_backfill', advance => true);
SELECT rows_published, key_columns, last_key FROM fraiseql_nats.backfill WHERE relation = 'tb_line'::regclass;
-- operators of the key in several schemas
CREATE SCHEMA odd;
CREATE TYPE odd.number AS (n int);
CREATE FUNCTION odd.before(odd.number, odd.number) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1.n > $2.n';
CREATE FUNCTION odd.before_or_same(odd.number, odd.number) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1.n >= $2.n';
CREATE FUNCTION odd.same(odd.number, odd.number) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1.n = $2.n';
CREATE FUNCTION odd.behind_or_same(odd.number, odd.number) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1.n <= $2.n';
CREATE FUNCTION odd.behind(odd.number, odd.number) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1.n < $2.n';
CREATE FUNCTION odd.compare(odd.number, odd.number) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT sign($2.n - $1.n)::int';
CREATE OPERATOR odd.< (FUNCTION = odd.before, LEFTARG = odd.number, RIGHTARG = odd.number, COMMUTATOR = OPERATOR(odd.>));
CREATE OPERATOR odd.<= (FUNCTION = odd.before_or_same, LEFTARG = odd.number, RIGHTARG = odd.number);
CREATE OPERATOR odd.= (FUNCTION = odd.same, LEFTARG = odd.number, RIGHTARG = odd.number);
CREATE OPERATOR odd.>= (FUNCTION = odd.behind_or_same, LEFTARG = odd.number, RIGHTARG = odd.number);
CREATE OPERATOR odd.> (FUNCTION = odd.behind, LEFTARG = odd.number, RIGHTARG = odd.number);
CREATE OPERATOR CLASS odd.downwards DEFAULT FOR TYPE odd.number USING btree AS
    OPERATOR 1 odd.<, OPERATOR 2 odd.<=, OPERATOR 3 odd.=, OPERATOR 4 odd.>=, OPERATOR 5 odd.>, FUNCTION 1 odd.compare(odd.number, odd.number);
CREATE TABLE tb_odd (a odd.number, b int, c odd.number, PRIMARY KEY (a, b, c));
INSERT INTO tb_odd SELECT row(x)::odd.number, y, row(z)::odd.number FROM generate_series(1, 2) x, generate_series(1, 2) y, generate_series(1, 2) z;
SELECT fraiseql_nats.observe('tb_odd', format => 'row', subject => 'odd.{op}');
CALL fraiseql_nats.backfill('tb_odd', chunk_rows => 1);
SELECT payload FROM shown();

-- a unique index will do if there is no primary key
CREATE TABLE tb_unique (a int, b int NOT NULL UNIQUE, c int UNIQUE);
INSERT INTO tb_unique VALUES (1, 2, NULL), (2, 1, NULL);
SELECT fraiseql_nats.observe('tb_unique', format => 'row', subject => 'unique.{op}');
CALL fraiseql_nats.backfill('tb_unique');
SELECT * FROM shown();
SELECT key_columns FROM fraiseql_nats.backfill WHERE relation = 'tb_unique'::regclass;

-- values that are stored elsewhere, columns that were dropped, and some that rows do not have yet
CREATE TABLE tb_wide (id int PRIMARY KEY, gone int, long text, packed text, bytes bytea);
ALTER TABLE tb_wide ALTER long SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL;
INSERT INTO tb_wide VALUES (1, 1, repeat('x', 20000), repeat('y', 20000), decode(repeat('ab', 10000), 'hex'));
ALTER TABLE tb_wide DROP gone, ADD later text DEFAULT 'there', ADD never text;
SELECT fraiseql_nats.observe('tb_wide', format => 'row', subject => 'wide.{op}');
CALL fraiseql_nats.backfill('tb_wide');
SELECT r ->> 'id' AS id, r ->> 'long' = repeat('x', 20000) AS long, r ->> 'packed' = repeat('y', 20000) AS packed,
       r ->> 'bytes' = '\x' || repeat('ab', 10000) AS bytes, r ->> 'later' AS later, r -> 'never' AS never, r ? 'gone' AS gone
FROM (SELECT payload::jsonb AS r FROM fraiseql_nats.messages('regress_backfill', advance => true)) m;
-- the log is read later than it was written
CALL fraiseql_nats.backfill('tb_wide', restart => true);
ALTER TABLE tb_wide DROP long, DROP packed, DROP bytes, ALTER later DROP DEFAULT, ALTER later TYPE int USING 7;
CALL fraiseql_nats.backfill('tb_wide', restart => true);
DROP TABLE tb_wide;
SELECT subject, left(payload, 30) AS payload FROM shown();
SELECT count(*) FROM fraiseql_nats.backfill WHERE relation NOT IN (SELECT oid FROM pg_class);

-- partitioned tables, by the name of the table or of a partition
CREATE TABLE tb_part (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_eu PARTITION OF tb_part FOR VALUES IN ('eu');
CREATE TABLE part_us (gone int, region text NOT NULL, id int NOT NULL);
ALTER TABLE part_us DROP gone;
ALTER TABLE tb_part ATTACH PARTITION part_us FOR VALUES IN ('us');
INSERT INTO tb_part SELECT n, CASE n % 2 WHEN 0 THEN 'eu' ELSE 'us' END FROM generate_series(1, 4) n;
SELECT fraiseql_nats.observe('tb_part', format => 'row', subject => 'part.{op}.{entity}.{table}');
CALL fraiseql_nats.backfill('tb_part', chunk_rows => 3);
SELECT * FROM shown();
CALL fraiseql_nats.backfill('part_us');
SELECT * FROM shown();

-- it goes on where it was, under the settings of another session
CREATE TABLE tb_when (day timestamptz PRIMARY KEY);
INSERT INTO tb_when SELECT timestamptz '2026-01-01 00:00:00+00' + n * interval '1 day' FROM generate_series(1, 5) n;
SELECT fraiseql_nats.observe('tb_when', format => 'row', subject => 'when.{op}');
SET regress.divisor = 0;
CALL fraiseql_nats.backfill('tb_when', 'day < ''2026-01-04 00:00+00'' OR 1 / current_setting(''regress.divisor'')::int = 1', chunk_rows => 2);
SELECT state, pid, rows_published, last_key FROM fraiseql_nats.backfill WHERE relation = 'tb_when'::regclass;
SET datestyle = 'German';
SET timezone = 'Asia/Tokyo';
CALL fraiseql_nats.backfill('tb_when', 'true');
SET regress.divisor = 1;
SELECT fraiseql_nats.create_preview_slot('regress_backfill');
CALL fraiseql_nats.backfill('tb_when', 'day < ''2026-01-04 00:00+00'' OR 1 / current_setting(''regress.divisor'')::int = 1', chunk_rows => 2);
RESET datestyle;
RESET timezone;
SELECT * FROM shown();
CALL fraiseql_nats.backfill('tb_when', 'day < ''2026-01-04''', restart => true);
SELECT * FROM shown();

-- whatever the session's transactions are like
SET default_transaction_isolation = 'serializable';
CALL fraiseql_nats.backfill('tb_when', restart => true, chunk_rows => 2);
RESET default_transaction_isolation;
SELECT count(*) FROM shown();

-- what cannot be
CREATE TABLE tb_keyless (id int UNIQUE);
SELECT fraiseql_nats.observe('tb_keyless');
CALL fraiseql_nats.backfill('tb_keyless');
CREATE TEMP TABLE tb_temporary (id int PRIMARY KEY);
CALL fraiseql_nats.backfill('tb_temporary');
CREATE VIEW no_table AS SELECT 1 AS id;
CALL fraiseql_nats.backfill('no_table');
CALL fraiseql_nats.backfill('fraiseql_nats.observer');
CALL fraiseql_nats.backfill(NULL);
CALL fraiseql_nats.backfill('tb_when', chunk_rows => 0);
CALL fraiseql_nats.backfill('tb_when', max_lag => -1);
CREATE UNLOGGED TABLE part_asia PARTITION OF tb_part FOR VALUES IN ('asia');
INSERT INTO part_asia VALUES (0, 'asia');
CALL fraiseql_nats.backfill('tb_part', restart => true);
BEGIN;
CALL fraiseql_nats.backfill('tb_when', restart => true);
ROLLBACK;
CALL fraiseql_nats.backfill('tb_when', 'true) OR (true', restart => true);
CALL fraiseql_nats.backfill('tb_when', 'true, true', restart => true);
CALL fraiseql_nats.backfill('tb_when', 'true FROM tb_line', restart => true);
CALL fraiseql_nats.backfill('tb_when', 'true AS x', restart => true);
CALL fraiseql_nats.backfill('tb_when', 'true; DROP TABLE tb_when', restart => true);
CALL fraiseql_nats.backfill('tb_when', '', restart => true);
CALL fraiseql_nats.backfill('tb_when', '1', restart => true);
CALL fraiseql_nats.backfill('tb_when', 'generate_series(1, 2) = 1', restart => true);
CALL fraiseql_nats.backfill('tb_when', 'nothing = 1', restart => true);
-- an error has changed nothing
SELECT state, filter, rows_published FROM fraiseql_nats.backfill WHERE relation = 'tb_when'::regclass;
-- wherever it can commit, and nowhere else
SET client_min_messages = warning;
DO $$ BEGIN CALL fraiseql_nats.backfill('tb_when', restart => true, chunk_rows => 2); END $$;
CREATE PROCEDURE backfill_all() LANGUAGE plpgsql AS $$ BEGIN CALL fraiseql_nats.backfill('tb_when', restart => true, chunk_rows => 2); COMMIT; END $$;
CALL backfill_all();
SELECT state, rows_published FROM fraiseql_nats.backfill WHERE relation = 'tb_when'::regclass;
CREATE FUNCTION backfill_one() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL fraiseql_nats.backfill('tb_when', restart => true); END $$;
SELECT backfill_one();
DO $$ BEGIN CALL fraiseql_nats.backfill('tb_when', restart => true); EXCEPTION WHEN division_by_zero THEN NULL; END $$;
SELECT state, rows_published FROM fraiseql_nats.backfill WHERE relation = 'tb_when'::regclass;
DROP PROCEDURE backfill_all;
DROP FUNCTION backfill_one;
RESET client_min_messages;
-- rights: to act, and to read the table; it is no right of the table to lock its rows
CREATE ROLE regress_backfiller IN ROLE fraiseql_nats_admin;
SET ROLE regress_nobody;
CALL fraiseql_nats.backfill('tb_when');
SET ROLE regress_backfiller;
CALL fraiseql_nats.backfill('tb_when', restart => true);
RESET ROLE;
GRANT SELECT ON tb_when TO regress_backfiller;
SELECT fraiseql_nats.create_preview_slot('regress_backfill');
SET ROLE regress_backfiller;
CALL fraiseql_nats.backfill('tb_when', restart => true, chunk_rows => 2);
SELECT state, rows_published FROM fraiseql_nats.backfill WHERE relation = 'tb_when'::regclass;
RESET ROLE;
SELECT count(*) FROM shown();
-- rows that a policy hides are not left out in silence
ALTER TABLE tb_when ENABLE ROW LEVEL SECURITY;
SET ROLE regress_backfiller;
CALL fraiseql_nats.backfill('tb_when', restart => true);
RESET ROLE;
REVOKE ALL ON tb_when FROM regress_backfiller;
DROP ROLE regress_backfiller;
DROP VIEW no_table;
DROP TABLE tb_old_order, tb_line, tb_odd, tb_unique, tb_part, tb_when, tb_keyless;
SET client_min_messages = warning;
DROP SCHEMA odd CASCADE;
SELECT count(*) FROM fraiseql_nats.backfill;
