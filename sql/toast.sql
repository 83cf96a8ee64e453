-- A TOAST value that an UPDATE does not touch is not in the log: it is left out and said so, never
-- null; with REPLICA IDENTITY FULL the old row has it.
SELECT fraiseql_nats.create_preview_slot('regress_toast');
CREATE TABLE t (id int PRIMARY KEY, big text, small text);
ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
SELECT fraiseql_nats.observe('t');
INSERT INTO t VALUES (1, repeat('x', 10000), 'a');
UPDATE t SET small = 'b';
UPDATE t SET big = repeat('y', 9000);
UPDATE t SET big = NULL;
UPDATE t SET big = repeat('z', 9000);
ALTER TABLE t REPLICA IDENTITY FULL;
UPDATE t SET small = 'c';
DELETE FROM t;
SELECT subject, length(payload) > 9000 AS has_big, payload::jsonb -> 'unchanged' AS unchanged,
       payload::jsonb -> 'data' ? 'big' AS big_in_data, payload::jsonb #>> '{data,small}' AS small,
       length(payload::jsonb #>> '{data,big}') AS big, payload::jsonb -> 'changes' AS changes
FROM fraiseql_nats.messages('regress_toast', advance => true);
-- compressed and inline
ALTER TABLE t ALTER big SET STORAGE MAIN;
INSERT INTO t VALUES (2, repeat('abc', 3000), 'd');
UPDATE t SET small = 'e' WHERE id = 2;
SELECT subject, length(payload::jsonb #>> '{data,big}') AS big, payload::jsonb -> 'unchanged' AS unchanged
FROM fraiseql_nats.messages('regress_toast', advance => true);
DROP TABLE t;
