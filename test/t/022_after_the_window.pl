# SPDX-License-Identifier: PostgreSQL
#
# Deaths that last longer than the broker remembers ids: still nothing twice, because the worker reads
# back from the stream what is stored.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
# The shortest that JetStream allows: less than any of the deaths below takes.
$nats->create_stream(
    name             => FraiseqlNode::STREAM,
    subjects         => ['fraiseql.>'],
    duplicate_window => 100_000_000
);
$node->create_extension('postgres');
$node->create_item_table('postgres');

for my $death (qw(worker server broker server worker broker)) {
    my $load = $node->start_load('postgres', clients => 4);
    $node->wait_for_changes('postgres', 300);
    $nats->publish('fraiseql.order.confirmed', $death);
    if ($death eq 'worker') {
        my $pid = $node->wait_for_worker('postgres');
        kill 'KILL', $pid;
        FraiseqlNode::wait_until('the worker has gone', sub { !kill 0, $pid });
        $node->wait_until_up('postgres');
    }
    elsif ($death eq 'server') {
        $node->stop('immediate');
        $node->start;
    }
    else {
        $nats->kill9;
        $node->wait_for_changes('postgres', 300);
        $nats->start;
    }
    $node->stop_load($load);
    $node->stream_equals_ledger('postgres', $nats,
        "after the death of the $death the stream holds what was committed");
}

done_testing();
