-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION fraiseql_nats" to load this file. \quit

-- The library recognises the schemas as members of the extension, so only this script creates them.  If a
-- schema existed before, its owner would control it and its objects.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{fraiseql_nats,fraiseql_nats_internal}'::text[] LOOP
        IF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = name) THEN
            RAISE EXCEPTION 'schema "%" already exists', name
                USING ERRCODE = 'duplicate_schema',
                      DETAIL = 'It does not belong to the extension, and its owner could replace the objects of the extension.',
                      HINT = format('Rename it, or drop it with DROP SCHEMA %I CASCADE.', name);
        END IF;
    END LOOP;
END
$$;
CREATE SCHEMA fraiseql_nats;
COMMENT ON SCHEMA fraiseql_nats IS 'publishes table changes and notifications to NATS JetStream';
CREATE SCHEMA fraiseql_nats_internal;
COMMENT ON SCHEMA fraiseql_nats_internal IS 'internal functions of the schema fraiseql_nats; not to be called directly';
-- This script neither looks up nor creates objects in a schema that other users may write to.
SET LOCAL search_path = fraiseql_nats, pg_temp;

-- Roles to grant.  They belong to the whole server and outlive the extension.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'fraiseql_nats_admin') THEN
        CREATE ROLE fraiseql_nats_admin NOLOGIN;
        COMMENT ON ROLE fraiseql_nats_admin IS 'may create observers, publish, and handle dead letters and consumers with fraiseql_nats';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'fraiseql_nats_publisher') THEN
        CREATE ROLE fraiseql_nats_publisher NOLOGIN;
        COMMENT ON ROLE fraiseql_nats_publisher IS 'may publish with fraiseql_nats.publish()';
    END IF;
END
$$;

GRANT USAGE ON SCHEMA fraiseql_nats TO fraiseql_nats_admin, fraiseql_nats_publisher, pg_monitor;
GRANT USAGE ON SCHEMA fraiseql_nats_internal TO fraiseql_nats_admin;

-- Streams -----------------------------------------------------------------------------------------

-- A number is never reused: it is part of the names of slots and files.
CREATE SEQUENCE stream_number AS integer;
COMMENT ON SEQUENCE stream_number IS 'numbers of streams';
CREATE TABLE stream (
    number integer PRIMARY KEY DEFAULT nextval('fraiseql_nats.stream_number') CHECK (number >= 0),
    name text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 255),
    subjects text[] CHECK (cardinality(subjects) > 0),
    storage text,
    replicas integer,
    max_age interval,
    max_bytes bigint,
    max_msgs bigint,
    max_msgs_per_subject bigint,
    dedup_window interval,
    discard text,
    retention text,
    compression text,
    message_id_header text,
    exclusive text,
    manage text,
    subject_prefix text,
    topic_prefix text,
    stream_name text,
    paused boolean NOT NULL DEFAULT false,
    origin text NOT NULL DEFAULT 'sql' CHECK (origin IN ('sql', 'toml')),
    declaration jsonb,
    CHECK ((number = 0) = (name = 'default')),
    CHECK (number = 0 OR (subjects IS NOT NULL AND stream_name IS NULL))
);
ALTER SEQUENCE stream_number OWNED BY stream.number;
COMMENT ON TABLE stream IS 'the streams of this database besides the one of the settings, each with a worker and a slot of its own; a null value stands for that of the settings';
COMMENT ON COLUMN stream.number IS 'part of the name of its slot; 0: what differs from the settings for the default stream of this database';
COMMENT ON COLUMN stream.name IS 'name of the JetStream stream; "default" is the stream of the settings';
COMMENT ON COLUMN stream.subjects IS 'the subjects that it takes, as in the setting stream_subjects';
COMMENT ON COLUMN stream.storage IS 'file or memory';
COMMENT ON COLUMN stream.replicas IS 'number of servers of a cluster that hold a copy';
COMMENT ON COLUMN stream.max_age IS 'greatest age of a message; 0: no limit';
COMMENT ON COLUMN stream.max_bytes IS 'greatest size in bytes; -1: no limit';
COMMENT ON COLUMN stream.max_msgs IS 'greatest number of messages; -1: no limit';
COMMENT ON COLUMN stream.max_msgs_per_subject IS 'greatest number of messages of a subject; -1: no limit';
COMMENT ON COLUMN stream.dedup_window IS 'how long the server remembers the Nats-Msg-Id of a message';
COMMENT ON COLUMN stream.discard IS 'which messages it discards when it is full: old or new';
COMMENT ON COLUMN stream.retention IS 'when it removes messages: limits, interest or workqueue, as in the setting retention';
COMMENT ON COLUMN stream.compression IS 'how it compresses what it stores: none or s2';
COMMENT ON COLUMN stream.message_id_header IS 'which header has the id of a message: Nats-Msg-Id or Fraiseql-Id, as in the setting message_id_header';
COMMENT ON COLUMN stream.exclusive IS 'whether this worker is its only publisher: auto, on or off, as in the setting stream_exclusive';
COMMENT ON COLUMN stream.manage IS 'whether it is created and updated: create, update or off, as in the setting stream_manage';
COMMENT ON COLUMN stream.subject_prefix IS 'prefix of the subjects of row changes';
COMMENT ON COLUMN stream.topic_prefix IS 'prefix of the subjects of topics';
COMMENT ON COLUMN stream.stream_name IS 'name of the default stream in this database';
COMMENT ON COLUMN stream.paused IS 'whether publishing waits, and the log is kept; see pause()';
COMMENT ON COLUMN stream.origin IS 'sql, or toml: declared in fraiseql-observer.toml, and kept in line with the file';
COMMENT ON COLUMN stream.declaration IS 'what the file declares; null: nothing';
SELECT pg_catalog.pg_extension_config_dump('stream', $$WHERE origin = 'sql'$$);
SELECT pg_catalog.pg_extension_config_dump('stream_number', '');
GRANT SELECT, INSERT, UPDATE, DELETE ON stream TO fraiseql_nats_admin;
GRANT USAGE ON SEQUENCE stream_number TO fraiseql_nats_admin;
GRANT SELECT ON stream TO PUBLIC;

CREATE FUNCTION fraiseql_nats_internal.stream_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'fraiseql_nats_stream_changed';
COMMENT ON FUNCTION fraiseql_nats_internal.stream_changed() IS 'checks rows of the table of streams, and signals the workers at the end of the transaction';
CREATE TRIGGER check_row BEFORE INSERT OR UPDATE ON stream
FOR EACH ROW EXECUTE FUNCTION fraiseql_nats_internal.stream_changed();
CREATE TRIGGER tell_workers AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON stream
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_nats_internal.stream_changed();
COMMENT ON TRIGGER check_row ON stream IS 'checks the settings of a stream';
COMMENT ON TRIGGER tell_workers ON stream IS 'starts, restarts and stops workers at the end of the transaction';
ALTER TABLE stream ENABLE ALWAYS TRIGGER check_row;
ALTER TABLE stream ENABLE ALWAYS TRIGGER tell_workers;

CREATE FUNCTION create_stream(
    name text DEFAULT NULL, subjects text[] DEFAULT NULL, storage text DEFAULT NULL, replicas integer DEFAULT NULL,
    max_age interval DEFAULT NULL, max_bytes bigint DEFAULT NULL, max_msgs bigint DEFAULT NULL,
    max_msgs_per_subject bigint DEFAULT NULL, dedup_window interval DEFAULT NULL, discard text DEFAULT NULL,
    retention text DEFAULT NULL, compression text DEFAULT NULL, exclusive text DEFAULT NULL, manage text DEFAULT NULL,
    subject_prefix text DEFAULT NULL, topic_prefix text DEFAULT NULL, message_id_header text DEFAULT NULL, kv text DEFAULT NULL, history integer DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF kv IS NULL AND history IS NOT NULL THEN
        RAISE EXCEPTION 'a history is of a bucket' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name the bucket, as in kv => ''orders'', or set max_msgs_per_subject.';
    ELSIF kv IS NOT NULL AND (subjects IS NOT NULL OR max_msgs_per_subject IS NOT NULL OR coalesce(name, 'KV_' || kv) <> 'KV_' || kv) THEN
        RAISE EXCEPTION 'name, subjects and max_msgs_per_subject of a bucket follow from kv and history'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave them out.';
    ELSIF kv !~ '^[A-Za-z0-9_-]{1,252}$' THEN
        RAISE EXCEPTION '"%" is not the name of a bucket', kv USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It has letters, digits, "_" and "-".';
    ELSIF history NOT BETWEEN 1 AND 64 THEN
        RAISE EXCEPTION 'a bucket keeps 1 to 64 values of a key, and not %', history USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF kv IS NOT NULL THEN
        name := 'KV_' || kv;
        subjects := ARRAY['$KV.' || kv || '.>'];
        storage := coalesce(storage, 'file');
        max_age := coalesce(max_age, '0');
        max_bytes := coalesce(max_bytes, -1);
        max_msgs := coalesce(max_msgs, -1);
        max_msgs_per_subject := coalesce(history, 1);
        discard := coalesce(discard, 'new');
        retention := coalesce(retention, 'limits');
    END IF;
    INSERT INTO fraiseql_nats.stream
           (name, subjects, storage, replicas, max_age, max_bytes, max_msgs, max_msgs_per_subject, dedup_window, discard,
            retention, compression, exclusive, manage, subject_prefix, topic_prefix, message_id_header)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17);
END
$$;
COMMENT ON FUNCTION create_stream(text, text[], text, integer, interval, bigint, bigint, bigint, interval, text, text, text, text, text, text, text, text, text, integer) IS 'adds a stream with a worker and a slot of its own, from the commit of this transaction on; kv names a bucket of the key-value store instead, and history the values that it keeps of a key';

CREATE FUNCTION fraiseql_nats_internal.require_sql_stream(name text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM fraiseql_nats.stream s WHERE s.name = require_sql_stream.name AND s.origin = 'toml') THEN
        RAISE EXCEPTION 'stream "%" is declared in fraiseql-observer.toml', name
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Change the file, and run SELECT fraiseql_nats.reload();';
    END IF;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.require_sql_stream(text) IS 'raises an error if a file declares the stream';

CREATE FUNCTION alter_stream(
    name text, subjects text[] DEFAULT NULL, storage text DEFAULT NULL, replicas integer DEFAULT NULL, max_age interval DEFAULT NULL,
    max_bytes bigint DEFAULT NULL, max_msgs bigint DEFAULT NULL, max_msgs_per_subject bigint DEFAULT NULL,
    dedup_window interval DEFAULT NULL, discard text DEFAULT NULL, retention text DEFAULT NULL, compression text DEFAULT NULL,
    exclusive text DEFAULT NULL, manage text DEFAULT NULL, subject_prefix text DEFAULT NULL, topic_prefix text DEFAULT NULL,
    message_id_header text DEFAULT NULL, stream_name text DEFAULT NULL, reset text[] DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wrong text;
BEGIN
    SELECT r INTO wrong FROM unnest(reset) r
    WHERE r IS NULL OR r <> ALL ('{subjects,storage,replicas,max_age,max_bytes,max_msgs,max_msgs_per_subject,dedup_window,discard,retention,compression,exclusive,manage,subject_prefix,topic_prefix,message_id_header,stream_name}');
    IF FOUND THEN
        RAISE EXCEPTION 'a stream has no "%" that can be reset', wrong USING ERRCODE = 'undefined_column',
            HINT = 'Name columns of the table fraiseql_nats.stream.';
    END IF;
    PERFORM fraiseql_nats_internal.require_sql_stream(name);
    IF name = 'default' THEN
        INSERT INTO fraiseql_nats.stream (number, name) VALUES (0, name) ON CONFLICT DO NOTHING;
    END IF;
    UPDATE fraiseql_nats.stream s
    SET subjects = CASE WHEN 'subjects' <> ALL (reset) THEN coalesce(alter_stream.subjects, s.subjects) END,
        storage = CASE WHEN 'storage' <> ALL (reset) THEN coalesce(alter_stream.storage, s.storage) END,
        replicas = CASE WHEN 'replicas' <> ALL (reset) THEN coalesce(alter_stream.replicas, s.replicas) END,
        max_age = CASE WHEN 'max_age' <> ALL (reset) THEN coalesce(alter_stream.max_age, s.max_age) END,
        max_bytes = CASE WHEN 'max_bytes' <> ALL (reset) THEN coalesce(alter_stream.max_bytes, s.max_bytes) END,
        max_msgs = CASE WHEN 'max_msgs' <> ALL (reset) THEN coalesce(alter_stream.max_msgs, s.max_msgs) END,
        max_msgs_per_subject = CASE WHEN 'max_msgs_per_subject' <> ALL (reset) THEN coalesce(alter_stream.max_msgs_per_subject, s.max_msgs_per_subject) END,
        dedup_window = CASE WHEN 'dedup_window' <> ALL (reset) THEN coalesce(alter_stream.dedup_window, s.dedup_window) END,
        discard = CASE WHEN 'discard' <> ALL (reset) THEN coalesce(alter_stream.discard, s.discard) END,
        retention = CASE WHEN 'retention' <> ALL (reset) THEN coalesce(alter_stream.retention, s.retention) END,
        compression = CASE WHEN 'compression' <> ALL (reset) THEN coalesce(alter_stream.compression, s.compression) END,
        exclusive = CASE WHEN 'exclusive' <> ALL (reset) THEN coalesce(alter_stream.exclusive, s.exclusive) END,
        manage = CASE WHEN 'manage' <> ALL (reset) THEN coalesce(alter_stream.manage, s.manage) END,
        subject_prefix = CASE WHEN 'subject_prefix' <> ALL (reset) THEN coalesce(alter_stream.subject_prefix, s.subject_prefix) END,
        topic_prefix = CASE WHEN 'topic_prefix' <> ALL (reset) THEN coalesce(alter_stream.topic_prefix, s.topic_prefix) END,
        message_id_header = CASE WHEN 'message_id_header' <> ALL (reset) THEN coalesce(alter_stream.message_id_header, s.message_id_header) END,
        stream_name = CASE WHEN 'stream_name' <> ALL (reset) THEN coalesce(alter_stream.stream_name, s.stream_name) END
    WHERE s.name = alter_stream.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'stream "%" does not exist', name
            USING ERRCODE = 'undefined_object', HINT = 'See the table fraiseql_nats.stream; "default" is the stream of the settings.';
    END IF;
END
$$;
COMMENT ON FUNCTION alter_stream(text, text[], text, integer, interval, bigint, bigint, bigint, interval, text, text, text, text, text, text, text, text, text, text[]) IS 'changes the settings of a stream; a null argument leaves a setting unchanged, and reset names those that return to the values of the settings; "default" is the stream of the settings, in this database';

CREATE FUNCTION fraiseql_nats_internal.set_paused(stream text, paused boolean) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    its_stream text;
BEGIN
    IF stream = 'default' THEN
        INSERT INTO fraiseql_nats.stream (number, name) VALUES (0, stream) ON CONFLICT DO NOTHING;
    END IF;
    UPDATE fraiseql_nats.stream s SET paused = set_paused.paused WHERE s.name = stream;
    IF FOUND THEN
        RETURN;
    END IF;
    -- Its messages and those of other observers stand in one stream in the order of the commits.
    SELECT coalesce(o.stream, 'default') INTO its_stream FROM fraiseql_nats.observer o WHERE o.name = set_paused.stream;
    IF FOUND THEN
        RAISE EXCEPTION 'observer "%" cannot be paused or resumed alone', stream
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = format('It publishes to stream "%s", in the order of the commits.', its_stream),
                  HINT = CASE WHEN EXISTS (SELECT FROM fraiseql_nats.observer o WHERE coalesce(o.stream, 'default') = its_stream AND o.name <> set_paused.stream)
                         THEN format('Move it to a stream of its own first; or pause the whole stream: SELECT fraiseql_nats.pause(%L).', its_stream)
                         ELSE format('It is the only observer of its stream: SELECT fraiseql_nats.%s(%L).',
                                     CASE WHEN paused THEN 'pause' ELSE 'resume' END, its_stream) END;
    ELSE
        RAISE EXCEPTION 'stream "%" does not exist', stream
            USING ERRCODE = 'undefined_object', HINT = 'See the table fraiseql_nats.stream; "default" is the stream of the settings.';
    END IF;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.set_paused(text, boolean) IS 'pauses a stream, or resumes it';

CREATE FUNCTION pause(stream text DEFAULT 'default') RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT fraiseql_nats_internal.set_paused($1, true) $$;
COMMENT ON FUNCTION pause(text) IS 'stops publishing to a stream of this database from the commit of this transaction on, and keeps the log, until resume()';
CREATE FUNCTION resume(stream text DEFAULT 'default') RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT fraiseql_nats_internal.set_paused($1, false) $$;
COMMENT ON FUNCTION resume(text) IS 'publishes what has happened since pause(), and goes on';

CREATE FUNCTION skip("position" text, stream text DEFAULT 'default') RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_skip';
COMMENT ON FUNCTION skip(text, text) IS 'makes a dead letter of the message at this position, which blocks the stream; at once, whatever becomes of this transaction';

CREATE FUNCTION fraiseql_nats_internal.delete_stream_at_commit(number integer, name text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_delete_stream_at_commit';
COMMENT ON FUNCTION fraiseql_nats_internal.delete_stream_at_commit(integer, text) IS 'deletes a dropped stream at the broker before the transaction commits';

CREATE FUNCTION drop_stream(name text, from_broker boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    observers text;
    number integer;
BEGIN
    SELECT string_agg(quote_ident(o.name), ', ' ORDER BY o.name) INTO observers
    FROM fraiseql_nats.observer o WHERE o.stream = drop_stream.name;
    IF observers IS NOT NULL THEN
        RAISE EXCEPTION 'cannot drop stream "%", since observers publish to it', name
            USING ERRCODE = 'dependent_objects_still_exist', DETAIL = format('They are %s.', observers),
                  HINT = 'Remove them with fraiseql_nats.unobserve() first.';
    END IF;
    PERFORM fraiseql_nats_internal.require_sql_stream(name);
    DELETE FROM fraiseql_nats.stream s WHERE s.name = drop_stream.name RETURNING s.number INTO number;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'stream "%" does not exist', name
            USING ERRCODE = 'undefined_object', HINT = 'See the table fraiseql_nats.stream.';
    END IF;
    IF from_broker AND number = 0 THEN
        RAISE EXCEPTION 'the default stream cannot be deleted'
            USING ERRCODE = 'feature_not_supported', HINT = 'Other databases may publish to it; delete it at the broker.';
    ELSIF from_broker THEN
        PERFORM fraiseql_nats_internal.delete_stream_at_commit(number, name);
    END IF;
END
$$;
COMMENT ON FUNCTION drop_stream(text, boolean) IS 'stops publishing to a stream and drops its slot; from_broker also deletes the stream at the broker, with its messages';

-- Observers ---------------------------------------------------------------------------------------

-- Decoding reads this table as it was when the change was written.  Therefore it is a user catalog table,
-- and SET STORAGE keeps its values out of a TOAST table, which is vacuumed sooner.
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
    filter text CHECK (octet_length(filter) <= 4096),
    entity text CHECK (octet_length(entity) <= 255),
    change_origin text,
    stream text COLLATE "C" CHECK (octet_length(stream) <= 255),
    enabled boolean NOT NULL DEFAULT true,
    origin text NOT NULL DEFAULT 'sql' CHECK (origin IN ('sql', 'toml'))
) WITH (user_catalog_table = true);
ALTER TABLE observer
    ALTER COLUMN name SET STORAGE PLAIN, ALTER COLUMN channel SET STORAGE PLAIN, ALTER COLUMN events SET STORAGE PLAIN,
    ALTER COLUMN subject SET STORAGE PLAIN, ALTER COLUMN columns SET STORAGE PLAIN, ALTER COLUMN format SET STORAGE PLAIN,
    ALTER COLUMN source SET STORAGE PLAIN, ALTER COLUMN condition SET STORAGE PLAIN, ALTER COLUMN filter SET STORAGE PLAIN,
    ALTER COLUMN entity SET STORAGE PLAIN, ALTER COLUMN change_origin SET STORAGE PLAIN, ALTER COLUMN stream SET STORAGE PLAIN, ALTER COLUMN origin SET STORAGE PLAIN;

COMMENT ON TABLE observer IS 'which changes of which tables are published; an observer applies to the transactions that commit after its own';
COMMENT ON COLUMN observer.name IS 'unique name of the observer';
COMMENT ON COLUMN observer.relation IS 'the table; a partitioned table stands for all its partitions';
COMMENT ON COLUMN observer.channel IS 'the channel of NOTIFY, for an observer of notifications';
COMMENT ON COLUMN observer.events IS 'INSERT, UPDATE, DELETE, TRUNCATE';
COMMENT ON COLUMN observer.subject IS 'subject template, or a topic if it has no dot; null: {subject_prefix}.{entity}.{op}, or the channel';
COMMENT ON COLUMN observer.columns IS 'the columns that are published; null: all';
COMMENT ON COLUMN observer.format IS 'format of the payload: fraiseql, topic, row or kv; null: topic for a topic, kv for a bucket, else fraiseql';
COMMENT ON COLUMN observer.source IS 'where the messages of a topic come from: auto, row or notify; null: auto for a topic';
COMMENT ON COLUMN observer.condition IS 'which changes, in the condition language of FraiseQL''s files, from which it comes; null: all';
COMMENT ON COLUMN observer.filter IS 'which changes, as an SQL expression over the row, new.column and old.column; null: all';
COMMENT ON COLUMN observer.entity IS 'name of the entity; null: the table''s name without tb_, in PascalCase';
COMMENT ON COLUMN observer.change_origin IS 'any, or local: not the changes that were replicated to this server; null: any';
COMMENT ON COLUMN observer.stream IS 'the stream that it publishes to; null: the stream of the settings';
COMMENT ON COLUMN observer.enabled IS 'whether the observer publishes';
COMMENT ON COLUMN observer.origin IS 'sql, or toml: declared in fraiseql.toml or fraiseql-observer.toml, and kept in line with the file';

-- An observer whose table has been dropped could not be restored, and would make the restore of the others fail.
SELECT pg_catalog.pg_extension_config_dump('observer', $$WHERE origin = 'sql'
    AND (relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation))$$);
GRANT SELECT, INSERT, UPDATE, DELETE ON observer TO fraiseql_nats_admin;
GRANT SELECT ON observer TO pg_monitor;

-- Any user may write logical messages into the log; those of the extension have a prefix that only
-- this table contains.  Each CREATE EXTENSION creates a new one, and it is never dumped.
CREATE TABLE secret (
    prefix text NOT NULL
) WITH (user_catalog_table = true);
COMMENT ON TABLE secret IS 'prefix of the logical messages that publish() writes';
COMMENT ON COLUMN secret.prefix IS 'random; only the server reads it';
REVOKE ALL ON secret FROM PUBLIC;
-- Members of pg_read_all_data may read any table and any statistics, but no row that no policy permits.
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret ALTER COLUMN prefix SET STATISTICS 0;
INSERT INTO secret VALUES ('fraiseql_nats:' || replace(gen_random_uuid()::text, '-', ''));

CREATE FUNCTION fraiseql_nats_internal.observer_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'fraiseql_nats_observer_changed';
COMMENT ON FUNCTION fraiseql_nats_internal.observer_changed() IS 'checks rows of the observer table and logs that it has changed';

CREATE TRIGGER check_row BEFORE INSERT OR UPDATE ON observer
FOR EACH ROW EXECUTE FUNCTION fraiseql_nats_internal.observer_changed();
CREATE TRIGGER tell_log AFTER INSERT OR UPDATE OR DELETE ON observer
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_nats_internal.observer_changed();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON observer
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_nats_internal.observer_changed();
COMMENT ON TRIGGER check_row ON observer IS 'checks that the row is a valid observer';
COMMENT ON TRIGGER tell_log ON observer IS 'logs the change, so that decoding reads the observers again after this statement';
COMMENT ON TRIGGER refuse_truncate ON observer IS 'refuses TRUNCATE: earlier parts of the log are still decoded with the earlier rows';
-- They also fire where an ordinary trigger does not, for example on a subscriber.
ALTER TABLE observer ENABLE ALWAYS TRIGGER check_row;
ALTER TABLE observer ENABLE ALWAYS TRIGGER tell_log;
ALTER TABLE observer ENABLE ALWAYS TRIGGER refuse_truncate;

CREATE FUNCTION observe(
    relation regclass,
    events text[] DEFAULT '{INSERT,UPDATE,DELETE,TRUNCATE}',
    subject text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    format text DEFAULT NULL,
    entity text DEFAULT NULL,
    source text DEFAULT NULL,
    filter text DEFAULT NULL,
    name text DEFAULT NULL,
    origin text DEFAULT NULL,
    stream text DEFAULT NULL
) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_observe';
COMMENT ON FUNCTION observe(regclass, text[], text, text[], text, text, text, text, text, text, text) IS 'publishes the changes of a table from the commit of this transaction on; returns the observer''s name';

-- For events => 'INSERT' or 'INSERT, UPDATE': a literal, and a parameter without a type, resolve to text if a function
-- takes text.  A single function with the type "any" could not be called with such a parameter.
CREATE FUNCTION observe(
    relation regclass,
    events text,
    subject text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    format text DEFAULT NULL,
    entity text DEFAULT NULL,
    source text DEFAULT NULL,
    filter text DEFAULT NULL,
    name text DEFAULT NULL,
    origin text DEFAULT NULL,
    stream text DEFAULT NULL
) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_observe_text';
COMMENT ON FUNCTION observe(regclass, text, text, text[], text, text, text, text, text, text, text) IS 'publishes the changes of a table from the commit of this transaction on; returns the observer''s name';

CREATE FUNCTION observe_channel(channel text, subject text DEFAULT NULL, name text DEFAULT NULL, stream text DEFAULT NULL)
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_observe_channel';
COMMENT ON FUNCTION observe_channel(text, text, text, text) IS 'publishes the notifications on a channel from the commit of this transaction on; returns the observer''s name';

CREATE FUNCTION unobserve(name text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_unobserve';
COMMENT ON FUNCTION unobserve(text) IS 'removes an observer';

CREATE FUNCTION enable(name text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_enable';
COMMENT ON FUNCTION enable(text) IS 'enables an observer again, from the commit of this transaction on';

CREATE FUNCTION disable(name text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_disable';
COMMENT ON FUNCTION disable(text) IS 'disables an observer, from the commit of this transaction on';

CREATE FUNCTION fraiseql_nats_internal.observer_routes(OUT name text, OUT subject text, OUT format text, OUT stream text, OUT taken boolean)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fraiseql_nats_observer_routes';
COMMENT ON FUNCTION fraiseql_nats_internal.observer_routes() IS 'where the messages of each valid observer go; for the view observer_info';

CREATE FUNCTION fraiseql_nats_internal.old_values(relation regclass) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN count(DISTINCT logged) > 1 THEN 'varies' ELSE min(logged) END
    FROM pg_class c, LATERAL (
        SELECT CASE c.relreplident
               WHEN 'f' THEN 'all'
               WHEN 'd' THEN CASE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) THEN 'key' ELSE 'none' END
               WHEN 'i' THEN CASE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) THEN 'key' ELSE 'none' END
               ELSE 'none' END AS logged) x
    WHERE c.oid = $1 AND c.relkind <> 'p' OR c.oid IN (SELECT t.relid FROM pg_partition_tree($1) t WHERE t.isleaf AND c.relkind <> 'p')
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.old_values(regclass) IS 'which old values are logged of the rows of a table: all, key, none, or varies from partition to partition';

CREATE VIEW observer_info AS
SELECT o.name AS observer, o.relation, o.channel, o.events, r.subject, r.format, r.stream, r.taken,
       CASE WHEN o.relation IS NOT NULL THEN fraiseql_nats_internal.old_values(o.relation) END AS old_values,
       o.enabled, coalesce(s.paused, false) AS paused
FROM fraiseql_nats.observer o
LEFT JOIN fraiseql_nats_internal.observer_routes() r ON r.name = o.name
LEFT JOIN fraiseql_nats.stream s ON s.name = coalesce(o.stream, 'default');
COMMENT ON VIEW observer_info IS 'what each observer does, with what follows from the settings, its stream and its table';
COMMENT ON COLUMN observer_info.observer IS 'name of the observer';
COMMENT ON COLUMN observer_info.relation IS 'the table';
COMMENT ON COLUMN observer_info.channel IS 'the channel of NOTIFY, of an observer of notifications';
COMMENT ON COLUMN observer_info.events IS 'INSERT, UPDATE, DELETE, TRUNCATE';
COMMENT ON COLUMN observer_info.subject IS 'the template of the subject, with the prefixes of its stream; null: the observer is not valid any more, see check()';
COMMENT ON COLUMN observer_info.format IS 'format of the payload: fraiseql, topic, row or kv; null: of a channel, whose payload is that of the notification';
COMMENT ON COLUMN observer_info.stream IS 'name at the broker of the stream that it publishes to';
COMMENT ON COLUMN observer_info.taken IS 'whether the stream takes every subject that the template can become; null: its worker has not seen the stream yet';
COMMENT ON COLUMN observer_info.old_values IS 'which old values are logged of an UPDATE or DELETE: all (REPLICA IDENTITY FULL), key, none, or varies from partition to partition';
COMMENT ON COLUMN observer_info.enabled IS 'whether it publishes what commits now; see disable()';
COMMENT ON COLUMN observer_info.paused IS 'whether its stream is paused: what commits now is published at resume()';
GRANT SELECT ON observer_info TO fraiseql_nats_admin, pg_monitor;

-- An observer or a backfill of a dropped table would apply to a later table with the same OID.
-- Most DROPs concern neither and write nothing.
CREATE FUNCTION fraiseql_nats_internal.forget_dropped_tables() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() d
               WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0 AND d.object_type = 'table'
                 AND (EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.relation = d.objid)
                      OR EXISTS (SELECT FROM fraiseql_nats.backfill_progress p WHERE p.relation = d.objid))) THEN
        DELETE FROM fraiseql_nats.observer
        WHERE relation IN (SELECT objid FROM pg_catalog.pg_event_trigger_dropped_objects()
                           WHERE classid = 'pg_catalog.pg_class'::regclass AND objsubid = 0);
        DELETE FROM fraiseql_nats.backfill_progress
        WHERE relation IN (SELECT objid FROM pg_catalog.pg_event_trigger_dropped_objects()
                           WHERE classid = 'pg_catalog.pg_class'::regclass AND objsubid = 0);
    END IF;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.forget_dropped_tables() IS 'removes the observers and backfills of dropped tables';
-- It fires for every command that drops a table, whatever session_replication_role is.
CREATE EVENT TRIGGER fraiseql_nats_drop ON sql_drop
    EXECUTE FUNCTION fraiseql_nats_internal.forget_dropped_tables();
ALTER EVENT TRIGGER fraiseql_nats_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER fraiseql_nats_drop IS 'removes the observers and backfills of dropped tables';

-- Files -------------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_nats_internal.config_values(OUT name text, OUT value text, OUT source text, OUT place text) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_config_values';
COMMENT ON FUNCTION fraiseql_nats_internal.config_values() IS 'the settings that fraiseql.toml, fraiseql-observer.toml and the environment give, without passwords';

CREATE FUNCTION fraiseql_nats_internal.without_user_info(url text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_without_user_info';
COMMENT ON FUNCTION fraiseql_nats_internal.without_user_info(text) IS 'one URL, or several, without users, passwords and tokens';

CREATE FUNCTION show_config(OUT name text, OUT value text, OUT source text, OUT place text) RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.name,
           CASE WHEN of_files THEN c.value
                WHEN s.name = 'fraiseql_nats.url' THEN fraiseql_nats_internal.without_user_info(current_setting(s.name))
                ELSE current_setting(s.name) END,
           CASE WHEN of_files THEN c.source ELSE replace(s.source, 'configuration file', 'postgresql.conf') END,
           CASE WHEN of_files THEN c.place ELSE s.sourcefile || ':' || s.sourceline END
    FROM pg_settings s
    LEFT JOIN fraiseql_nats_internal.config_values() c ON c.name = s.name
    CROSS JOIN LATERAL (SELECT c.name IS NOT NULL AND s.source = 'default' AS of_files) x
    WHERE s.name LIKE 'fraiseql\_nats.%'
    ORDER BY s.name
$$;
COMMENT ON FUNCTION show_config() IS 'the settings in force and the source of each; the administrator''s settings take precedence over the environment, fraiseql-observer.toml and fraiseql.toml';

CREATE FUNCTION validate_config(config text DEFAULT NULL, OUT level text, OUT place text, OUT message text, OUT hint text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_validate_config';
COMMENT ON FUNCTION validate_config(text) IS 'errors, warnings and notices of a text of fraiseql.toml or fraiseql-observer.toml, without the server''s environment; null: of the server''s files, with its environment';

CREATE FUNCTION reload() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_reload';
COMMENT ON FUNCTION reload() IS 'makes the server read its configuration again, if FraiseQL''s files have no errors';

-- The files' observers as the worker last read them, so that a session that creates a table reads no file.
CREATE TABLE declared_observer (
    name text COLLATE "C" PRIMARY KEY,
    table_schema name NOT NULL,
    table_name name NOT NULL,
    events text[] NOT NULL,
    subject text,
    columns text[],
    format text,
    source text,
    condition text,
    filter text,
    entity text,
    stream text,
    place text NOT NULL
);
CREATE INDEX declared_observer_table ON declared_observer (table_name, table_schema);
COMMENT ON INDEX declared_observer_table IS 'finds the observers that are declared for a new table';
COMMENT ON TABLE declared_observer IS 'the observers that fraiseql.toml and fraiseql-observer.toml declare, as the worker last read them; the columns are those of observer';
COMMENT ON COLUMN declared_observer.name IS 'unique name of the observer';
COMMENT ON COLUMN declared_observer.table_schema IS 'schema of the table; public if the file names none';
COMMENT ON COLUMN declared_observer.table_name IS 'the table, which need not exist';
COMMENT ON COLUMN declared_observer.events IS 'see observer';
COMMENT ON COLUMN declared_observer.subject IS 'see observer';
COMMENT ON COLUMN declared_observer.columns IS 'see observer';
COMMENT ON COLUMN declared_observer.format IS 'see observer';
COMMENT ON COLUMN declared_observer.source IS 'see observer';
COMMENT ON COLUMN declared_observer.condition IS 'see observer';
COMMENT ON COLUMN declared_observer.filter IS 'see observer; the file calls it when';
COMMENT ON COLUMN declared_observer.entity IS 'see observer';
COMMENT ON COLUMN declared_observer.stream IS 'see observer; null: the one whose subjects cover its subject';
COMMENT ON COLUMN declared_observer.place IS 'file, line and column of the declaration';
GRANT SELECT ON declared_observer TO fraiseql_nats_admin, pg_monitor;

CREATE FUNCTION fraiseql_nats_internal.observe_declared(declared text, relation regclass) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.name = declared AND o.origin = 'toml') THEN
        DELETE FROM fraiseql_nats.observer o WHERE o.name = declared AND o.origin = 'toml';
    END IF;
    INSERT INTO fraiseql_nats.observer
           (name, relation, events, subject, columns, format, source, condition, filter, entity, stream, origin)
    SELECT d.name, observe_declared.relation, d.events, d.subject, d.columns, d.format, d.source, d.condition, d.filter,
           d.entity, d.stream, 'toml'
    FROM fraiseql_nats.declared_observer d WHERE d.name = declared;
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
    WHEN OTHERS THEN
        RAISE WARNING '%: could not create observer "%": %',
            (SELECT d.place FROM fraiseql_nats.declared_observer d WHERE d.name = declared), declared, SQLERRM;
        RETURN true;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.observe_declared(text, regclass) IS 'creates the observer that a file declares, or warns that it could not; false if another session holds a lock that it needs';

-- Called by the worker, which must not wait for another session, for example one that drops a table.
CREATE FUNCTION fraiseql_nats_internal.sync_observers(declared jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    d record;
    complete boolean := true;
BEGIN
    DELETE FROM fraiseql_nats.declared_observer o WHERE NOT EXISTS (
        SELECT FROM jsonb_populate_recordset(NULL::fraiseql_nats.declared_observer, declared) x
        WHERE x.name = o.name AND x IS NOT DISTINCT FROM o);
    INSERT INTO fraiseql_nats.declared_observer
    SELECT x.* FROM jsonb_populate_recordset(NULL::fraiseql_nats.declared_observer, declared) x
    WHERE NOT EXISTS (SELECT FROM fraiseql_nats.declared_observer o WHERE o.name = x.name);
    -- A statement on the observers is logged even if it changes no row.
    IF EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.origin = 'toml' AND NOT EXISTS
               (SELECT FROM fraiseql_nats.declared_observer x WHERE x.name = o.name)) THEN
        DELETE FROM fraiseql_nats.observer o WHERE o.origin = 'toml' AND NOT EXISTS
            (SELECT FROM fraiseql_nats.declared_observer x WHERE x.name = o.name);
    END IF;
    FOR d IN
        SELECT x.name, c.oid::regclass AS relation
        FROM fraiseql_nats.declared_observer x
        JOIN pg_namespace n ON n.nspname = x.table_schema
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = x.table_name
        LEFT JOIN fraiseql_nats.observer o ON o.name = x.name
        WHERE o.name IS NULL OR
              (o.relation, o.events, o.subject, o.columns, o.format, o.source, o.condition, o.filter, o.entity)
              IS DISTINCT FROM
              (c.oid::regclass, x.events, x.subject, x.columns, x.format, x.source, x.condition, x.filter, x.entity)
              OR coalesce(o.stream, 'default') <> coalesce(x.stream, o.stream, 'default')
        ORDER BY x.name
    LOOP
        complete := fraiseql_nats_internal.observe_declared(d.name, d.relation) AND complete;
    END LOOP;
    RETURN complete;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.sync_observers(jsonb) IS 'brings the declared observers in line with the files that the worker has read; false if some must be tried again';

CREATE FUNCTION fraiseql_nats_internal.create_declared_stream(declared jsonb, number integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was_paused boolean;
BEGIN
    -- The number, and so the slot, stays.
    DELETE FROM fraiseql_nats.stream s WHERE s.number = create_declared_stream.number RETURNING s.paused INTO was_paused;
    PERFORM fraiseql_nats.create_stream(
        name => declared->>'name', storage => declared->>'storage', replicas => (declared->>'replicas')::integer,
        subjects => (SELECT array_agg(x) FROM jsonb_array_elements_text(declared->'subjects') x),
        max_age => (declared->>'max_age')::interval, max_bytes => (declared->>'max_bytes')::bigint,
        max_msgs => (declared->>'max_msgs')::bigint, max_msgs_per_subject => (declared->>'max_msgs_per_subject')::bigint,
        dedup_window => (declared->>'dedup_window')::interval, discard => declared->>'discard',
        retention => declared->>'retention', compression => declared->>'compression', exclusive => declared->>'exclusive',
        manage => declared->>'manage', subject_prefix => declared->>'subject_prefix', topic_prefix => declared->>'topic_prefix',
        message_id_header => declared->>'message_id_header',
        kv => declared->>'kv', history => (declared->>'history')::integer);
    UPDATE fraiseql_nats.stream s
    SET origin = 'toml', declaration = declared, paused = coalesce(was_paused, false), number = coalesce(create_declared_stream.number, s.number)
    WHERE s.name = declared->>'name';
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING '%: could not create stream "%": %', declared->>'place', declared->>'name', SQLERRM;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.create_declared_stream(jsonb, integer) IS 'creates the stream that a file declares, or replaces the one with this number; warns if it could not';

-- Called by the worker, as sync_observers() is.
CREATE FUNCTION fraiseql_nats_internal.sync_declared(streams jsonb, observers jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    d record;
    complete boolean;
BEGIN
    FOR d IN
        SELECT x.value AS declared, s.number, s.origin
        FROM jsonb_array_elements(streams) x LEFT JOIN fraiseql_nats.stream s ON s.name = x.value->>'name'
        WHERE s.declaration - 'place' IS DISTINCT FROM x.value - 'place'
    LOOP
        IF d.origin = 'sql' THEN
            RAISE WARNING '%: stream "%" exists already', d.declared->>'place', d.declared->>'name'
                USING DETAIL = 'It was created by fraiseql_nats.create_stream(), and stays as it is.',
                      HINT = 'Drop it, or remove the declaration.';
        ELSE
            PERFORM fraiseql_nats_internal.create_declared_stream(d.declared, d.number);
        END IF;
    END LOOP;
    complete := fraiseql_nats_internal.sync_observers(observers);
    FOR d IN
        SELECT s.name, EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.stream = s.name) AS is_used
        FROM fraiseql_nats.stream s
        WHERE s.origin = 'toml' AND NOT EXISTS (SELECT FROM jsonb_array_elements(streams) x WHERE x.value->>'name' = s.name)
    LOOP
        IF d.is_used THEN
            RAISE WARNING 'stream "%" is not declared any more, but stays, since observers publish to it', d.name
                USING HINT = 'Remove them with fraiseql_nats.unobserve(), and run SELECT fraiseql_nats.reload();';
        ELSE
            DELETE FROM fraiseql_nats.stream s WHERE s.name = d.name;
        END IF;
    END LOOP;
    RETURN complete;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.sync_declared(jsonb, jsonb) IS 'brings streams and observers in line with the files that the worker has read; false if some must be tried again';

-- A table that a file names is observed from its creation on.  A cached plan must not depend on an earlier size of the
-- table of rules.
CREATE FUNCTION fraiseql_nats_internal.observe_created_tables() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    t record;
    d record;
BEGIN
    FOR t IN
        SELECT c.oid, c.relname, n.nspname
        FROM pg_event_trigger_ddl_commands() e
        JOIN pg_class c ON c.oid = e.objid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objsubid = 0 AND c.relkind IN ('r', 'p')
    LOOP
        FOR d IN
            SELECT x.name FROM fraiseql_nats.declared_observer x
            WHERE x.table_name = t.relname AND x.table_schema = t.nspname
              AND NOT EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.name = x.name)
        LOOP
            PERFORM fraiseql_nats_internal.observe_declared(d.name, t.oid);
        END LOOP;
    END LOOP;
EXCEPTION WHEN OTHERS THEN  -- the user's statement must not fail because of this
    RAISE WARNING 'could not create observers of fraiseql.toml: %', SQLERRM;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.observe_created_tables() IS 'creates the observers that the files declare for the tables of the current statement; for observe_new_tables()';

CREATE FUNCTION fraiseql_nats_internal.observe_new_tables() RETURNS event_trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fraiseql_nats_observe_new_tables';
COMMENT ON FUNCTION fraiseql_nats_internal.observe_new_tables() IS 'creates the observers that the files declare for a new table';
CREATE EVENT TRIGGER fraiseql_nats_create ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE SCHEMA', 'CREATE FOREIGN TABLE')
    EXECUTE FUNCTION fraiseql_nats_internal.observe_new_tables();
ALTER EVENT TRIGGER fraiseql_nats_create ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER fraiseql_nats_create IS 'creates the observers that the files declare for a new table';

-- Publishing --------------------------------------------------------------------------------------

CREATE FUNCTION publish(subject text, payload text, headers jsonb DEFAULT NULL, msg_id text DEFAULT NULL, stream text DEFAULT NULL)
RETURNS pg_lsn
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_publish';
CREATE FUNCTION publish(subject text, payload jsonb, headers jsonb DEFAULT NULL, msg_id text DEFAULT NULL, stream text DEFAULT NULL)
RETURNS pg_lsn
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_publish';
CREATE FUNCTION publish(subject text, payload bytea, headers jsonb DEFAULT NULL, msg_id text DEFAULT NULL, stream text DEFAULT NULL)
RETURNS pg_lsn
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_publish';
COMMENT ON FUNCTION publish(text, text, jsonb, text, text) IS 'publishes a message if and when this transaction commits; returns its place in the log';
COMMENT ON FUNCTION publish(text, jsonb, jsonb, text, text) IS 'publishes a message if and when this transaction commits; returns its place in the log';
COMMENT ON FUNCTION publish(text, bytea, jsonb, text, text) IS 'publishes a message if and when this transaction commits; returns its place in the log';

-- Replaces pg_catalog.pg_notify in the queries of databases with the extension.  The function itself checks
-- whether the caller may notify.
CREATE FUNCTION fraiseql_nats_internal.pg_notify(text, text) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fraiseql_nats_notify';
COMMENT ON FUNCTION fraiseql_nats_internal.pg_notify(text, text) IS 'pg_notify() that also writes notifications on observed channels into the log';

-- Backfill ----------------------------------------------------------------------------------------

-- One row for each table: its last backfill and the progress.  The transactions that publish the rows
-- write it, so it agrees with the log after any crash.
CREATE TABLE backfill_progress (
    relation regclass PRIMARY KEY,
    filter text,
    observer text,
    key_columns text NOT NULL,
    last_key text,
    read_through boolean NOT NULL DEFAULT false,
    rows_published bigint NOT NULL DEFAULT 0,
    rows_passed bigint NOT NULL DEFAULT 0,
    rows_estimated bigint,
    "position" pg_lsn,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    lost_at timestamptz
);
COMMENT ON TABLE backfill_progress IS 'progress of backfills; see the view backfill';
COMMENT ON COLUMN backfill_progress.relation IS 'the table';
COMMENT ON COLUMN backfill_progress.filter IS 'which rows; null: all';
COMMENT ON COLUMN backfill_progress.observer IS 'the observer that publishes the rows; null: all of the table that want INSERT';
COMMENT ON COLUMN backfill_progress.key_columns IS 'the columns by whose order it reads the table';
COMMENT ON COLUMN backfill_progress.last_key IS 'the last key that it has read; null: none yet';
COMMENT ON COLUMN backfill_progress.read_through IS 'whether the last row has been read; only the rows in backfill_busy remain';
COMMENT ON COLUMN backfill_progress.rows_published IS 'rows written into the log';
COMMENT ON COLUMN backfill_progress.rows_passed IS 'rows skipped because of the filter';
COMMENT ON COLUMN backfill_progress.rows_estimated IS 'rows of the table when it started, estimated from the planner''s statistics';
COMMENT ON COLUMN backfill_progress."position" IS 'place in the log of the last row that it wrote';
COMMENT ON COLUMN backfill_progress.started_at IS 'when it started';
COMMENT ON COLUMN backfill_progress.updated_at IS 'when its last chunk was written';
COMMENT ON COLUMN backfill_progress.finished_at IS 'when it finished; null: it has not';
COMMENT ON COLUMN backfill_progress.lost_at IS 'when its rows were found to be lost; null: they are not, or it has restarted since';

CREATE TABLE backfill_busy (
    relation regclass REFERENCES backfill_progress ON DELETE CASCADE,
    id bigint GENERATED ALWAYS AS IDENTITY,
    key text NOT NULL,
    PRIMARY KEY (relation, id)
);
COMMENT ON TABLE backfill_busy IS 'rows that were locked when a backfill reached them; it returns to them';
COMMENT ON COLUMN backfill_busy.relation IS 'the table of the backfill';
COMMENT ON COLUMN backfill_busy.id IS 'in the order in which it reached the rows';
COMMENT ON SEQUENCE backfill_busy_id_seq IS 'values of backfill_busy.id';
COMMENT ON COLUMN backfill_busy.key IS 'values of the key columns, as an array of texts';

CREATE VIEW backfill AS
SELECT p.relation,
       CASE WHEN p.finished_at IS NOT NULL THEN 'finished' WHEN l.pid IS NOT NULL THEN 'running'
            WHEN p.lost_at IS NOT NULL THEN 'lost' ELSE 'interrupted' END AS state,
       l.pid, p.filter, p.observer, p.rows_published, p.rows_passed, b.rows_busy, p.rows_estimated, p.key_columns, p.last_key,
       p."position", p.started_at, p.updated_at, p.finished_at, p.lost_at
FROM fraiseql_nats.backfill_progress p
CROSS JOIN LATERAL (SELECT count(*) AS rows_busy FROM fraiseql_nats.backfill_busy x WHERE x.relation = p.relation) b
LEFT JOIN pg_catalog.pg_locks l
    ON l.locktype = 'object' AND l.classid = 'fraiseql_nats.backfill_progress'::regclass AND l.objid = p.relation
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database());
COMMENT ON VIEW backfill IS 'the last backfill of each table, and its progress';
COMMENT ON COLUMN backfill.relation IS 'the table';
COMMENT ON COLUMN backfill.state IS 'running, finished, interrupted (the same CALL resumes it) or lost (the same CALL restarts it)';
COMMENT ON COLUMN backfill.pid IS 'process ID of the session that runs it';
COMMENT ON COLUMN backfill.filter IS 'which rows; null: all';
COMMENT ON COLUMN backfill.observer IS 'the observer that publishes the rows; null: all of the table that want INSERT';
COMMENT ON COLUMN backfill.rows_published IS 'rows written into the log as SNAPSHOT events';
COMMENT ON COLUMN backfill.rows_passed IS 'rows skipped because of the filter';
COMMENT ON COLUMN backfill.rows_busy IS 'rows that were locked, to which it returns';
COMMENT ON COLUMN backfill.rows_estimated IS 'rows of the table when it started, estimated from the planner''s statistics';
COMMENT ON COLUMN backfill.key_columns IS 'the columns by whose order it reads the table';
COMMENT ON COLUMN backfill.last_key IS 'the last key that it has read';
COMMENT ON COLUMN backfill."position" IS 'place in the log of the last row that it wrote; published when confirmed_lsn of status() is greater';
COMMENT ON COLUMN backfill.started_at IS 'when it started';
COMMENT ON COLUMN backfill.updated_at IS 'when its last chunk was written';
COMMENT ON COLUMN backfill.finished_at IS 'when it finished; null: it has not';
COMMENT ON COLUMN backfill.lost_at IS 'when the worker found that rows of it may be in a gap; null: there was no such gap, or it has restarted since';

-- The commit of a chunk follows the place of its last row at an unknown distance, so every unfinished
-- backfill counts as lost.  A finished one records a place after all its commits.  Its rows are in the gap of a stream
-- only if one of its observers publishes to that stream.
CREATE FUNCTION fraiseql_nats_internal.backfill_lose(gap_begin pg_lsn, stream text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH lost AS (
        UPDATE fraiseql_nats.backfill_progress p
        SET lost_at = clock_timestamp(), last_key = NULL, read_through = false, rows_published = 0, rows_passed = 0,
            finished_at = NULL
        WHERE p."position" IS NOT NULL AND (p.finished_at IS NULL OR p."position" >= gap_begin)
          AND EXISTS (SELECT FROM fraiseql_nats.observer o
                      WHERE o.stream IS NOT DISTINCT FROM backfill_lose.stream AND o.name = coalesce(p.observer, o.name)
                        AND (o.relation = p.relation
                             OR o.relation IN (SELECT pg_partition_ancestors(p.relation))
                             OR o.relation IN (SELECT t.relid FROM pg_partition_tree(p.relation) t)))
        RETURNING p.relation
    ), busy AS (
        DELETE FROM fraiseql_nats.backfill_busy b USING lost WHERE b.relation = lost.relation
    )
    SELECT count(*) FROM lost
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.backfill_lose(pg_lsn, text) IS 'restarts the backfills of which rows may be in a gap of a stream (null: the default one); returns their number; for the worker';

CREATE PROCEDURE backfill(
    relation regclass, filter text DEFAULT NULL, observer text DEFAULT NULL, chunk_rows integer DEFAULT 500,
    restart boolean DEFAULT false, max_lag bigint DEFAULT 67108864)
LANGUAGE c AS 'MODULE_PATHNAME', 'fraiseql_nats_backfill';
COMMENT ON PROCEDURE backfill(regclass, text, text, integer, boolean, bigint) IS 'publishes the existing rows of a table as SNAPSHOT events, in transactions of its own; resumes an interrupted backfill';

GRANT SELECT ON backfill TO fraiseql_nats_admin, pg_monitor;
GRANT SELECT, INSERT, UPDATE, DELETE ON backfill_progress, backfill_busy TO fraiseql_nats_admin;

-- Dead letters ------------------------------------------------------------------------------------

-- Messages that can never be published as they are, stored by the worker.  They are not dumped, because they
-- belong to this server's log and stream.  A message that was retried or discarded stays, without its payload,
-- until the slot can no longer return it.
CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    headers jsonb NOT NULL,
    payload bytea,
    payload_bytes bigint NOT NULL,
    reason text NOT NULL,
    hint text,
    "position" text COLLATE "C" NOT NULL,
    msg_id text NOT NULL,
    xid xid,
    commit_lsn pg_lsn,
    commit_time timestamptz NOT NULL,
    attempts integer NOT NULL,
    rejected_at timestamptz NOT NULL,
    outcome text CHECK (outcome IN ('retried', 'discarded')),
    outcome_at timestamptz,
    stream text COLLATE "C" NOT NULL DEFAULT 'default',
    UNIQUE ("position", stream)
);
COMMENT ON TABLE dead_letter IS 'messages that could not be published as they are; see dead_letters()';
COMMENT ON COLUMN dead_letter.id IS 'for retry_dead_letter() and discard_dead_letter()';
COMMENT ON SEQUENCE dead_letter_id_seq IS 'values of dead_letter.id';
COMMENT ON COLUMN dead_letter.subject IS 'subject of the message';
COMMENT ON COLUMN dead_letter.headers IS 'its headers; an array holds several values of one header';
COMMENT ON COLUMN dead_letter.payload IS 'its payload; null if it is too large for a row, or the dead letter was retried or discarded';
COMMENT ON COLUMN dead_letter.payload_bytes IS 'size of the payload';
COMMENT ON COLUMN dead_letter.reason IS 'why it could not be published';
COMMENT ON COLUMN dead_letter.hint IS 'what to do about it';
COMMENT ON COLUMN dead_letter."position" IS 'its place in the log: commit LSN, ordinal in the transaction, route if there are several; its id if it was not read from the log';
COMMENT ON COLUMN dead_letter.msg_id IS 'its Nats-Msg-Id';
COMMENT ON COLUMN dead_letter.xid IS 'its transaction';
COMMENT ON COLUMN dead_letter.commit_lsn IS 'where the commit of its transaction begins in the log; of a retried message, that of the retry';
COMMENT ON COLUMN dead_letter.commit_time IS 'when its transaction committed; of a retried message, that of the retry';
COMMENT ON COLUMN dead_letter.attempts IS 'number of attempts to publish it';
COMMENT ON COLUMN dead_letter.rejected_at IS 'when it was refused';
COMMENT ON COLUMN dead_letter.outcome IS 'retried or discarded; null: neither yet';
COMMENT ON COLUMN dead_letter.outcome_at IS 'when it was retried or discarded';
COMMENT ON COLUMN dead_letter.stream IS 'the stream of the message; "default": the stream of the settings';
-- Payloads and headers contain rows of any table and the messages of any user: only administrators may read them.
GRANT SELECT ON dead_letter TO fraiseql_nats_admin;
GRANT SELECT (id, subject, payload_bytes, reason, hint, "position", msg_id, xid, commit_lsn, commit_time, attempts,
              rejected_at, outcome, outcome_at, stream) ON dead_letter TO pg_monitor;
ALTER TABLE dead_letter ALTER COLUMN payload SET STATISTICS 0, ALTER COLUMN headers SET STATISTICS 0;

CREATE FUNCTION dead_letters(
    OUT id bigint, OUT subject text, OUT headers jsonb, OUT payload bytea, OUT payload_bytes bigint, OUT reason text,
    OUT hint text, OUT "position" text, OUT msg_id text, OUT xid xid, OUT commit_time timestamptz, OUT attempts integer,
    OUT rejected_at timestamptz) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, d.subject, d.headers, d.payload, d.payload_bytes, d.reason, d.hint, d."position", d.msg_id, d.xid,
           d.commit_time, d.attempts, d.rejected_at
    FROM fraiseql_nats.dead_letter d WHERE d.outcome IS NULL ORDER BY d.id
$$;
COMMENT ON FUNCTION dead_letters() IS 'the messages that could not be published as they are, with the reason, the oldest first';

-- After a crash the slot may return a message again until a checkpoint has saved a later position.  The row
-- must exist until then, or the message would become a dead letter again.
CREATE FUNCTION fraiseql_nats_internal.settle_dead_letter(id bigint, outcome text) RETURNS dead_letter
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    letter fraiseql_nats.dead_letter;
BEGIN
    SELECT * INTO letter FROM fraiseql_nats.dead_letter d
    WHERE d.id = settle_dead_letter.id AND d.outcome IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'dead letter % does not exist', id
            USING ERRCODE = 'undefined_object', HINT = 'It may have been retried or discarded already; see fraiseql_nats.dead_letters().';
    END IF;
    UPDATE fraiseql_nats.dead_letter d SET outcome = settle_dead_letter.outcome, outcome_at = now(), payload = NULL
    WHERE d.id = settle_dead_letter.id;
    DELETE FROM fraiseql_nats.dead_letter d WHERE d.id IN (
        SELECT x.id FROM fraiseql_nats.dead_letter x
        WHERE x.outcome_at < now() - interval '1 day'
          AND (x.commit_lsn IS NULL OR x.commit_lsn < (
              SELECT min(s.confirmed_flush_lsn) FROM pg_replication_slots s JOIN pg_database b ON b.datname = s.database
              WHERE b.datname = current_database() AND s.slot_name ~ ('^fraiseql_nats_' || b.oid || '(_\d+)?$')))
        FOR UPDATE SKIP LOCKED);
    RETURN letter;
END
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.settle_dead_letter(bigint, text) IS 'marks a dead letter as retried or discarded; for retry_dead_letter() and discard_dead_letter()';

CREATE FUNCTION fraiseql_nats_internal.republish(subject text, headers jsonb, payload bytea, msg_id text, attempts integer, stream text) RETURNS pg_lsn
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_republish';
COMMENT ON FUNCTION fraiseql_nats_internal.republish(text, jsonb, bytea, text, integer, text) IS 'publishes a message again as it was; for retry_dead_letter()';

CREATE FUNCTION retry_dead_letter(id bigint) RETURNS pg_lsn
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    letter fraiseql_nats.dead_letter := fraiseql_nats_internal.settle_dead_letter(id, 'retried');
BEGIN
    IF letter.headers ? 'Fraiseql-Unencoded' THEN
        RAISE EXCEPTION 'dead letter % cannot be retried', id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('It lacks a value: %s.', letter.reason),
                  HINT = letter.hint;
    END IF;
    IF letter.payload IS NULL THEN
        RAISE EXCEPTION 'dead letter % cannot be retried', id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('Its payload of %s bytes was too large to be stored.', letter.payload_bytes),
                  HINT = 'Discard it with fraiseql_nats.discard_dead_letter().';
    END IF;
    RETURN fraiseql_nats_internal.republish(letter.subject, letter.headers, letter.payload, letter.msg_id, letter.attempts, letter.stream);
END
$$;
COMMENT ON FUNCTION retry_dead_letter(bigint) IS 'publishes a dead letter again if and when this transaction commits; returns its place in the log';

CREATE FUNCTION discard_dead_letter(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_nats_internal.settle_dead_letter(id, 'discarded');
END
$$;
COMMENT ON FUNCTION discard_dead_letter(bigint) IS 'discards a dead letter';

-- The stream -------------------------------------------------------------------------------------

CREATE FUNCTION stream_info(
    stream text DEFAULT NULL,
    OUT name text, OUT subjects text, OUT messages bigint, OUT bytes bigint, OUT first_sequence bigint,
    OUT last_sequence bigint, OUT consumers bigint, OUT max_age interval, OUT max_bytes bigint, OUT max_msgs bigint,
    OUT dedup_window interval, OUT replicas bigint) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_stream_info';
COMMENT ON FUNCTION stream_info(text) IS 'a stream of this database at the broker; a limit that is not set is null';

CREATE FUNCTION stream_sync(stream text DEFAULT NULL, OUT field text, OUT found text, OUT wanted text, OUT changed boolean) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_stream_sync';
COMMENT ON FUNCTION stream_sync(text) IS 'updates the stream to match the settings; returns what differed, and whether it could be changed';

CREATE FUNCTION consumers(
    stream text DEFAULT NULL,
    OUT name text, OUT filter_subject text, OUT push boolean, OUT queue text, OUT max_deliver bigint, OUT ack_wait interval,
    OUT max_ack_pending bigint,
    OUT pending bigint, OUT ack_pending bigint, OUT redelivered bigint, OUT delivered_sequence bigint, OUT ack_floor bigint,
    OUT bound boolean) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_consumers';
COMMENT ON FUNCTION consumers(text) IS 'the consumers of the stream, and their progress';

CREATE FUNCTION create_consumer(
    name text, filter_subject text DEFAULT NULL, push boolean DEFAULT false, queue text DEFAULT NULL,
    max_deliver integer DEFAULT NULL, ack_wait interval DEFAULT NULL, max_ack_pending integer DEFAULT NULL,
    stream text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_create_consumer';
COMMENT ON FUNCTION create_consumer(text, text, boolean, text, integer, interval, integer, text) IS 'creates or updates a durable consumer; max_deliver and ack_wait default to the settings';

CREATE FUNCTION delete_consumer(name text, stream text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_delete_consumer';
COMMENT ON FUNCTION delete_consumer(text, text) IS 'deletes a consumer';

-- The slot ---------------------------------------------------------------------------------------

-- The position up to which this database is published, for a standby or a copy of this server.
CREATE TABLE slot (
    slot name COLLATE "C" PRIMARY KEY,
    system_identifier bigint NOT NULL,
    timeline bigint NOT NULL,
    position pg_lsn NOT NULL,
    branch text,
    adopted boolean NOT NULL DEFAULT false,
    parted_at pg_lsn,
    is_copy boolean NOT NULL DEFAULT false,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE slot IS 'the replication slots that this database is published from, as the workers last found or created them; one row for each stream';
COMMENT ON COLUMN slot.slot IS 'name of the slot';
COMMENT ON COLUMN slot.system_identifier IS 'system identifier of the server on which the worker ran';
COMMENT ON COLUMN slot.timeline IS 'timeline of the log that the worker read';
COMMENT ON COLUMN slot.position IS 'transactions that committed before it are published, or in a gap';
COMMENT ON COLUMN slot.branch IS 'part of the message ids of a copy that was adopted; else null';
COMMENT ON COLUMN slot.adopted IS 'whether adopt() was called and the worker has not seen it yet';
COMMENT ON COLUMN slot.parted_at IS 'where this server may have diverged from another server that publishes in its place; null: this server publishes';
COMMENT ON COLUMN slot.is_copy IS 'whether such another server exists and adopt() was not called';
COMMENT ON COLUMN slot.written_at IS 'when the worker wrote the row';
GRANT SELECT ON slot TO pg_monitor;

CREATE TABLE gap (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_lsn pg_lsn,
    to_lsn pg_lsn,
    reason text NOT NULL,
    slot name NOT NULL,
    stream text NOT NULL,
    timeline bigint,
    detected_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE gap IS 'parts of the log that were not published to a stream, because its slot was lost; rows may be deleted when they have been dealt with';
COMMENT ON COLUMN gap.id IS 'in the order in which they were found';
COMMENT ON SEQUENCE gap_id_seq IS 'values of gap.id';
COMMENT ON COLUMN gap.from_lsn IS 'transactions that committed before it are published; null: not known yet';
COMMENT ON COLUMN gap.to_lsn IS 'transactions that commit after it are published; null: the new slot is not ready yet';
COMMENT ON COLUMN gap.reason IS 'why the slot was lost';
COMMENT ON COLUMN gap.slot IS 'name of the slot';
COMMENT ON COLUMN gap.stream IS 'the stream that lacks the changes, as in status(); other streams have them';
COMMENT ON COLUMN gap.timeline IS 'timeline of the log when the new slot was created';
COMMENT ON COLUMN gap.detected_at IS 'when the worker found it';
GRANT SELECT ON gap TO pg_monitor;
GRANT SELECT, DELETE ON gap TO fraiseql_nats_admin;

CREATE TABLE alarm (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    message text NOT NULL,
    hint text,
    slot name NOT NULL,
    stream text NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by name
);
COMMENT ON TABLE alarm IS 'losses and possible duplicates that the worker cannot repair; rows may be deleted when they have been dealt with';
COMMENT ON COLUMN alarm.id IS 'for acknowledge_alarm()';
COMMENT ON SEQUENCE alarm_id_seq IS 'values of alarm.id';
COMMENT ON COLUMN alarm.at IS 'when the worker detected it';
COMMENT ON COLUMN alarm.kind IS '"loss": the stream has lost messages that it had acknowledged; "twice": messages may have been published twice';
COMMENT ON COLUMN alarm.message IS 'what has happened';
COMMENT ON COLUMN alarm.hint IS 'what to do about it';
COMMENT ON COLUMN alarm.slot IS 'name of the slot; rows with a slot of another database were copied from the template database';
COMMENT ON COLUMN alarm.stream IS 'the stream, as in status()';
COMMENT ON COLUMN alarm.acknowledged_at IS 'when acknowledge_alarm() was called; null: not yet, and status() shows the alarm';
COMMENT ON COLUMN alarm.acknowledged_by IS 'the user who called it';
GRANT SELECT ON alarm TO pg_monitor;
GRANT SELECT, DELETE ON alarm TO fraiseql_nats_admin;

CREATE FUNCTION acknowledge_alarm(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE fraiseql_nats.alarm a
    SET acknowledged_at = coalesce(a.acknowledged_at, clock_timestamp()), acknowledged_by = coalesce(a.acknowledged_by, session_user)
    WHERE a.id = acknowledge_alarm.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'alarm % does not exist', id
            USING ERRCODE = 'undefined_object', HINT = 'See the table fraiseql_nats.alarm.';
    END IF;
END
$$;
COMMENT ON FUNCTION acknowledge_alarm(bigint) IS 'marks an alarm as dealt with: status() no longer shows it';

CREATE FUNCTION adopt() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM fraiseql_nats.status() WHERE state NOT IN ('streaming', 'blocked')) THEN
        RAISE NOTICE 'there is nothing to adopt: this server publishes already';
        RETURN;
    END IF;
    UPDATE fraiseql_nats.slot SET adopted = true;
    IF NOT FOUND THEN
        RAISE NOTICE 'there is nothing to adopt: this database has not been published before';
    END IF;
END
$$;
COMMENT ON FUNCTION adopt() IS 'lets this server, a copy of another one that has published since, publish beside it';

-- Status ------------------------------------------------------------------------------------------

CREATE FUNCTION status(
    OUT database text,
    OUT state text,
    OUT reason text,
    OUT hint text,
    OUT server text,
    OUT stream text,
    OUT slot text,
    OUT holds_log boolean,
    OUT flushed_lsn pg_lsn,
    OUT read_lsn pg_lsn,
    OUT sent_lsn pg_lsn,
    OUT confirmed_lsn pg_lsn,
    OUT lag_bytes bigint,
    OUT lag_seconds double precision,
    OUT messages_sent bigint,
    OUT messages_acked bigint,
    OUT messages_resent bigint,
    OUT messages_found bigint,
    OUT in_flight integer,
    OUT exclusive boolean,
    OUT order_breaks bigint,
    OUT messages_dropped bigint,
    OUT untestable bigint,
    OUT dead_letters bigint,
    OUT reconnects bigint,
    OUT stats_since timestamptz,
    OUT alarm text,
    OUT last_error text,
    OUT last_error_at timestamptz,
    OUT last_progress_at timestamptz,
    OUT safe_wal_size bigint,
    OUT gaps bigint,
    OUT last_gap_at timestamptz,
    OUT dlq_moved bigint,
    OUT dlq_put_off bigint,
    OUT dlq_not_understood bigint,
    OUT dlq_trouble text,
    OUT stream_drift text,
    OUT unlogged_tables text
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fraiseql_nats_status';
COMMENT ON FUNCTION status() IS 'for each stream of this database, the default one first: the state, progress and problems of its worker; holds_log: no slot of this database keeps older log';

-- Statistics --------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_nats_internal.stream_stats(
    OUT datid oid, OUT datname text, OUT stream text, OUT state text, OUT pid integer, OUT lag_bytes bigint,
    OUT lag_seconds double precision, OUT in_flight integer, OUT messages_sent bigint, OUT messages_acked bigint,
    OUT messages_resent bigint, OUT messages_found bigint, OUT messages_dropped bigint, OUT bytes bigint,
    OUT untestable bigint, OUT dead_letters bigint, OUT order_breaks bigint, OUT failures bigint, OUT reconnects bigint,
    OUT observers_uncounted integer, OUT latency_p50_ms double precision, OUT latency_p99_ms double precision,
    OUT latency bigint[], OUT latency_seconds double precision, OUT last_progress_at timestamptz,
    OUT stats_since timestamptz) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fraiseql_nats_stream_stats';
COMMENT ON FUNCTION fraiseql_nats_internal.stream_stats() IS 'rows of pg_stat_fraiseql_nats';

CREATE VIEW pg_stat_fraiseql_nats AS SELECT * FROM fraiseql_nats_internal.stream_stats();
COMMENT ON VIEW pg_stat_fraiseql_nats IS 'what has been done for each stream of each database of the server; kept when a worker or the server restarts, but for a crash of the server';
COMMENT ON COLUMN pg_stat_fraiseql_nats.datid IS 'OID of the database';
COMMENT ON COLUMN pg_stat_fraiseql_nats.datname IS 'the database';
COMMENT ON COLUMN pg_stat_fraiseql_nats.stream IS 'name of the stream at the broker; null: its worker does not know it yet';
COMMENT ON COLUMN pg_stat_fraiseql_nats.state IS 'state of the worker, as in status()';
COMMENT ON COLUMN pg_stat_fraiseql_nats.pid IS 'process ID of the worker; null: none runs';
COMMENT ON COLUMN pg_stat_fraiseql_nats.lag_bytes IS 'log that is not confirmed yet; null: the stream has no slot';
COMMENT ON COLUMN pg_stat_fraiseql_nats.lag_seconds IS 'age of the oldest transaction that is not confirmed, as in status()';
COMMENT ON COLUMN pg_stat_fraiseql_nats.in_flight IS 'messages that are sent and not acknowledged now';
COMMENT ON COLUMN pg_stat_fraiseql_nats.messages_sent IS 'messages sent';
COMMENT ON COLUMN pg_stat_fraiseql_nats.messages_acked IS 'messages that are in the stream: acknowledged, or found there';
COMMENT ON COLUMN pg_stat_fraiseql_nats.messages_resent IS 'messages sent again';
COMMENT ON COLUMN pg_stat_fraiseql_nats.messages_found IS 'messages that the stream had already, and that were not sent again';
COMMENT ON COLUMN pg_stat_fraiseql_nats.messages_dropped IS 'notifications that were not published, with capture = notify';
COMMENT ON COLUMN pg_stat_fraiseql_nats.bytes IS 'subjects, headers and payloads of the messages that were acknowledged';
COMMENT ON COLUMN pg_stat_fraiseql_nats.untestable IS 'changes that were not published because a filter or condition could not be evaluated';
COMMENT ON COLUMN pg_stat_fraiseql_nats.dead_letters IS 'messages that became dead letters';
COMMENT ON COLUMN pg_stat_fraiseql_nats.order_breaks IS 'messages that were stored out of order';
COMMENT ON COLUMN pg_stat_fraiseql_nats.failures IS 'failed attempts to publish';
COMMENT ON COLUMN pg_stat_fraiseql_nats.reconnects IS 'connections after the first one of a worker';
COMMENT ON COLUMN pg_stat_fraiseql_nats.observers_uncounted IS 'observers that are not in pg_stat_fraiseql_nats_observers, for want of shared memory';
COMMENT ON COLUMN pg_stat_fraiseql_nats.latency_p50_ms IS 'half of the messages took at most so long from commit to acknowledgement: the bound of a bucket; null: there was no message';
COMMENT ON COLUMN pg_stat_fraiseql_nats.latency_p99_ms IS 'the same for 99 % of the messages';
COMMENT ON COLUMN pg_stat_fraiseql_nats.latency IS 'number of messages by the time from commit to acknowledgement: one for each bucket of pg_stat_fraiseql_nats_latency';
COMMENT ON COLUMN pg_stat_fraiseql_nats.latency_seconds IS 'sum of these times';
COMMENT ON COLUMN pg_stat_fraiseql_nats.last_progress_at IS 'when messages were last acknowledged since the start of the server; a reset leaves it';
COMMENT ON COLUMN pg_stat_fraiseql_nats.stats_since IS 'since when it is counted';

CREATE VIEW pg_stat_fraiseql_nats_latency AS
SELECT s.datid, s.datname, s.stream,
       CASE WHEN b.bucket < pg_catalog.cardinality(s.latency) THEN 0.25 * 2 ^ (b.bucket - 1)::double precision
            ELSE 'Infinity' END AS up_to_ms,
       b.messages
FROM fraiseql_nats_internal.stream_stats() s, pg_catalog.unnest(s.latency) WITH ORDINALITY b (messages, bucket);
COMMENT ON VIEW pg_stat_fraiseql_nats_latency IS 'how many messages of each stream took how long from commit to acknowledgement';
COMMENT ON COLUMN pg_stat_fraiseql_nats_latency.datid IS 'OID of the database';
COMMENT ON COLUMN pg_stat_fraiseql_nats_latency.datname IS 'the database';
COMMENT ON COLUMN pg_stat_fraiseql_nats_latency.stream IS 'name of the stream at the broker';
COMMENT ON COLUMN pg_stat_fraiseql_nats_latency.up_to_ms IS 'upper bound of the bucket, inclusive; its lower bound is that of the bucket before it';
COMMENT ON COLUMN pg_stat_fraiseql_nats_latency.messages IS 'number of messages in the bucket';

CREATE FUNCTION fraiseql_nats_internal.observer_stats(
    OUT datid oid, OUT datname text, OUT stream text, OUT observer text, OUT published bigint, OUT bytes bigint,
    OUT filtered bigint, OUT untestable bigint, OUT dead_letters bigint, OUT last_published_at timestamptz,
    OUT stats_since timestamptz) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fraiseql_nats_observer_stats';
COMMENT ON FUNCTION fraiseql_nats_internal.observer_stats() IS 'rows of pg_stat_fraiseql_nats_observers';

CREATE VIEW pg_stat_fraiseql_nats_observers AS SELECT * FROM fraiseql_nats_internal.observer_stats();
COMMENT ON VIEW pg_stat_fraiseql_nats_observers IS 'what has been done for each observer of each database of the server, once the worker of its stream has read of it in the log; kept as in pg_stat_fraiseql_nats';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.datid IS 'OID of the database';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.datname IS 'the database';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.stream IS 'name of the stream at the broker; null: its worker does not know it yet';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.observer IS 'name of the observer; under another name, or in another stream, it begins anew';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.published IS 'messages that were acknowledged';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.bytes IS 'their subjects, headers and payloads';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.filtered IS 'changes that its filter or condition did not take';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.untestable IS 'changes that were not published because it could not be evaluated';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.dead_letters IS 'messages that became dead letters';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.last_published_at IS 'when its last message was acknowledged; a reset leaves it';
COMMENT ON COLUMN pg_stat_fraiseql_nats_observers.stats_since IS 'since when it is counted';
GRANT SELECT ON pg_stat_fraiseql_nats, pg_stat_fraiseql_nats_latency, pg_stat_fraiseql_nats_observers
TO fraiseql_nats_admin, pg_monitor;

CREATE FUNCTION fraiseql_nats_internal.reset_stats(stream integer) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fraiseql_nats_reset_stats';
COMMENT ON FUNCTION fraiseql_nats_internal.reset_stats(integer) IS 'resets the statistics of the stream with this number; null: of all streams of this database';

CREATE FUNCTION stat_reset(stream text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number integer := CASE stream WHEN 'default' THEN 0 END;
BEGIN
    IF stream <> 'default' THEN
        SELECT s.number INTO number FROM fraiseql_nats.stream s WHERE s.name = stat_reset.stream;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'stream "%" does not exist', stream
                USING ERRCODE = 'undefined_object', HINT = 'See the table fraiseql_nats.stream; "default" is the stream of the settings.';
        END IF;
    END IF;
    PERFORM fraiseql_nats_internal.reset_stats(number);
END
$$;
COMMENT ON FUNCTION stat_reset(text) IS 'resets the statistics of a stream of this database, and of its observers, at once; null: of all its streams';

CREATE FUNCTION fraiseql_nats_internal.metric(name text, type text, help text, samples text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(E'# HELP %1$s %2$s\n# TYPE %1$s %3$s\n', $1, $3, $2) || string_agg(
               $1 || CASE $2 WHEN 'counter' THEN '_total' ELSE '' END || x || E'\n', '' ORDER BY i)
    FROM unnest($4) WITH ORDINALITY u (x, i) WHERE x IS NOT NULL
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.metric(text, text, text, text[]) IS 'a metric family of metrics(); each sample is its labels and its value, and null samples are left out';

-- Who monitors may not read the messages.
CREATE FUNCTION fraiseql_nats_internal.open_dead_letters() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT count(*) FROM fraiseql_nats.dead_letter WHERE outcome IS NULL $$;
COMMENT ON FUNCTION fraiseql_nats_internal.open_dead_letters() IS 'the number of dead letters that were neither retried nor discarded';

CREATE FUNCTION fraiseql_nats_internal.label_value(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT replace(replace(replace(coalesce($1, ''), E'\\', E'\\\\'), '"', E'\\"'), E'\n', E'\\n')
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.label_value(text) IS 'a value of a label in metrics(), escaped';

CREATE FUNCTION metrics() RETURNS text
LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    WITH s AS (
        SELECT x.*, label || '}' AS l, label || ',status=' AS with_status
        FROM fraiseql_nats.status() x,
             LATERAL (SELECT format('{database="%s",stream="%s"', fraiseql_nats_internal.label_value(x.database),
                                    fraiseql_nats_internal.label_value(x.stream)) AS label) y
    ), t AS (
        SELECT x.*, label || '}' AS l, label || ',le=' AS with_bound
        FROM fraiseql_nats.pg_stat_fraiseql_nats x,
             LATERAL (SELECT format('{database="%s",stream="%s"', fraiseql_nats_internal.label_value(x.datname),
                                    fraiseql_nats_internal.label_value(x.stream)) AS label) y
        WHERE x.datname = current_database()
    ), bucket AS (
        SELECT t.l, format('_bucket%s"%s"} %s', with_bound,
                           CASE WHEN n < cardinality(latency) THEN (0.00025 * 2 ^ (n - 1)::double precision)::text ELSE '+Inf' END,
                           sum(messages) OVER (PARTITION BY t.l ORDER BY n)) AS sample, n
        FROM t, unnest(latency) WITH ORDINALITY b (messages, n)
    ), o AS (
        SELECT x.*, format('{database="%s",stream="%s",observer="%s"}', fraiseql_nats_internal.label_value(x.datname),
                           fraiseql_nats_internal.label_value(x.stream), fraiseql_nats_internal.label_value(x.observer)) AS l
        FROM fraiseql_nats.pg_stat_fraiseql_nats_observers x WHERE x.datname = current_database()
    ), family (position, name, type, help, samples) AS (VALUES
        (1, 'fraiseql_nats_up', 'gauge', 'Whether messages are published.',
            (SELECT array_agg(l || ' ' || (state = 'streaming')::integer) FROM s)),
        (2, 'fraiseql_nats_state', 'stateset', 'The state of the worker.',
            (SELECT array_agg(format('%s,fraiseql_nats_state="%s"} %s', rtrim(l, '}'), n, (state = n)::integer) ORDER BY l, n)
             FROM s, unnest('{stopped,starting,misconfigured,connecting,streaming,waiting,blocked,paused}'::text[]) n)),
        (3, 'fraiseql_nats_lag_bytes', 'gauge', 'Log that is not confirmed yet.', (SELECT array_agg(l || ' ' || lag_bytes) FROM s)),
        (4, 'fraiseql_nats_lag_seconds', 'gauge', 'Age of the oldest transaction that is not confirmed.',
            (SELECT array_agg(l || ' ' || lag_seconds) FROM s)),
        (5, 'fraiseql_nats_safe_wal_bytes', 'gauge', 'Log that may be written before the slot is lost.',
            (SELECT array_agg(l || ' ' || safe_wal_size) FROM s)),
        (6, 'fraiseql_nats_in_flight', 'gauge', 'Messages that are sent and not acknowledged.', (SELECT array_agg(l || ' ' || in_flight) FROM s)),
        (7, 'fraiseql_nats_messages_sent', 'counter', 'Messages sent.', (SELECT array_agg(l || ' ' || messages_sent) FROM s)),
        (8, 'fraiseql_nats_publish', 'counter', 'Messages that have ended, acknowledged or as a dead letter.',
            (SELECT array_agg(with_status || '"success"} ' || messages_acked) || array_agg(with_status || '"dead_letter"} ' || dead_letters) FROM s)),
        (9, 'fraiseql_nats_messages_resent', 'counter', 'Messages sent again.', (SELECT array_agg(l || ' ' || messages_resent) FROM s)),
        (10, 'fraiseql_nats_messages_found', 'counter', 'Messages that the stream had already.', (SELECT array_agg(l || ' ' || messages_found) FROM s)),
        (11, 'fraiseql_nats_messages_dropped', 'counter', 'Notifications that were not published.', (SELECT array_agg(l || ' ' || messages_dropped) FROM s)),
        (12, 'fraiseql_nats_untestable', 'counter', 'Changes whose filter could not be evaluated.', (SELECT array_agg(l || ' ' || untestable) FROM s)),
        (13, 'fraiseql_nats_order_breaks', 'counter', 'Messages that were stored out of order.', (SELECT array_agg(l || ' ' || order_breaks) FROM s)),
        (14, 'fraiseql_nats_reconnects', 'counter', 'Connections after the first.', (SELECT array_agg(l || ' ' || reconnects) FROM s)),
        (15, 'fraiseql_nats_gaps', 'gauge', 'Gaps in what was published.', (SELECT array_agg(l || ' ' || gaps) FROM s)),
        (16, 'fraiseql_nats_alarm', 'gauge', 'Whether a loss or duplicates await acknowledge_alarm().',
            (SELECT array_agg(l || ' ' || (alarm IS NOT NULL)::integer) FROM s)),
        (17, 'fraiseql_nats_consumer_dead_letters_moved', 'counter', 'Dead letters of consumers that were moved.',
            (SELECT array_agg(l || ' ' || dlq_moved) FROM s WHERE dlq_moved IS NOT NULL)),
        (18, 'fraiseql_observer_dlq_items', 'gauge', 'Dead letters that were neither retried nor discarded.',
            (SELECT array_agg(format('{database="%s"} %s', fraiseql_nats_internal.label_value(current_database()),
                                     fraiseql_nats_internal.open_dead_letters())))),
        (19, 'fraiseql_nats_bytes', 'counter', 'Bytes of the messages that were acknowledged.', (SELECT array_agg(l || ' ' || bytes) FROM t)),
        (20, 'fraiseql_nats_failures', 'counter', 'Failed attempts to publish.', (SELECT array_agg(l || ' ' || failures) FROM t)),
        (21, 'fraiseql_nats_latency_seconds', 'histogram', 'Time from the commit of a message to its acknowledgement.',
            (SELECT array_agg(sample ORDER BY l, n)
             FROM (SELECT l, n, sample FROM bucket
                   UNION ALL SELECT l, 100, format('_sum%s %s', l, latency_seconds) FROM t
                   UNION ALL SELECT l, 101, format('_count%s %s', l, (SELECT sum(messages) FROM unnest(latency) messages)) FROM t) x)),
        (22, 'fraiseql_nats_observers_uncounted', 'gauge', 'Observers without statistics of their own.',
            (SELECT array_agg(l || ' ' || observers_uncounted) FROM t)),
        (23, 'fraiseql_nats_observer_published', 'counter', 'Messages of an observer that were acknowledged.',
            (SELECT array_agg(l || ' ' || published) FROM o)),
        (24, 'fraiseql_nats_observer_bytes', 'counter', 'Bytes of these messages.', (SELECT array_agg(l || ' ' || bytes) FROM o)),
        (25, 'fraiseql_nats_observer_filtered', 'counter', 'Changes that the filter of an observer did not take.',
            (SELECT array_agg(l || ' ' || filtered) FROM o)),
        (26, 'fraiseql_nats_observer_untestable', 'counter', 'Changes for which the filter of an observer could not be evaluated.',
            (SELECT array_agg(l || ' ' || untestable) FROM o)),
        (27, 'fraiseql_nats_observer_dead_letters', 'counter', 'Messages of an observer that became dead letters.',
            (SELECT array_agg(l || ' ' || dead_letters) FROM o)),
        (28, 'fraiseql_nats_observer_last_published_timestamp_seconds', 'gauge', 'When the last message of an observer was acknowledged.',
            (SELECT array_agg(l || ' ' || extract(epoch FROM last_published_at)) FROM o WHERE last_published_at IS NOT NULL))
    )
    SELECT string_agg(fraiseql_nats_internal.metric(name, type, help, samples), '' ORDER BY position) || '# EOF' FROM family
$$;
COMMENT ON FUNCTION metrics() IS 'what status() and the views of statistics say of this database, as OpenMetrics text';

CREATE FUNCTION health() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    WITH s AS (
        SELECT *, CASE WHEN state = 'streaming' AND alarm IS NULL THEN 0
                       WHEN state IN ('streaming', 'starting', 'connecting', 'blocked', 'paused') THEN 1 ELSE 2 END AS level
        FROM fraiseql_nats.status()
    )
    SELECT jsonb_build_object(
        'status', (ARRAY['healthy', 'degraded', 'unhealthy'])[coalesce(max(level), 2) + 1],
        'observers', jsonb_build_object('transport', 'nats', 'connected', coalesce(bool_and(server IS NOT NULL), false),
                                        'stream', (array_agg(stream ORDER BY slot))[1]),
        'streams', coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'stream', stream, 'state', state, 'connected', server IS NOT NULL, 'lag_bytes', lag_bytes,
            'lag_seconds', lag_seconds, 'reason', reason, 'hint', hint, 'alarm', alarm)) ORDER BY slot), '[]'))
    FROM s
$$;
COMMENT ON FUNCTION health() IS 'healthy, degraded (publishing waits, or an alarm is open) or unhealthy, and why';
CREATE FUNCTION is_healthy() RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$ SELECT fraiseql_nats.health()->>'status' = 'healthy' $$;
COMMENT ON FUNCTION is_healthy() IS 'whether every stream of this database is published to, and no alarm is open';

-- The names are qualified because pg_catalog precedes the search_path.
CREATE FUNCTION fraiseql_nats.version(OUT library text, OUT extension text) RETURNS record
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_version';
COMMENT ON FUNCTION fraiseql_nats.version() IS 'the version of the library, and that of the extension in this database, which should be the same';

-- With the rights of the extension's owner, since it checks tables that the caller may not read.
CREATE FUNCTION fraiseql_nats.check(OUT level text, OUT object text, OUT what text, OUT what_to_do text) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fraiseql_nats_check';
COMMENT ON FUNCTION fraiseql_nats.check() IS 'what is wrong with server, files, broker, streams, observers and consumers, and what to do about it; one row with the level ok if nothing is';

CREATE FUNCTION create_preview_slot(slot name, temporary boolean DEFAULT true) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_create_preview_slot';
COMMENT ON FUNCTION create_preview_slot(name, boolean) IS 'creates a replication slot for messages(); a temporary one ends with the session';

CREATE FUNCTION drop_preview_slot(slot name) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_drop_preview_slot';
COMMENT ON FUNCTION drop_preview_slot(name) IS 'drops a replication slot that create_preview_slot() has created';

CREATE FUNCTION messages(
    slot name,
    upto_lsn pg_lsn DEFAULT NULL,
    upto_count integer DEFAULT NULL,
    advance boolean DEFAULT false,
    stream text DEFAULT NULL,
    OUT "position" text,
    OUT subject text,
    OUT msg_id text,
    OUT headers jsonb,
    OUT payload text
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_messages';
COMMENT ON FUNCTION messages(name, pg_lsn, integer, boolean, text) IS 'the messages for a stream (null: the default one) that decoding the log from a slot produces, without a broker; with advance they are not returned again';

CREATE FUNCTION message_volume(
    slot name, upto_lsn pg_lsn DEFAULT NULL, stream text DEFAULT NULL, OUT messages bigint, OUT bytes bigint) RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_message_volume';
COMMENT ON FUNCTION message_volume(name, pg_lsn, text) IS 'number of messages for a stream (null: the default one) that decoding the log from a slot produces, and their bytes: subjects, headers and payloads; faster than messages()';

-- AsyncAPI ----------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_nats_internal.described_observers(
    OUT observer text, OUT relation regclass, OUT stream text, OUT address text, OUT parameters jsonb, OUT messages jsonb)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraiseql_nats_described_observers';
COMMENT ON FUNCTION fraiseql_nats_internal.described_observers() IS 'for each enabled observer, the stream, the subjects and the messages, as parts of asyncapi()';

-- The URI of a part of the document, of which each name is a token of a JSON Pointer (RFC 6901) in a fragment.
CREATE FUNCTION fraiseql_nats_internal.json_reference(VARIADIC names text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '#' || string_agg('/' || (
               SELECT string_agg(CASE WHEN c COLLATE "C" ~ '[A-Za-z0-9._-]' THEN c
                                      ELSE upper(regexp_replace(encode(convert_to(c, 'UTF8'), 'hex'), '(..)', '%\1', 'g')) END, '' ORDER BY j)
               FROM unnest(string_to_array(replace(replace(name, '~', '~0'), '/', '~1'), NULL)) WITH ORDINALITY x (c, j)
           ), '' ORDER BY i)
    FROM unnest(names) WITH ORDINALITY u (name, i)
$$;
COMMENT ON FUNCTION fraiseql_nats_internal.json_reference(text[]) IS 'the reference to a part of a JSON document';

-- With the rights of the extension's owner, as check(): the URL is not for all, but its hosts are.
CREATE FUNCTION asyncapi(title text DEFAULT NULL, version text DEFAULT '1.0.0') RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH server AS (
        SELECT 'nats' || CASE WHEN i > 1 THEN i::text ELSE '' END AS name,
               jsonb_build_object(
                   'host', regexp_replace(url, '^[a-z]+://', '') || CASE WHEN url ~ ':[0-9]+$' THEN '' ELSE ':4222' END,
                   'protocol', 'nats')
               || CASE WHEN c.value ~ 'tls://' THEN '{"description": "TLS"}' ELSE '{}' END::jsonb AS server
        FROM fraiseql_nats.show_config() c, regexp_split_to_table(c.value, '\s*,\s*') WITH ORDINALITY u (url, i)
        WHERE c.name = 'fraiseql_nats.url'
    ), described AS (
        SELECT * FROM fraiseql_nats_internal.described_observers()
    )
    SELECT jsonb_build_object(
        'asyncapi', '3.0.0',
        'info', jsonb_build_object('title', coalesce(title, current_database()), 'version', coalesce(version, '1.0.0')),
        'defaultContentType', 'application/json',
        'servers', (SELECT coalesce(jsonb_object_agg(s.name, s.server), '{}') FROM server s),
        'channels', coalesce(jsonb_object_agg(
            d.observer,
            jsonb_build_object('address', d.address, 'title', d.observer, 'messages', d.messages, 'x-jetstream-stream', d.stream)
            || CASE WHEN d.parameters IS NULL THEN '{}' ELSE jsonb_build_object('parameters', d.parameters) END
            || coalesce((SELECT jsonb_build_object('description', x) FROM obj_description(d.relation, 'pg_class') x WHERE x IS NOT NULL), '{}')), '{}'),
        'operations', coalesce(jsonb_object_agg(
            d.observer,
            jsonb_build_object(
                'action', 'send',
                'channel', jsonb_build_object('$ref', fraiseql_nats_internal.json_reference('channels', d.observer)),
                'messages', (SELECT jsonb_agg(jsonb_build_object(
                                 '$ref', fraiseql_nats_internal.json_reference('channels', d.observer, 'messages', m)) ORDER BY m)
                             FROM jsonb_object_keys(d.messages) m))), '{}'))
    FROM described d
$$;
COMMENT ON FUNCTION asyncapi(text, text) IS 'what this database publishes, as a document of AsyncAPI 3.0: servers, subjects, and the JSON Schema of each message';

-- Privileges --------------------------------------------------------------------------------------

REVOKE ALL ON ALL ROUTINES IN SCHEMA fraiseql_nats, fraiseql_nats_internal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    observe(regclass, text[], text, text[], text, text, text, text, text, text, text), unobserve(text), enable(text), disable(text),
    observe_channel(text, text, text, text),
    observe(regclass, text, text, text[], text, text, text, text, text, text, text),
    create_preview_slot(name, boolean), drop_preview_slot(name), adopt(), acknowledge_alarm(bigint), messages(name, pg_lsn, integer, boolean, text),
    message_volume(name, pg_lsn, text)
TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION
    create_stream(text, text[], text, integer, interval, bigint, bigint, bigint, interval, text, text, text, text, text, text, text, text, text, integer),
    alter_stream(text, text[], text, integer, interval, bigint, bigint, bigint, interval, text, text, text, text, text, text, text, text, text, text[]),
    drop_stream(text, boolean), fraiseql_nats_internal.delete_stream_at_commit(integer, text),
    fraiseql_nats_internal.require_sql_stream(text), fraiseql_nats_internal.set_paused(text, boolean), pause(text), resume(text), skip(text, text)
TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION
    stream_info(text), stream_sync(text), consumers(text), delete_consumer(text, text),
    create_consumer(text, text, boolean, text, integer, interval, integer, text)
TO fraiseql_nats_admin;
GRANT EXECUTE ON PROCEDURE backfill(regclass, text, text, integer, boolean, bigint) TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION
    show_config(), validate_config(text), fraiseql_nats_internal.config_values(), fraiseql_nats_internal.without_user_info(text)
TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION
    publish(text, text, jsonb, text, text), publish(text, jsonb, jsonb, text, text), publish(text, bytea, jsonb, text, text)
TO fraiseql_nats_publisher, fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION retry_dead_letter(bigint), discard_dead_letter(bigint) TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION dead_letters() TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION fraiseql_nats.check(), asyncapi(text, text) TO pg_monitor, fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION fraiseql_nats_internal.observer_routes(), fraiseql_nats_internal.old_values(regclass)
TO pg_monitor, fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION fraiseql_nats_internal.stream_stats(), fraiseql_nats_internal.observer_stats()
TO pg_monitor, fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION stat_reset(text), fraiseql_nats_internal.reset_stats(integer) TO fraiseql_nats_admin;
GRANT EXECUTE ON FUNCTION status(), fraiseql_nats.version(), health(), is_healthy() TO pg_monitor, fraiseql_nats_admin, fraiseql_nats_publisher;
GRANT EXECUTE ON FUNCTION metrics(), fraiseql_nats_internal.metric(text, text, text, text[]), fraiseql_nats_internal.label_value(text),
    fraiseql_nats_internal.open_dead_letters() TO pg_monitor, fraiseql_nats_admin;
GRANT USAGE ON SCHEMA fraiseql_nats_internal TO pg_monitor;
GRANT EXECUTE ON FUNCTION fraiseql_nats_internal.pg_notify(text, text) TO PUBLIC;

-- The first thing that is missing.  Postgres hides a NOTICE of an extension's script unless it is told not to.
SET LOCAL client_min_messages = notice;
DO $$
DECLARE
    missing text := CASE
        WHEN (SELECT state FROM fraiseql_nats.status()) = 'not loaded' THEN 'fraiseql_nats is not in "shared_preload_libraries"'
        -- From 19 on the log becomes logical by itself.
        WHEN current_setting('wal_level') <> ALL (CASE WHEN current_setting('server_version_num')::integer >= 190000
                                                       THEN '{logical,replica}'::text[] ELSE '{logical}' END)
             AND current_setting('fraiseql_nats.capture') <> 'notify'
        THEN format('"wal_level" is %s', current_setting('wal_level')) END;
BEGIN
    IF missing IS NOT NULL THEN
        RAISE NOTICE 'nothing is published yet: %', missing
            USING HINT = 'SELECT * FROM fraiseql_nats.check() says what to do.';
    END IF;
END
$$;
