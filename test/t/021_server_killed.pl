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
$nats->create_stream(
    name             => FraiseqlNode::STREAM,
    subjects         => ['fraiseql.>'],
    duplicate_window => 100_000_000
);
$node->create_extension('postgres');
$node->create_item_table('postgres');

# True while a process works in the data directory.
sub any_process_left {
    my $directory = $node->data_dir;
    return grep { (readlink("$_/cwd") // '') eq $directory } glob '/proc/[0-9]*';
}

for my $how (qw(immediate kill9 immediate kill9)) {
    my $load = $node->start_load('postgres', clients => 4);
    $node->wait_for_changes('postgres', 300);
    if ($how eq 'kill9') {
        my $pid = $node->worker_pid('postgres');
        $node->kill9;
        FraiseqlNode::wait_until('the worker has seen the death of the server',
            sub { !kill 0, $pid }, 10);
        FraiseqlNode::wait_until('all processes have gone', sub { !any_process_left() });
    }
    else {
        $node->stop('immediate');
    }
    $node->stop_load($load);
    $node->start;
    $node->stream_equals_ledger('postgres', $nats, "after $how the stream holds what was committed");
}

done_testing();
