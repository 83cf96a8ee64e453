# SPDX-License-Identifier: PostgreSQL
#
# A broker that comes and goes every moment: everything is stored once, in order, and the log has a
# line for each change of state, not for each attempt.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

my $load   = $node->start_load('postgres', clients => 2, rate => 300);
my $rounds = 8;
for my $round (1 .. $rounds) {
    $node->wait_for_changes('postgres', 20);
    # Sometimes in the midst of connecting, sometimes when it has just begun to publish.
    $node->wait_until_state('postgres', 'streaming') if $round % 2;
    $nats->kill9;
    $node->wait_for_changes('postgres', 20);
    $node->wait_until_state('postgres', 'waiting') if $round % 4;
    $nats->start;
}
$node->stop_load($load);
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed');
my $lines = $node->log_count(qr/fraiseql_nats worker +LOG: +publishing/);
cmp_ok($lines, '<=', 4 * $rounds, 'the log tells of changes, not of attempts');
note("$lines lines in the log");

done_testing();
