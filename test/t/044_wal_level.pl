# SPDX-License-Identifier: PostgreSQL
#
# Without wal_level = logical everything else works, status() and the log say what to set, the log
# once, and after the restart it works.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my ($needed, $below) = FraiseqlNode::wal_levels();
my $node = FraiseqlNode->new_node('main', $nats, wal_level => $below, max_wal_senders => 0);
$node->create_extension('postgres', state => 'misconfigured');
like($node->status('postgres', 'reason'), qr/wal_level/, 'the reason');
like($node->status('postgres', 'hint'), qr/wal_level.*$needed.*restart/s, 'what to do');
my $pid = $node->worker_pid('postgres');

my $took = FraiseqlNode::seconds(
    sub { $node->safe_psql('postgres', 'CREATE TABLE tb_item (id int); INSERT INTO tb_item VALUES (1)') });
cmp_ok($took, '<', time_limit(5), 'ordinary work goes on');
# Whatever makes the worker look again.
for (1 .. 3) {
    my $asked = $node->log_count(qr/received SIGHUP/);
    $node->reload;
    FraiseqlNode::wait_until('the reload is done',
        sub { $node->log_count(qr/received SIGHUP/) > $asked });
    $node->safe_psql('postgres', 'INSERT INTO tb_item VALUES (1)');
}
is($node->log_count(qr/: .*wal_level.*not.*$needed/), 1, 'the log says it once');
is($node->worker_pid('postgres'), $pid, 'nothing loops');
my (undef, undef, $refused) = $node->psql('postgres', q{CALL fraiseql_nats.backfill('tb_item')});
like($refused, qr/cannot backfill: "wal_level" is not "$needed"/, 'a backfill says what is wrong');

$node->configure(wal_level => 'logical');
$node->restart;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_item'); INSERT INTO tb_item VALUES (2)});
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), 1, 'with it, it works');

done_testing();
