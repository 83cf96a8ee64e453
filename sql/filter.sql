-- Only the changes of which the SQL expression of an observer is true.
SELECT fraiseql_nats.create_preview_slot('regress_filter');
CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped');
CREATE TABLE tb_order (id int PRIMARY KEY, status order_status, total numeric, note text, data jsonb, at timestamptz);
ALTER TABLE tb_order REPLICA IDENTITY FULL;
ALTER TABLE tb_order ALTER note SET STORAGE EXTERNAL;
SELECT fraiseql_nats.observe('tb_order', name => 'a', format => 'row', columns => '{id}', subject => 'a.large', filter => 'total >= 100.50 AND status IN (''new'', ''paid'')');
SELECT fraiseql_nats.observe('tb_order', name => 'b', format => 'row', columns => '{id}', subject => 'b.grown', filter => 'new.total > old.total');
SELECT fraiseql_nats.observe('tb_order', name => 'c', format => 'row', columns => '{id}', subject => 'c.data', filter => 'data->>''kind'' = ''gift'' AND (data->>''n'')::int > 1');
SELECT fraiseql_nats.observe('tb_order', name => 'd', format => 'row', columns => '{id}', subject => 'd.note', filter => 'length(note) > 9000');
-- with a condition of a file, both must hold
UPDATE fraiseql_nats.observer SET condition = 'total < 1000' WHERE name = 'd';
-- the text means the same whoever reads it
SET TimeZone = 'America/New_York';
SELECT fraiseql_nats.observe('tb_order', name => 'e', format => 'row', columns => '{id}', subject => 'e.at', filter => 'at >= ''2026-01-15 00:00''');
RESET TimeZone;
INSERT INTO tb_order VALUES (1, 'new', 100.49, 'x', '{"kind": "gift", "n": 2}', '2026-01-14 23:59 UTC'), (2, 'paid', 100.5, repeat('y', 10000), '{"kind": "gift", "n": 1}', '2026-01-15 00:00 UTC'), (3, 'shipped', 1000, NULL, NULL, NULL);
UPDATE tb_order SET total = total + 1 WHERE id < 3;
UPDATE tb_order SET total = total - 1 WHERE id < 3;
DELETE FROM tb_order WHERE id = 2;
TRUNCATE tb_order;
SELECT subject, payload FROM fraiseql_nats.messages('regress_filter', advance => true);
-- of what cannot be said nothing is published, and what follows goes on
SELECT fraiseql_nats.unobserve(name) FROM fraiseql_nats.observer;
ALTER TABLE tb_order REPLICA IDENTITY DEFAULT;
SELECT fraiseql_nats.observe('tb_order', name => 'f', format => 'row', columns => '{id}', subject => 'f.ratio', filter => '1000 / total > 1');
SELECT fraiseql_nats.observe('tb_order', name => 'g', format => 'row', columns => '{id}', subject => 'g.key', filter => 'id > 1 AND old.id IS DISTINCT FROM new.id');
SELECT fraiseql_nats.observe('tb_order', name => 'h', format => 'row', columns => '{id}', subject => 'h.note', filter => 'note LIKE ''y%''');
INSERT INTO tb_order VALUES (1, 'new', 0), (2, 'new', 5);
DELETE FROM tb_order WHERE id = 2;
INSERT INTO tb_order VALUES (3, 'new', 5, repeat('y', 10000));
UPDATE tb_order SET total = 6 WHERE id = 3;
UPDATE tb_order SET note = 'y' WHERE id = 3;
SELECT subject, payload FROM fraiseql_nats.messages('regress_filter', advance => true);
-- a column that is gone: nothing is published until it is back
SELECT fraiseql_nats.unobserve(name) FROM fraiseql_nats.observer;
SELECT fraiseql_nats.observe('tb_order', '{INSERT}', name => 'i', format => 'row', columns => '{id}', subject => 'i.total', filter => 'total > 1');
INSERT INTO tb_order VALUES (4, 'new', 4);
ALTER TABLE tb_order RENAME total TO amount;
INSERT INTO tb_order VALUES (5, 'new', 5);
ALTER TABLE tb_order RENAME amount TO total;
ALTER TABLE tb_order DROP note, ALTER total TYPE bigint;
INSERT INTO tb_order VALUES (6, 'new', 6);
SELECT subject, payload FROM fraiseql_nats.messages('regress_filter', advance => true);
-- partitions whose columns stand in another order
CREATE TABLE tb_part (id int, skip text, region text, total int) PARTITION BY LIST (region);
ALTER TABLE tb_part DROP skip;
CREATE TABLE tb_part_eu (total int, region text, id int);
ALTER TABLE tb_part ATTACH PARTITION tb_part_eu FOR VALUES IN ('eu');
CREATE TABLE tb_part_us PARTITION OF tb_part FOR VALUES IN ('us');
SELECT fraiseql_nats.observe('tb_part', format => 'row', columns => '{id}', subject => 'x.part', filter => 'total > 10');
INSERT INTO tb_part VALUES (1, 'eu', 11), (2, 'us', 11), (20, 'eu', 9), (30, 'us', 9);
SELECT subject, payload FROM fraiseql_nats.messages('regress_filter', advance => true);
-- what is refused
CREATE FUNCTION is_large(numeric) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 100';
CREATE TYPE pair AS (a int, b int);
ALTER TABLE tb_order ADD pair pair;
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT fraiseql_nats.observe('tb_order', filter => 'total >');
SELECT fraiseql_nats.observe('tb_order', filter => 'total > 1; DROP TABLE tb_order');
SELECT fraiseql_nats.observe('tb_order', filter => 'total > 1, total < 5');
SELECT fraiseql_nats.observe('tb_order', filter => 'total > 1 FROM tb_order');
SELECT fraiseql_nats.unobserve(fraiseql_nats.observe('tb_order', filter => ''));
SELECT fraiseql_nats.observe('tb_order', filter => 'total + 1');
SELECT fraiseql_nats.observe('tb_order', filter => 'status = ''lost''');
SELECT fraiseql_nats.observe('tb_order', filter => 'totl > 1');
SELECT fraiseql_nats.observe('tb_order', filter => 'tb_order.total > 1');
SELECT fraiseql_nats.observe('tb_order', filter => 'new.* IS NOT NULL');
SELECT fraiseql_nats.observe('tb_order', filter => 'xmin = 1');
SELECT fraiseql_nats.observe('tb_order', filter => 'at > now()');
SELECT fraiseql_nats.observe('tb_order', filter => 'current_user = ''me''');
SELECT fraiseql_nats.observe('tb_order', filter => 'at::text > ''2026''');
SELECT fraiseql_nats.observe('tb_order', filter => 'public.is_large(total)');
SELECT fraiseql_nats.observe('tb_order', filter => 'pair IS NOT NULL');
SELECT fraiseql_nats.observe('tb_order', filter => 'total > (SELECT 1)');
SELECT fraiseql_nats.observe('tb_order', filter => 'EXISTS (SELECT FROM tb_order)');
SELECT fraiseql_nats.observe('tb_order', filter => 'max(total) > 1');
SELECT fraiseql_nats.observe('tb_order', filter => 'generate_series(1, 3) = 1');
SELECT fraiseql_nats.observe('tb_order', filter => 'total > 1 / 0');
SELECT fraiseql_nats.observe('tb_order', filter => '$1');
INSERT INTO fraiseql_nats.observer (name, channel, filter) VALUES ('x', 'c', 'true');
SELECT count(*) FROM fraiseql_nats.observer WHERE relation = 'tb_order'::regclass AND name <> 'i';
DROP TABLE tb_order, tb_part;
DROP FUNCTION is_large;
DROP TYPE order_status, pair;
