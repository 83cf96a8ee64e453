# SPDX-License-Identifier: PostgreSQL
#
# With on_error = block, a message that the broker cannot take because of its size stops those behind
# it: status() says which and why, the worker does not die of it, and it goes out in its place when the
# broker's limit is raised.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 32768');
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.on_error' => 'block');
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
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.dead_letter'), 0, 'and no dead letter');

# A change of mind lets the others go on.
$node->safe_psql('postgres', <<'END');
INSERT INTO tb_item (session, n, note) VALUES (0, 4, repeat('large ', 200000));
INSERT INTO tb_item (session, n, note) VALUES (0, 5, 'small');
END
$node->wait_until_state('postgres', 'blocked');
$node->configure('fraiseql_nats.on_error' => 'dead_letter');
$node->reload;
$node->wait_drained('postgres');
my @messages = $node->messages_of('postgres', $nats);
is_deeply([map { $_->{payload} =~ /"n":(\d)/ } @messages], [1, 2, 3, 5], 'those behind it are stored');
$node->wait_for_dead_letters('postgres', 1);

done_testing();
