# SPDX-License-Identifier: PostgreSQL
#
# The stream is deleted, and the worker killed as soon as it has written to the one that is made in its
# place: what went with the first one is not sent behind what is newer.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

my $n = 0;
for my $round (1 .. 4) {
    # Stored and acknowledged, and told to the slot, but not yet to the disk.
    for (1 .. 2) {
        $node->safe_psql('postgres', "INSERT INTO tb_item (session, n) SELECT 0, g FROM generate_series(@{[$n + 1]}, @{[$n + 50]}) g");
        $n += 50;
        $node->wait_drained('postgres');
    }
    $nats->delete_stream(FraiseqlNode::STREAM);
    my $pid = $node->worker_pid('postgres');
    $node->safe_psql('postgres', "INSERT INTO tb_item (session, n) VALUES (0, @{[++$n]})");
    FraiseqlNode::wait_until('the new stream has it', sub { eval { $nats->stream_count(FraiseqlNode::STREAM) } });
    kill 'KILL', $pid;
    FraiseqlNode::wait_until('the server has noticed',
        sub { ($node->worker_pid('postgres') || $pid) != $pid && defined $node->try_sql('postgres', 'SELECT 1') });
    $node->safe_psql('postgres', "INSERT INTO tb_item (session, n) VALUES (0, @{[++$n]})");
    $node->wait_drained('postgres');
    my @found = map { $_->{payload} =~ /"n":(\d+)/ } $node->messages_of('postgres', $nats);
    is("@found", "@{[sort { $a <=> $b } @found]}", 'all in order');
    is("@found[-2, -1]", "@{[$n - 1, $n]}", 'and the last ones are there');
}
is($node->log_count(qr/WARNING: .*was deleted and recreated/), 4, 'each loss is told of once');

done_testing();
