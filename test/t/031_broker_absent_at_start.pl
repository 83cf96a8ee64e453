# SPDX-License-Identifier: PostgreSQL
#
# No broker at the start: everything works but the delivery, status() says so, and the backlog goes
# out when the broker comes.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new(start => 0);
my $node = FraiseqlNode->new_node('main', $nats);
my $took = FraiseqlNode::seconds(sub { $node->create_extension('postgres', no_wait => 1) });
cmp_ok($took, '<', time_limit(10), 'CREATE EXTENSION does not wait for the broker');
$node->create_item_table('postgres');
$node->finish_load($node->start_load('postgres', clients => 4, transactions => 100));

FraiseqlNode::wait_until('status() says that the broker is away',
    sub { $node->status('postgres', 'last_error') ne '' });
like($node->status('postgres', 'state'), qr/^(connecting|waiting)$/, 'state');
isnt($node->status('postgres', 'reason'), '', 'reason');
my $logged = $node->log_count(qr/ (?:LOG|WARNING|ERROR):  .*(?:NATS|broker|connect)/);

$took = FraiseqlNode::seconds(sub { $node->restart });
cmp_ok($took, '<', time_limit(10), 'Postgres starts without the broker');
$node->finish_load($node->start_load('postgres', clients => 4, transactions => 100));
cmp_ok($logged, '<=', 3, 'the log says it once for each change of state, not for each attempt');

$nats->start;
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed');
is($node->status('postgres', 'reason'), '', 'no reason any more');

done_testing();
