# SPDX-License-Identifier: PostgreSQL
#
# max_slot_wal_keep_size invalidates the slot while the broker is away and the worker is in the midst
# of a large transaction: no checkpoint waits for it, and when the broker is back, the worker goes on
# with a new slot by itself.  What was lost is told of: a row, a warning, a message in its place.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    wal_keep_size                   => 0,
    max_slot_wal_keep_size          => '32MB',
    'fraiseql_nats.window_messages' => 64
);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n, note) VALUES (1, 1, 'before')});
$node->stream_equals_ledger('postgres', $nats, 'what was before is published');
is($node->status('postgres', 'gaps'), 0, 'no gap so far');
my $pid = $node->worker_pid('postgres');

# More log than the slot may keep, with hardly any in it.
sub use_up_log { $node->safe_psql('postgres', q{SELECT pg_logical_emit_message(false, 'test', ''), pg_switch_wal()}) for 1 .. 5 }

# The window is full in the midst of the transaction, and nobody acknowledges.
$nats->suspend;
$node->safe_psql('postgres',
    q{INSERT INTO tb_item (session, n, note) SELECT 2, g, 'in the gap' FROM generate_series(1, 20000) g});
FraiseqlNode::wait_until('the window is full', sub { $node->status('postgres', 'in_flight') > 0 });
use_up_log();
my $took = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', 'CHECKPOINT') });
cmp_ok($took, '<', time_limit(10), 'broker that stands still: the checkpoint is not held up');
$node->wait_for_sql('postgres', q{SELECT count(*) = 0 OR bool_and(NOT active AND wal_status <> 'lost') FROM pg_replication_slots}, 'the slot is gone');
isnt($node->worker_pid('postgres'), $pid, 'the worker has let it go');

$nats->resume;
$node->wait_until_state('postgres', 'streaming');
my @gap = split /\|/, $node->safe_psql('postgres', q{SELECT from_lsn, to_lsn, reason, slot, timeline, from_lsn < to_lsn FROM fraiseql_nats.gap});
my $oid = $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'postgres'});
like($gap[2], qr/max_slot_wal_keep_size/, 'the gap and its reason');
is_deeply([@gap[3 .. 5]], ["fraiseql_nats_$oid", 1, 't'], 'its slot, timeline and extent');
is($node->status('postgres', q{gaps || ' ' || (last_gap_at > now() - interval '5 minutes')}), '1 true', 'status() tells of it');
is($node->log_count(qr/WARNING: .*between \Q${\ FraiseqlNode::unpadded_lsn($gap[0])}\E and \Q${\ FraiseqlNode::unpadded_lsn($gap[1])}\E were not published/), 1, 'so does the log, once');

$node->wait_drained('postgres');
my @told = $nats->stream_messages(FraiseqlNode::STREAM, filter_subject => 'fraiseql.gap');
is(scalar @told, 1, 'and one message');
my $told = decode_json($told[0]{payload});
is_deeply([@$told{qw(type database from_lsn to_lsn slot timeline)}], ['gap', 'postgres', @gap[0, 1, 3, 4]], 'that says the same');
is($told[0]{headers}{'Content-Type'}, 'application/json', 'in JSON');
my @before = grep { $_->{seq} < $told[0]{seq} } $node->messages_of('postgres', $nats);
is(scalar(grep { $_->{payload} =~ /"note": ?"before"/ } @before), 1, 'behind what was published before');

# The rest is as ever.
$node->safe_psql('postgres', 'DELETE FROM ledger');
$nats->purge_stream(FraiseqlNode::STREAM);
my $load = $node->start_load('postgres', clients => 2, transactions => 50);
$node->finish_load($load);
$node->stream_equals_ledger('postgres', $nats, 'changes after the gap are published');
$pid = $node->worker_pid('postgres');

# The same without a connection, and with the server started anew in between.
$nats->stop;
FraiseqlNode::wait_until('the broker is missed', sub { $node->status('postgres', 'state') ne 'streaming' });
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) VALUES (3, 3)});
use_up_log();
$took = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', 'CHECKPOINT') });
cmp_ok($took, '<', time_limit(10), 'broker away: the checkpoint is not held up');
$node->wait_for_sql('postgres', 'SELECT gaps = 2 FROM fraiseql_nats.status()', 'a second gap');
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.gap WHERE to_lsn IS NULL'), 1, 'it is open until the broker can be asked');
$nats->start;
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
is($node->status('postgres', 'gaps'), 2, 'no more of them');
@told = $nats->stream_messages(FraiseqlNode::STREAM, filter_subject => 'fraiseql.gap');
is(scalar @told, 1, 'each has its message');
$node->stop_load($load);
is($node->log_count(qr/PANIC|ERROR: .*slot/), 0, 'no error in the log');

done_testing();
