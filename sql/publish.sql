-- publish(): a message of one's own, as part of the transaction.
SELECT fraiseql_nats.create_preview_slot('regress_publish');
SELECT fraiseql_nats.publish('mail.send', 'plain text é') > '0/0';
SELECT fraiseql_nats.publish('mail.send', '{"to": ["a", "b"], "n": 1.50}'::jsonb) > '0/0';
SELECT fraiseql_nats.publish('mail.send', '\xdeadbeef'::bytea) > '0/0';
SELECT fraiseql_nats.publish('mail.send', '<a/>', '{"Content-Type": "text/xml", "X-Num": 1, "X-Yes": true}', 'my-id-1') > '0/0';
SELECT fraiseql_nats.publish('mail.send', 'x', '{"X-Tag": ["a", "b"], "X-Quote": "\"\\ é"}') > '0/0';
SELECT fraiseql_nats.publish('mail.send', '') > '0/0';
SELECT subject, payload, headers - 'Fraiseql-Xid' - 'Fraiseql-Commit-Time' - 'Fraiseql-Position' - 'Nats-Msg-Id' - 'Fraiseql-Origin' AS headers,
       CASE WHEN msg_id ~ '^\d+\.\d+\.[0-9A-F]{16}\.1$' THEN 'ours' ELSE msg_id END AS msg_id,
       headers->>'Fraiseql-Origin' ~ '^\d+\.\d+$' AS origin
FROM fraiseql_nats.messages('regress_publish', advance => true);
SELECT fraiseql_nats.publish(NULL, 'x');
SELECT fraiseql_nats.publish('a.b', NULL::text);
SELECT fraiseql_nats.publish('a b', 'x');
SELECT fraiseql_nats.publish('a.>', 'x');
SELECT fraiseql_nats.publish('', 'x');
SELECT fraiseql_nats.publish('a.b', 'x', '[]');
SELECT fraiseql_nats.publish('a.b', 'x', '{"bad name": "v"}');
SELECT fraiseql_nats.publish('a.b', 'x', '{"A": "line\nbreak"}');
SELECT fraiseql_nats.publish('a.b', 'x', '{"Nats-Rollup": "all"}');
SELECT fraiseql_nats.publish('a.b', 'x', '{"fraiseql-xid": "1"}');
SELECT fraiseql_nats.publish('a.b', 'x', '{"A": {"b": 1}}');
SELECT fraiseql_nats.publish('a.b', 'x', NULL, E'id\nInjected: yes');
-- nobody can forge one: a prefix that is not ours is not ours (an error has dropped the temporary slot)
SELECT fraiseql_nats.create_preview_slot('regress_publish');
SELECT pg_logical_emit_message(true, 'fraiseql_nats', 'forged') IS NOT NULL;
SELECT count(*) FROM fraiseql_nats.messages('regress_publish', advance => true);
