# SPDX-License-Identifier: PostgreSQL
#
# kill -9 of the broker under load: sessions go on, and when it is back nothing is lost, nothing
# twice, in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $pid = $node->worker_pid('postgres');

my $load = $node->start_load('postgres', clients => 4);
for my $round (1 .. 3) {
    $node->wait_for_changes('postgres', 300);
    $nats->publish('fraiseql.order.confirmed', "{\"round\":$round}");
    $nats->kill9;
    $node->wait_for_changes('postgres', 300);
    pass("round $round: sessions go on without the broker");
    $nats->start;
    $node->wait_until_state('postgres', 'streaming');
}
$node->stop_load($load);
like($load->{output}, qr/^(?!.*(aborted|ERROR))/s, 'no session met an error');
$node->stream_equals_ledger('postgres', $nats, 'killed under load: the stream holds what was committed');

for (1 .. 2) {
    $node->deliver_backlog('postgres', $nats);
    $nats->kill9;
    $nats->start;
    $node->wait_until_state('postgres', 'streaming');
}
$node->stream_equals_ledger('postgres', $nats,
    'killed in the midst of a backlog: the stream holds what was committed');
is($node->worker_pid('postgres'), $pid, 'by the same worker');
cmp_ok($node->status('postgres', 'reconnects'), '>=', 3, 'reconnects are counted');
is($node->status('postgres', 'order_breaks'), 0, 'no break of the order was counted');

done_testing();
