-- One message for each row changed, in the order of the changes.
SELECT fraiseql_nats.create_preview_slot('regress_events');
CREATE TABLE tb_order (id int PRIMARY KEY, status text, total numeric(10, 2));
SELECT fraiseql_nats.observe('tb_order');
INSERT INTO tb_order VALUES (1, 'pending', 12.30), (2, 'pending', NULL);
UPDATE tb_order SET status = 'confirmed' WHERE id = 1;
UPDATE tb_order SET id = 3 WHERE id = 2;
DELETE FROM tb_order WHERE id = 1;
TRUNCATE tb_order;
COPY tb_order FROM STDIN;
4	copied	1
5	copied	2
\.
SELECT * FROM shown();
-- MERGE and ON CONFLICT are what they do to each row
INSERT INTO tb_order VALUES (4, 'again', 3) ON CONFLICT (id) DO UPDATE SET status = excluded.status;
MERGE INTO tb_order o USING (VALUES (5), (6)) v(id) ON o.id = v.id
    WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'merged', 0);
SELECT * FROM shown();
-- the headers
INSERT INTO tb_order VALUES (7, 'headers', 0);
SELECT subject, headers ->> 'Nats-Msg-Id' = msg_id AS id_is_header,
       headers ->> 'Fraiseql-Position' = position AS position_is_header,
       headers ->> 'Fraiseql-Table' AS "table", headers ->> 'Content-Type' AS content_type,
       headers ->> 'Fraiseql-Commit-Time' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$' AS commit_time,
       (SELECT count(*) FROM jsonb_object_keys(headers)) AS headers
FROM fraiseql_nats.messages('regress_events');
-- reading again gives the same messages with the same ids
CREATE TEMP TABLE first AS SELECT * FROM fraiseql_nats.messages('regress_events');
SELECT count(*) FROM (TABLE first EXCEPT SELECT * FROM fraiseql_nats.messages('regress_events')) x;
SELECT msg_id ~ ('^' || system_identifier || '\.' || d.oid || '\.[0-9A-F]{16}\.1$') AS id
FROM first, pg_control_system(), pg_database d WHERE d.datname = current_database();
-- and how much they are
SELECT v.messages, v.bytes = (
    SELECT sum(octet_length(subject) + octet_length(payload)
               + (SELECT sum(octet_length(key) + octet_length(value) + 4) FROM jsonb_each_text(headers)))
    FROM first) AS bytes
FROM fraiseql_nats.message_volume('regress_events') v;
-- the id in another header: all else is the same, and an id of the caller's stays where it is
SELECT fraiseql_nats.publish('mail.send', '{}'::jsonb, msg_id => 'my id') > '0/0';
CREATE TEMP TABLE by_default AS SELECT * FROM fraiseql_nats.messages('regress_events');
SELECT fraiseql_nats.alter_stream('default', message_id_header => 'Fraiseql-Id');
SELECT m.subject, m.headers ->> 'Fraiseql-Id' = m.msg_id AS own_header, m.headers ->> 'Nats-Msg-Id' = m.msg_id AS nats_header,
       m.msg_id = d.msg_id AS same_id, m.headers - '{Fraiseql-Id,Nats-Msg-Id}'::text[] = d.headers - 'Nats-Msg-Id' AS same_headers,
       m.payload = d.payload AS same_payload, m.payload::jsonb ? 'id' AS has_id
FROM fraiseql_nats.messages('regress_events') m JOIN by_default d USING ("position") ORDER BY m.subject;
SELECT fraiseql_nats.asyncapi() #> '{channels,tb_order,messages,INSERT,headers,required}' AS required;
SELECT fraiseql_nats.alter_stream('default', reset => '{message_id_header}');
SELECT fraiseql_nats.asyncapi() #> '{channels,tb_order,messages,INSERT,headers,required,0}' AS required;
\set SHOW_CONTEXT never
SELECT fraiseql_nats.alter_stream('default', message_id_header => 'Message-Id');
DELETE FROM fraiseql_nats.stream;
SELECT * FROM fraiseql_nats.message_volume(NULL);
SELECT fraiseql_nats.unobserve('tb_order');
DROP TABLE tb_order;
