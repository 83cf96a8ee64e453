# SPDX-License-Identifier: PostgreSQL
#
# However often settings are changed and reloaded, and the connection with them renewed: the worker has
# no more descriptors, threads and memory than before.
#
#   RELOADS   how often; 60 unless set

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use constant {
    RELOADS   => $ENV{RELOADS} // 60,
    WARM_UP   => 20,
    SLACK     => 5,    # what manages the stream comes and goes
    GROWTH_MB => 6,
};
alarm(FraiseqlNode::FILE_TIMEOUT + RELOADS / 4);

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, fsync => 'off');
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
CREATE PROCEDURE wait_until_reconnected(times bigint) LANGUAGE plpgsql AS $$
BEGIN
    WHILE (SELECT reconnects < times OR state <> 'streaming' FROM fraiseql_nats.status()) LOOP
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;
END

my $reloads = 0;

sub reload_often {
    my ($times) = @_;
    my $sql = '';
    for (1 .. $times) {
        ++$reloads;
        $sql .= <<"END";
ALTER SYSTEM SET fraiseql_nats.subject_prefix = 'fraiseql.mutation.r$reloads';
ALTER SYSTEM SET fraiseql_nats.transaction_buffer = ${\ (1000 + $reloads)};
SELECT pg_reload_conf();
CALL wait_until_reconnected($reloads);
INSERT INTO tb_item (session, n) VALUES (1, $reloads);
END
    }
    $node->safe_psql('postgres', $sql, timeout => 3600);
    $node->wait_drained('postgres');
    return;
}

my $pid = $node->worker_pid('postgres');

sub holdings {
    my ($kb) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
    return (
        files   => scalar(my @files   = glob "/proc/$pid/fd/*"),
        threads => scalar(my @threads = glob "/proc/$pid/task/*"),
        mb      => $kb / 1024,
    );
}

reload_often(WARM_UP);
my %before = holdings();
reload_often(RELOADS);
my %after = holdings();
cmp_ok($after{$_}, '<=', $before{$_} + SLACK, "no more $_") for qw(files threads);
cmp_ok($after{mb}, '<', $before{mb} + GROWTH_MB, 'no more memory');
note(sprintf '%d reloads: %s %d -> %d, %s %d -> %d, %.1f MB -> %.1f MB',
    RELOADS, (map { ($_, $before{$_}, $after{$_}) } qw(files threads)), $before{mb}, $after{mb});
is($node->worker_pid('postgres'), $pid, 'it is one and the same process');
$node->stream_equals_ledger('postgres', $nats, 'and nothing is lost');

done_testing();
