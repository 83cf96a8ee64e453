# SPDX-License-Identifier: PostgreSQL
#
# An update, rehearsed with a version that does not exist: files, restart and ALTER EXTENSION UPDATE, in the
# right order and in the wrong one.  Nothing is lost, nothing is there twice, observers and settings stay,
# and what is left to do is said.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PrivateInstall;
use Test::More;

my $nats    = NatsServer->new;
my $install = PrivateInstall->new;
my $node    = FraiseqlNode->new_node('main', $nats, install_path => $install->path, 'fraiseql_nats.window_messages' => 512);
my $version = $install->version;
my @databases = qw(prudent hasty);
for my $db (@databases) {
    $node->safe_psql('postgres', "CREATE DATABASE $db");
    $node->create_extension($db);
    $node->create_item_table($db);
    $node->safe_psql($db, q{SELECT fraiseql_nats.observe('tb_item', 'DELETE', 'fraiseql.gone', filter => 'n < 0', name => 'filtered');
        SELECT fraiseql_nats.observe_channel('updates')});
}

sub versions { return $node->safe_psql($_[0], 'SELECT library, extension FROM fraiseql_nats.version()') }
sub observers {
    return $node->safe_psql($_[0], q{SELECT string_agg(concat_ws(',', name, relation, channel, events, subject, filter, enabled), E'\n' ORDER BY name) FROM fraiseql_nats.observer});
}
sub settings { return $node->safe_psql($_[0], 'SELECT string_agg(name || value, $$,$$) FROM fraiseql_nats.show_config()') }
is(versions($_), "$version|$version", "$_: library and extension are of one version") for @databases;
my %observers = map { $_ => observers($_) } @databases;
my $settings  = settings('prudent');

my $next = $install->install_next(<<'SQL');
\echo Use "ALTER EXTENSION fraiseql_nats UPDATE" to load this file. \quit
-- What an update may do to the tables that the worker reads and writes.
ALTER TABLE fraiseql_nats.observer ADD COLUMN added text;
ALTER TABLE fraiseql_nats.observer ALTER COLUMN added SET STORAGE PLAIN;
UPDATE fraiseql_nats.observer SET added = 'by the update';
ALTER TABLE fraiseql_nats.slot ADD COLUMN added text;
ALTER TABLE fraiseql_nats.dead_letter ADD COLUMN added text;
ALTER TABLE fraiseql_nats.backfill_progress ADD COLUMN added text;
-- And to functions.
DROP FUNCTION fraiseql_nats.adopt();
CREATE FUNCTION fraiseql_nats.added() RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT 'by the update'::text $$;
SQL
is(versions('prudent'), "$version|$version", 'files alone change nothing');

# The wrong order: the SQL is new, and the library is not.
my $load = $node->start_load('hasty', clients => 2, rate => 200);
$node->wait_for_changes('hasty', 100);
$node->safe_psql('hasty', 'ALTER EXTENSION fraiseql_nats UPDATE');
is(versions('hasty'), "$version|$next", 'before the restart: the library is the old one');
$node->wait_until_state('hasty', 'misconfigured');
is($node->status('hasty', 'reason'), "library fraiseql_nats is of version $version, and the extension of version $next", 'the worker says why it waits');
like($node->status('hasty', 'hint'), qr/^Restart the server, so that it loads the library of version \Q$next\E/, 'and what for');
is($node->log_count(qr/WARNING:  library fraiseql_nats is of version .*\n.*DETAIL:  This is so in database "hasty"/), 1, 'once in the log, too');
my $published = () = $node->messages_of('hasty', $nats);
$node->wait_for_changes('hasty', 300);
is(scalar(() = $node->messages_of('hasty', $nats)), $published, 'and nothing is published, since it may mean something else now');
is($node->status('prudent', 'state'), 'streaming', 'the other database goes on');
$node->stop_load($load);

$node->restart;
$node->stream_equals_ledger('hasty', $nats, 'after the restart nothing is lost, and nothing there twice');
is($node->status('hasty', q{format('%s|%s', state, reason)}), 'streaming|', 'there is nothing left to do');

# The right order: the library is new, and the SQL is not.
is(versions('prudent'), "$next|$version", 'after the restart: the library is the new one');
$node->wait_until_state('prudent', 'streaming');
is($node->status('prudent', 'reason'), "library fraiseql_nats is of version $next, and the extension of version $version", 'what is left is said');
is($node->status('prudent', 'hint'), 'Run ALTER EXTENSION fraiseql_nats UPDATE in each database that has it.', 'with the command');
is($node->log_count(qr/WARNING:  library fraiseql_nats is of version .*\n.*DETAIL:  This is so in database "prudent"/), 1, 'once in the log, too');
my $worker = $node->worker_pid('prudent');
$node->safe_psql('prudent', 'BEGIN; ALTER EXTENSION fraiseql_nats UPDATE; ROLLBACK');
$load = $node->start_load('prudent', clients => 4, rate => 1000);
$node->wait_for_changes('prudent', 500);
is($node->worker_pid('prudent'), $worker, 'the worker publishes meanwhile, also beside an update that is rolled back');
$node->safe_psql('prudent', 'ALTER EXTENSION fraiseql_nats UPDATE');
FraiseqlNode::wait_until('another worker takes over', sub { my $pid = $node->worker_pid('prudent'); $pid && $pid != $worker });
$node->wait_for_changes('prudent', 500);
$node->stop_load($load);
$node->stream_equals_ledger('prudent', $nats, 'under load nothing is lost, and nothing there twice');
is($node->status('prudent', q{format('%s|%s', state, reason)}), 'streaming|', 'there is nothing left to do');

for my $db (@databases) {
    is(versions($db), "$next|$next", "$db: library and extension are of one version");
    is(observers($db), $observers{$db}, "$db: the observers stay");
    is($node->safe_psql($db, 'SELECT fraiseql_nats.added(), bool_and(added IS NOT NULL) FROM fraiseql_nats.observer'), 'by the update|t', "$db: the update is done");
    is(settings($db), $settings, "$db: the settings stay");
    $node->safe_psql($db, q{CREATE TABLE tb_later (id int PRIMARY KEY); SELECT fraiseql_nats.observe('tb_later'); INSERT INTO tb_later VALUES (1)});
    $node->wait_drained($db);
    is(scalar(grep { $_->{subject} eq 'fraiseql.mutation.Later.INSERT' } $node->messages_of($db, $nats)), 1, "$db: and tables can be observed");
}

# SQL that is older than anything the library knows.
$node->safe_psql('prudent', q{UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'fraiseql_nats'; SELECT pg_terminate_backend(} . $node->worker_pid('prudent') . ')');
$node->wait_until_state('prudent', 'misconfigured');
is($node->status('prudent', 'hint'), 'Run ALTER EXTENSION fraiseql_nats UPDATE in each database that has it.', 'SQL that is too old is not run');

done_testing();
