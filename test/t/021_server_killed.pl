# SPDX-License-Identifier: PostgreSQL
#
# Postgres stops at once, or is killed, under load: nothing lost, nothing twice, in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

for my $case (['immediate', 'load'], ['kill9', 'load'], ['immediate', 'backlog'], ['kill9', 'backlog']) {
    my ($how, $work) = @$case;
    my $load;
    if ($work eq 'backlog') {
        $node->deliver_backlog('postgres', $nats);
    }
    else {
        $load = $node->start_load('postgres', clients => 4);
        $node->wait_for_changes('postgres', 300);
    }
    if ($how eq 'kill9') {
        $node->kill9;
        $node->wait_until_dead;
    }
    else {
        $node->stop('immediate');
    }
    $node->stop_load($load) if $load;
    $node->start;
    $node->stream_equals_ledger('postgres', $nats,
        "$how in the midst of a $work: the stream holds what was committed");
}

done_testing();
