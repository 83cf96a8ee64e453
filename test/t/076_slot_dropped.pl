# SPDX-License-Identifier: PostgreSQL
#
# Somebody drops the slot by hand: the worker makes another, and the changes in between are a gap that
# begins behind what the stream holds, and ends where publishing goes on.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.gap'), 0, 'a first slot is no gap');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 100)});
$node->stream_equals_ledger('postgres', $nats, 'changes before');
my @before = $node->messages_of('postgres', $nats);
my ($last) = $before[-1]{headers}{'Fraiseql-Position'} =~ /^([^:]+):/;

sub drop_slot {
    $node->configure('fraiseql_nats.enabled' => 'off');
    $node->reload;
    $node->wait_until_state('postgres', 'disabled');
    FraiseqlNode::wait_until('the worker has left', sub { !$node->worker_pid('postgres') });
    $node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 2, generate_series(1, 10)});
    $node->safe_psql('postgres', 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
    $node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 3, generate_series(1, 10)});
    $node->safe_psql('postgres', 'DELETE FROM ledger');
    $node->configure('fraiseql_nats.enabled' => 'on');
    return;
}
drop_slot();
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 4, generate_series(1, 10)});
$node->wait_drained('postgres');

is(FraiseqlNode::unpadded_lsn($node->safe_psql('postgres', q{SELECT from_lsn, reason FROM fraiseql_nats.gap})),
    "$last|the slot was dropped", 'the gap begins with the last transaction in the stream');
my @all = $node->messages_of('postgres', $nats);
my @after = grep { $_->{seq} > $before[-1]{seq} } @all;
is((shift @after)->{subject}, 'fraiseql.gap', 'its message is the next one');
is_deeply([Ledger::problems(\@after, $node->ledger_rows('postgres'))], [], 'then all that was changed since');
is($node->safe_psql('postgres', q{SELECT count(*) FROM fraiseql_nats.gap g, fraiseql_nats.slot s WHERE g.to_lsn = s.position}),
    1, 'the gap ends where the new slot begins');

# A gap that was dealt with.
$node->safe_psql('postgres', 'DELETE FROM fraiseql_nats.gap');
is($node->status('postgres', 'gaps'), 0, 'a gap that is deleted counts no more');

# Killed between any two steps, it is told of once all the same.
$nats->stop;
drop_slot();
$node->reload;
$node->wait_for_sql('postgres', 'SELECT count(*) = 1 FROM pg_replication_slots', 'the new slot is made');
$node->wait_for_sql('postgres', 'SELECT count(*) = 1 FROM fraiseql_nats.gap', 'the gap is begun');
like($node->safe_psql('postgres', q{SELECT from_lsn IS NULL AND to_lsn IS NULL FROM fraiseql_nats.gap}), qr/t/, 'and open');
for (1 .. 2) {
    $node->stop('immediate');
    $node->start;
    $node->wait_until_state('postgres', 'waiting');
}
$nats->start;
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
is($node->status('postgres', 'gaps'), 1, 'server killed: one gap');
is(scalar(my @gaps = $nats->stream_messages(FraiseqlNode::STREAM, filter_subject => 'fraiseql.gap')),
    2, 'one message more');

# DROP EXTENSION ends the story of a database.
$node->safe_psql('postgres', 'DROP EXTENSION fraiseql_nats');
$node->wait_for_sql('postgres', 'SELECT count(*) = 0 FROM pg_replication_slots', 'the slot is gone');
$node->create_extension('postgres');
is($node->status('postgres', 'gaps'), 0, 'another CREATE EXTENSION begins anew');

# A database that is made of another one has no past of its own.
$node->safe_psql('template1', 'CREATE DATABASE other TEMPLATE postgres');
$node->wait_until_state('other', 'streaming');
is($node->safe_psql('other', q{SELECT count(*) FROM fraiseql_nats.gap}), 0, 'a copied database begins anew, too');

# Not published when the stream would not take it: it would stand in the way of all the rest.
$nats->update_stream(FraiseqlNode::STREAM, subjects => ['fraiseql.mutation.>', 'fraiseql.note.>']);
drop_slot();
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_item')});
$node->safe_psql('postgres', 'DELETE FROM ledger');
$nats->purge_stream(FraiseqlNode::STREAM);
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) VALUES (5, 5)});
$node->stream_equals_ledger('postgres', $nats, 'a stream without the subject of gaps');
is($node->status('postgres', 'gaps'), 1, 'has gaps all the same');
like($node->safe_psql('postgres', q{SELECT reason FROM fraiseql_nats.gap}), qr/dropped/, 'with their reason');

done_testing();
