-- observer_info: what follows for each observer from the settings, its stream and its table.
\set SHOW_CONTEXT never
CREATE VIEW shown_info AS
SELECT observer, relation, channel, subject, format, stream, taken, old_values, enabled, paused
FROM fraiseql_nats.observer_info ORDER BY observer COLLATE "C";
SET client_min_messages = error;
CREATE TABLE tb_order_item (id int PRIMARY KEY, region text);
CREATE TABLE tb_full (id int);
ALTER TABLE tb_full REPLICA IDENTITY FULL;
CREATE TABLE tb_keyless (id int);
CREATE TABLE tb_nothing (id int PRIMARY KEY);
ALTER TABLE tb_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE tb_index (id int NOT NULL);
CREATE UNIQUE INDEX tb_index_id ON tb_index (id);
ALTER TABLE tb_index REPLICA IDENTITY USING INDEX tb_index_id;
CREATE TABLE tb_parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE tb_part_1 PARTITION OF tb_parts FOR VALUES FROM (0) TO (10);
CREATE TABLE tb_part_2 PARTITION OF tb_parts DEFAULT;
SELECT fraiseql_nats.create_stream('orders', '{order.>}', subject_prefix => 'order.row', topic_prefix => 'order.topic');
SELECT fraiseql_nats.create_stream(kv => 'stock');
SELECT fraiseql_nats.observe('tb_order_item', name => 'a default');
SELECT fraiseql_nats.observe('tb_order_item', subject => 'x.{column:region}.{op}', format => 'row', name => 'b template');
SELECT fraiseql_nats.observe('tb_order_item', 'INSERT', 'item_created', name => 'c topic');
SELECT fraiseql_nats.observe('tb_order_item', entity => 'Thing', stream => 'orders', name => 'd prefix');
SELECT fraiseql_nats.observe('tb_order_item', 'INSERT', 'thing_created', stream => 'orders', name => 'e topic prefix');
SELECT fraiseql_nats.observe('tb_order_item', stream => 'KV_stock', name => 'f bucket');
SELECT fraiseql_nats.observe_channel('some_event', name => 'g channel');
SELECT fraiseql_nats.observe_channel('some.channel', 'y.{database}', name => 'h channel');
SELECT fraiseql_nats.observe('tb_full', name => 'i full');
SELECT fraiseql_nats.observe('tb_keyless', name => 'j keyless');
SELECT fraiseql_nats.observe('tb_nothing', name => 'k nothing');
SELECT fraiseql_nats.observe('tb_index', name => 'l index');
SELECT fraiseql_nats.observe('tb_parts', name => 'm parts');
SELECT fraiseql_nats.disable('a default');
SELECT fraiseql_nats.pause('orders');
SELECT * FROM shown_info;
-- partitions may differ
ALTER TABLE tb_part_2 REPLICA IDENTITY FULL;
SELECT old_values FROM shown_info WHERE observer = 'm parts';
ALTER TABLE tb_part_1 REPLICA IDENTITY FULL;
SELECT old_values FROM shown_info WHERE observer = 'm parts';
-- the rights of who monitors are enough, and others have none
CREATE ROLE regress_watcher IN ROLE pg_monitor;
SET ROLE regress_watcher;
SELECT count(*) FROM fraiseql_nats.observer_info;
SET ROLE regress_nobody;
SELECT count(*) FROM fraiseql_nats.observer_info;
RESET ROLE;
DROP ROLE regress_watcher;
-- one observer of several cannot be paused
SELECT fraiseql_nats.pause('b template');
SELECT fraiseql_nats.pause('f bucket');
SELECT fraiseql_nats.resume('f bucket');
SELECT fraiseql_nats.unobserve(observer) FROM shown_info;
SELECT fraiseql_nats.drop_stream(s) FROM unnest('{orders,KV_stock}'::text[]) s;
DROP TABLE tb_order_item, tb_full, tb_keyless, tb_nothing, tb_index, tb_parts;
DROP VIEW shown_info;
