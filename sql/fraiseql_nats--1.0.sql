-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION fraiseql_nats" to load this file. \quit

-- Roles to grant.  They belong to the whole server and outlive the extension.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'fraiseql_nats_admin') THEN
        CREATE ROLE fraiseql_nats_admin NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'fraiseql_nats_publisher') THEN
        CREATE ROLE fraiseql_nats_publisher NOLOGIN;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA fraiseql_nats TO fraiseql_nats_admin, fraiseql_nats_publisher, pg_monitor;
COMMENT ON SCHEMA fraiseql_nats IS 'publishes table changes and notifications to NATS JetStream';

-- Observers ---------------------------------------------------------------------------------------

-- Decoding reads this table as it was when the change was written: therefore a user catalog table,
-- and no value may move to a TOAST table, which is vacuumed sooner.
CREATE TABLE observer (
    name text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 255),
    relation regclass,
    channel text COLLATE "C" CHECK (octet_length(channel) BETWEEN 1 AND 63),
    events text[] NOT NULL DEFAULT '{INSERT,UPDATE,DELETE,TRUNCATE}',
    subject text CHECK (octet_length(subject) <= 1024),
    columns text[],
    format text,
    source text,
    condition text CHECK (octet_length(condition) <= 4096),
    entity text CHECK (octet_length(entity) BETWEEN 1 AND 255),
    enabled boolean NOT NULL DEFAULT true,
    origin text NOT NULL DEFAULT 'sql' CHECK (origin IN ('sql', 'toml'))
) WITH (user_catalog_table = true, toast_tuple_target = 8160);

COMMENT ON TABLE observer IS 'which changes of which tables are published; an observer applies to the transactions that commit after its own';
COMMENT ON COLUMN observer.name IS 'unique name of the observer';
COMMENT ON COLUMN observer.relation IS 'the table; a partitioned table stands for all its partitions';
COMMENT ON COLUMN observer.channel IS 'the channel of NOTIFY, for an observer of notifications';
COMMENT ON COLUMN observer.events IS 'INSERT, UPDATE, DELETE, TRUNCATE';
COMMENT ON COLUMN observer.subject IS 'subject template, or a topic if it has no dot; null: {subject_prefix}.{entity}.{op}, or the channel';
COMMENT ON COLUMN observer.columns IS 'the columns that are published; null: all';
COMMENT ON COLUMN observer.format IS 'shape of the payload: fraiseql, topic or row; null: topic for a topic, else fraiseql';
COMMENT ON COLUMN observer.source IS 'where the messages of a topic come from: auto, row or notify; null: auto for a topic';
COMMENT ON COLUMN observer.condition IS 'which changes, in FraiseQL''s condition language; null: all';
COMMENT ON COLUMN observer.entity IS 'name of the entity; null: the table''s name without tb_, in PascalCase';
COMMENT ON COLUMN observer.enabled IS 'whether the observer publishes';
COMMENT ON COLUMN observer.origin IS 'sql, or toml: declared in fraiseql.toml or fraiseql-observer.toml, which keep it as it is there';

SELECT pg_catalog.pg_extension_config_dump('observer', $$WHERE origin = 'sql'$$);
GRANT SELECT, INSERT, UPDATE, DELETE ON observer TO fraiseql_nats_admin;
GRANT SELECT ON observer TO pg_monitor;

-- Anybody may write logical messages into the log; ours are recognised by a prefix that only this
-- table knows.  Made anew by each CREATE EXTENSION, never dumped.
CREATE TABLE secret (
    prefix text NOT NULL
) WITH (user_catalog_table = true);
COMMENT ON TABLE secret IS 'prefix of the logical messages that publish() writes';
REVOKE ALL ON secret FROM PUBLIC;
INSERT INTO secret VALUES ('fraiseql_nats:' || replace(gen_random_uuid()::text, '-', ''));

CREATE FUNCTION observer_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'fraiseql_nats_observer_changed';
COMMENT ON FUNCTION observer_changed() IS 'checks rows of the observer table and tells the log that it has changed';

CREATE TRIGGER check_row BEFORE INSERT OR UPDATE ON observer
FOR EACH ROW EXECUTE FUNCTION observer_changed();
CREATE TRIGGER tell_log AFTER INSERT OR UPDATE OR DELETE ON observer
FOR EACH STATEMENT EXECUTE FUNCTION observer_changed();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON observer
FOR EACH STATEMENT EXECUTE FUNCTION observer_changed();
-- Also where an ordinary trigger would not fire: on a subscriber, say.
ALTER TABLE observer ENABLE ALWAYS TRIGGER check_row;
ALTER TABLE observer ENABLE ALWAYS TRIGGER tell_log;
ALTER TABLE observer ENABLE ALWAYS TRIGGER refuse_truncate;

CREATE FUNCTION await_slot() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_await_slot';
COMMENT ON FUNCTION await_slot() IS 'waits until the replication slot of this database is ready';

CREATE FUNCTION observe(
    relation regclass,
    events text[] DEFAULT '{INSERT,UPDATE,DELETE,TRUNCATE}',
    subject text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    format text DEFAULT NULL,
    entity text DEFAULT NULL,
    source text DEFAULT NULL,
    condition text DEFAULT NULL,
    name text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    observer_name text := observe.name;
BEGIN
    IF relation IS NULL THEN
        RAISE EXCEPTION 'relation must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM fraiseql_nats.await_slot();
    IF observer_name IS NULL THEN
        SELECT c.relname INTO observer_name FROM pg_catalog.pg_class c WHERE c.oid = relation;
        -- One table may have an observer for each event: then the events are part of the name.
        IF NOT (upper(events::text)::text[] @> '{INSERT,UPDATE,DELETE,TRUNCATE}') THEN
            observer_name := observer_name || '.' || lower(array_to_string(events, '_'));
        END IF;
    END IF;
    INSERT INTO fraiseql_nats.observer (name, relation, events, subject, columns, format, entity, source, condition)
    VALUES (observer_name, relation, events, subject, columns, format, entity, source, condition);
    RETURN observer_name;
EXCEPTION
    WHEN unique_violation THEN
        RAISE EXCEPTION 'observer "%" already exists', observer_name
            USING ERRCODE = 'duplicate_object', HINT = 'Give another one with name => ..., or remove it with fraiseql_nats.unobserve().';
END
$$;
COMMENT ON FUNCTION observe(regclass, text[], text, text[], text, text, text, text, text) IS 'publishes the changes of a table from the commit of this transaction on; returns the observer''s name';

CREATE FUNCTION observe_channel(channel text, subject text DEFAULT NULL, name text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    observer_name text := coalesce(observe_channel.name, 'channel ' || channel);
BEGIN
    IF channel IS NULL THEN
        RAISE EXCEPTION 'channel must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM fraiseql_nats.await_slot();
    INSERT INTO fraiseql_nats.observer (name, channel, subject) VALUES (observer_name, channel, subject);
    RETURN observer_name;
EXCEPTION
    WHEN unique_violation THEN
        RAISE EXCEPTION 'observer "%" already exists', observer_name
            USING ERRCODE = 'duplicate_object', HINT = 'Give another one with name => ..., or remove it with fraiseql_nats.unobserve().';
END
$$;
COMMENT ON FUNCTION observe_channel(text, text, text) IS 'publishes the notifications on a channel from the commit of this transaction on; returns the observer''s name';

CREATE FUNCTION unobserve(name text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM fraiseql_nats.observer o WHERE o.name = unobserve.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'observer "%" does not exist', name USING ERRCODE = 'undefined_object';
    END IF;
END
$$;
COMMENT ON FUNCTION unobserve(text) IS 'removes an observer';

CREATE FUNCTION set_enabled(name text, enabled boolean) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE fraiseql_nats.observer o SET enabled = set_enabled.enabled WHERE o.name = set_enabled.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'observer "%" does not exist', name USING ERRCODE = 'undefined_object';
    END IF;
END
$$;
COMMENT ON FUNCTION set_enabled(text, boolean) IS 'enables or disables an observer';

CREATE FUNCTION enable(name text) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT fraiseql_nats.set_enabled(name, true) $$;
COMMENT ON FUNCTION enable(text) IS 'lets an observer publish again, from the commit of this transaction on';

CREATE FUNCTION disable(name text) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT fraiseql_nats.set_enabled(name, false) $$;
COMMENT ON FUNCTION disable(text) IS 'silences an observer, from the commit of this transaction on';

-- An observer of a table that is gone would wait for another table with its OID.
CREATE FUNCTION forget_dropped_tables() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM fraiseql_nats.observer
    WHERE relation IN (SELECT objid FROM pg_catalog.pg_event_trigger_dropped_objects()
                       WHERE classid = 'pg_catalog.pg_class'::regclass AND objsubid = 0);
END
$$;
COMMENT ON FUNCTION forget_dropped_tables() IS 'removes the observers of dropped tables';
CREATE EVENT TRIGGER fraiseql_nats_drop ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION', 'DROP TYPE')
    EXECUTE FUNCTION forget_dropped_tables();
COMMENT ON EVENT TRIGGER fraiseql_nats_drop IS 'removes the observers of dropped tables';

-- Files -------------------------------------------------------------------------------------------

CREATE FUNCTION config_values(OUT name text, OUT value text, OUT source text, OUT place text) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_config_values';
COMMENT ON FUNCTION config_values() IS 'the settings that fraiseql.toml, fraiseql-observer.toml and the environment give';

CREATE FUNCTION show_config(OUT name text, OUT value text, OUT source text, OUT place text) RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.name,
           CASE WHEN of_files THEN c.value ELSE current_setting(s.name) END,
           CASE WHEN of_files THEN c.source ELSE replace(s.source, 'configuration file', 'postgresql.conf') END,
           CASE WHEN of_files THEN c.place ELSE s.sourcefile || ':' || s.sourceline END
    FROM pg_settings s
    LEFT JOIN fraiseql_nats.config_values() c ON c.name = s.name
    CROSS JOIN LATERAL (SELECT c.name IS NOT NULL AND s.source = 'default' AS of_files) x
    WHERE s.name LIKE 'fraiseql\_nats.%'
    ORDER BY s.name
$$;
COMMENT ON FUNCTION show_config() IS 'the settings in force, and where each comes from: what the administrator has set beats environment, fraiseql-observer.toml and fraiseql.toml';

CREATE FUNCTION validate_config(config text DEFAULT NULL, OUT level text, OUT place text, OUT message text, OUT hint text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_validate_config';
COMMENT ON FUNCTION validate_config(text) IS 'what is wrong with a text of fraiseql.toml or fraiseql-observer.toml; null: with the files there are';

CREATE FUNCTION reload() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_reload';
COMMENT ON FUNCTION reload() IS 'has the server read its configuration again, if FraiseQL''s files are right';

CREATE FUNCTION declared_observers(
    OUT name text, OUT "table" text, OUT events text[], OUT subject text, OUT columns text[], OUT format text,
    OUT source text, OUT condition text, OUT entity text, OUT place text) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_declared_observers';
COMMENT ON FUNCTION declared_observers() IS 'the observers that fraiseql.toml and fraiseql-observer.toml declare';

-- Tables are looked for in the schema public, unless the file names another.
CREATE FUNCTION sync_observers() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    d record;
    present fraiseql_nats.observer;
BEGIN
    IF EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.origin = 'toml' AND o.name NOT IN
               (SELECT x.name FROM fraiseql_nats.declared_observers() x)) THEN
        DELETE FROM fraiseql_nats.observer o WHERE o.origin = 'toml' AND o.name NOT IN
            (SELECT x.name FROM fraiseql_nats.declared_observers() x);
    END IF;
    -- ON CONFLICT is not for catalog tables.
    FOR d IN SELECT x.*, to_regclass(x."table") AS relation FROM fraiseql_nats.declared_observers() x LOOP
        CONTINUE WHEN d.relation IS NULL;  -- until it is created
        SELECT * INTO present FROM fraiseql_nats.observer x WHERE x.name = d.name;
        CONTINUE WHEN FOUND AND
            (present.relation, present.events, present.subject, present.columns, present.format, present.source,
             present.condition, present.entity) IS NOT DISTINCT FROM
            (d.relation, d.events, d.subject, d.columns, d.format, d.source, d.condition, d.entity);
        BEGIN
            DELETE FROM fraiseql_nats.observer x WHERE x.name = d.name AND x.origin = 'toml';
            INSERT INTO fraiseql_nats.observer
                   (name, relation, events, subject, columns, format, source, condition, entity, origin)
            VALUES (d.name, d.relation, d.events, d.subject, d.columns, d.format, d.source, d.condition, d.entity, 'toml');
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING '%: observer "%" cannot be made: %', d.place, d.name, SQLERRM;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync_observers() IS 'brings the observers of the origin toml in line with the files';

-- A table that a file names is observed from its creation on.
CREATE FUNCTION observe_new_tables() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM fraiseql_nats.declared_observers() d
               WHERE NOT EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.name = d.name)) THEN
        PERFORM fraiseql_nats.sync_observers();
    END IF;
EXCEPTION WHEN OTHERS THEN  -- nobody's table shall fail because of this
    RAISE WARNING 'observers of fraiseql.toml cannot be made: %', SQLERRM;
END
$$;
COMMENT ON FUNCTION observe_new_tables() IS 'makes the observers that the files declare for a table that is new';
CREATE EVENT TRIGGER fraiseql_nats_create ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION observe_new_tables();
COMMENT ON EVENT TRIGGER fraiseql_nats_create IS 'makes the observers that the files declare for a table that is new';

-- Publishing --------------------------------------------------------------------------------------

CREATE FUNCTION publish(subject text, payload text, headers jsonb DEFAULT NULL, msg_id text DEFAULT NULL)
RETURNS pg_lsn
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_publish';
CREATE FUNCTION publish(subject text, payload jsonb, headers jsonb DEFAULT NULL, msg_id text DEFAULT NULL)
RETURNS pg_lsn
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_publish';
CREATE FUNCTION publish(subject text, payload bytea, headers jsonb DEFAULT NULL, msg_id text DEFAULT NULL)
RETURNS pg_lsn
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_publish';
COMMENT ON FUNCTION publish(text, text, jsonb, text) IS 'publishes a message if and when this transaction commits; returns its place in the log';
COMMENT ON FUNCTION publish(text, jsonb, jsonb, text) IS 'publishes a message if and when this transaction commits; returns its place in the log';
COMMENT ON FUNCTION publish(text, bytea, jsonb, text) IS 'publishes a message if and when this transaction commits; returns its place in the log';

-- Takes the place of pg_catalog.pg_notify in the queries of databases with the extension; checks itself
-- whether the caller may notify.  Named in full, since pg_catalog comes first.
CREATE FUNCTION fraiseql_nats.pg_notify(text, text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_notify';
COMMENT ON FUNCTION fraiseql_nats.pg_notify(text, text) IS 'pg_notify() that also writes notifications on observed channels into the log';

-- The stream -------------------------------------------------------------------------------------

CREATE FUNCTION stream_info(
    OUT name text, OUT subjects text, OUT messages bigint, OUT bytes bigint, OUT first_sequence bigint,
    OUT last_sequence bigint, OUT consumers bigint, OUT max_age interval, OUT max_bytes bigint, OUT max_msgs bigint,
    OUT dedup_window interval, OUT replicas bigint) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_stream_info';
COMMENT ON FUNCTION stream_info() IS 'the stream that is published to; a limit that is not set is null';

CREATE FUNCTION stream_sync(OUT field text, OUT found text, OUT wanted text, OUT changed boolean) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_stream_sync';
COMMENT ON FUNCTION stream_sync() IS 'brings the stream in line with the settings; returns what differed, and whether it could be changed';

CREATE FUNCTION consumers(
    OUT name text, OUT filter_subject text, OUT push boolean, OUT queue text, OUT max_deliver bigint, OUT ack_wait interval,
    OUT pending bigint, OUT ack_pending bigint, OUT redelivered bigint, OUT delivered_sequence bigint, OUT ack_floor bigint,
    OUT bound boolean) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_consumers';
COMMENT ON FUNCTION consumers() IS 'the consumers of the stream, and how far they are';

CREATE FUNCTION create_consumer(
    name text, filter_subject text DEFAULT NULL, push boolean DEFAULT false, queue text DEFAULT NULL,
    max_deliver integer DEFAULT NULL, ack_wait interval DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_create_consumer';
COMMENT ON FUNCTION create_consumer(text, text, boolean, text, integer, interval) IS 'makes or changes a durable consumer, with max_deliver and ack_wait from the settings unless given';

CREATE FUNCTION delete_consumer(name text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_delete_consumer';
COMMENT ON FUNCTION delete_consumer(text) IS 'deletes a consumer';

-- Looking -----------------------------------------------------------------------------------------

CREATE FUNCTION status(
    OUT database text,
    OUT state text,
    OUT reason text,
    OUT hint text,
    OUT server text,
    OUT stream text,
    OUT slot text,
    OUT flushed_lsn pg_lsn,
    OUT read_lsn pg_lsn,
    OUT sent_lsn pg_lsn,
    OUT confirmed_lsn pg_lsn,
    OUT lag_bytes bigint,
    OUT lag_seconds double precision,
    OUT messages_sent bigint,
    OUT messages_acked bigint,
    OUT messages_resent bigint,
    OUT in_flight integer,
    OUT order_breaks bigint,
    OUT messages_dropped bigint,
    OUT reconnects bigint,
    OUT last_error text,
    OUT last_error_at timestamptz,
    OUT last_progress_at timestamptz
) RETURNS record
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fraiseql_nats_status';
COMMENT ON FUNCTION status() IS 'what the worker of this database does, how far it is, and what stands in its way';

CREATE FUNCTION create_preview_slot(slot name, temporary boolean DEFAULT true) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_create_preview_slot';
COMMENT ON FUNCTION create_preview_slot(name, boolean) IS 'makes a replication slot for messages(); a temporary one goes with the session';

CREATE FUNCTION messages(
    slot name,
    upto_lsn pg_lsn DEFAULT NULL,
    upto_count integer DEFAULT NULL,
    advance boolean DEFAULT false,
    OUT "position" text,
    OUT subject text,
    OUT msg_id text,
    OUT headers jsonb,
    OUT payload text
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_messages';
COMMENT ON FUNCTION messages(name, pg_lsn, integer, boolean) IS 'the messages that the log since a slot gives, without a broker; with advance they are not shown again';

-- Rights ------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA fraiseql_nats FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    observe(regclass, text[], text, text[], text, text, text, text, text), unobserve(text), enable(text), disable(text),
    observe_channel(text, text, text), set_enabled(text, boolean), await_slot(), observer_changed(),
    create_preview_slot(name, boolean), messages(name, pg_lsn, integer, boolean)
TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION
    stream_info(), stream_sync(), consumers(), delete_consumer(text),
    create_consumer(text, text, boolean, text, integer, interval)
TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION config_values(), show_config(), validate_config(text), declared_observers()
TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION
    publish(text, text, jsonb, text), publish(text, jsonb, jsonb, text), publish(text, bytea, jsonb, text)
TO fraiseql_nats_publisher, fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION status() TO pg_monitor, fraiseql_nats_admin, fraiseql_nats_publisher;
GRANT EXECUTE ON FUNCTION fraiseql_nats.pg_notify(text, text) TO PUBLIC;
