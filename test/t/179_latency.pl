# SPDX-License-Identifier: PostgreSQL
#
# The time from commit to acknowledgement of each message is in the bucket where it belongs, in the views as
# in metrics().

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_order', name => 'orders "new"');
});
is($node->safe_psql('postgres', 'SELECT latency_p50_ms IS NULL AND latency_seconds = 0 FROM fraiseql_nats.pg_stat_fraiseql_nats'),
    't', 'without a message there is no time');

sub insert { return $node->safe_psql('postgres', "INSERT INTO tb_order SELECT generate_series($_[0], $_[1])") }

insert($_, $_) for 1 .. 20;
insert(21, 100);    # each message of a transaction counts
$node->wait_drained('postgres');
is($node->safe_psql('postgres', 'SELECT count(*), sum(messages), min(up_to_ms), max(up_to_ms) FROM fraiseql_nats.pg_stat_fraiseql_nats_latency'),
    '20|100|0.25|Infinity', 'each message is in one of the buckets');
is($node->safe_psql('postgres', q{SELECT string_agg(up_to_ms::text, ' ' ORDER BY up_to_ms) FROM fraiseql_nats.pg_stat_fraiseql_nats_latency}),
    '0.25 0.5 1 2 4 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536 Infinity', 'whose bounds double');

# Messages that wait for the broker, longer than all others.
$nats->stop;
my $late = "SELECT extract(epoch FROM clock_timestamp())::float8";
my $waits = $node->safe_psql('postgres', $late);
insert(101, 105);
$node->wait_for_sql('postgres', "SELECT extract(epoch FROM clock_timestamp()) - $waits > 3.5", 'some seconds pass');
$nats->start;
$node->wait_drained('postgres');
my $took = $node->safe_psql('postgres', $late) - $waits;
is($node->safe_psql('postgres', 'SELECT sum(messages) FROM fraiseql_nats.pg_stat_fraiseql_nats_latency WHERE up_to_ms > 2048'),
    5, 'those that have waited are in later buckets');
is($node->safe_psql('postgres', "SELECT latency_seconds BETWEEN 5 * 3 AND 105 * $took FROM fraiseql_nats.pg_stat_fraiseql_nats"),
    't', 'the sum of the times');
is($node->safe_psql('postgres', <<'END'), 't', 'the quantiles are bounds of buckets');
WITH cumulative AS (
    SELECT up_to_ms, sum(messages) OVER (ORDER BY up_to_ms) AS passed FROM fraiseql_nats.pg_stat_fraiseql_nats_latency)
SELECT latency_p50_ms = (SELECT min(up_to_ms) FROM cumulative WHERE passed >= 0.5 * 105)
   AND latency_p99_ms = (SELECT min(up_to_ms) FROM cumulative WHERE passed >= 0.99 * 105)
   AND latency_p50_ms < latency_p99_ms
FROM fraiseql_nats.pg_stat_fraiseql_nats
END

# The same in metrics(), read by Prometheus's own parser.
my $metrics = FraiseqlNode::parse_metrics($node->safe_psql('postgres', 'SELECT fraiseql_nats.metrics()'));
my $of = 'database=postgres,stream=' . FraiseqlNode::STREAM;
my @passed = map { /^histogram fraiseql_nats_latency_seconds_bucket database=postgres,le=\S+,stream=\S+ (\S+)$/ ? $1 : () } split /\n/, $metrics;
is(scalar @passed, 20, 'a histogram of as many buckets');
is(join(' ', @passed), join(' ', sort { $a <=> $b } @passed), 'which include those before');
like($metrics, qr/^histogram fraiseql_nats_latency_seconds_bucket database=postgres,le=2.048,stream=\S+ 100.0$/m, 'its bounds are seconds');
like($metrics, qr/^histogram fraiseql_nats_latency_seconds_count \Q$of\E 105.0$/m, 'all messages');
my $sum = $node->safe_psql('postgres', 'SELECT latency_seconds FROM fraiseql_nats.pg_stat_fraiseql_nats');
like($metrics, qr/^histogram fraiseql_nats_latency_seconds_sum \Q$of\E \Q$sum\E/m, 'and their sum');
my $of_observer = 'database=postgres,observer=orders "new",stream=' . FraiseqlNode::STREAM;
like($metrics, qr/^counter fraiseql_nats_observer_published_total \Q$of_observer\E 105.0$/m, 'what an observer has published');
like($metrics, qr/^counter fraiseql_nats_observer_filtered_total \Q$of_observer\E 0.0$/m, 'has turned away');
like($metrics, qr/^gauge fraiseql_nats_observer_last_published_timestamp_seconds \Q$of_observer\E \d+/m, 'and when');
like($metrics, qr/^counter fraiseql_nats_bytes_total \Q$of\E [1-9]/m, 'bytes of the stream');
like($metrics, qr/^counter fraiseql_nats_failures_total \Q$of\E [1-9]/m, 'its failures');
like($metrics, qr/^gauge fraiseql_nats_observers_uncounted \Q$of\E 0.0$/m, 'observers without statistics');

$node->safe_psql('postgres', 'SELECT fraiseql_nats.stat_reset()');
is($node->safe_psql('postgres', 'SELECT sum(messages) FROM fraiseql_nats.pg_stat_fraiseql_nats_latency'), 0, 'a reset empties the buckets');
insert(106, 106);
$node->wait_drained('postgres');
is($node->safe_psql('postgres', 'SELECT sum(messages) FROM fraiseql_nats.pg_stat_fraiseql_nats_latency'), 1, 'which fill again');

done_testing();
