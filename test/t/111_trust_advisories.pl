# SPDX-License-Identifier: PostgreSQL
#
# Any client of the NATS account can publish what looks like an advisory of the server.  What is none is
# dropped and counted, tells nobody of other streams, and puts nothing into a dead letter but what it says.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
my $client = $nats->client;
my $json   = JSON::PP->new->canonical->ascii;

FraiseqlNode::wait_until('advisories are captured', sub { $client->stream_info('fraiseql_events_advisories') });
$nats->create_stream(name => 'secrets', subjects => ['secrets.>']);
$client->publish('secrets.one', 'the secret');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('fraiseql.order.created', '{"order_id": 1}'::jsonb)});
$node->wait_drained('postgres');
my $worker = $node->worker_pid('postgres');

sub advisory {
    my (%fields) = @_;
    return $json->encode({
        type       => 'io.nats.jetstream.advisory.v1.terminated',
        timestamp  => '2026-11-23T23:26:36Z',
        stream     => 'fraiseql_events',
        consumer   => 'clerk',
        stream_seq => 1,
        deliveries => 1,
        reason     => 'no reason',
        %fields
    });
}

sub announce {
    my ($advisory) = @_;
    $client->publish('$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.fraiseql_events.clerk', $advisory);
    return;
}

sub dead_letters {
    return grep { $_->{subject} eq 'fraiseql.dlq' } $client->stream_messages('fraiseql_events');
}

my $deep  = 160_000;
my $lines = "x\r\nNats-Rollup: all\r\nX: y";
my @forged = (
    '', 'no JSON', '[]', "\0\1\2", "\e[2J",
    '{"type":' . '[' x (2 * $deep) . ']' x (2 * $deep) . '}',
    '{"a":' x $deep . '1' . '}' x $deep,
    '{"a":[' . '0,' x 300_000 . '0]}',
    (map { advisory(stream => $_) } 'secrets', $lines, '', 'a b', "fraiseql_events\0", 7),
    (map { advisory(consumer => $_) } $lines, "\e[2J", '', 'x' x 5000, {}),
    (map { advisory(stream_seq => $_) } 0, -1, 1.5, 'x', undef),
    advisory(stream_seq => 1) =~ s/"stream_seq":1/"stream_seq":18446744073709551615/r,
    (map { advisory(timestamp => $_) } '9999-12-31T23:59:59Z', 'yesterday', ''),
    advisory(type => 'io.nats.jetstream.advisory.v1.max_deliver_not'),
);
announce($_) for @forged;
$client->flush;
my $count = @forged;
$node->wait_for_sql('postgres', "SELECT dlq_not_understood = $count FROM fraiseql_nats.status()", 'all are counted');
is($node->status('postgres', 'dlq_moved'), 0, 'none makes a dead letter');
like($node->status('postgres', 'dlq_trouble'), qr/not be understood, and was dropped/, 'status() tells of them');
is(scalar(dead_letters()), 0, 'there is none');
is($client->stream_info('fraiseql_events_advisories')->{state}{messages}, 0, 'they do not come again');

# These are as a server could have written them; but the words are those of whoever has sent them.
announce(advisory(reason => $lines));
FraiseqlNode::wait_until('there is a dead letter', sub { dead_letters() == 1 });
announce(advisory(consumer => 'clerk2', reason => "\e[31m" . 'x' x 800_000));
FraiseqlNode::wait_until('there is another', sub { dead_letters() == 2 });
my @letters = dead_letters();
is($letters[0]{payload}, '{"order_id": 1}', 'the payload is that of the message');
ok(!exists $letters[0]{headers}{'Nats-Rollup'} && !exists $letters[0]{headers}{X}, 'the reason gives no headers');
unlike($letters[1]{headers}{'Fraiseql-Dlq-Reason'}, qr/\e/, 'nor control characters');
cmp_ok(length $letters[1]{headers}{'Fraiseql-Dlq-Reason'}, '<', 1000, 'nor without end');

# An old time has nobody look through all dead letters that there ever were.
announce(advisory(consumer => 'clerk3', timestamp => '1970-01-01T00:00:00Z'));
FraiseqlNode::wait_until('an old one is moved', sub { dead_letters() == 3 });
announce(advisory(consumer => 'clerk3', timestamp => '2026-01-01T00:00:00Z'));
$node->wait_for_sql('postgres', 'SELECT dlq_trouble IS NULL AND dlq_moved = 3 FROM fraiseql_nats.status()', 'status() is calm again');
is(scalar(dead_letters()), 3, 'and once only');

is($node->worker_pid('postgres'), $worker, 'the worker is the one of the beginning');
cmp_ok(FraiseqlNode::peak_memory_mb($worker), '<', 200, 'and has not grown');
my $log = slurp_file($node->logfile);
unlike($log, qr/[^\n\t -~]/, 'the log has no control characters');
my $told = () = $log =~ /dead letters of consumers are not moved/g;
cmp_ok($told, '<=', 2, 'and tells once');

done_testing();
