# SPDX-License-Identifier: PostgreSQL
#
# No free replication slot: status() says so, nothing loops, and it works as soon as one is free.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, max_replication_slots => 1);
$node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('other')});
$node->create_extension('postgres', state => 'misconfigured');
like($node->status('postgres', 'reason'), qr/slot/, 'the reason');
like($node->status('postgres', 'hint'), qr/max_replication_slots/, 'what to do');
my $pid = $node->worker_pid('postgres');

$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('other')});
$node->wait_until_state('postgres', 'streaming');
is($node->worker_pid('postgres'), $pid, 'the same worker goes on');
is($node->log_count(qr/: .*replication slots are in use/), 1, 'the log said it once');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('fraiseql.note', 'x')});
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), 1, 'it works');

done_testing();
