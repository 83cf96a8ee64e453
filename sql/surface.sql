-- What \df and \d show to those who use the extension: nothing that is not for them.
SELECT p.oid::regprocedure AS routine FROM pg_proc p
WHERE p.pronamespace = 'fraiseql_nats'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C";
-- every object says what it is
SELECT pg_describe_object(classid, objid, 0) AS without_comment FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fraiseql_nats')
AND deptype = 'e' AND classid <> 'pg_type'::regclass AND obj_description(objid, classid::regclass::name) IS NULL
UNION ALL
SELECT format('column %s.%s', a.attrelid::regclass, a.attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace::regnamespace::text LIKE 'fraiseql\_nats%' AND c.relkind IN ('r', 'v') AND a.attnum > 0
AND col_description(a.attrelid, a.attnum) IS NULL
UNION ALL
SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace::regnamespace::text LIKE 'fraiseql\_nats%' AND NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL
UNION ALL
SELECT pg_describe_object('pg_class'::regclass, i.indexrelid, 0) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace::regnamespace::text LIKE 'fraiseql\_nats%' AND obj_description(i.indexrelid, 'pg_class') IS NULL
AND NOT EXISTS (SELECT FROM pg_constraint x WHERE x.conindid = i.indexrelid)
UNION ALL
SELECT format('role %s', rolname) FROM pg_roles WHERE rolname LIKE 'fraiseql\_nats\_%' AND shobj_description(oid, 'pg_authid') IS NULL
ORDER BY 1;
-- preview slots: made and dropped by us, and no other is
SELECT fraiseql_nats.create_preview_slot('regress_pair', temporary => false);
SELECT slot_name, temporary FROM pg_replication_slots WHERE slot_name = 'regress_pair';
SELECT fraiseql_nats.drop_preview_slot('regress_pair');
SELECT fraiseql_nats.create_preview_slot('regress_pair');
SELECT fraiseql_nats.drop_preview_slot('regress_pair');
SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'regress_pair';
SELECT fraiseql_nats.drop_preview_slot('regress_pair');
\set VERBOSITY terse
SELECT pg_create_physical_replication_slot('regress_other') IS NULL;
SELECT fraiseql_nats.drop_preview_slot('regress_other');
SELECT pg_drop_replication_slot('regress_other');
DO $$
BEGIN
    PERFORM fraiseql_nats.drop_preview_slot(slot) FROM fraiseql_nats.status();
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RAISE NOTICE 'the slot of the worker stays';
END
$$;
\set VERBOSITY default
-- events, as an array and as text
SET client_min_messages = error;
CREATE TABLE tb_events (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_events', events, name => events) FROM unnest('{insert," INSERT , update","{DELETE,truncate}"}'::text[]) events;
SELECT fraiseql_nats.observe('tb_events', ARRAY['insert', 'DELETE'], name => 'array');
SELECT fraiseql_nats.observe('tb_events', 'INSERT,UPDATE', name => 'literal');
PREPARE untyped AS SELECT fraiseql_nats.observe($1, $2, name => 'untyped');
EXECUTE untyped('tb_events', 'INSERT,DELETE');
SELECT fraiseql_nats.observe('tb_events', '');
SELECT fraiseql_nats.observe('tb_events', 'INSERT,');
SELECT fraiseql_nats.observe('tb_events', NULL);
SELECT name, events FROM fraiseql_nats.observer WHERE relation = 'tb_events'::regclass ORDER BY name;
DROP TABLE tb_events;
RESET client_min_messages;
-- library and extension are of one version
SELECT library = extension AS same, extension = (SELECT default_version FROM pg_available_extensions WHERE name = 'fraiseql_nats') AS installed
FROM fraiseql_nats.version();
-- a function that is declared for another library
\set VERBOSITY terse
CREATE FUNCTION pg_temp.status(OUT database text, OUT state text) LANGUAGE c AS '$libdir/fraiseql_nats', 'fraiseql_nats_status';
SELECT * FROM pg_temp.status();
