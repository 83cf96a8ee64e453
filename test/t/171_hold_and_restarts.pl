# SPDX-License-Identifier: PostgreSQL
#
# While the default stream's slot waits for the slot of a new stream, its position stays, and each
# worker reads again what is published already: nothing is published twice, with confirm_delay or
# without, however often workers end.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, max_replication_slots => 1,
    'fraiseql_nats.confirm_delay' => '10ms', 'fraiseql_nats.dedup_window' => '1s');
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_item (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_item', subject => 'fraiseql.item.{column:id}');
});

sub subjects { return join ' ', map { $_->{subject} } $nats->stream_messages(FraiseqlNode::STREAM) }

sub confirmed { return $node->safe_psql('postgres', 'SELECT confirmed_flush_lsn FROM pg_replication_slots') }

$node->safe_psql('postgres', 'INSERT INTO tb_item VALUES (1)');
$node->wait_drained('postgres');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_stream('late', '{late.>}')});
ok($node->poll_query_until('postgres',
    q{SELECT count(*) = 1 FROM fraiseql_nats.status() WHERE stream = 'late' AND reason LIKE '%slots are in use%'}),
    'a new stream gets no slot');
my $position = confirmed();
for my $id (2 .. 4) {
    $node->safe_psql('postgres', "INSERT INTO tb_item VALUES ($id)");
    FraiseqlNode::wait_until("the stream has row $id", sub { subjects() =~ /item\.$id$/ });
}
# Two intervals at which the mark is saved, and the window in which the broker knows an id again.
my $begin = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
$node->poll_query_until('postgres', "SELECT clock_timestamp() > '$begin'::timestamptz + '1500 ms'");
is(confirmed(), $position, 'the slot of the default stream waits for it');
$node->restart;
$node->safe_psql('postgres', 'INSERT INTO tb_item VALUES (5)');
FraiseqlNode::wait_until('the stream has row 5', sub { subjects() =~ /item\.5/ });
is(subjects(), join(' ', map { "fraiseql.item.$_" } 1 .. 5), 'nothing is published twice after a restart');

$node->configure('fraiseql_nats.confirm_delay' => '0');
$node->restart;
$node->safe_psql('postgres', q{
DO $$ BEGIN FOR i IN 1 .. 3000 LOOP INSERT INTO tb_item SELECT 10 * i + g FROM generate_series(0, 9) g; COMMIT; END LOOP; END $$});
FraiseqlNode::wait_until('the stream has the last row', sub { $nats->client->stream_count(FraiseqlNode::STREAM) >= 30_005 });
$begin = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
$node->poll_query_until('postgres', "SELECT clock_timestamp() > '$begin'::timestamptz + '1500 ms'");
my $active = 'SELECT active_pid FROM pg_replication_slots WHERE active';
for (1 .. 15) {
    my $pid = FraiseqlNode::wait_until('a worker reads', sub { $node->safe_psql('postgres', $active) });
    $node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
    FraiseqlNode::wait_until('it has ended', sub { $node->safe_psql('postgres', $active) ne $pid });
}
is(confirmed(), $position, 'the slot waits still');
$node->safe_psql('postgres', 'INSERT INTO tb_item VALUES (6)');
FraiseqlNode::wait_until('the stream has row 6', sub { subjects() =~ /item\.6( |$)/ });
is($nats->client->stream_count(FraiseqlNode::STREAM), 30_006, 'nothing is published twice after many');
$node->stop;
done_testing();
