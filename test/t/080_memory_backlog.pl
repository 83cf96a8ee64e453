# SPDX-License-Identifier: PostgreSQL
#
# The worker's memory does not depend on how much there is to publish: bounded with a backlog, and the
# same after a third of it as in the end.
#
#   BACKLOG   messages; 300,000 unless set

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use constant {
    MESSAGES    => $ENV{BACKLOG} // 300_000,
    TRANSACTION => 10,
    MEMORY_MB   => 100,
    GROWTH_MB   => 16,
};
alarm(FraiseqlNode::FILE_TIMEOUT + MESSAGES / 3000);

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    fsync        => 'off',
    max_wal_size => '8GB',
    # Else the broker takes 240 bytes for each message.
    'fraiseql_nats.dedup_window' => '1s',
);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_entry (id bigserial, note text);
SELECT fraiseql_nats.observe('tb_entry');
END
$node->wait_drained('postgres');
$nats->stop;

my $transactions = MESSAGES / TRANSACTION;
my $rows         = TRANSACTION;
$node->safe_psql('postgres', <<"END", timeout => 3600);
DO \$\$
BEGIN
    FOR i IN 1 .. $transactions LOOP
        INSERT INTO tb_entry (note) SELECT 'note ' || g FROM generate_series(1, $rows) g;
        COMMIT;
    END LOOP;
END \$\$;
END
$node->restart;
my $pid = $node->wait_for_worker('postgres');
$nats->start;

# Memory of the process's own, without the shared buffers that it happens to have looked at.
sub own_memory_mb {
    my ($kb) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
    return $kb / 1024;
}

$nats->wait_for_messages(FraiseqlNode::STREAM, MESSAGES / 3, 3600);
my $early   = own_memory_mb();
my $largest = 0;
FraiseqlNode::wait_until(
    'all is stored',
    sub {
        my $now = own_memory_mb();
        $largest = $now if $largest < $now;
        return $nats->stream_count(FraiseqlNode::STREAM) >= MESSAGES;
    },
    3600
);
$node->wait_drained('postgres');
my $peak = FraiseqlNode::peak_memory_mb($pid);
note(sprintf '%d messages: own memory %.1f MB after a third, at most %.1f MB later; peak %.1f MB in all',
    MESSAGES, $early, $largest, $peak);
cmp_ok($peak,    '<', MEMORY_MB,           'the worker never had more memory');
cmp_ok($largest, '<', $early + GROWTH_MB, 'and it did not grow with what it published');
is($node->worker_pid('postgres'), $pid, 'it is one and the same process');
is($nats->stream_count(FraiseqlNode::STREAM), MESSAGES, 'each message is stored once');

done_testing();
