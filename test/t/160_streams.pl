# SPDX-License-Identifier: PostgreSQL
#
# Each stream of a database has a worker and a slot of its own, from the commit that adds it to the
# one that drops it.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');

my $slots = "SELECT string_agg(regexp_replace(slot_name, '^fraiseql_nats_\\d+', ''), ',' ORDER BY slot_name)"
  . " FROM pg_replication_slots WHERE database = current_database() AND active";
my $workers = "SELECT count(*) FROM pg_stat_activity"
  . " WHERE backend_type = 'fraiseql_nats worker' AND datname = current_database()";

sub slots_are {
    my ($expected, $name) = @_;
    ok($node->poll_query_until('postgres', "SELECT coalesce(($slots), 'none') = '$expected'"), $name)
      or diag($node->safe_psql('postgres', 'SELECT * FROM pg_replication_slots'));
}

slots_are('', 'the default stream has a slot');
$node->safe_psql('postgres', q{
BEGIN;
SELECT fraiseql_nats.create_stream('gone', '{gone.>}');
ROLLBACK;
BEGIN;
SAVEPOINT a;
SELECT fraiseql_nats.create_stream('gone', '{gone.>}');
ROLLBACK TO a;
COMMIT;
SELECT fraiseql_nats.create_stream('clicks', '{click.>}', storage => 'memory');
SELECT fraiseql_nats.create_stream('orders', '{order.>}', max_age => '1 year');
});
slots_are(',_3,_4', 'a stream that is added has one, and one that is rolled back has none');
is($node->safe_psql('postgres', $workers), 3, 'each has a worker');

$node->restart;
slots_are(',_3,_4', 'so it is after a restart');

# As if the server had stopped between the commit that dropped stream 99 and the end of its slot.
$node->safe_psql('postgres', q{
SELECT pg_copy_logical_replication_slot(slot_name, slot_name || '_99', false, 'pgoutput') FROM pg_replication_slots
WHERE slot_name = 'fraiseql_nats_' || (SELECT oid FROM pg_database WHERE datname = 'postgres')
});
$node->restart;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_replication_slots WHERE slot_name LIKE '%\_99'}),
    'a slot whose stream was dropped before a restart is dropped after it');
slots_are(',_3,_4', 'and no other is');

# A stream that has no slot yet when the server stops, and then another transaction that changes the
# streams is in progress for as long as the default stream goes on.
$node->append_conf('postgresql.conf', 'fraiseql_nats.enabled = off');
$node->reload;
ok($node->poll_query_until('postgres', "SELECT ($workers) = 0"), 'the workers have ended');
$node->safe_psql('postgres', q{
CREATE TABLE tb_item (id int PRIMARY KEY);
BEGIN;
SELECT fraiseql_nats.create_stream('items', '{item.>}');
SELECT fraiseql_nats.observe('tb_item', subject => 'item.{column:id}');
SELECT fraiseql_nats.observe('tb_item', subject => 'fraiseql.item', name => 'too');
COMMIT;
});
$node->stop('immediate');
$node->start;
my $session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; SELECT fraiseql_nats.create_stream('others', '{other.>}')});
$node->append_conf('postgresql.conf', 'fraiseql_nats.enabled = on');
$node->reload;
for my $id (1 .. 2) {
    $node->safe_psql('postgres', "INSERT INTO tb_item VALUES ($id)");
    FraiseqlNode::wait_until('the default stream has it',
        sub { $id == grep { $_->{subject} eq 'fraiseql.item' } $nats->stream_messages(FraiseqlNode::STREAM) });
}
$session->query_safe('COMMIT');
$session->quit;
ok(eval { FraiseqlNode::wait_until('the stream has it',
    sub { grep { $_->{subject} eq 'item.2' } $nats->stream_messages('items') }, 30); 1 },
    'a stream whose slot is made after a restart is published');
is(join(' ', map { $_->{subject} } $nats->stream_messages('items')), 'item.1 item.2', 'from its commit on');
$node->safe_psql('postgres', q{
SELECT fraiseql_nats.unobserve('tb_item'), fraiseql_nats.drop_stream('items'), fraiseql_nats.drop_stream('others')});
slots_are(',_3,_4', 'both leave no slot');

my ($code, $out, $error) = $node->psql('postgres',
    q{SELECT fraiseql_nats.create_stream('wrong', '{w.>}', storage => 'tape')});
like($error, qr/invalid value for parameter "fraiseql_nats.storage": "tape"/, 'a wrong value is an error');
($code, $out, $error) = $node->psql('postgres', q{
BEGIN;
SELECT fraiseql_nats.create_stream('twice', '{tw.>}');
PREPARE TRANSACTION 'x';
});
like($error, qr/cannot PREPARE a transaction that has changed fraiseql_nats.stream|disabled/,
    'a transaction that adds one is not prepared');

$node->safe_psql('postgres', q{SELECT fraiseql_nats.drop_stream('clicks')});
slots_are(',_4', 'a stream that is dropped leaves no slot');

# --- Deleted at the broker as well ----------------------------------------------------------------

$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_stream('brief', '{brief.>}')});
my $brief = $node->safe_psql('postgres', q{SELECT number FROM fraiseql_nats.stream WHERE name = 'brief'});
slots_are(",_4,_$brief", 'another stream');
FraiseqlNode::wait_until('the stream is made', sub { $nats->stream_info('brief') });
$node->safe_psql('postgres', q{
BEGIN; SELECT fraiseql_nats.drop_stream('brief', from_broker => true); ROLLBACK;
BEGIN; SAVEPOINT a; SELECT fraiseql_nats.drop_stream('brief', from_broker => true); ROLLBACK TO a; COMMIT;
});
ok($nats->stream_info('brief'), 'a stream whose drop is rolled back stays at the broker');
($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.drop_stream('default', from_broker => true)});
like($error, qr/does not exist|cannot be deleted/, 'the default stream is not deleted');
$nats->stop;
($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.drop_stream('brief', from_broker => true)});
like($error, qr/not reachable|could not connect|onnection/, 'without a broker the stream cannot be deleted');
slots_are(",_4,_$brief", 'and is as it was, with a worker');
$nats->start;
$node->safe_psql('postgres', q{SELECT fraiseql_nats.drop_stream('brief', from_broker => true)});
ok(!$nats->stream_info('brief'), 'with one, it is gone at the commit');
slots_are(',_4', 'without a slot left');
ok(!$nats->stream_info('brief'), 'and nobody makes it again');

$node->safe_psql('postgres', 'DROP EXTENSION fraiseql_nats');
slots_are('none', 'DROP EXTENSION leaves none');
ok($node->poll_query_until('postgres',
    'SELECT count(*) = 0 FROM pg_replication_slots'), 'nor an inactive one');

$node->safe_psql('postgres', q{
BEGIN;
CREATE EXTENSION fraiseql_nats;
SELECT fraiseql_nats.create_stream('clicks', '{click.>}');
COMMIT;
});
slots_are(',_1', 'a stream can be added with the extension');
$node->safe_psql('postgres', q{
BEGIN;
DROP EXTENSION fraiseql_nats;
CREATE EXTENSION fraiseql_nats;
SELECT fraiseql_nats.create_stream('clicks', '{click.>}');
COMMIT;
});
slots_are(',_1', 'both can be made anew in one transaction');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE postgres');
$node->safe_psql('copy',     'DROP EXTENSION fraiseql_nats');
$node->safe_psql('template1', 'DROP DATABASE postgres');
is($node->safe_psql('template1', q{SELECT count(*) FROM pg_replication_slots}),
    0, 'DROP DATABASE leaves none');
$node->stop;
done_testing();
