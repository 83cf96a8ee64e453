-- What is written without the server's output functions is written as they write it: many times
-- and documents, compared character by character.
SELECT fraiseql_nats.create_preview_slot('regress');
CREATE TABLE tb_value (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, doc jsonb, words text);
SELECT fraiseql_nats.observe('tb_value', format => 'row');
SET timezone = 'UTC';
-- from 4713 BC to 27379, in steps that meet every month, and fractions with and without zeros at the end
INSERT INTO tb_value (id, d, ts, tz)
SELECT n, '4713-01-01 BC'::date + n * 3907,
       '4713-01-01 BC'::timestamp + n * interval '3907 days 05:07:11' + (n % 1000) * interval '1 ms' + (n % 7) * interval '1 us',
       '4713-01-01 BC'::timestamptz + n * interval '3907 days 23:59:59' + (n % 100) * interval '10 ms'
FROM generate_series(0, 2999) n;
-- the limits between what is usual and what is not
INSERT INTO tb_value (id, d, ts, tz)
SELECT 3000 + row_number() OVER (), t::date, t, t AT TIME ZONE 'UTC'
FROM unnest('{0001-12-31 23:59:59.999999 BC,0001-01-01,9999-12-31 23:59:59.999999,10000-01-01,infinity,-infinity,
              1969-12-31 23:59:59.9,1970-01-01,1999-12-31 23:59:59.999999,2000-01-01,2000-02-29 12:00:00.100000}'::timestamp[]) t;
-- documents of every shape, and texts with what must be escaped at every place
INSERT INTO tb_value (id, doc)
SELECT 4000 + row_number() OVER (), d FROM unnest(ARRAY[
    'null', 'true', '1.50', '"a \" b"', '[]', '{}', '[[]]', '[{}]', '{"a": []}', '{"a": {}}', '[1, [2, [3, []], 4], {"b": [5]}]',
    '{"z": 1, "aa": {"b": [true, false, null, "x"]}, "": ""}', '[null]', '["\u00e9", "\t\\ \/ \u0001"]',
    '1e300', '-0.000000000000000001', '[[1], 2]', '[{"a": 1}, {"b": 2}]']::jsonb[]) d;
INSERT INTO tb_value (id, words, doc)
SELECT 5000 + n, w, jsonb_build_object(w, jsonb_build_array(w, n, n / 8.0))
FROM generate_series(0, 999) n,
     LATERAL (SELECT repeat('é ', n % 13) || repeat('x', n % 37) || CASE WHEN n % 3 > 0 THEN chr(1 + n % 127) ELSE '' END
                     || repeat('y', n % 41) AS w) x;
SELECT count(*) AS rows,
       count(*) FILTER (WHERE (payload::json -> 'd')::text IS DISTINCT FROM coalesce(to_json(d)::text, 'null')) AS dates,
       count(*) FILTER (WHERE (payload::json -> 'ts')::text IS DISTINCT FROM coalesce(to_json(ts)::text, 'null')) AS timestamps,
       count(*) FILTER (WHERE (payload::json -> 'tz')::text IS DISTINCT FROM coalesce(to_json(tz)::text, 'null')) AS timestamptzs,
       count(*) FILTER (WHERE (payload::json -> 'doc')::text IS DISTINCT FROM coalesce(doc::text, 'null')) AS documents,
       count(*) FILTER (WHERE (payload::json -> 'words')::text IS DISTINCT FROM coalesce(to_json(words)::text, 'null')) AS texts
FROM fraiseql_nats.messages('regress') m JOIN tb_value t ON t.id = (m.payload::json ->> 'id')::int;
DROP TABLE tb_value;
