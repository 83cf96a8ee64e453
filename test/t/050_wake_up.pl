# SPDX-License-Identifier: PostgreSQL
#
# A commit wakes the worker at once, an asynchronous one too: half of the messages are stored within
# ten milliseconds.

use strict;
use warnings;

use FraiseqlNode;
use Latency;
use NatsServer;
use Test::More;
use TimeLimit;

use constant {LIMIT_MS => 10, COMMITS => 200};

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

for my $commit (qw(on off)) {
    $node->configure(synchronous_commit => $commit);
    $node->reload;
    my $before = $nats->stream_count(FraiseqlNode::STREAM);
    # So slow that the worker sleeps in between.
    $node->finish_load(
        $node->start_load(
            'postgres',
            clients      => 1,
            rate         => 80,
            transactions => COMMITS,
            script       => "INSERT INTO tb_item (session, n) VALUES (:client_id, 1);\n"
        ));
    $node->wait_drained('postgres');
    my @messages = $node->messages_of('postgres', $nats);
    is(scalar @messages, $before + COMMITS, "synchronous_commit = $commit: all are there");
    my @latencies = Latency::milliseconds(@messages[$before .. $#messages]);
    my ($half, $most) = map { Latency::quantile($_, @latencies) } 0.5, 0.99;
    cmp_ok($half, '<', time_limit(LIMIT_MS), "synchronous_commit = $commit: stored within " . LIMIT_MS . ' ms');
    note(sprintf 'synchronous_commit = %s: commit to stored %.2f ms (median), %.2f ms (99 %%)',
        $commit, $half, $most);
}

done_testing();
