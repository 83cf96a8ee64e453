# SPDX-License-Identifier: PostgreSQL
#
# A setting with a wrong value is refused and says what would be right; in the file, the last good
# value stays in force.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

for my $case (
    ['url',                 'http://localhost:4222', qr/DETAIL.*HINT/s],
    ['url',                 'localhost',             qr/DETAIL.*HINT/s],
    ['url',                 '',                      qr/DETAIL.*HINT/s],
    ['url',                 'nats://a:1,,nats://b',  qr/DETAIL.*HINT/s],
    ['stream_name',         'two words',             qr/DETAIL/],
    ['stream_name',         '',                      qr/DETAIL/],
    ['stream_subjects',     'fraiseql..x',           qr/DETAIL/],
    ['stream_subjects',     'fraiseql.>.x',          qr/DETAIL/],
    ['subject_prefix',      'fraiseql.*',            qr/DETAIL/],
    ['subject_prefix',      '',                      qr/DETAIL/],
    ['storage',             'tape',                  qr/HINT:  Available values: file, memory/],
    ['replicas',            '0',                     qr/valid range/],
    ['window_messages',     '0',                     qr/valid range/],
    ['window_messages',     '1000000',               qr/valid range/],
    ['window_bytes',        '1kB',                   qr/valid range/],
    ['ack_timeout',         '1ms',                   qr/valid range/],
    ['connect_timeout',     'soon',                  qr/invalid value/],
    ['reconnect_delay_max', '-1',                    qr/valid range/],
    ['traceparent',         'not a trace',           qr/DETAIL.*HINT/s],
    ['no_such_setting',     'x',                     qr/fraiseql_nats/],
  )
{
    my ($name, $value, $expected) = @$case;
    my $set = $name eq 'traceparent' ? 'SET' : 'ALTER SYSTEM SET';
    my ($status, undef, $stderr) =
      $node->psql('postgres', "$set fraiseql_nats.$name = '$value'");
    isnt($status, 0, "$name = '$value' is refused");
    like($stderr, $expected, "$name = '$value': why");
}
my ($status, undef, $stderr) = $node->psql('postgres', q{SET fraiseql_nats.no_such_setting = 1});
isnt($status, 0, 'a session cannot invent a setting either');

my $pid = $node->worker_pid('postgres');
$node->append_conf('postgresql.conf', "fraiseql_nats.url = 'http://wrong'");
$node->reload;
FraiseqlNode::wait_until('the log tells of the wrong value',
    sub { $node->log_count(qr/invalid value for parameter "fraiseql_nats.url"/) });
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 1)');
$node->stream_equals_ledger('postgres', $nats, 'the last good value stays in force');
is($node->worker_pid('postgres'), $pid, 'in the same worker');
$node->configure('fraiseql_nats.url' => $nats->url);
$node->reload;

# A setting that sizes the worker's memory takes effect on reload too.
$node->configure('fraiseql_nats.window_messages' => 5);
$node->reload;
$node->finish_load($node->start_load('postgres', clients => 2, transactions => 100));
$node->stream_equals_ledger('postgres', $nats, 'a window of five messages delivers everything');

$node->configure('fraiseql_nats.subject_prefix' => 'fraiseql.changes');
$node->reload;
FraiseqlNode::wait_until(
    'changes have the new prefix',
    sub {
        $node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 2)');
        $node->wait_drained('postgres');
        my ($last) = (reverse $node->messages_of('postgres', $nats))[0];
        return $last->{subject} eq 'fraiseql.changes.Item.INSERT';
    });
pass('subject_prefix takes effect on reload');

done_testing();
