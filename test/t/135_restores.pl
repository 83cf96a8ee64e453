# SPDX-License-Identifier: PostgreSQL
#
# Observers survive what happens to tables, and dumps: tables that are dropped by any command, dumps
# with an observer of a table that is gone, restores that publish nothing of what they load, changes
# that come by replication.

use strict;
use warnings;

use FraiseqlNode;
use File::Temp ();
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
sub observers { return $node->safe_psql($_[0], q{SELECT coalesce(string_agg(name || CASE WHEN enabled THEN '' ELSE '!' END, ',' ORDER BY name), '') FROM fraiseql_nats.observer}) }
sub published { return scalar grep { $_->{payload} =~ $_[0] } $nats->stream_messages(FraiseqlNode::STREAM) }

# Dropped in every way.
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA s;
CREATE ROLE goner;
CREATE TABLE tb_1 (id int PRIMARY KEY);
CREATE TABLE s.tb_2 (id int);
CREATE TABLE tb_3 (id int);
ALTER TABLE tb_3 OWNER TO goner;
CREATE FUNCTION part_of(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE TABLE tb_4 (id int) PARTITION BY RANGE (part_of(id));
CREATE TYPE of_type AS (id int);
CREATE TABLE tb_5 OF of_type;
CREATE TABLE tb_6 (id int) PARTITION BY RANGE (id);
CREATE TABLE tb_7 PARTITION OF tb_6 FOR VALUES FROM (0) TO (1);
CREATE TABLE tb_kept (id int PRIMARY KEY, part int);
SELECT fraiseql_nats.observe(t) FROM unnest('{tb_1,s.tb_2,tb_3,tb_4,tb_5,tb_6,tb_7,tb_kept}'::regclass[]) t;
SET session_replication_role = replica;
DROP TABLE tb_1;
RESET session_replication_role;
DROP SCHEMA s CASCADE;
DROP OWNED BY goner;
DROP FUNCTION part_of(int) CASCADE;
DROP TYPE of_type CASCADE;
DROP TABLE tb_6;
SQL
is(observers('postgres'), 'tb_kept', 'whatever drops a table, its observer goes with it');
my $cost = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', 'DO $$ BEGIN FOR i IN 1 .. 500 LOOP CREATE TEMP TABLE x (id int); DROP TABLE x; END LOOP; END $$') });
note("500 temporary tables made and dropped in $cost s");

# A dead observer, as an old version could leave it, does not get into a dump.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_doomed (id int);
SELECT fraiseql_nats.observe('tb_doomed');
SELECT fraiseql_nats.observe('tb_kept', name => 'conditional', filter => 'part > 0', origin => 'local');
UPDATE fraiseql_nats.observer SET condition = 'field_changed(''part'')' WHERE name = 'conditional';
SELECT fraiseql_nats.observe_channel('some_channel');
ALTER EVENT TRIGGER fraiseql_nats_drop DISABLE;
DROP TABLE tb_doomed;
ALTER EVENT TRIGGER fraiseql_nats_drop ENABLE ALWAYS;
INSERT INTO tb_kept SELECT n, n % 7 FROM generate_series(1, 2000) n;
CREATE TABLE tb_small (id int PRIMARY KEY, note text);
INSERT INTO tb_small VALUES (1, 'restored');
SELECT fraiseql_nats.observe('tb_small');
CREATE TABLE tb_parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE tb_parts_1 PARTITION OF tb_parts FOR VALUES FROM (0) TO (1000);
INSERT INTO tb_parts SELECT generate_series(0, 999);
SELECT fraiseql_nats.observe('tb_parts');
SQL
$node->wait_drained('postgres');
my $directory = File::Temp->newdir;
$node->PostgreSQL::Test::Cluster::command_ok(['pg_dump', '-Fc', '-f', "$directory/custom", 'postgres'], 'pg_dump -Fc');
$node->PostgreSQL::Test::Cluster::command_ok(['pg_dump', '-Fp', '-f', "$directory/plain", 'postgres'], 'pg_dump -Fp');
$node->PostgreSQL::Test::Cluster::command_ok(['pg_dump', '-Fp', '--inserts', '-f', "$directory/inserts", 'postgres'], 'pg_dump --inserts');
my $before = $nats->stream_count(FraiseqlNode::STREAM);
for my $way (['pg_restore', '-j', '3', '-d', 'restored', "$directory/custom"],
    ['psql', '-X', '-q', '--set', 'ON_ERROR_STOP=1', '-f', "$directory/plain", '-d', 'restored'],
    ['psql', '-X', '-q', '--set', 'ON_ERROR_STOP=1', '-f', "$directory/inserts", '-d', 'restored'],
    ['pg_restore', '--single-transaction', '-d', 'restored', "$directory/custom"]) {
    my $name = join ' ', grep { !/^\Q$directory\E/ } @$way;
    $node->safe_psql('postgres', 'CREATE DATABASE restored');
    $node->PostgreSQL::Test::Cluster::command_ok($way, $name);
    is(observers('restored'), 'channel some_channel,conditional,tb_kept,tb_parts,tb_small', '- the observers are there');
    $node->wait_until_state('restored', 'streaming');
    $node->safe_psql('restored', q{INSERT INTO tb_small VALUES (2, 'later')});
    $node->wait_drained('restored');
    my @messages = $node->messages_of('restored', $nats);
    is(join(',', map { $_->{subject} } @messages), 'fraiseql.mutation.Small.INSERT', '- nothing of what was loaded is published, and what comes later is');
    $node->safe_psql('postgres', 'DROP DATABASE restored');
}
# Now and then, and not for each of the transactions of a dump with INSERT statements.
my $reports = $node->log_count('changes that a restore has made are not published: \d+');
cmp_ok($reports, '>', 0, 'the log says how much was withheld');
cmp_ok($reports, '<', 50, 'but not of each transaction');

# A restore into a database that is published already; and nobody else can do the same.
$node->safe_psql('postgres', 'DELETE FROM tb_small; CREATE ROLE sly LOGIN; GRANT ALL ON tb_small TO sly');
$node->PostgreSQL::Test::Cluster::command_ok(['pg_restore', '--data-only', '-t', 'tb_small', '-d', 'postgres', "$directory/custom"], 'pg_restore --data-only');
$node->psql('postgres', q{SET check_function_bodies = off; SET row_security = off; INSERT INTO tb_small VALUES (3, 'of a sly role')}, extra_params => ['--username', 'sly']);
$node->wait_drained('postgres');
is(published(qr/"restored"/), 0, 'a restore of data is not published either');
is(published(qr/of a sly role/), 1, 'no ordinary role can keep its changes back');

# A dump of which only a part is restored: the observers that cannot be are disabled.
$node->safe_psql('postgres', 'CREATE DATABASE part');
$node->safe_psql('part', 'CREATE EXTENSION fraiseql_nats; CREATE TABLE tb_small (id int PRIMARY KEY, note text); CREATE TABLE tb_kept (id int PRIMARY KEY); CREATE TABLE tb_parts (id int)');
run_command(['pg_restore', '--data-only', '-t', 'observer', '-d', $node->connstr('part'), "$directory/custom"]);
is(observers('part'), 'channel some_channel,conditional!,tb_kept,tb_parts,tb_small', 'an observer that is wrong here costs no other');
is($node->log_count(qr/WARNING:  observer "conditional" is restored disabled: column "part" of relation "tb_kept" does not exist/), 1, 'and the log says so');

# Changes that come by replication.
my $source = FraiseqlNode->new_node('source', undef, 'fraiseql_nats.enabled' => 'off');
$source->safe_psql('postgres', q{CREATE TABLE tb_replicated (id int PRIMARY KEY, note text); INSERT INTO tb_replicated VALUES (1, 'first copy'); CREATE PUBLICATION p FOR TABLE tb_replicated});
(my $connstr = $source->connstr('postgres')) =~ s{'}{''}g;
$node->safe_psql('postgres', q{CREATE TABLE tb_replicated (id int PRIMARY KEY, note text)});
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_replicated', name => 'any', subject => 'fraiseql.any.{column:id}'), fraiseql_nats.observe('tb_replicated', name => 'local', subject => 'fraiseql.local.{column:id}', origin => 'local')});
$node->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connstr' PUBLICATION p");
$node->wait_for_sql('postgres', 'SELECT count(*) = 1 FROM tb_replicated', 'the first copy');
$source->safe_psql('postgres', q{INSERT INTO tb_replicated VALUES (2, 'replicated')});
$node->wait_for_sql('postgres', 'SELECT count(*) = 2 FROM tb_replicated', 'the stream');
$node->safe_psql('postgres', q{INSERT INTO tb_replicated VALUES (3, 'made here')});
$node->wait_drained('postgres');
is(join(' ', map { $_->{subject} } grep { $_->{subject} =~ /fraiseql\.(any|local)\./ } $nats->stream_messages(FraiseqlNode::STREAM)),
    'fraiseql.any.1 fraiseql.any.2 fraiseql.any.3 fraiseql.local.3', 'an observer of local changes is told of them only');
like(($node->psql('postgres', q{SELECT fraiseql_nats.observe('tb_small', name => 'x', origin => 'none')}))[2], qr/unknown origin "none".*HINT/s, 'origin is any or local');
$node->safe_psql('postgres', 'DROP SUBSCRIPTION s');

done_testing();
