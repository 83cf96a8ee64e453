# SPDX-License-Identifier: PostgreSQL
#
# kill -9 of the worker under load: nothing lost, nothing twice, in order, also without the broker's
# de-duplication and with others writing to the stream.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
# The broker forgets ids at once: what holds must hold without it.
$nats->create_stream(
    name             => FraiseqlNode::STREAM,
    subjects         => ['fraiseql.>'],
    duplicate_window => 100_000_000
);
$node->create_extension('postgres');
$node->create_item_table('postgres');

for my $round (1 .. 4) {
    my $load = $node->start_load('postgres', clients => 4);
    $node->wait_for_changes('postgres', 300);
    $nats->publish('fraiseql.order.confirmed', "{\"round\":$round}");
    my $pid = $node->wait_for_worker('postgres');
    kill 'KILL', $pid;
    # Postgres restarts all sessions after such a death.
    FraiseqlNode::wait_until('the worker has gone', sub { !kill 0, $pid });
    $node->wait_until_up('postgres');
    $node->stop_load($load);
    my $new = $node->wait_for_worker('postgres');
    isnt($new, $pid, "round $round: another worker starts by itself");
}
$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed');
is(scalar(grep { $_->{subject} eq 'fraiseql.order.confirmed' }
          $nats->stream_messages(FraiseqlNode::STREAM)), 4, 'what others wrote is still there');

done_testing();
