# SPDX-License-Identifier: PostgreSQL
#
# status() tells the truth: while streaming, while the broker is away, and afterwards.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

sub status {
    return decode_json(
        $node->safe_psql('postgres', 'SELECT row_to_json(s) FROM fraiseql_nats.status() s'));
}

$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 500)');
$node->wait_drained('postgres');
my $oid = $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'postgres'});
my $url = $nats->url =~ s{^nats://}{}r;

my $now = status();
is($now->{database}, 'postgres',              'database');
is($now->{state},    'streaming',             'state');
is($now->{reason},   undef,                   'no reason');
is($now->{hint},     undef,                   'no hint');
like($now->{server}, qr/\Q$url\E/,            'server');
is($now->{stream},   FraiseqlNode::STREAM,    'stream');
is($now->{slot},     "fraiseql_nats_$oid",    'slot');
is($now->{messages_sent},   500, 'messages sent');
is($now->{messages_acked},  500, 'messages acknowledged');
is($now->{messages_resent}, 0,   'messages sent again');
is($now->{in_flight},       0,   'in flight');
is($now->{order_breaks},    0,   'breaks of the order');
is($now->{reconnects},      0,   'reconnects');
is($now->{last_error},      undef, 'no error');
is($now->{last_error_at},   undef, 'at no time');
isnt($now->{last_progress_at}, undef, 'last progress');
cmp_ok($now->{lag_bytes}, '<', 65536, 'lag in bytes');
cmp_ok($now->{lag_seconds}, '<', time_limit(1), 'lag in seconds');
is($node->safe_psql('postgres', <<'END'), 't|t|t|t', 'positions are in order');
SELECT flushed_lsn >= read_lsn, read_lsn >= sent_lsn, read_lsn >= confirmed_lsn,
       last_progress_at > now() - interval '1 minute'
FROM fraiseql_nats.status()
END
is($node->safe_psql('postgres', <<'END'), 't', 'the slot is where status() says');
SELECT confirmed_flush_lsn <= confirmed_lsn AND active FROM pg_replication_slots, fraiseql_nats.status()
END

$nats->stop;
$node->finish_load(
    $node->start_load(
        'postgres',
        transactions => 500,
        script       => "INSERT INTO tb_item (session, n) VALUES (:client_id, 1);\n"
    ));
FraiseqlNode::wait_until('the broker is missed', sub { ($now = status())->{last_error} });
FraiseqlNode::wait_until('the lag grows', sub { ($now = status())->{lag_seconds} > 0.2 });
like($now->{state}, qr/^(connecting|waiting)$/, 'broker away: state');
isnt($now->{reason}, undef, 'broker away: reason');
isnt($now->{last_error_at}, undef, 'broker away: time of the error');
cmp_ok($now->{lag_bytes}, '>', 500_000, 'broker away: lag in bytes');
is($now->{messages_acked}, 500, 'broker away: nothing acknowledged');

$nats->start;
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
$now = status();
is($now->{reason}, undef, 'broker back: no reason');
isnt($now->{last_error}, undef, 'broker back: the last error is still told');
is($now->{messages_acked}, 2500, 'broker back: messages acknowledged');
cmp_ok($now->{reconnects}, '>=', 1, 'broker back: reconnects');
cmp_ok($now->{lag_seconds}, '<', time_limit(1), 'broker back: no lag');
is($node->log_count(qr/PANIC|FATAL/), 0, 'nothing grave in the log');

done_testing();
