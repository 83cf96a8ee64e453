# SPDX-License-Identifier: PostgreSQL
#
# What a session asks of the broker is asked by a process of its own: the session has one thread,
# whatever happens to it while it waits; it can be cancelled and terminated at any moment, and then the
# process goes, too; and neither holds up DROP DATABASE or a shutdown.

use strict;
use warnings;

use BlackHole;
use FraiseqlNode;
use IPC::Run;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');

# A session that is cancelled and then ends, often enough to meet every moment of the call.
sub start_psql {
    my ($db, @commands) = @_;
    my $self = {output => ''};
    $self->{run} = IPC::Run::start(['psql', '-XAt', '-d', $node->connstr($db), map { ('-c', $_) } @commands],
        '<', '/dev/null', '&>', \$self->{output});
    return $self;
}
sub finish_psql {
    my ($psql) = @_;
    IPC::Run::finish($psql->{run});
    return $psql->{output};
}
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my ($answers, $cancelled, $other) = (0, 0, '');
for my $round (1 .. 60) {
    my @sessions = map {
        my $ms = 1 + ($round * 3 + $_) % 25;
        start_psql('postgres', "SET statement_timeout = '${ms}ms'", 'SELECT count(*) FROM fraiseql_nats.consumers()')
    } 0 .. 2;
    for (map { finish_psql($_) } @sessions) {
        if    (/^SET\n\d+\n$/)                               { ++$answers }
        # One that comes at the very end of a statement Postgres takes for a request.
        elsif (/canceling statement due to (statement timeout|user request)/) { ++$cancelled }
        else                                                 { $other .= $_ }
    }
}
note "$answers answers, $cancelled cancelled";
is($other, '', 'a call gives an answer or is cancelled');
cmp_ok($cancelled, '>', 0, 'some are cancelled');
is($node->log_count('terminated by signal|PANIC|TRAP'), 0, 'no session dies of it');
is($node->log_count('reinitializing'),                  0, 'and the server never restarts');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM fraiseql_nats.stream_info()'), 't', 'calls go on');

# A broker that never answers.
my $hole = BlackHole->new;
sub point_to_hole {
    $node->configure('fraiseql_nats.url' => $hole->url, 'fraiseql_nats.connect_timeout' => '60s');
    $node->reload;
    $node->wait_for_sql('postgres', "SELECT current_setting('fraiseql_nats.connect_timeout') = '1min'");
    return;
}
my $calls = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats call'};
sub wait_for_calls {
    my ($count) = @_;
    return $node->wait_for_sql('template1', "SELECT ($calls) = $count", "there are $count calls under way", 10);
}
sub session_pid {
    return $node->safe_psql('template1', q{SELECT pid FROM pg_stat_activity WHERE query = 'SELECT fraiseql_nats.stream_info()'});
}
sub start_call {
    my ($db, @before) = @_;
    my $psql = start_psql($db, @before, 'SELECT fraiseql_nats.stream_info()');
    wait_for_calls(1);
    return $psql;
}

point_to_hole();
my $psql = start_call('postgres');
my $pid  = session_pid();
is(scalar(my @threads = glob "/proc/$pid/task/*"), 1, 'the session that waits has one thread');
like($node->safe_psql('postgres', q{SELECT query FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats call'}),
    qr/^stream_info for session $pid of database "postgres"/, 'pg_stat_activity shows for whom the call is');
$node->safe_psql('template1', "SELECT pg_cancel_backend($pid)");
like(finish_psql($psql), qr/canceling statement due to user request/, 'it can be cancelled');
wait_for_calls(0);
pass('and the process of the call goes');

my $seconds = FraiseqlNode::seconds(sub { $psql = finish_psql(start_call('postgres', "SET statement_timeout = '1s'")) });
like($psql, qr/canceling statement due to statement timeout/, 'statement_timeout holds');
cmp_ok($seconds, '<', time_limit(5), 'at once');
wait_for_calls(0);

$psql = start_call('postgres');
$node->safe_psql('template1', 'SELECT pg_terminate_backend(' . session_pid() . ')');
like(finish_psql($psql), qr/terminating connection due to administrator command/, 'a session that waits can be terminated');
wait_for_calls(0);

$psql = start_call('postgres');
$node->safe_psql('template1', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats call'});
like(finish_psql($psql), qr/ERROR: .*ended without an answer.*HINT:/s, 'a process that is terminated is told of');

# A transaction goes on after it: nothing is left behind by a savepoint that is rolled back.
my ($status, $out) = $node->psql('postgres', <<'SQL', on_error_stop => 0);
BEGIN;
SAVEPOINT s;
SET LOCAL statement_timeout = '300ms';
SELECT count(*) FROM fraiseql_nats.consumers();
ROLLBACK TO s;
SELECT 'on it goes';
COMMIT;
SQL
is($out, 'on it goes', 'a savepoint catches the cancelled call');
wait_for_calls(0);

# So many calls at once, and no more: of 16 background workers a quarter.
my @many = map { start_psql('postgres', 'SELECT fraiseql_nats.stream_info()') } 1 .. 7;
$node->wait_for_sql('template1', q{SELECT count(*) = 3 FROM pg_stat_activity WHERE wait_event = 'advisory'}, 'three calls wait for their turn');
wait_for_calls(4);
$node->safe_psql('template1', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory'});
$node->wait_for_sql('template1', q{SELECT count(*) = 4 FROM pg_stat_activity WHERE query = 'SELECT fraiseql_nats.stream_info()'}, 'and can be cancelled');
$node->safe_psql('template1', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT fraiseql_nats.stream_info()'});
is(scalar(grep { finish_psql($_) =~ /canceling statement due to user request/ } @many), 7, 'at most a quarter of the workers make calls');
wait_for_calls(0);
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'no turn is kept');

# Nobody waits for it.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other',    'CREATE EXTENSION fraiseql_nats');
$psql    = start_call('other');
$seconds = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)') });
cmp_ok($seconds, '<', time_limit(5), 'DROP DATABASE does not wait for a call');
like(finish_psql($psql), qr/terminating connection/, 'the session is terminated');
wait_for_calls(0);
my @waiting = map { start_psql('postgres', 'SELECT fraiseql_nats.stream_info()') } 1 .. 3;
wait_for_calls(3);
$seconds = FraiseqlNode::seconds(sub { $node->stop('fast') });
cmp_ok($seconds, '<', time_limit(5), 'nor does a shutdown');
finish_psql($_) for @waiting;

# No place for a process: an error that says so.
$node->configure('fraiseql_nats.url' => $nats->url, max_worker_processes => 3);
$node->start;
$node->wait_until_state('postgres', 'streaming');
like(finish_psql(start_psql('postgres', 'SELECT * FROM fraiseql_nats.stream_info()')),
    qr/ERROR: +no free background worker slot.*HINT: .*"max_worker_processes"/s, 'without a free slot there is an error');
is($node->safe_psql('postgres', q{SELECT count(*) FROM fraiseql_nats.validate_config('[observers]')}), 0,
    'what needs no process goes without');
is($node->log_count('terminated by signal|PANIC|TRAP|leak'), 0, 'nothing grave in the log');

done_testing();
