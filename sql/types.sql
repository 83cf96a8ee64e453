-- Values are written as to_jsonb() writes them, whatever the session has set.
SELECT fraiseql_nats.create_preview_slot('regress_types');
CREATE TYPE mood AS ENUM ('sad', 'happy "quoted"');
CREATE TYPE pair AS (n int, t text, "odd "" name" date);
CREATE DOMAIN positive AS numeric CHECK (value > 0);
CREATE TABLE t (
    id int PRIMARY KEY, b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, tx text, vc varchar(10),
    ch char(3), u uuid, by bytea, j json, jb jsonb, d date, ts timestamp, tz timestamptz, tm time, iv interval,
    e mood, p pair, dm positive, ia int[], ta text[], pa pair[], r int4range, tr tstzrange, i inet, o oid,
    na name, m money, bi bit(3), g int GENERATED ALWAYS AS (id * 2) STORED, pt point
);
SELECT fraiseql_nats.observe('t', format => 'row');
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
INSERT INTO t VALUES (
    1, true, -32768, 9223372036854775807, 1.1, 0.1, 12345678901234567890.123456789, E'tab\t"q" \\ \u00e9 \u0001', 'v',
    'c', '550e8400-e29b-41d4-a716-446655440000', '\xdeadbeef', '{"a" : 1, "a":2}', '{"b":[1,null,{"c":"d"}],"a":1e2}',
    '2026-01-15', '2026-01-15 10:30', '2026-01-15 10:30:00.5+02', '10:30:01.25', '1 day 02:03:04',
    'happy "quoted"', (1, 'x', '2026-01-15'), 3.50, '{1,NULL,3}', '{{a,b},{"c d",NULL}}',
    ARRAY[(1, 'y', NULL)::pair, NULL], '[1,5)', '[2026-01-15 10:30+00,)', '10.0.0.1/8', 42,
    'name', '1234.50', B'101', DEFAULT, '(1,2)');
INSERT INTO t (id, f4, f8, n, d, ts, tz) VALUES
    (2, 'NaN', 'Infinity', 'NaN', 'infinity', '-infinity', 'infinity'),
    (3, '-Infinity', '-0', 'Infinity', '0044-03-15 BC', '12026-01-15', '2026-01-15'),
    (4, 1e30, 1e-300, 1e-20, NULL, NULL, NULL);
INSERT INTO t (id, ia, ta) VALUES (5, '{}', '[0:1]={a,b}');
RESET ALL;
\pset format unaligned
SELECT payload FROM shown();
-- the same as to_jsonb(), where that is possible at all
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
INSERT INTO t (id, b, i2, i8, f4, f8, n, tx, vc, ch, u, by, j, jb, d, ts, tz, tm, iv, e, p, dm, ia, ta, pa, r,
    tr, i, o, na, bi, pt)
SELECT 10, b, i2, i8, f4, f8, n, tx, vc, ch, u, by, j, jb, d, ts, tz, tm, iv, e, p, dm, ia, ta, pa, r,
    tr, i, o, na, bi, pt FROM t WHERE id = 1;
SELECT key, value AS ours, theirs -> key AS theirs
FROM fraiseql_nats.messages('regress_types') m, jsonb_each(m.payload::jsonb), (SELECT to_jsonb(t) AS theirs FROM t WHERE id = 10) x
WHERE value IS DISTINCT FROM theirs -> key;
\pset format aligned
DROP TABLE t;
DROP TYPE mood, pair;
DROP DOMAIN positive;
