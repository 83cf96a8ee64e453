-- A server that is built without libxml has the type and no values of it.
SELECT fraiseql_nats.create_preview_slot('regress_xml');
CREATE TABLE t (id int PRIMARY KEY, x xml);
SELECT fraiseql_nats.observe('t', format => 'row');
INSERT INTO t VALUES (1, '<a b="c">&lt;</a>');
SELECT payload, payload::jsonb = (SELECT to_jsonb(t) FROM t) AS as_to_jsonb FROM shown();
DROP TABLE t;
