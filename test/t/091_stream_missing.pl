# SPDX-License-Identifier: PostgreSQL
#
# A stream that does not exist, and that the worker is not to make: status() says so, nothing is
# skipped, and when somebody makes the stream everything is stored.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.stream_manage' => 'off');
$node->create_extension('postgres', state => 'waiting');
$node->create_item_table('postgres');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 100)');
$node->wait_until_state('postgres', 'waiting');
like($node->status('postgres', 'reason'), qr/stream "fraiseql_events".*(not exist|not found)/, 'status() names the stream');
isnt($node->status('postgres', 'hint'), '', 'and says what to do');
ok(!$nats->stream_info(FraiseqlNode::STREAM), 'it is not made');

$nats->create_stream(name => FraiseqlNode::STREAM, subjects => ['fraiseql.>']);
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'nothing was skipped');

done_testing();
