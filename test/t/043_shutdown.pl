# SPDX-License-Identifier: PostgreSQL
#
# A fast shutdown under load takes less than two seconds, whatever the broker does, and loses nothing.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

use constant LIMIT_SECONDS => 2;

my $nats = NatsServer->new;
# The shutdown's own checkpoint is not what we measure.
my $node = FraiseqlNode->new_node('main', $nats, fsync => 'off');
$node->create_extension('postgres');
$node->create_item_table('postgres');

for my $broker (qw(running suspended stopped)) {
    my $load = $node->start_load('postgres', clients => 4);
    $node->wait_for_changes('postgres', 300);
    $nats->suspend if $broker eq 'suspended';
    $nats->stop    if $broker eq 'stopped';
    $node->wait_for_changes('postgres', 300);
    my $took = FraiseqlNode::seconds(sub { $node->stop('fast') });
    cmp_ok($took, '<', time_limit(LIMIT_SECONDS), "broker $broker: the server stops at once");
    note(sprintf '%.2f s', $took);
    $node->stop_load($load);
    $nats->resume if $broker eq 'suspended';
    $nats->start  if $broker eq 'stopped';
    $node->start;
    $node->stream_equals_ledger('postgres', $nats, "broker $broker: nothing is lost, nothing twice");
}

# SIGTERM of the worker alone: another one takes over.
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
FraiseqlNode::wait_until('the worker has gone', sub { !kill 0, $pid }, 5);
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 1)');
$node->stream_equals_ledger('postgres', $nats, 'a worker that was terminated is replaced');

# fraiseql_nats.enabled
$node->configure('fraiseql_nats.enabled' => 'off');
$node->reload;
FraiseqlNode::wait_until('the worker has gone', sub { !$node->worker_pid('postgres') });
is($node->status('postgres', 'state'), 'disabled', 'enabled = off stops the worker');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 2)');
$node->configure('fraiseql_nats.enabled' => 'on');
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'and on delivers what was done meanwhile');

done_testing();
