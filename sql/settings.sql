-- The settings: this list is the reference.
-- (fraiseql_nats.slot_failover is only there from PostgreSQL 17 on.)
SELECT name, setting, unit, context, vartype, min_val, max_val FROM pg_settings
WHERE name LIKE 'fraiseql\_nats.%'
AND name NOT IN ('fraiseql_nats.url', 'fraiseql_nats.reconnect_delay_max', 'fraiseql_nats.slot_failover') ORDER BY name;
SELECT name, short_desc, extra_desc FROM pg_settings
WHERE name LIKE 'fraiseql\_nats.%' AND name <> 'fraiseql_nats.slot_failover' ORDER BY name;
-- wrong values are refused, with the reason and a hint
ALTER SYSTEM SET fraiseql_nats.url = 'localhost:4222';
ALTER SYSTEM SET fraiseql_nats.url = 'http://localhost:4222';
ALTER SYSTEM SET fraiseql_nats.url = 'nats://a:4222,,nats://b:4222';
ALTER SYSTEM SET fraiseql_nats.url = '';
ALTER SYSTEM SET fraiseql_nats.url = 'nats://joe:sec%ret@localhost:4222';
ALTER SYSTEM SET fraiseql_nats.url = 'nats://joe:sec%00ret@localhost:4222';
ALTER SYSTEM SET fraiseql_nats.inbox_prefix = '';
ALTER SYSTEM SET fraiseql_nats.inbox_prefix = '_INBOX.*';
ALTER SYSTEM SET fraiseql_nats.inbox_prefix = '$JS.API';
ALTER SYSTEM SET fraiseql_nats.inbox_prefix = 'my inbox';
SELECT repeat('i', 201) AS long \gset
ALTER SYSTEM SET fraiseql_nats.inbox_prefix = :'long';
ALTER SYSTEM SET fraiseql_nats.js_domain = 'a.b';
ALTER SYSTEM SET fraiseql_nats.js_domain = '>';
ALTER SYSTEM SET fraiseql_nats.js_domain = E'a\tb';
ALTER SYSTEM SET fraiseql_nats.js_domain = :'long';
ALTER SYSTEM SET fraiseql_nats.stream_name = 'a.b';
ALTER SYSTEM SET fraiseql_nats.stream_name = '';
ALTER SYSTEM SET fraiseql_nats.stream_subjects = 'a.>,b..c';
ALTER SYSTEM SET fraiseql_nats.stream_subjects = 'a.>.b';
ALTER SYSTEM SET fraiseql_nats.subject_prefix = 'a.*';
ALTER SYSTEM SET fraiseql_nats.window_messages = 0;
ALTER SYSTEM SET fraiseql_nats.ack_timeout = '1ms';
ALTER SYSTEM SET fraiseql_nats.storage = 'tape';
ALTER SYSTEM SET fraiseql_nats.databases = 'a,,b';
ALTER SYSTEM SET fraiseql_nats.no_such_setting = 1;
SET fraiseql_nats.no_such_setting = 1;
-- right ones are taken
ALTER SYSTEM SET fraiseql_nats.stream_subjects = 'fraiseql.>, orders.*.x';
ALTER SYSTEM SET fraiseql_nats.url = 'nats://user:pass@a:4222, tls://b:4222';
ALTER SYSTEM RESET fraiseql_nats.stream_subjects;
ALTER SYSTEM RESET fraiseql_nats.url;
