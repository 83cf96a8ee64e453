# SPDX-License-Identifier: PostgreSQL
#
# A gap and an alarm are those of one stream, and say of which: the slot of a stream is dropped or
# invalidated, the server is restored without it, its broker stream loses messages; the others go on.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    wal_keep_size          => 0,
    max_slot_wal_keep_size => '32MB'
);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_note (id int PRIMARY KEY, at text);
CREATE TABLE tb_order (id int PRIMARY KEY, at text);
SELECT fraiseql_nats.create_stream('orders', '{order.>}', subject_prefix => 'order.row', topic_prefix => 'order');
SELECT fraiseql_nats.observe('tb_note', format => 'row');
SELECT fraiseql_nats.observe('tb_order', stream => 'orders', format => 'row');
});
$node->wait_drained('postgres');
$node->wait_until_state('postgres', 'streaming');
my $oid  = $node->safe_psql('postgres', 'SELECT oid FROM pg_database WHERE datname = current_database()');
my $slot = "fraiseql_nats_${oid}_1";

my $id = 0;
sub change {
    my ($at, @tables) = @_;
    $node->safe_psql('postgres', "INSERT INTO $_ VALUES (${\ ++$id}, '$at')") for @tables ? @tables : qw(tb_note tb_order);
    return;
}

# What is in a stream, without the rows of backfills.
sub told {
    my ($stream) = @_;
    return join ' ', map { $_->{payload} =~ /"at":\s?"(\w+)"/ ? $1 : 'gap' } grep { $_->{subject} !~ /SNAPSHOT/ } $nats->stream_messages($stream);
}

sub gaps { return $node->safe_psql('postgres', q{SELECT string_agg(stream || ': ' || reason, ', ' ORDER BY id) FROM fraiseql_nats.gap WHERE to_lsn IS NOT NULL}) }
sub wait_for_gaps { $node->wait_for_sql('postgres', "SELECT count(*) = $_[0] AND bool_and(to_lsn IS NOT NULL) FROM fraiseql_nats.gap", "there are $_[0] gaps") }
change('before');
$node->wait_drained('postgres');

# Dropped by hand, while no worker runs.
sub set_enabled {
    my ($value) = @_;
    $node->configure('fraiseql_nats.enabled' => $value);
    $node->reload;
    FraiseqlNode::wait_until('the workers have left', sub { !$node->worker_pid('postgres') }) if $value eq 'off';
    return;
}
set_enabled('off');
change('dropped');
$node->safe_psql('postgres', qq{
CALL fraiseql_nats.backfill('tb_note');
CALL fraiseql_nats.backfill('tb_order');
SELECT pg_drop_replication_slot('$slot');
});
set_enabled('on');
wait_for_gaps(1);
$node->wait_until_state('postgres', 'streaming');
change('after');
$node->wait_drained('postgres');
is(gaps(), 'orders: the slot was dropped', 'slot dropped: a gap of that stream');
is(told('orders'), 'before gap after', 'that has its message in its place');
is(told(FraiseqlNode::STREAM), 'before dropped after', 'the other has everything, and no message');
my ($gap) = map { decode_json($_->{payload}) } $nats->stream_messages('orders', filter_subject => 'order.gap');
is_deeply([@$gap{qw(stream slot)}], ['orders', $slot], 'the message says which stream and slot');
is($node->log_count(qr/WARNING: +changes that committed between \S+ and \S+ were not published to stream "orders"/), 1, 'so does the log');
is($node->safe_psql('postgres', q{SELECT string_agg(stream || ' ' || gaps, ', ') FROM fraiseql_nats.status()}),
    FraiseqlNode::STREAM . ' 0, orders 1', 'status() counts it in the row of the stream');

is($node->safe_psql('postgres', q{SELECT string_agg(relation || ' ' || state, ', ' ORDER BY relation::text) FROM fraiseql_nats.backfill}),
    'tb_note finished, tb_order lost', 'only the backfill whose rows are for that stream is lost');

# Invalidated, since the stream is full and takes no more.
$node->safe_psql('postgres', q{SELECT fraiseql_nats.alter_stream('orders', max_msgs => 3, discard => 'new'); SELECT FROM fraiseql_nats.stream_sync('orders')});
$node->wait_until_state('postgres', 'streaming');
change('full');
$node->wait_for_sql('postgres', q{SELECT state IN ('waiting', 'blocked') FROM fraiseql_nats.status() WHERE stream = 'orders'}, 'the stream is full');
my $other = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity JOIN pg_replication_slots s ON s.active_pid = pid WHERE slot_name = 'fraiseql_nats_$oid'");
# Each checkpoint lets the other slot move on, once its worker has read what the checkpoint writes.
FraiseqlNode::wait_until('the slot is invalidated', sub {
    my $end = $node->safe_psql('postgres', q{SELECT pg_logical_emit_message(true, 'test', ''), pg_switch_wal(); CHECKPOINT; SELECT pg_logical_emit_message(true, 'test', '')}) =~ s/.*\n//sr;
    $node->wait_for_sql('postgres', "SELECT confirmed_lsn >= '$end' FROM fraiseql_nats.status() LIMIT 1");
    $node->safe_psql('postgres', q{SELECT count(*) FROM fraiseql_nats.gap}) == 2;
});
wait_for_gaps(2);
change('meanwhile');
$nats->wait_for_messages(FraiseqlNode::STREAM, 5);
is($node->safe_psql('postgres', "SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'fraiseql_nats_$oid'"), $other, 'the worker of the other stream goes on');
$nats->purge_stream('orders');
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
like(gaps(), qr/^orders: the slot was dropped, orders: [^,]*max_slot_wal_keep_size[^,]*$/, 'slot invalidated: a gap of that stream');
is(told('orders'), 'gap meanwhile', 'the stream goes on behind it');
is(told(FraiseqlNode::STREAM), 'before dropped after full meanwhile', 'and the other has everything');
is($node->safe_psql('postgres', 'SELECT gaps FROM fraiseql_nats.status() LIMIT 1'), 0, 'and no gap');

# The stream of the broker loses what it has acknowledged.
$node->safe_psql('postgres', q{SELECT fraiseql_nats.alter_stream('orders', reset => '{max_msgs,discard}')});
$nats->update_stream('orders', max_msgs => -1, discard => 'old');
$node->wait_until_state('postgres', 'streaming');
change('kept');
$node->wait_drained('postgres');
my ($disk, $copy) = map { $nats->directory . $_ } '/store/jetstream/$G/streams/orders', '/before';
$nats->stop;
system('cp', '-a', $disk, $copy) == 0 or die "cannot copy $disk";
$nats->start;
$node->wait_until_state('postgres', 'streaming');
change('acknowledged');
$node->wait_drained('postgres');
$nats->kill9;
system('rm', '-rf', $disk);
rename $copy, $disk or die "cannot rename $copy: $!";
$nats->start;
$node->wait_until_state('postgres', 'streaming');
$node->wait_for_sql('postgres', 'SELECT count(*) = 1 FROM fraiseql_nats.alarm', 'the alarm is in the table');
is($node->safe_psql('postgres', 'SELECT stream, kind, slot FROM fraiseql_nats.alarm'), "orders|loss|$slot", 'an alarm says which stream, too');
is($node->safe_psql('postgres', q{SELECT string_agg(stream, ' ') FROM fraiseql_nats.status() WHERE alarm IS NOT NULL}), 'orders', 'status() has it in its row');

# It is purged before it is known what it holds: the position is saved once a second, which may be just then.
my $twice = q{SELECT coalesce(string_agg(DISTINCT stream, ' '), '') FROM fraiseql_nats.alarm WHERE kind = 'twice'};
for (1 .. 10) {
    change('uncertain');
    $node->wait_for_sql('postgres', 'SELECT bool_and(in_flight = 0 AND messages_acked > 0) FROM fraiseql_nats.status()');
    $node->stop('immediate');
    unlink glob($node->data_dir . '/pg_replslot/*/fraiseql_nats.mark');
    $nats->purge_stream('orders');
    $node->start;
    $node->wait_until_state('postgres', 'streaming');
    $node->wait_drained('postgres');
    $node->wait_for_sql('postgres', q{SELECT NOT EXISTS (SELECT FROM fraiseql_nats.status() WHERE alarm LIKE '%twice%') OR EXISTS (SELECT FROM fraiseql_nats.alarm WHERE kind = 'twice')});
    last if $node->safe_psql('postgres', $twice) ne '';
}
is($node->safe_psql('postgres', $twice), 'orders', 'what may be there twice is an alarm of that stream');

# A restore without the slots: each stream has a gap of its own.
change('backup');
$node->wait_drained('postgres');
$node->backup('backup');
$node->stop;
my $restored = FraiseqlNode->new('restored');
$restored->init_from_backup($node, 'backup', has_streaming => 1, has_restoring => 1, standby => 1);
$restored->append_conf('postgresql.conf', "primary_conninfo = ''\nrestore_command = 'false'");
$restored->start;
$restored->promote;
$restored->wait_for_sql('postgres', q{SELECT count(*) = 2 FROM fraiseql_nats.gap WHERE reason LIKE '%restored without the slot' AND to_lsn IS NOT NULL}, 'gaps of the restored server');
is($restored->safe_psql('postgres', q{SELECT string_agg(stream || ' ' || slot, ', ' ORDER BY slot) FROM fraiseql_nats.gap WHERE reason LIKE '%restored%'}),
    FraiseqlNode::STREAM . " fraiseql_nats_$oid, orders $slot", 'server restored: a gap of each stream');
$restored->wait_until_state('postgres', 'streaming');
$restored->safe_psql('postgres', q{INSERT INTO tb_order VALUES (1000, 'restored')});
$restored->wait_drained('postgres');
like(told('orders'), qr/backup gap restored$/, 'and each goes on');
$restored->stop;

done_testing();
