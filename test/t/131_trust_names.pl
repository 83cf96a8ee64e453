# SPDX-License-Identifier: PostgreSQL
#
# No name is trusted, and no code of users runs with rights of others: objects of the same names in
# schemas that others may write to, triggers and arguments that ours are not made for.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE owner LOGIN;
CREATE ROLE maker LOGIN;
CREATE DATABASE planted OWNER owner;
CREATE DATABASE open_public;
SQL

sub as {
    my ($role, $sql, $db) = @_;
    my ($status, $stdout, $stderr) =
      $node->psql($db // 'postgres', $sql, extra_params => ['--username', $role]);
    return $status == 0 ? $stdout : $stderr;
}
my $server_start = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# A database without the extension, whose owner has made a schema of its name.
as('owner', <<'SQL', 'planted');
CREATE SCHEMA fraiseql_nats;
GRANT ALL ON SCHEMA fraiseql_nats TO PUBLIC;
CREATE TABLE public.seen (who text);
GRANT ALL ON public.seen TO PUBLIC;
CREATE FUNCTION fraiseql_nats.pg_notify(text, text) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO public.seen VALUES (current_user) $$;
CREATE TABLE fraiseql_nats.observer (name int8, relation int8, channel int8, events int8, subject int8, columns int8,
    format int8, source int8, condition int8, filter int8, entity int8, enabled int8, origin int8);
CREATE TABLE fraiseql_nats.secret (prefix int8);
INSERT INTO fraiseql_nats.observer VALUES (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
INSERT INTO fraiseql_nats.secret VALUES (42);
SQL
$node->safe_psql('planted', q{SELECT pg_notify('x', 'y'); NOTIFY x; SELECT pg_notify('x', current_user::text)});
is($node->safe_psql('planted', 'SELECT count(*) FROM seen'),
    0, 'a function pg_notify() of the owner of a database is not called in our place');
my (undef, undef, $refusal) = $node->psql('planted', 'CREATE EXTENSION fraiseql_nats');
like($refusal, qr/schema "fraiseql_nats" already exists.*HINT:.*DROP SCHEMA fraiseql_nats CASCADE/s,
    'CREATE EXTENSION refuses a schema that is there');
like((($node->psql('planted', 'CREATE SCHEMA fraiseql_nats_internal; DROP SCHEMA fraiseql_nats CASCADE; CREATE EXTENSION fraiseql_nats'))[2]),
    qr/schema "fraiseql_nats_internal" already exists/, 'also the internal one');
$node->safe_psql('planted', 'DROP SCHEMA fraiseql_nats_internal; DROP SCHEMA IF EXISTS fraiseql_nats CASCADE; CREATE EXTENSION fraiseql_nats');
$node->wait_until_state('planted', 'streaming');
is($node->safe_psql('planted', <<'SQL'), 'fraiseql_nats|t,fraiseql_nats_internal|t', 'the schemas are those of the extension');
SELECT string_agg(format('%s|%s', n.nspname, n.nspowner = current_user::regrole), ',' ORDER BY n.nspname)
FROM pg_namespace n JOIN pg_depend d ON d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
WHERE n.nspname LIKE 'fraiseql%'
SQL

# Whoever may create in public, or has a temporary schema: operators, functions, casts and types.
$node->create_extension('open_public');
$node->safe_psql('open_public', <<'SQL');
GRANT ALL ON SCHEMA public TO maker;
CREATE TABLE caught (who text, what text);
GRANT ALL ON caught TO PUBLIC;
CREATE ROLE manager LOGIN SUPERUSER;
CREATE TABLE tb_mine (id int PRIMARY KEY, note text, tags text[]);
ALTER TABLE tb_mine OWNER TO maker;
SQL
as('maker', <<'SQL', 'open_public');
CREATE FUNCTION public.caught_text(a text, b text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'text'); RETURN true; END $$;
CREATE FUNCTION public.caught_texts(a text[], b text[]) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'text[]'); RETURN true; END $$;
CREATE FUNCTION public.caught_regclass(a regclass, b regclass) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'regclass'); RETURN true; END $$;
CREATE FUNCTION public.caught_int(a bigint, b bigint) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'int8'); RETURN true; END $$;
CREATE OPERATOR public.= (leftarg = text, rightarg = text, function = public.caught_text);
CREATE OPERATOR public.<> (leftarg = text, rightarg = text, function = public.caught_text);
CREATE OPERATOR public.= (leftarg = text[], rightarg = text[], function = public.caught_texts);
CREATE OPERATOR public.@> (leftarg = text[], rightarg = text[], function = public.caught_texts);
CREATE OPERATOR public.= (leftarg = regclass, rightarg = regclass, function = public.caught_regclass);
CREATE OPERATOR public.> (leftarg = bigint, rightarg = bigint, function = public.caught_int);
CREATE OPERATOR public.= (leftarg = bigint, rightarg = bigint, function = public.caught_int);
CREATE FUNCTION public.upper(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'upper'); RETURN $1; END $$;
CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'lower'); RETURN $1; END $$;
CREATE FUNCTION public.quote_literal(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'quote'); RETURN $1; END $$;
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'now'); RETURN clock_timestamp(); END $$;
CREATE FUNCTION public.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user, 'to_regclass'); RETURN NULL; END $$;
CREATE TYPE public.pg_lsn AS (a int);
CREATE TYPE public.regclass AS (a int);
CREATE DOMAIN public.bigint AS int;
SQL
# As the most careless superuser works: with public before pg_catalog, and temporary objects of those names.
my $careless = 'SET client_min_messages = warning; SET search_path = public, pg_catalog; CREATE TEMP TABLE pg_class (oid int); CREATE TEMP TABLE pg_replication_slots (x int);'
  . 'CREATE TEMP TABLE observer (x int); CREATE TEMP TABLE dead_letter (x int);';
my @calls = (
    q{SELECT fraiseql_nats.observe('tb_mine'::pg_catalog.regclass)},
    q{SELECT fraiseql_nats.disable('tb_mine'); SELECT fraiseql_nats.enable('tb_mine')},
    q{SELECT fraiseql_nats.observe_channel('some_channel')},
    q{INSERT INTO public.tb_mine VALUES (1, 'note', '{a}')},
    q{SELECT fraiseql_nats.publish('fraiseql.note', 'payload'::pg_catalog.text)},
    q{SELECT pg_catalog.pg_notify('some_channel', 'payload')},
    q{SELECT count(*) FROM fraiseql_nats.status()},
    q{SELECT count(*) FROM fraiseql_nats.show_config()},
    q{SELECT count(*) FROM fraiseql_nats.dead_letters()},
    q{SELECT fraiseql_nats.adopt()},
    q{SELECT count(*) FROM fraiseql_nats.backfill},
    q{CREATE TABLE public.tb_new (id int)},
    q{DROP TABLE public.tb_new},
    q{SELECT fraiseql_nats.unobserve('channel some_channel')},
);
for my $call (@calls) {
    my ($status, undef, $error) = $node->psql('open_public', "$careless $call");
    is($error, '', "careless: $call");
}
my (undef, undef, $error) = $node->psql('open_public', "SET client_min_messages = warning; SET search_path = public, pg_catalog; CALL fraiseql_nats.backfill('tb_mine'::pg_catalog.regclass)",
    on_error_stop => 0);
is($error, '', 'careless: CALL backfill()');
$node->safe_psql('open_public', 'SELECT pg_terminate_backend(' . $node->worker_pid('open_public') . ')');
$node->wait_until_state('open_public', 'streaming');
$node->wait_drained('open_public');
is($node->safe_psql('open_public', 'SELECT coalesce(string_agg(DISTINCT who || $$: $$ || what, $$, $$), $$$$) FROM caught'),
    '', 'no function of anybody else was called');

# The trigger function is for one table, and internal functions for nobody.
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE admin LOGIN IN ROLE fraiseql_nats_admin;
CREATE TABLE tb_mine (id int PRIMARY KEY, hidden text);
ALTER TABLE tb_mine OWNER TO admin;
GRANT ALL ON SCHEMA public TO admin;
SQL
like(as('admin', 'CREATE TRIGGER t BEFORE INSERT ON tb_mine FOR EACH ROW EXECUTE FUNCTION fraiseql_nats_internal.observer_changed()'),
    qr/permission denied for function .*observer_changed/, 'an administrator cannot put our trigger on his table');
$node->safe_psql('postgres', 'CREATE TRIGGER t BEFORE INSERT ON tb_mine FOR EACH ROW EXECUTE FUNCTION fraiseql_nats_internal.observer_changed()');
like(as('admin', q{INSERT INTO tb_mine VALUES (1, 'x')}), qr/trigger function of the table fraiseql_nats.observer only/,
    'and if a superuser has done so, it is an error');
$node->safe_psql('postgres', 'DROP TRIGGER t ON tb_mine');
my $functions = $node->safe_psql('postgres', <<'SQL');
SELECT string_agg(p.proname || '(' || (SELECT coalesce(string_agg('NULL', ', '), '') FROM generate_series(1, p.pronargs)) || ')', ';')
FROM pg_proc p WHERE p.pronamespace = 'fraiseql_nats_internal'::regnamespace AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
SQL
my @functions = split /;/, $functions;
cmp_ok(scalar(@functions), '>=', 8, 'internal functions, with NULL for each argument:');
for my $function (@functions) {
    unlike(as('postgres', "SELECT fraiseql_nats_internal.$function"), qr/server closed|lost/, "- $function, by a superuser");
    unlike(as('admin', "SELECT fraiseql_nats_internal.$function"), qr/server closed|lost/, "- $function, by an administrator");
}
like(as('admin', "CALL fraiseql_nats.backfill($_)"), qr/cannot be observed|permission denied|must not be|must be between|does not exist/, "backfill($_)")
  for q{'pg_authid'}, '0', 'NULL', q{'tb_mine', chunk_rows => -1}, q{'tb_mine', max_lag => NULL}, q{'tb_mine', restart => NULL};

# Rows and columns that are not to be seen.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_secured (id int PRIMARY KEY, person text);
ALTER TABLE tb_secured ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON tb_secured TO admin;
SQL
like(as('admin', q{SELECT fraiseql_nats.observe('tb_secured')}), qr/row-level security of table "tb_secured" applies to role "admin"/,
    'rows that a policy hides cannot be observed');
like(as('admin', q{SELECT fraiseql_nats.observe('tb_mine', columns => '{}')}), qr/publishes no column.*HINT/s, 'no column is not all of them');
like(as('admin', q{SELECT fraiseql_nats.observe('tb_mine', columns => '{NULL}')}), qr/column "" of relation "tb_mine" does not exist/, 'nor is NULL');
as('admin', <<'SQL');
SELECT fraiseql_nats.observe('tb_mine', columns => '{hidden}', name => 'without key');
SELECT fraiseql_nats.observe('tb_mine', columns => '{hidden}', subject => 'mine_changed', name => 'topic without key');
INSERT INTO tb_mine VALUES (4711, 'shown');
SQL
$node->wait_drained('postgres');
my @messages = $nats->stream_messages(FraiseqlNode::STREAM);
my @mine = grep { $_->{payload} =~ /shown/ } @messages;
is(scalar(@mine), 2, 'a table of which the key is left out');
unlike($_->{payload}, qr/4711/, "does not publish it: $_->{subject}") for @mine;

# The secret, and what could tell it.
$node->safe_psql('postgres', 'CREATE ROLE reader LOGIN IN ROLE pg_read_all_data; VACUUM ANALYZE');
is(as('reader', 'SELECT count(*) FROM fraiseql_nats.secret'), 0, 'who may read all data does not see the prefix of our messages');
is(as('reader', q{SELECT count(*) FROM pg_statistic WHERE starelid = 'fraiseql_nats.secret'::regclass}), 0, 'nor statistics of it');
my $worker = $node->worker_pid('postgres');

# Slots of other plugins are not for messages().
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('other', 'pgoutput'), pg_create_physical_replication_slot('physical')});
like((($node->psql('postgres', "SELECT * FROM fraiseql_nats.$_->[0]('$_->[1]')"))[2]), qr/is not one of fraiseql_nats|physical replication slot|not a logical/, "$_->[0]() on the slot \"$_->[1]\"")
  for ['messages', 'other'], ['message_volume', 'other'], ['messages', 'physical'];
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_replication_slots WHERE slot_name IN ('other', 'physical') AND NOT active}), 2, 'and leaves them alone');
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('other'), pg_drop_replication_slot('physical')});

# CREATE DATABASE of those who may not.
like(as('maker', 'CREATE DATABASE zz TEMPLATE postgres'), qr/permission denied/, 'who may not create databases');
$node->safe_psql('postgres', 'ALTER ROLE maker CREATEDB');
like(as('maker', 'CREATE DATABASE zz TEMPLATE postgres'), qr/permission denied to copy database/, 'or may, but not copy this one');
like(as('maker', $_), qr/must be owner|permission denied/, $_)
  for 'DROP DATABASE postgres', 'ALTER DATABASE planted RENAME TO x', 'ALTER DATABASE planted SET TABLESPACE pg_default';
is($node->worker_pid('postgres'), $worker, 'does not disturb the worker');

is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $server_start, 'the server has not restarted');

done_testing();
