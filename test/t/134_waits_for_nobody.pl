# SPDX-License-Identifier: PostgreSQL
#
# Decoding waits for nobody and always leaves when asked: locks of sessions and of prepared
# transactions, slots that wait for old transactions, settings that are made for sessions.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, max_prepared_transactions => 5);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_a (id int PRIMARY KEY, other int UNIQUE, note text);
CREATE INDEX ON tb_a (note);
ALTER TABLE tb_a REPLICA IDENTITY FULL;
CREATE TABLE tb_b (id int PRIMARY KEY);
CREATE TYPE pair AS (x int, y text);
CREATE TABLE tb_part (x int, y text);
CREATE TABLE tb_made_of (id int PRIMARY KEY, pair pair, part tb_part, parts tb_part[]);
CREATE TABLE tb_parent (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE tb_child PARTITION OF tb_parent FOR VALUES FROM (0) TO (100);
SELECT fraiseql_nats.observe(t) FROM unnest('{tb_a,tb_b,tb_made_of,tb_parent}'::regclass[]) t;
SQL

# What is committed while nobody has locked anything, and decoded when somebody has: the worker starts
# anew, so that it knows nothing of the tables.
sub published_under {
    my ($lock, $name) = @_;
    my $session = $node->background_psql('postgres', on_error_stop => 1);
    $node->configure('fraiseql_nats.enabled' => 'off');
    $node->reload;
    FraiseqlNode::wait_until('the worker has gone', sub { !$node->worker_pid('postgres') });
    $node->safe_psql('postgres', <<'SQL');
INSERT INTO tb_a VALUES ((random() * 1e9)::int, (random() * 1e9)::int, 'x');
UPDATE tb_a SET note = 'y';
INSERT INTO tb_made_of VALUES ((random() * 1e9)::int, (1, 'a'), (2, 'b'), ARRAY[(3, 'c')::tb_part]);
INSERT INTO tb_parent VALUES ((random() * 99)::int) ON CONFLICT DO NOTHING;
SQL
    $session->query_safe("BEGIN; $lock");
    $node->configure('fraiseql_nats.enabled' => undef);
    $node->reload;
    $node->wait_until_state('postgres', 'streaming');
    ok(eval { $node->safe_psql('postgres', 'INSERT INTO tb_b VALUES ((random() * 1e9)::int)'); $node->wait_drained('postgres', 20); 1 },
        "published while a session holds: $name");
    $session->query_safe('ROLLBACK');
    $session->quit;
}
published_under('TRUNCATE tb_a', 'TRUNCATE');
published_under('LOCK TABLE tb_a, tb_made_of, tb_parent IN ACCESS EXCLUSIVE MODE', 'LOCK TABLE');
published_under('ALTER TABLE tb_part ADD COLUMN z int; ALTER TYPE pair ADD ATTRIBUTE z int', 'ALTER of types that a table is made of');
published_under('DROP INDEX tb_a_note_idx; ALTER TABLE tb_a DROP CONSTRAINT tb_a_other_key; ALTER TABLE tb_a DROP CONSTRAINT tb_a_pkey', 'DROP of indexes');
published_under('ALTER TABLE tb_parent DETACH PARTITION tb_child', 'DETACH PARTITION');

# Composite types that are altered.
$node->safe_psql('postgres', <<'SQL');
ALTER TYPE pair ADD ATTRIBUTE z int;
ALTER TABLE tb_part ADD COLUMN z int;
INSERT INTO tb_made_of VALUES (1, (1, 'a', 2), (2, 'b', 3), ARRAY[(3, 'c', 4)::tb_part]);
ALTER TYPE pair DROP ATTRIBUTE x;
INSERT INTO tb_made_of VALUES (2, ('a', 2), (2, 'b', 3), NULL);
SQL
$node->wait_drained('postgres');
my ($row) = grep { $_->{payload} =~ /"data":\{"id":1,/ } $nats->stream_messages(FraiseqlNode::STREAM);
like($row->{payload}, qr/"pair":\{"x":1,"y":"a","z":2\},"part":\{"x":2,"y":"b","z":3\},"parts":\[\{"x":3,"y":"c","z":4\}\]/, 'attributes that were added are published');
($row) = grep { $_->{payload} =~ /"data":\{"id":2,/ } $nats->stream_messages(FraiseqlNode::STREAM);
like($row->{payload}, qr/"pair":\{"y":"a","z":2\}/, 'and those that were dropped are not');

# Nothing grows with tables that come and go, temporary ones included.
$node->safe_psql('postgres', 'CREATE TABLE tb_wide (id int PRIMARY KEY' . join('', map { ", c$_ text" } 1 .. 100) . q{); SELECT fraiseql_nats.observe('tb_wide')});
my $come_and_go = <<'SQL';
DO $$ BEGIN FOR i IN 1 .. 200 LOOP
    CREATE TEMP TABLE gone (id int); DROP TABLE gone;
    CREATE TABLE gone (id int); INSERT INTO gone VALUES (i); DROP TABLE gone;
    INSERT INTO tb_wide (id, c1) VALUES (nextval('n'), 'x');
    COMMIT;
END LOOP; END $$;
SQL
$node->safe_psql('postgres', "CREATE SEQUENCE n; $come_and_go");
$node->wait_drained('postgres');
my $pid    = $node->worker_pid('postgres');
my $before = memory($pid);
$node->safe_psql('postgres', $come_and_go) for 1 .. 5;
$node->wait_drained('postgres');
is($node->worker_pid('postgres'), $pid, '1,000 tables come and go');
cmp_ok(memory($pid) - $before, '<', 3, 'and the worker does not grow');
sub memory { my ($rss) = PostgreSQL::Test::Utils::slurp_file("/proc/$_[0]/status") =~ /^RssAnon:\s+(\d+) kB/m; return $rss / 1024 }

# Databases whose slot waits for an old transaction.
$node->safe_psql('postgres', 'CREATE DATABASE keeper');
my $old = $node->background_psql('keeper', on_error_stop => 1);
sub in_the_making {
    my ($db) = @_;
    $old->query_safe('BEGIN; SELECT pg_current_xact_id()');
    $node->safe_psql('postgres', "CREATE DATABASE $db");
    $node->safe_psql($db, 'CREATE EXTENSION fraiseql_nats');
    $node->wait_for_sql('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats worker' AND datname = '$db' AND wait_event_type = 'Lock'", 'the slot is in the making');
}
sub does_not_wait {
    my ($sql) = @_;
    my ($status, undef, $error) = $node->psql('postgres', "SET statement_timeout = '20s'; $sql");
    is($error, '', $sql);
}
in_the_making('making');
does_not_wait('ALTER DATABASE making RENAME TO renamed');
$node->wait_for_worker('renamed');
does_not_wait('CREATE DATABASE copied TEMPLATE renamed');
does_not_wait('DROP DATABASE renamed');
does_not_wait('DROP DATABASE copied WITH (FORCE)');
$node->safe_psql('template1', 'CREATE EXTENSION fraiseql_nats');
does_not_wait('CREATE DATABASE of_template');
does_not_wait('DROP DATABASE of_template');
$node->safe_psql('template1', 'DROP EXTENSION fraiseql_nats');
$node->wait_for_sql('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats worker' AND datname = 'template1'}, 'a worker leaves a slot in the making');
pass('DROP EXTENSION ends the making of a slot');
$old->query_safe('ROLLBACK');
$old->quit;
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_replication_slots WHERE database IS DISTINCT FROM 'postgres'}), 0, 'no slot is left');

# Settings that are made for sessions.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE weak;
ALTER DATABASE postgres SET role = 'weak';
ALTER DATABASE postgres SET session_replication_role = 'replica';
ALTER DATABASE postgres SET default_transaction_read_only = on;
ALTER DATABASE postgres SET default_transaction_isolation = 'serializable';
ALTER DATABASE postgres SET statement_timeout = '1ms';
ALTER DATABASE postgres SET lock_timeout = '1ms';
ALTER DATABASE postgres SET idle_in_transaction_session_timeout = '1ms';
ALTER DATABASE postgres SET search_path = 'pg_temp';
ALTER DATABASE postgres SET default_tablespace = 'pg_default';
SQL
$node->append_conf('postgresql.conf', "statement_timeout = '1ms'\nlock_timeout = '1ms'\ndefault_transaction_read_only = on\nidle_session_timeout = '1s'\n");
$node->reload;
my %admin = (extra_params => ['--set', 'ON_ERROR_STOP=1']);
my $set = 'SET statement_timeout = 0; SET lock_timeout = 0; SET default_transaction_read_only = off; RESET role; SET role = none; SET search_path = public; SET idle_session_timeout = 0; SET session_replication_role = origin; ';
$node->safe_psql('postgres', $set . 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = $$fraiseql_nats worker$$');
FraiseqlNode::wait_until('a worker streams again', sub { ($node->try_sql('template1', 'SET statement_timeout = 0; SELECT count(*) FROM pg_stat_activity WHERE backend_type = $$fraiseql_nats worker$$ AND query ~ $$streaming$$') // '') eq '1' });
$node->safe_psql('postgres', $set . q{INSERT INTO tb_b VALUES (-1); SELECT fraiseql_nats.publish('fraiseql.x', repeat('x', 2000000))});
FraiseqlNode::wait_until('a message and a dead letter', sub { ($node->try_sql('postgres', $set . 'SELECT count(*) FROM fraiseql_nats.dead_letters()') // '') eq '1' });
pass('settings for sessions do not reach the worker: it publishes, and writes to its tables');
$node->safe_psql('postgres', $set . 'ALTER DATABASE postgres RESET ALL');
$node->configure(map { $_ => undef } qw(statement_timeout lock_timeout default_transaction_read_only idle_session_timeout));
$node->reload;

# A prepared transaction holds a table for ever: a fast stop does not wait for it.
$node->safe_psql('postgres', q{UPDATE tb_a SET note = 'z'; BEGIN; TRUNCATE tb_a; LOCK TABLE tb_made_of; PREPARE TRANSACTION 'for ever'});
$node->safe_psql('postgres', q{INSERT INTO tb_b VALUES (-2)});
ok(eval { $node->wait_drained('postgres', 20); 1 }, 'published beside a prepared transaction');
$node->safe_psql('postgres', 'CREATE DATABASE making');
$node->safe_psql('making', 'CREATE EXTENSION fraiseql_nats');
$node->wait_for_sql('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats worker' AND wait_event_type = 'Lock'}, 'a slot waits for it');
cmp_ok(FraiseqlNode::seconds(sub { $node->stop('fast') }), '<', time_limit(10), 'a fast stop beside a prepared transaction');

done_testing();
