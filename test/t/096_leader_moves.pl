# SPDX-License-Identifier: PostgreSQL
#
# The leader of a replicated stream steps down under load, again and again: everything is stored once,
# in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my @nats = NatsServer->new_cluster(3);
my $node = FraiseqlNode->new_node_of_cluster('main', @nats);
my $load = $node->start_load('postgres', clients => 2, rate => 400);

sub leader {
    my $info = eval { $nats[0]->stream_info(FraiseqlNode::STREAM) };
    return $info && $info->{cluster}{leader};
}
my %leaders;
for my $round (1 .. 4) {
    $node->wait_for_changes('postgres', 200);
    my $before = FraiseqlNode::wait_until('the stream has a leader', \&leader);
    eval { $nats[0]->api('STREAM.LEADER.STEPDOWN.' . FraiseqlNode::STREAM) };
    my $after = FraiseqlNode::wait_until(
        'another leads',
        sub {
            my $now = leader();
            return $now && $now ne $before ? $now : undef;
        });
    $leaders{$_} = 1 for $before, $after;
}
$node->stop_load($load);
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats[0], 'the stream holds what was committed');
cmp_ok(scalar keys %leaders, '>=', 2, 'by more than one leader');

done_testing();
