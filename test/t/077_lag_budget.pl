# SPDX-License-Identifier: PostgreSQL
#
# The server log warns while max_slot_wal_keep_size is being used up, once for each step; status()
# shows how much is left.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, wal_keep_size => 0);
$node->create_extension('postgres');
$node->create_item_table('postgres');
is($node->status('postgres', 'safe_wal_size'), '', 'without a limit all is safe');
$node->configure(max_slot_wal_keep_size => '320MB');
$node->reload;
$node->wait_for_sql('postgres', 'SELECT safe_wal_size > 300000000 FROM fraiseql_nats.status()', 'the limit is seen');

my $warning = qr/WARNING: +replication slot "fraiseql_nats_\d+" of stream "fraiseql_events" has used (\d+) % of "max_slot_wal_keep_size"/;

sub percents {
    my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
    return join ' ', $log =~ /$warning/g;
}

# Each segment is a twenty-first part of what is allowed, more or less.
sub use_up {
    my ($segments) = @_;
    $node->safe_psql('postgres', q{SELECT pg_logical_emit_message(true, 'test', ''), pg_switch_wal()}) for 1 .. $segments;
    return;
}
$nats->stop;
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) VALUES (1, 1)});
FraiseqlNode::wait_until('the broker is missed', sub { $node->status('postgres', 'state') ne 'streaming' });
use_up(7);
is(percents(), '', 'no warning at a third');
for my $step ([5, qr/^5\d$/], [6, qr/^5\d 8\d$/], [2, qr/^5\d 8\d 9\d$/]) {
    my ($segments, $expected) = @$step;
    use_up($segments);
    FraiseqlNode::wait_until("the log says $expected", sub { percents() =~ $expected });
    pass("warnings so far: ${\ percents()}");
}
is($node->safe_psql('postgres', <<'END'), 't', 'status() shows what pg_replication_slots does');
SELECT abs(s.safe_wal_size - r.safe_wal_size) < 65536 FROM fraiseql_nats.status() s, pg_replication_slots r
END
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
like($log, qr/DETAIL: +Changes that are not published before it is used up are lost; \d+ MB of log are left/, 'what it means');
like($log, qr/HINT: .*increase "max_slot_wal_keep_size"/, 'and what to do');

# Also before the slot is acquired: the broker is away when the server starts.
$node->restart;
$node->wait_until_state('postgres', 'waiting');
FraiseqlNode::wait_until('another worker warns as well', sub { percents() =~ /^5\d 8\d 9\d 9\d$/ });
pass('a worker that waits for the broker warns, too');

$nats->start;
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'nothing was lost');
$node->safe_psql('postgres', 'CHECKPOINT');    # the slot lets go of log at such a place only
FraiseqlNode::wait_until('the log says that it is over', sub { $node->log_count(qr/within its budget of log again/) });
is($node->status('postgres', 'gaps'), 0, 'no gap');
like(percents(), qr/^5\d 8\d 9\d 9\d$/, 'no more warnings');

done_testing();
