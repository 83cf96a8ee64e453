-- A dead letter is published again as it was.  This one is made by hand: here is no worker.
SELECT fraiseql_nats.create_preview_slot('regress_dead');
INSERT INTO fraiseql_nats.dead_letter
       (subject, headers, payload, payload_bytes, reason, "position", msg_id, xid, commit_lsn, commit_time, attempts, rejected_at)
SELECT subject, '{"Nats-Msg-Id": "a.1", "Fraiseql-Position": "0/1:1", "Fraiseql-Xid": "7", "Fraiseql-Table": "public.tb_x",
                  "Content-Type": "application/json", "Several": ["1", "2"]}',
       payload, 5, 'too large', p, 'a.1', '7', '0/1', '2026-01-15 10:30+00', 1, '2026-01-15 10:31+00'
FROM (VALUES ('fraiseql.x', '{"n":1}'::bytea, '0/1:1'), ('fraiseql.y', '\x00ff', '0/1:2'),
             ('fraiseql.' || repeat('x', 3000), '', '0/1:3'), ('fraiseql.z', NULL, '0/1:4')) v (subject, payload, p);
SELECT id, left(subject, 10) AS subject, headers, payload, reason, msg_id, attempts FROM fraiseql_nats.dead_letters();
SELECT fraiseql_nats.retry_dead_letter(1) IS NOT NULL AS retried;
BEGIN;
SELECT fraiseql_nats.retry_dead_letter(2) IS NOT NULL AS retried;
ROLLBACK;
-- the place is new, all else is as it was
SELECT subject, msg_id, headers - 'Fraiseql-Position' - 'Fraiseql-Origin' AS headers, headers->>'Fraiseql-Position' = position AND position <> '0/1:1' AS placed, payload
FROM fraiseql_nats.messages('regress_dead', advance => true);
-- the id is in Nats-Msg-Id whichever header it was in
UPDATE fraiseql_nats.dead_letter SET headers = headers - 'Nats-Msg-Id' || '{"Fraiseql-Id": "a.1"}' WHERE id = 2;
SELECT fraiseql_nats.retry_dead_letter(2) IS NOT NULL AS retried;
SELECT subject, msg_id, payload, headers - 'Fraiseql-Position' - 'Fraiseql-Origin' AS headers
FROM fraiseql_nats.messages('regress_dead', advance => true);
-- what cannot be retried is not given up
SELECT fraiseql_nats.retry_dead_letter(1);
SELECT fraiseql_nats.retry_dead_letter(3);
SELECT fraiseql_nats.retry_dead_letter(4);
SELECT fraiseql_nats.retry_dead_letter(99);
SELECT fraiseql_nats.retry_dead_letter(NULL) IS NULL AS nothing;
SELECT fraiseql_nats.discard_dead_letter(3);
SELECT fraiseql_nats.discard_dead_letter(3);
SELECT fraiseql_nats.discard_dead_letter(99);
SELECT id, left(subject, 10) AS subject, payload_bytes FROM fraiseql_nats.dead_letters();
SELECT id, outcome, payload, outcome_at <= now() AS done FROM fraiseql_nats.dead_letter WHERE outcome IS NOT NULL ORDER BY id;
-- those that are dealt with go in the end, when the slot is beyond them
UPDATE fraiseql_nats.dead_letter SET outcome_at = '2026-01-16', commit_lsn = CASE id WHEN 1 THEN NULL ELSE 'FFFFFFFF/0'::pg_lsn END
WHERE outcome IS NOT NULL;
SELECT fraiseql_nats.discard_dead_letter(4);
SELECT id FROM fraiseql_nats.dead_letter ORDER BY id;
-- the table of dead letters is not observed: they would make more of them
SELECT fraiseql_nats.observe('fraiseql_nats.dead_letter');
TRUNCATE fraiseql_nats.dead_letter;
