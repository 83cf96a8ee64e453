# SPDX-License-Identifier: PostgreSQL
#
# With capture = notify a server without logical WAL publishes notifications, at most once, and says
# so; while the broker is away the notify queue is emptied all the same, and what is lost is counted.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    'wal_level'                     => 'replica',
    'fraiseql_nats.capture'         => 'notify',
    'fraiseql_nats.window_messages' => 10,
);
$node->create_extension('postgres');
$node->safe_psql('postgres', "SELECT fraiseql_nats.observe_channel('order_created')");
$node->safe_psql('postgres', "SELECT fraiseql_nats.observe_channel('fraiseql.plain')");

like($node->status('postgres', 'reason'), qr/at most once/,      'status() says what it is worth');
like($node->status('postgres', 'hint'),   qr/capture.*notify/,   'and why');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_replication_slots'), 0, 'no slot');

# The worker listens a moment after the observer has committed: notify until one arrives.
my $client = $nats->client;
FraiseqlNode::wait_until('a notification arrives', sub {
    $node->safe_psql('postgres', q{NOTIFY "fraiseql.plain", 'is anybody there?'});
    return $client->stream_info('fraiseql_events') && $client->stream_count('fraiseql_events');
});
$node->safe_psql('postgres', qq{NOTIFY order_created, '{"n": $_}'}) for 1 .. 5;
$node->safe_psql('postgres', q{BEGIN; NOTIFY order_created, '{"n": 0}'; ROLLBACK});
my @orders;
FraiseqlNode::wait_until('all are stored', sub {
    @orders = grep { $_->{subject} eq 'fraiseql.order.created' } $client->stream_messages('fraiseql_events');
    return @orders >= 5;
});
is_deeply([map { $_->{payload} =~ /"n": (\d+)/ } @orders], [1 .. 5], 'those that committed, in order');
like($orders[0]{headers}{'Nats-Msg-Id'}, qr/^\d+\.\d+\.n[0-9A-F]+\.\d+$/, 'with an id of their own');
is($orders[0]{headers}{'Fraiseql-Channel'}, 'order_created', 'and the channel');

$nats->kill9;
$node->safe_psql('postgres', join '', map { "NOTIFY order_created, 'lost $_';\n" } 1 .. 100);
$node->wait_for_sql('postgres', 'SELECT messages_dropped >= 80 FROM fraiseql_nats.status()', 'the loss is counted');
is($node->safe_psql('postgres', 'SELECT pg_notification_queue_usage()'), 0, 'the notify queue is empty');
$nats->restart;
$node->wait_for_sql('postgres', q{SELECT state = 'streaming' AND in_flight = 0 FROM fraiseql_nats.status()}, 'well again');
is($node->log_count('PANIC|TRAP|ERROR'), 0, 'nothing grave in the log');

my (undef, undef, $refused) = $node->psql('postgres', q{CALL fraiseql_nats.backfill('pg_class')});
like($refused, qr/cannot backfill: "fraiseql_nats.capture" is "notify"/, 'no backfill');

done_testing();
