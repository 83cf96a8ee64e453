# SPDX-License-Identifier: PostgreSQL
#
# Outages that last longer than the stream remembers message ids: what was stored is found there, and
# nothing comes twice.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP qw(decode_json);
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
# The shortest window that JetStream has: 100 ms.  The second stream tells when it is over.
for (['fraiseql_events', 'fraiseql.>'], ['clock', 'tick']) {
    $nats->create_stream(name => $_->[0], subjects => [$_->[1]], duplicate_window => 100_000_000);
}
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

# Until the server has forgotten the ids of all that is stored by now.
my $ticks = 0;
sub outlive_deduplication {
    my $id   = ++$ticks;
    my $tick = sub {
        decode_json($nats->request('tick', '', headers => {'Nats-Msg-Id' => $id})->{payload});
    };
    $tick->();
    FraiseqlNode::wait_until('ids are forgotten', sub { !$tick->()->{duplicate} });
    return;
}

sub kill_worker {
    my $pid = $node->wait_for_worker('postgres');
    kill 'KILL', $pid;
    FraiseqlNode::wait_until('the worker has gone', sub { !kill 0, $pid });
    return;
}

for my $round (1 .. 3) {
    my $load = $node->start_load('postgres', clients => 4);
    $node->wait_for_changes('postgres', 400);
    kill_worker();
    outlive_deduplication();
    $node->wait_until_up('postgres');
    $node->stop_load($load);
}
$node->stream_equals_ledger('postgres', $nats, 'the worker killed: what it had sent does not come again');

my $load = $node->start_load('postgres', clients => 4);
$node->wait_for_changes('postgres', 400);
$node->stop('immediate');
outlive_deduplication();
$node->start;
$node->stop_load($load);
$node->stream_equals_ledger('postgres', $nats, 'Postgres stopped at once: nor then');

$load = $node->start_load('postgres', clients => 4);
for my $round (1 .. 3) {
    $node->wait_for_changes('postgres', 400);
    $nats->kill9;
    $nats->start;
    outlive_deduplication();
}
$node->stop_load($load);
$node->stream_equals_ledger('postgres', $nats, 'the broker killed: nor then');

done_testing();
