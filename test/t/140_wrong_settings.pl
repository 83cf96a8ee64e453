# SPDX-License-Identifier: PostgreSQL
#
# A setting that Postgres does not take as it is written: nothing is published by a default that
# nobody wished for, and status() names the setting until it is mended.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

sub status { return $node->try_sql('postgres', "SELECT $_[0] FROM fraiseql_nats.status()") // '' }

sub wait_for_reason {
    my ($pattern, $what) = @_;
    my $last = '';
    my $ok = eval {
        FraiseqlNode::wait_until($what, sub { ($last = status(q{concat_ws('|', state, reason, hint)})) =~ $pattern }, 20);
    };
    return ok($ok, $what) || diag($last);
}

# At the start.
for my $case (
    ['url',            '127.0.0.1:4333', qr/^misconfigured\|invalid value for "fraiseql_nats.url", line \d+ of "postgresql.conf": Server URL does not/],
    ['subject_prefix', 'a..b',           qr/^misconfigured\|invalid value for "fraiseql_nats.subject_prefix", line/],
    ['enabled',        'maybe',          qr/^misconfigured\|invalid value for "fraiseql_nats.enabled", line .*Boolean value/],
    ['replicas',       '77',             qr/^misconfigured\|invalid value for "fraiseql_nats.replicas", line .*valid range/],
    ['databases',      'a,,b',           qr/^misconfigured\|invalid value for "fraiseql_nats.databases", line/],
    ['storage',        'tape',           qr/^misconfigured\|invalid value for "fraiseql_nats.storage".*Available values/],
  )
{
    my ($name, $value, $expected) = @$case;
    my $good = $name eq 'url' ? $nats->url : undef;
    $node->configure("fraiseql_nats.$name" => $value);
    $node->restart;
    wait_for_reason($expected, "$name = '$value' at the start");
    unlike(status('reason'), qr/4333/, 'a URL is not repeated') if $name eq 'url';
    like(($node->psql('postgres', 'SELECT fraiseql_nats.stream_sync()'))[2],
        qr/invalid value for "fraiseql_nats.$name"/, 'nor does a session go to the broker');
    $node->configure("fraiseql_nats.$name" => $good);
    $node->reload;
    $node->wait_until_state('postgres', 'streaming');
    is(status('reason'), '', "$name is mended");
}
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 1)');
$node->stream_equals_ledger('postgres', $nats, 'publishing goes on after it is mended');

# In the command line it stays until the next start.
$node->stop;
PostgreSQL::Test::Utils::run_log(['pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile,
    '-o', q{-c fraiseql_nats.url=nowhere}, 'start']);
$node->_update_pid(1);
wait_for_reason(qr/^misconfigured\|invalid value for "fraiseql_nats.url" in the command line.*restart/, 'a wrong value in the command line');
$node->stop;
$node->start;
$node->wait_until_state('postgres', 'streaming');

# At a reload the last good value stays, and status() says so.
$node->configure('fraiseql_nats.subject_prefix' => 'a..b');
$node->reload;
wait_for_reason(qr/^streaming\|invalid value for "fraiseql_nats.subject_prefix"/, 'a wrong value at a reload');
my $pid = $node->worker_pid('postgres');
kill 'TERM', $pid;
FraiseqlNode::wait_until('another worker has come', sub { ($node->worker_pid('postgres') || $pid) != $pid });
wait_for_reason(qr/^streaming\|invalid value for "fraiseql_nats.subject_prefix"/, 'also another worker goes on, and says so');
$node->configure('fraiseql_nats.subject_prefix' => undef);

# Unknown names.
$node->configure('fraiseql_nats.ulr' => 'nats://elsewhere:4222');
$node->reload;
wait_for_reason(qr/^streaming\|unrecognized setting "fraiseql_nats.ulr", line \d+ of "postgresql.conf"\|Perhaps you meant "fraiseql_nats.url"/, 'an unknown name at a reload');
$node->configure('fraiseql_nats.ulr' => undef, 'fraiseql_nats.user' => 'joe');
$node->restart;
wait_for_reason(qr/^streaming\|unrecognized setting "fraiseql_nats.user".*Perhaps you meant "fraiseql_nats.username"/, 'an unknown name at the start');
is($node->log_count(qr/WARNING:  unrecognized setting "fraiseql_nats.user"\n.*HINT:  Perhaps you meant "fraiseql_nats.username"/), 1, 'the log has it with the hint');
is($node->safe_psql('postgres', 'SHOW fraiseql_nats.username'), '', 'it can be shown without quotes');
$node->configure('fraiseql_nats.user' => undef);
$node->reload;
$node->wait_for_sql('postgres', 'SELECT reason IS NULL FROM fraiseql_nats.status()', 'all is well again');

# Wrong files of FraiseQL at a reload.
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/fraiseql.toml', "[observers]\nbackend = 7\n");
$node->reload;
wait_for_reason(qr/^streaming\|configuration is not applied: fraiseql.toml:2:11/, 'a wrong file at a reload');
unlink $node->data_dir . '/fraiseql.toml';
$node->reload;
$node->wait_for_sql('postgres', 'SELECT reason IS NULL FROM fraiseql_nats.status()', 'without it all is well');
is($node->log_count(qr/PANIC|FATAL:  (?!terminating)|TRAP/), 0, 'nothing grave in the log');

done_testing();
