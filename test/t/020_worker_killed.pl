# SPDX-License-Identifier: PostgreSQL
#
# kill -9 of the worker under load: nothing lost, nothing twice, in order, also with others writing to
# the stream.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

sub kill_worker {
    my $pid = $node->wait_for_worker('postgres');
    kill 'KILL', $pid;
    # Postgres restarts all sessions after such a death.
    FraiseqlNode::wait_until('the worker has gone', sub { !kill 0, $pid });
    $node->wait_until_up('postgres');
    isnt($node->wait_for_worker('postgres'), $pid, 'another worker starts by itself');
    return;
}

for my $round (1 .. 2) {
    my $load = $node->start_load('postgres', clients => 4);
    $node->wait_for_changes('postgres', 300);
    $nats->publish('fraiseql.order.confirmed', "{\"round\":$round}");
    kill_worker();
    $node->stop_load($load);
}
$node->stream_equals_ledger('postgres', $nats, 'killed under load: the stream holds what was committed');

$node->deliver_backlog('postgres', $nats);
kill_worker();
$node->stream_equals_ledger('postgres', $nats,
    'killed in the midst of a backlog: the stream holds what was committed');
is(scalar(grep { $_->{subject} eq 'fraiseql.order.confirmed' }
          $nats->stream_messages(FraiseqlNode::STREAM)), 2, 'what others wrote is still there');

done_testing();
