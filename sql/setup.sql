-- What the other tests share: messages without what differs from run to run.
CREATE FUNCTION shown() RETURNS TABLE (subject text, payload text) LANGUAGE sql AS $$
    SELECT subject, regexp_replace(regexp_replace(payload, '"timestamp":"[^"]+"', '"timestamp":"T"'),
                                   '^{"id":"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"', '{"id":"I"')
    FROM pg_replication_slots s, fraiseql_nats.messages(s.slot_name, advance => true)
    WHERE s.temporary AND s.active_pid = pg_backend_pid()
$$;
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_nobody;  -- of an earlier run, on a server that stays
RESET client_min_messages;
CREATE ROLE regress_nobody;
SELECT extname, extversion, extnamespace::regnamespace, obj_description(oid, 'pg_extension')
FROM pg_extension WHERE extname = 'fraiseql_nats';
