# SPDX-License-Identifier: PostgreSQL
#
# Messages arrive at the broker, its acknowledgements do not arrive here: what is stored already is not
# stored again.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use TcpProxy;

my $nats  = NatsServer->new;
my $proxy = TcpProxy->new($nats->port);
my $node  = FraiseqlNode->new_node(
    'main', undef,
    'fraiseql_nats.url'         => $proxy->url,
    'fraiseql_nats.ack_timeout' => '500ms'
);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $load = $node->start_load('postgres', clients => 2, rate => 400);
for my $round (1 .. 3) {
    $node->wait_for_changes('postgres', 200);
    my $acked = $node->status('postgres', 'messages_acked');
    $proxy->lose_answers;
    my $stored = $nats->stream_count(FraiseqlNode::STREAM);
    $nats->wait_for_messages(FraiseqlNode::STREAM, $stored + 20);
    $node->wait_for_sql('postgres', q{SELECT state <> 'streaming' FROM fraiseql_nats.status()});
    cmp_ok($nats->stream_count(FraiseqlNode::STREAM), '>', $node->status('postgres', 'messages_acked'),
        "round $round: more is stored than we know of");
    $proxy->cut;
    $node->wait_until_state('postgres', 'streaming');
}
$node->stop_load($load);
$node->stream_equals_ledger('postgres', $nats, 'nothing lost, nothing twice');

done_testing();
