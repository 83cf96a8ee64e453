-- An observer applies to exactly the transactions that commit after its own.
SELECT fraiseql_nats.create_preview_slot('regress_observer_versions', temporary => false);
CREATE TABLE t (id int PRIMARY KEY, a text);
INSERT INTO t VALUES (1, 'before');
SELECT fraiseql_nats.observe('t', format => 'row', name => 'o');
INSERT INTO t VALUES (2, 'observed');
UPDATE fraiseql_nats.observer SET subject = 'second.{op}' WHERE name = 'o';
INSERT INTO t VALUES (3, 'second subject');
SELECT fraiseql_nats.disable('o');
INSERT INTO t VALUES (4, 'silent');
SELECT fraiseql_nats.enable('o');
INSERT INTO t VALUES (5, 'loud');
-- two observers: one change, two messages, the second with a route of its own
SELECT fraiseql_nats.observe('t', '{INSERT}', 'third.{table}', format => 'row', name => 'p');
INSERT INTO t VALUES (6, 'both');
-- the transaction that makes an observer does not use it yet for what it wrote before
BEGIN;
INSERT INTO t VALUES (7, 'same transaction, before');
UPDATE fraiseql_nats.observer SET subject = 'fourth' || '.x' WHERE name = 'o';
COMMIT;
INSERT INTO t VALUES (8, 'after');
SELECT fraiseql_nats.unobserve('o');
INSERT INTO t VALUES (9, 'only p');
TRUNCATE fraiseql_nats.observer;
DELETE FROM fraiseql_nats.observer;
VACUUM FULL fraiseql_nats.observer;
INSERT INTO t VALUES (10, 'nobody');
SELECT subject, payload, split_part(position, ':', 3) AS route
FROM fraiseql_nats.messages('regress_observer_versions');
SELECT fraiseql_nats.drop_preview_slot('regress_observer_versions');
DROP TABLE t;
