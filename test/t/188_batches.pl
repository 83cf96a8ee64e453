# SPDX-License-Identifier: PostgreSQL
#
# With the id in Fraiseql-Id a backlog goes out in batches, if the server knows them (nats-server 2.14): few
# messages have an id that the server has to remember.  Worker and broker are killed meanwhile, and others
# write to the stream: nothing lost, nothing twice, in order.  An older server gets each message by
# itself, with both headers.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my ($major, $minor) = $nats->client->server_version =~ /^(\d+)\.(\d+)/;
my $knows_batches = $major > 2 || $minor >= 14;
# From 2.12 to 2.13, a server refuses to create what it does not know.
$nats->api('STREAM.CREATE.' . FraiseqlNode::STREAM, {name => FraiseqlNode::STREAM, subjects => ['fraiseql.>']})
  if $minor == 12 || $minor == 13;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.message_id_header' => 'Fraiseql-Id');
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->wait_until_state('postgres', 'streaming');
is($nats->stream_info(FraiseqlNode::STREAM)->{config}{allow_batched} ? 1 : 0, $knows_batches ? 1 : 0,
    'the stream allows batches, if the server knows them');

my $notice = $node->status('postgres', 'reason') // '';
$knows_batches ? is($notice, '', 'and status() has nothing to say') : like($notice, qr/takes no batches/, 'else status() says so');

# How many messages in a backlog have a Nats-Msg-Id, and how many there are.
sub ids_of_backlog {
    my $before = $nats->stream_count(FraiseqlNode::STREAM);
    $node->deliver_backlog('postgres', $nats);
    $node->wait_drained('postgres');
    my @backlog = grep { $_->{seq} > $before } $nats->stream_messages(FraiseqlNode::STREAM);
    is(scalar(grep { !exists $_->{headers}{'Fraiseql-Id'} } @backlog), 0, 'each message has a Fraiseql-Id');
    return (scalar(grep { exists $_->{headers}{'Nats-Msg-Id'} } @backlog), scalar @backlog);
}
my ($ids, $messages) = ids_of_backlog();
note("$ids of $messages messages have a Nats-Msg-Id");
$knows_batches
  ? cmp_ok($ids, '<', $messages / 10, 'few have a Nats-Msg-Id as well')
  : is($ids, $messages, 'each has a Nats-Msg-Id as well');

$node->deliver_backlog('postgres', $nats);
my $pid = $node->wait_for_worker('postgres');
kill 'KILL', $pid;
FraiseqlNode::wait_until('the worker has gone', sub { !kill 0, $pid });
$node->wait_until_up('postgres');
$node->wait_until_state('postgres', 'streaming');

$node->deliver_backlog('postgres', $nats);
$nats->kill9;
$nats->start;
my $load = $node->start_load('postgres', clients => 4);
for my $round (1 .. 5) {
    $node->wait_for_changes('postgres', 300);
    $nats->publish('fraiseql.order.confirmed', "{\"round\":$round}");
}
$node->stop_load($load);
is($node->status('postgres', 'order_breaks'), 0, 'no break of the order was counted');

# Back again: what is on its way has an id in either case.
$node->configure('fraiseql_nats.message_id_header' => undef);
$node->reload;
$node->deliver_backlog('postgres', $nats);
$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed');

done_testing();
