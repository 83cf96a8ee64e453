# SPDX-License-Identifier: PostgreSQL
#
# A broker that stands still blocks nobody: sessions, checkpoints and the slot go on, and when it
# moves again nothing is lost, nothing twice, in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.ack_timeout' => '500ms');
$node->create_extension('postgres');
$node->create_item_table('postgres');

my $load = $node->start_load('postgres', clients => 4, rate => 400);
for my $round (1 .. 2) {
    $node->wait_for_changes('postgres', 200);
    $nats->suspend;
    $node->wait_for_changes('postgres', 400);
    FraiseqlNode::wait_until('status() tells of the trouble',
        sub { $node->status('postgres', q{state <> 'streaming' OR lag_seconds > 0.5}) eq 't' });
    pass("round $round: sessions go on, and status() tells of the trouble");
    my $took = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', 'CHECKPOINT') });
    cmp_ok($took, '<', time_limit(20), "round $round: so do checkpoints");
    $nats->resume;
    $node->wait_until_state('postgres', 'streaming');
}
$node->stop_load($load);
$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed');

done_testing();
