# SPDX-License-Identifier: PostgreSQL
#
# A message that the broker cannot take because of its size: status() says which and why, the worker
# does not die of it, and it goes out in its place when the broker's limit is raised.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 32768');
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', <<'END');
INSERT INTO tb_item (session, n, note) VALUES (0, 1, 'small');
INSERT INTO tb_item (session, n, note) VALUES (0, 2, repeat('large ', 20000));
INSERT INTO tb_item (session, n, note) VALUES (0, 3, 'small');
END
$node->wait_until_state('postgres', 'blocked');
isnt($node->status('postgres', 'reason'), '', 'there is a reason');
isnt($node->status('postgres', 'hint'),   '', 'and a hint');
note($node->status('postgres', 'reason, hint'));
$nats->wait_for_messages(FraiseqlNode::STREAM, 1);
is($nats->stream_count(FraiseqlNode::STREAM), 1, 'what came before it is stored');

$nats->{options}{config} = 'max_payload: 1048576';
$nats->restart;
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed');
is($node->worker_pid('postgres'), $pid, 'by the same worker');

done_testing();
