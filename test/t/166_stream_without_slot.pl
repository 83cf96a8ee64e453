# SPDX-License-Identifier: PostgreSQL
#
# A stream that gets no slot, or no worker: the log and its row of status() say why and what to do, and
# nothing that is for it is lost meanwhile, whatever is started anew.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    max_replication_slots       => 2,
    'fraiseql_nats.max_workers' => 2
);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{CREATE TABLE tb_order (id int PRIMARY KEY); SELECT pg_create_physical_replication_slot('other')});

sub field {
    my ($stream, $field) = @_;
    return $node->safe_psql('postgres', "SELECT $field FROM fraiseql_nats.status() WHERE stream = '$stream'");
}
sub wait_for_row { $node->wait_for_sql('postgres', "SELECT $_[1] FROM fraiseql_nats.status() WHERE stream = '$_[0]'") }

sub ids_of {
    my ($stream) = @_;
    return join ' ', map { $_->{payload} =~ /"id":\s?(\d+)[,}]/ ? $1 : '?' } $nats->stream_messages($stream);
}
my $confirmed = sub { $node->safe_psql('postgres', q{SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name ~ '^fraiseql_nats_\d+$'}) };

# No replication slot.
my $place = $node->safe_psql('postgres', q{
SELECT fraiseql_nats.create_stream('orders', '{order.>}', subject_prefix => 'order');
SELECT fraiseql_nats.observe('tb_order', stream => 'orders', format => 'row');
INSERT INTO tb_order VALUES (1);
SELECT pg_current_wal_flush_lsn();
}) =~ s/.*\n//sr;
wait_for_row('orders', q{state = 'misconfigured'});
is(field('orders', 'reason'), 'all replication slots are in use', 'no slot: the reason');
like(field('orders', 'hint'), qr/max_replication_slots/, 'no slot: what to do');
FraiseqlNode::wait_until('the log says so', sub { $node->log_count(qr/WARNING: .*stream "orders" is not served/) });
is($node->log_count(qr/WARNING: +stream "orders" is not served: all replication slots are in use\n.*DETAIL: +Replication slot "fraiseql_nats_\d+" of the default stream keeps the log for it.\n.*HINT: +Increase "max_replication_slots"/),
    1, 'the log, too, and who keeps the log for it');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('fraiseql.note', 'x'::text)});
$nats->wait_for_messages(FraiseqlNode::STREAM, 1);
wait_for_row(FraiseqlNode::STREAM, q{reason LIKE '%keeps the log for a stream%'});
is(field(FraiseqlNode::STREAM, 'state'), 'streaming', 'the default stream is published to, and says why its slot stays');
is(field(FraiseqlNode::STREAM, "confirmed_lsn < '$place'"), 't', 'which it does');

# The same after a crash, with changes that nobody but the stream is for.
for my $id (2 .. 3) {
    $node->stop('immediate');
    $node->start;
    wait_for_row('orders', q{state = 'misconfigured'});
    $node->safe_psql('postgres', "INSERT INTO tb_order VALUES ($id)");
}
is(field(FraiseqlNode::STREAM, "confirmed_lsn < '$place'"), 't', 'the slot stays after a crash');
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('other')});
$nats->wait_for_messages('orders', 3);
is(ids_of('orders'), '1 2 3', 'the stream has all since the commit that added it');
wait_for_row(FraiseqlNode::STREAM, q{reason IS NULL});
$node->wait_drained('postgres');
pass('and the slot of the default stream goes on');

# No place for a worker.
$node->configure(max_replication_slots => 10);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
my ($code, $out, $error) = $node->psql('postgres', q{
SELECT fraiseql_nats.create_stream('clicks', '{click.>}', subject_prefix => 'click');
CREATE TABLE tb_click (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_click', stream => 'clicks', format => 'row');
INSERT INTO tb_click VALUES (1);
});
like($error, qr/WARNING: +stream "clicks" is not served: "fraiseql_nats.max_workers" \(2\) is reached\n.*DETAIL: .*keeps the log for it/,
    'no worker: a warning for the session');
is(field('clicks', 'state'), 'stopped', 'no worker: the state');
like(field('clicks', 'reason'), qr/"fraiseql_nats.max_workers" \(2\) is reached; the slot of the default stream keeps the log/, 'no worker: the reason');
like(field('clicks', 'hint'), qr/Increase "fraiseql_nats.max_workers"/, 'no worker: what to do');
my $kept = $confirmed->();
$node->restart;
$node->wait_until_state('postgres', 'stopped,streaming');
FraiseqlNode::wait_until('the log says so', sub { $node->log_count(qr/fraiseql_nats worker .*WARNING: +stream "clicks" is not served: "fraiseql_nats.max_workers" \(2\) is reached/) });
$node->safe_psql('postgres', q{INSERT INTO tb_click VALUES (2); INSERT INTO tb_order VALUES (4)});
$nats->wait_for_messages('orders', 4);
is($confirmed->(), $kept, 'the slot stays after a restart');
$node->configure('fraiseql_nats.max_workers' => 3);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
$nats->wait_for_messages('clicks', 2);
is(ids_of('clicks'), '1 2', 'with another worker, the stream has all that is for it');

# A stream that has a slot of its own gets no worker: the slot of the default stream goes on.
$node->configure('fraiseql_nats.max_workers' => 2);
$node->restart;
wait_for_row('clicks', q{reason LIKE '%max_workers" (2) is reached; its slot keeps the log for it'});
wait_for_row(FraiseqlNode::STREAM, q{state = 'streaming'});
$place = $node->safe_psql('postgres', q{INSERT INTO tb_click VALUES (3); SELECT pg_current_wal_flush_lsn()});
wait_for_row(FraiseqlNode::STREAM, "confirmed_lsn >= '$place' AND reason IS NULL");
pass('a stream with a slot of its own does not make the slot of the default stream stay');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.unobserve('tb_order'), fraiseql_nats.drop_stream('orders')});
$nats->wait_for_messages('clicks', 3);
is(ids_of('clicks'), '1 2 3', 'it takes the place of one that is dropped');

# So does a stream without a slot.
$node->psql('postgres', q{
SELECT fraiseql_nats.create_stream('more', '{more.>}', subject_prefix => 'more');
SELECT fraiseql_nats.observe('tb_order', name => 'more', stream => 'more', format => 'row');
INSERT INTO tb_order VALUES (10);
});
is(field('more', 'state'), 'stopped', 'another without a worker');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.unobserve('tb_click'), fraiseql_nats.drop_stream('clicks')});
$nats->wait_for_messages('more', 1);
is(ids_of('more'), '10', 'a stream without a slot does, too');
$node->wait_drained('postgres');

# The slot of the default stream is lost while it keeps the log for a stream that has none.
$node->configure(wal_keep_size => 0, max_slot_wal_keep_size => '32MB');
$node->reload;
my $number = $node->safe_psql('postgres', q{
SELECT fraiseql_nats.create_stream('late', '{late.>}', subject_prefix => 'late', topic_prefix => 'late');
SELECT fraiseql_nats.observe('tb_order', name => 'late', stream => 'late', format => 'row');
INSERT INTO tb_order VALUES (11);
SELECT number FROM fraiseql_nats.stream WHERE name = 'late';
}) =~ s/.*\n//sr;
$node->safe_psql('postgres', q{SELECT pg_logical_emit_message(false, 'test', ''), pg_switch_wal()}) for 1 .. 5;
$node->safe_psql('postgres', 'CHECKPOINT');
$node->wait_for_sql('postgres', q{SELECT count(*) > 1 FROM fraiseql_nats.gap WHERE stream IN ('fraiseql_events', 'late')}, 'there are gaps');
is($node->safe_psql('postgres', q{SELECT bool_and(to_lsn IS NULL AND from_lsn IS NOT NULL) FROM fraiseql_nats.gap WHERE stream = 'late'}), 't', 'its gap has begun');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.unobserve('more'), fraiseql_nats.drop_stream('more')});
$node->wait_for_sql('postgres', q{SELECT count(*) = 1 AND bool_and(from_lsn < to_lsn AND reason LIKE '%max_slot_wal_keep_size%') FROM fraiseql_nats.gap WHERE stream = 'late'}, 'the gap ends');
like($node->safe_psql('postgres', q{SELECT slot FROM fraiseql_nats.gap WHERE stream = 'late'}), qr/^fraiseql_nats_\d+_$number$/, 'a stream without a slot has a gap if the slot that kept the log for it is lost');
wait_for_row('late', q{state = 'streaming'});
is(field('late', 'gaps'), 1, 'and status() counts it');
$node->safe_psql('postgres', 'INSERT INTO tb_order VALUES (12)');
$nats->wait_for_messages('late', 2);
is(ids_of('late'), '? 12', 'what comes then is published, behind the message of the gap');

# A transaction that does not commit holds nothing.
$node->psql('postgres', q{BEGIN; SELECT fraiseql_nats.create_stream('none', '{none.>}'); ROLLBACK;});
$node->wait_drained('postgres');
pass('a stream that is rolled back does not make the slot stay');

done_testing();
