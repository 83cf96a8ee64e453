# SPDX-License-Identifier: PostgreSQL
#
# Two databases with the extension publish side by side, each exactly its own changes; a database
# without it publishes nothing.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(first second without);
for my $db (qw(first second)) {
    $node->create_extension($db);
    $node->create_item_table($db);
}
$node->safe_psql('without', 'CREATE TABLE tb_item (id int)');

my @loads = map { $node->start_load($_, clients => 2, transactions => 300) } qw(first second);
$node->safe_psql('without', 'INSERT INTO tb_item SELECT generate_series(1, 100)');
$node->finish_load($_) for @loads;
$node->stream_equals_ledger($_, $nats, "$_: its changes, all and once") for qw(first second);

my $without = $node->safe_psql('without', q{SELECT oid FROM pg_database WHERE datname = 'without'});
is(scalar(grep { FraiseqlNode::message_database($_) eq $without }
          $nats->stream_messages(FraiseqlNode::STREAM)), 0, 'without: nothing');
isnt($node->worker_pid('first'), $node->worker_pid('second'), 'each has its worker');
is($node->status('first', 'database'), 'first', 'status() is that of the database one asks in');
is($node->safe_psql('postgres', <<'END'), 't', 'and its slot');
SELECT array_agg(slot_name ORDER BY slot_name) =
       (SELECT array_agg(('fraiseql_nats_' || oid)::name ORDER BY ('fraiseql_nats_' || oid)::name)
        FROM pg_database WHERE datname IN ('first', 'second'))
FROM pg_replication_slots
END

# fraiseql_nats.databases chooses among them.
$node->configure('fraiseql_nats.databases' => 'second');
$node->reload;
FraiseqlNode::wait_until('the worker of first has gone', sub { !$node->worker_pid('first') });
is($node->status('first', 'state'), 'disabled', 'a database that is not in the list is not served');
$node->safe_psql($_, 'INSERT INTO tb_item (session, n) VALUES (9, 9)') for qw(first second);
$node->stream_equals_ledger('second', $nats, 'the other one is');
$node->configure('fraiseql_nats.databases' => '*');
$node->reload;
$node->wait_until_state('first', 'streaming');
$node->stream_equals_ledger('first', $nats, 'what it did meanwhile goes out when it is served again');

done_testing();
