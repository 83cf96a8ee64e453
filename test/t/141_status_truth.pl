# SPDX-License-Identifier: PostgreSQL
#
# status() tells the truth when nothing works: after a restart without the broker, with publishing
# switched off, without a launcher; what was lost is told of until somebody acknowledges it.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.confirm_delay' => '1min');
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $toml = $node->data_dir . '/fraiseql-observer.toml';

sub wait_for {
    my ($columns, $pattern, $what) = @_;
    my $last = '';
    my $ok = eval {
        FraiseqlNode::wait_until($what,
            sub { ($last = $node->try_sql('postgres', "SELECT concat_ws('|', $columns) FROM fraiseql_nats.status()") // '') =~ $pattern }, 20);
    };
    return ok($ok, $what) || diag($last);
}

# A loss of what was acknowledged.
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 20)');
FraiseqlNode::wait_until('all is acknowledged', sub { $node->status('postgres', 'messages_acked') >= 20 });
like($node->status('postgres', 'stats_since > pg_postmaster_start_time()'), qr/^t$/, 'the counters say since when');
$nats->delete_stream(FraiseqlNode::STREAM);
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 1)');
$node->wait_for_sql('postgres', 'SELECT count(*) = 1 FROM fraiseql_nats.alarm', 'the alarm is in the table');
my $alarm = $node->safe_psql('postgres', 'SELECT message FROM fraiseql_nats.alarm');
isnt($node->status('postgres', 'alarm'), '', 'status() has it');
$node->restart;
wait_for('alarm', qr/^\Q$alarm\E$/, 'also after a restart');
isnt($node->psql('postgres', 'SELECT fraiseql_nats.acknowledge_alarm(77)'), 0, 'there is no such alarm');
$node->safe_psql('postgres', 'SELECT fraiseql_nats.acknowledge_alarm(id) FROM fraiseql_nats.alarm');
is($node->status('postgres', 'alarm'), '', 'it is acknowledged');
is($node->safe_psql('postgres', 'SELECT kind, acknowledged_at IS NOT NULL, acknowledged_by = session_user FROM fraiseql_nats.alarm'), 'loss|t|t', 'by whom');
$node->configure('fraiseql_nats.confirm_delay' => undef);
$node->reload;
$node->wait_drained('postgres');

# After a restart with the broker away.
$nats->stop;
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 5000)');
my $committed = time();
$node->restart;
wait_for('state, lag_bytes > 100000', qr/^(waiting|connecting)\|t$/, 'broker away after a restart: lag in bytes');
wait_for('lag_seconds > 1', qr/^t$/, 'and in seconds, from the first commit on');
my $age = time() - $committed;
cmp_ok($node->status('postgres', 'lag_seconds'), '<', $age + time_limit(5), 'not more than that');

# Switched off, by the setting and by the file.
$node->configure('fraiseql_nats.enabled' => 'off');
$node->reload;
wait_for('state, reason, lag_bytes > 100000, lag_seconds > 1', qr/^disabled\|.*log is kept.*\|t\|t$/, 'enabled = off: the log is kept');
is($node->log_count(qr/LOG:  publishing is switched off\n.*DETAIL:  The log is kept/), 1, 'the log of the server has it');
my $ended = $node->log_count(qr/exited with exit code 1/);
$node->configure('fraiseql_nats.enabled' => undef);
PostgreSQL::Test::Utils::append_to_file($toml, "[observers]\nenabled = false\n");
$node->reload;
wait_for('state, reason', qr/^disabled\|publishing is switched off by fraiseql-observer.toml:2:1/, 'switched off in the file');
unlink $toml;
$nats->start;
$node->reload;
$node->wait_drained('postgres');
is(scalar($node->messages_of('postgres', $nats)), 5021, 'everything is published in the end');
is($node->log_count(qr/exited with exit code 1/), $ended, 'no process has ended with an error at a reload');
cmp_ok($node->status('postgres', 'lag_seconds'), '<', time_limit(1), 'no lag');

# A stream that does not follow the settings.
$node->configure('fraiseql_nats.max_age' => '30d');
$node->reload;
wait_for('state, stream_drift', qr/^streaming\|max_age is .*, not 2592000 s$/, 'the stream does not follow a setting');
$node->safe_psql('postgres', 'SELECT fraiseql_nats.stream_sync()');
wait_for('state, stream_drift', qr/^streaming\|?$/, 'stream_sync() mends it');

# A worker that ends with the same error again and again.
$node->safe_psql('postgres', 'ALTER TABLE fraiseql_nats.slot RENAME TO slot_taken');
kill 'TERM', $node->worker_pid('postgres');
wait_for('state, reason', qr/^stopped\|the worker has ended with an error.*does not exist/, 'a loop of errors');
$node->safe_psql('postgres', 'ALTER TABLE fraiseql_nats.slot_taken RENAME TO slot');
$node->wait_until_state('postgres', 'streaming');

# Texts are cut between characters.
PostgreSQL::Test::Utils::append_to_file($toml, "[observers]\n" . ('"' . 'ä€' x 150 . '"') . " = 1\n");
$node->reload;
wait_for(q{reason, convert_from(convert_to(reason, 'UTF8'), 'UTF8') = reason}, qr/not applied.*\|t$/s, 'a long text is whole characters');
unlink $toml;

# No place for the launcher.
$node->configure(max_worker_processes => 0);
$node->restart;
wait_for('state, reason, hint', qr/^stopped\|the launcher does not run\|.*max_worker_processes/, 'no place for the launcher');
is($node->log_count(qr/PANIC|FATAL:  (?!terminating)|TRAP/), 0, 'nothing grave in the log');

done_testing();
