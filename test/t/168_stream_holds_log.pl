# SPDX-License-Identifier: PostgreSQL
#
# One stream cannot be published to, and its slot keeps the log: status() says which one it is, the
# warnings while max_slot_wal_keep_size is being used up name it, and the other streams go on.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    wal_keep_size          => 0,
    max_slot_wal_keep_size => '320MB'
);
$node->create_extension('postgres');
is($node->status('postgres', 'holds_log'), 't', 'the only slot keeps the log');
# Another stream of the broker has its subjects.
$nats->create_stream(name => 'another', subjects => ['order.>']);
$node->safe_psql('postgres', q{
SELECT fraiseql_nats.create_stream('orders', '{order.>}');
SELECT fraiseql_nats.create_stream('clicks', '{click.>}');
});
$node->wait_for_sql('postgres', q{SELECT string_agg(state, ' ') ~ '^streaming (waiting|connecting) streaming$' FROM fraiseql_nats.status()}, 'one stream is not there');

# A slot lets go of log when its worker has confirmed a record that a checkpoint writes.
sub others_move_beyond {
    my ($lsn) = @_;
    FraiseqlNode::wait_until('the other slots have moved on', sub {
        $node->safe_psql('postgres', 'CHECKPOINT');
        return $node->try_sql('postgres', "SELECT bool_and(restart_lsn >= '$lsn') FROM pg_replication_slots WHERE slot_name !~ '_1\$'") eq 't';
    });
    return;
}

for (1 .. 12) {
    my $lsn = $node->safe_psql('postgres', q{
SELECT 1 WHERE fraiseql_nats.publish('fraiseql.note', 'x'::text) IS NULL;
SELECT 1 WHERE fraiseql_nats.publish('click.note', 'x'::text) IS NULL;
SELECT 1 WHERE fraiseql_nats.publish('order.note', 'x'::text) IS NULL;
SELECT 1 WHERE pg_logical_emit_message(true, 'test', '') IS NULL;
SELECT pg_switch_wal();
});
    others_move_beyond($lsn);
}
is($node->safe_psql('postgres', q{SELECT string_agg(stream, ' ') FROM fraiseql_nats.status() WHERE holds_log}), 'orders',
    'status() names the stream whose slot keeps the log');
is($node->safe_psql('postgres', q{
SELECT (SELECT r.slot_name FROM pg_replication_slots r ORDER BY r.restart_lsn LIMIT 1) = s.slot
FROM fraiseql_nats.status() s WHERE s.holds_log}), 't', 'it is the slot that the server says');
FraiseqlNode::wait_until('the log warns', sub { $node->log_count(qr/WARNING: +replication slot "fraiseql_nats_\d+_1" of stream "orders" has used 5\d % of "max_slot_wal_keep_size"/) });
is($node->log_count(qr/WARNING: .* of stream "(?!orders")[^"]*" has used/), 0, 'the log warns of no other');
is($nats->stream_count('clicks'), 12, 'the others go on');
is($nats->stream_count(FraiseqlNode::STREAM), 12, 'the default stream, too');

$nats->delete_stream('another');
$nats->wait_for_messages('orders', 12);
$node->wait_drained('postgres');
FraiseqlNode::wait_until('the slot has moved on', sub {
    $node->safe_psql('postgres', 'CHECKPOINT');
    $node->log_count(qr/replication slot "fraiseql_nats_\d+_1" of stream "orders" is within its budget of log again/);
});
is($node->safe_psql('postgres', 'SELECT sum(gaps) FROM fraiseql_nats.status()'), 0, 'nothing was lost');

done_testing();
