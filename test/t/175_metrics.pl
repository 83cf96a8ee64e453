# SPDX-License-Identifier: PostgreSQL
#
# metrics() is OpenMetrics text as the parser of Prometheus's own client takes it, health() says what is
# wrong, and who monitors may call both.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 32768');
my $node = FraiseqlNode->new_node('main', $nats);
my $db = 'odd "name';
$node->safe_psql('postgres', 'CREATE DATABASE "odd ""name"');
$node->create_extension($db);
$node->safe_psql($db, q{
CREATE ROLE watcher IN ROLE pg_monitor;
CREATE TABLE tb_note (id int PRIMARY KEY, note text);
SELECT fraiseql_nats.create_stream('notes', '{note.>}');
SELECT fraiseql_nats.observe('tb_note', subject => 'note.{column:id}');
INSERT INTO tb_note SELECT g, 'x' FROM generate_series(1, 7) g;
INSERT INTO tb_note VALUES (8, repeat('large ', 20000));
});
$node->wait_for_dead_letters($db, 1);
$node->wait_drained($db);

sub metrics {
    return FraiseqlNode::parse_metrics($node->safe_psql($db, 'SET ROLE watcher; SELECT fraiseql_nats.metrics()'));
}

my $metrics = metrics();
my $of = "database=$db";
for my $expected (
    "gauge fraiseql_nats_up $of,stream=notes 1.0",
    "gauge fraiseql_nats_up $of,stream=fraiseql_events 1.0",
    "counter fraiseql_nats_publish_total $of,status=success,stream=notes 7.0",
    "counter fraiseql_nats_publish_total $of,status=dead_letter,stream=notes 1.0",
    "counter fraiseql_nats_messages_sent_total $of,stream=notes 7.0",
    "gauge fraiseql_nats_lag_bytes $of,stream=notes 0.0",
    "stateset fraiseql_nats_state $of,fraiseql_nats_state=streaming,stream=notes 1.0",
    "stateset fraiseql_nats_state $of,fraiseql_nats_state=paused,stream=notes 0.0",
    "gauge fraiseql_observer_dlq_items $of 1.0")
{
    like($metrics, qr/^\Q$expected\E$/m, $expected);
}

sub health { return decode_json($node->safe_psql($db, 'SET ROLE watcher; SELECT fraiseql_nats.health()')) }

my $health = health();
is($health->{status}, 'healthy', 'all is well');
is_deeply($health->{observers}, {transport => 'nats', connected => JSON::PP::true, stream => 'fraiseql_events'},
    'in the words of FraiseQL');
is($node->safe_psql($db, 'SELECT fraiseql_nats.is_healthy()'), 't', 'in one word');

$node->safe_psql($db, q{SELECT fraiseql_nats.pause('notes')});
FraiseqlNode::wait_until('it is degraded', sub { health()->{status} eq 'degraded' });
my ($paused) = grep { $_->{stream} eq 'notes' } @{health()->{streams}};
like($paused->{reason}, qr/paused/, 'a stream that is paused says so');
$nats->stop;
FraiseqlNode::wait_until('it is unhealthy', sub { health()->{status} eq 'unhealthy' });
is($node->safe_psql($db, 'SELECT fraiseql_nats.is_healthy()'), 'f', 'without a broker it is not healthy');
like(metrics(), qr/^gauge fraiseql_nats_up \Q$of\E,stream=fraiseql_events 0.0$/m, 'nor up');

done_testing();
