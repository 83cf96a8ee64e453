-- The session's trace context goes with what the session writes.
SELECT fraiseql_nats.create_preview_slot('regress_trace_context');
CREATE TABLE t (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('t', format => 'row');
INSERT INTO t VALUES (1);
SET fraiseql_nats.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
INSERT INTO t VALUES (2);
BEGIN;
SAVEPOINT a;
INSERT INTO t VALUES (3);
ROLLBACK TO a;
INSERT INTO t VALUES (4);
SELECT fraiseql_nats.publish('a.b', '5') IS NOT NULL;
SET LOCAL fraiseql_nats.traceparent = '00-11111111111111111111111111111111-2222222222222222-00';
INSERT INTO t VALUES (6);
SET LOCAL fraiseql_nats.traceparent = '';
INSERT INTO t VALUES (7);
COMMIT;
COPY t FROM STDIN;
8
\.
RESET fraiseql_nats.traceparent;
INSERT INTO t VALUES (9);
SELECT payload, headers ->> 'traceparent' AS traceparent FROM fraiseql_nats.messages('regress_trace_context', advance => true);
SET fraiseql_nats.traceparent = 'nonsense';
DROP TABLE t;
