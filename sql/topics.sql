-- A topic: one name for an observer, a channel and a service.
\set SHOW_CONTEXT never
SELECT fraiseql_nats.create_preview_slot('regress_topics');
CREATE TABLE tb_order (
    pk_order bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE,
    status text NOT NULL DEFAULT 'pending', total numeric(10, 2), type text, big text);
ALTER TABLE tb_order ALTER big SET STORAGE EXTERNAL;
SELECT fraiseql_nats.observe('tb_order', '{INSERT}', 'order_created');
SELECT fraiseql_nats.observe('tb_order', '{UPDATE}', 'order_status_changed');
SELECT fraiseql_nats.observe('tb_order', '{DELETE}', 'gone');
SELECT fraiseql_nats.observe('tb_order', '{INSERT}', 'a.b', format => 'topic', name => 'no topic');
-- a row event, in the shape of the topic
INSERT INTO tb_order (id, total, type, big) VALUES ('550e8400-e29b-41d4-a716-446655440000', 12.30, 'x', repeat('y', 5000));
-- without REPLICA IDENTITY FULL the old values are not known
UPDATE tb_order SET status = 'confirmed';
ALTER TABLE tb_order REPLICA IDENTITY FULL;
UPDATE tb_order SET status = 'shipped', total = 12.31, big = NULL;
DELETE FROM tb_order;
SELECT subject, replace(regexp_replace(payload, '"timestamp":"[^"]+"', '"timestamp":"T"'), repeat('y', 5000), 'BIG') AS payload
FROM fraiseql_nats.messages('regress_topics', advance => true);
-- a notification replaces the row event of the same topic in the same transaction, before or behind it
CREATE FUNCTION create_order(notify_first boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF notify_first THEN PERFORM pg_notify('order_created', '{"order_id": 1}'); END IF;
    INSERT INTO tb_order (id) VALUES (gen_random_uuid());
    IF NOT notify_first THEN PERFORM pg_notify('order_created', '{"order_id": 2, "timestamp": "mine"}'); END IF;
    UPDATE tb_order SET status = 'x';
END $$;
SELECT fraiseql_nats.unobserve('no topic');
SELECT create_order(true);
TRUNCATE tb_order;
SELECT create_order(false);
SELECT subject, headers ? 'Fraiseql-Channel' AS notification, split_part(position, ':', 2) AS ordinal,
       CASE WHEN headers ? 'Fraiseql-Channel' THEN payload::jsonb - 'timestamp' END AS payload
FROM fraiseql_nats.messages('regress_topics', advance => true);
-- not when the notification is rolled back, is of another topic, or of another transaction
BEGIN;
INSERT INTO tb_order (id) VALUES ('550e8400-e29b-41d4-a716-446655440001');
SAVEPOINT a;
NOTIFY order_created, 'rolled back';
ROLLBACK TO a;
NOTIFY order_status_changed, 'another topic';
COMMIT;
NOTIFY order_created, 'another transaction';
SELECT subject, headers ? 'Fraiseql-Channel' AS notification FROM fraiseql_nats.messages('regress_topics', advance => true);
-- source: only rows, only notifications
UPDATE fraiseql_nats.observer SET source = 'row' WHERE name = 'tb_order.insert';
SELECT create_order(false);
UPDATE fraiseql_nats.observer SET source = 'notify' WHERE name = 'tb_order.insert';
SELECT create_order(false);
INSERT INTO tb_order (id) VALUES ('550e8400-e29b-41d4-a716-446655440002');
SELECT subject, headers ? 'Fraiseql-Channel' AS notification FROM fraiseql_nats.messages('regress_topics', advance => true)
WHERE subject = 'fraiseql.order.created';
-- what is refused
SELECT fraiseql_nats.observe('tb_order', subject => 'a.b', source => 'notify', name => 'x');
SELECT fraiseql_nats.observe('tb_order', subject => 'topic_x', source => 'sometimes', name => 'x');
INSERT INTO fraiseql_nats.observer (name, channel, relation) VALUES ('both', 'c', 'tb_order');
INSERT INTO fraiseql_nats.observer (name) VALUES ('neither');
INSERT INTO fraiseql_nats.observer (name, channel, format) VALUES ('formatted', 'c', 'row');
SELECT fraiseql_nats.observe_channel(NULL);
SELECT fraiseql_nats.observe_channel('c', 'bad subject');
SELECT fraiseql_nats.observe_channel('c', 'x.{column:id}');
DELETE FROM fraiseql_nats.observer;
DROP FUNCTION create_order;
DROP TABLE tb_order;
