# SPDX-License-Identifier: PostgreSQL
#
# check() has one row if all is well, and one for each thing that is wrong.

use strict;
use warnings;

use FraiseqlNode;
use HostileBroker;
use JSON::PP;
use NatsServer;
use POSIX ();
use Test::More;

my $limits = 'no_auth_user: a, accounts { A: { jetstream: { max_file: 1GB, max_streams: 10 }, users: [ { user: a, password: a'
  . ', permissions: { publish: { deny: ["fraiseql.mutation.Secret.>"] } } } ] } }';
my $nats = NatsServer->new(config => $limits);
my $json = JSON::PP->new;

# The clock of the broker, as a client sees it, in seconds ahead of ours; and the use of the disk.
my $hop = HostileBroker->new(
    $nats,
    {
        name  => 'ahead',
        twist => sub {
            my ($c, $payload) = @_;
            return $payload unless $payload =~ /account_info_response|consumer_create_response|stream_info_response/;
            my $answer = $json->decode($payload);
            $answer->{storage} = int 0.95 * $answer->{limits}{max_storage} if $answer->{limits};
            $answer->{streams} = $answer->{limits}{max_streams}            if $answer->{limits};
            # From 2.10 on each description has the time of the server.
            my $clock = $answer->{type} =~ /stream_info/ ? 'ts' : 'created';
            $answer->{$clock} = POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 60)) if $answer->{$clock};
            $c->bad;
            return $json->encode($answer);
        },
    },
);
my $node = FraiseqlNode->new_node('main', $nats);
my $all  = q{SELECT level || ': ' || object || ': ' || what || coalesce(' -> ' || what_to_do, '') FROM fraiseql_nats.check()};

# What check() finds, line by line.
sub findings {
    my $found = $node->safe_psql('postgres', $all);
    my @vague = grep { !/ -> ./ && !/^ok: / } split /\n(?=ok|error|warning)/, $found;
    fail("says what to do: $_") for @vague;
    return $found;
}

sub finds {
    my ($pattern, $name) = @_;
    my $found = findings();
    return like($found, $pattern, $name);
}

sub all_is_well {
    my ($name) = @_;
    my $last = "";
    my $ok   = eval {
        FraiseqlNode::wait_until('all is well', sub { ($last = findings()) eq 'ok: everything: nothing is wrong' }, 30);
        1;
    };
    return ok($ok, $name) || diag($last);
}

$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int PRIMARY KEY, region text, total int);
SELECT fraiseql_nats.observe('tb_order');
SELECT fraiseql_nats.create_stream('orders', '{order.>}');
SELECT fraiseql_nats.observe('tb_order', 'INSERT', 'order.{column:region}', name => 'to orders');
SELECT fraiseql_nats.observe_channel('order_created');
});
$node->wait_until_state('postgres', 'streaming');
all_is_well('all is well');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ $$fraiseql_nats call$$'),
    0, 'the processes that look are gone');

# --- Observers ------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
CREATE TABLE tb_bad (id int PRIMARY KEY, region text, total int);
SET client_min_messages = error;
SELECT fraiseql_nats.observe('tb_bad', 'UPDATE,DELETE', 'fraiseql.bad.{column:region}', filter => 'old.total > 5', name => 'identity');
});
finds(qr/^warning: observer "identity": .*column "total".*not logged.* -> Run ALTER TABLE public.tb_bad REPLICA IDENTITY FULL/m,
    'an identity that does not serve the filter');
finds(qr/^warning: observer "identity": .*column "region".*not logged.*dead letters/m, 'nor the subject');
$node->safe_psql('postgres', q{ALTER TABLE tb_bad REPLICA IDENTITY FULL});
all_is_well('the full identity serves both');
$node->safe_psql('postgres', q{ALTER TABLE tb_bad SET UNLOGGED});
finds(qr/^error: observer "identity": .*unlogged/m, 'a table that is not logged');
$node->safe_psql('postgres', q{ALTER TABLE tb_bad SET LOGGED; ALTER TABLE tb_bad DROP COLUMN total});
finds(qr/^error: observer "identity": .*column "total" of relation "tb_bad" does not exist -> .*unobserve/m, 'a column that is gone');
$node->safe_psql('postgres', q{ALTER TABLE tb_bad ADD total int; SELECT fraiseql_nats.disable('identity'); ALTER TABLE tb_bad DROP total});
all_is_well('an observer that is disabled is not looked at');
$node->safe_psql('postgres', q{
CREATE ROLE monitor IN ROLE pg_monitor;
CREATE ROLE administrator IN ROLE fraiseql_nats_admin;
CREATE ROLE nobody;
});
for my $role (qw(monitor administrator)) {
    is($node->safe_psql('postgres', "SET ROLE $role; SELECT level FROM fraiseql_nats.check()"),
        'ok', "$role may check, without the right to read the tables");
}
my (undef, undef, $error) = $node->psql('postgres', 'SET ROLE nobody; SELECT * FROM fraiseql_nats.check()');
like($error, qr/permission denied/, 'nobody else');

# --- Streams, consumers, permissions --------------------------------------------------------------

$node->safe_psql('postgres', q{
SET client_min_messages = error;
SELECT fraiseql_nats.observe('tb_order', 'INSERT', 'stray.order', name => 'stray');
});
finds(qr/^error: observer "stray": its stream does not take subject "stray.order".* -> .*stream_sync/m, 'a subject that the stream does not take');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.unobserve('stray')});

$nats->update_stream('orders', %{$nats->stream_info('orders')->{config}}, max_age => 7_000_000_000, duplicate_window => 7_000_000_000);
finds(qr/^warning: stream "orders": max_age is 7 s, and by the settings .* -> Run .*stream_sync/m, 'a stream that differs');
my ($sync) = findings() =~ /(SELECT \* FROM fraiseql_nats.stream_sync\(.*?\);)/;
$node->safe_psql('postgres', $sync);
all_is_well('the stream is as it should be again');

$nats->api('CONSUMER.DURABLE.CREATE.orders.endless',
    {stream_name => 'orders', config => {durable_name => 'endless', ack_policy => 'explicit', filter_subject => 'order.eu', deliver_policy => 'all'}});
my $found = findings();
like($found, qr/^warning: consumer "endless" of stream "orders": it has no max_deliver/m, 'a consumer without max_deliver');
my ($statement) = $found =~ /(SELECT fraiseql_nats.create_consumer\(.*\);)/;
$node->safe_psql('postgres', $statement);
all_is_well('what the hint says corrects it');
my $endless = $nats->api('CONSUMER.INFO.orders.endless')->{config};
is($endless->{filter_subject}, 'order.eu', 'and leaves all else as it was');
$nats->api('CONSUMER.DURABLE.CREATE.fraiseql_events.endless',
    {stream_name => 'fraiseql_events', config => {durable_name => 'endless', ack_policy => 'explicit', ack_wait => 7_000_000_000, deliver_policy => 'all'}});
$found = findings();
like($found, qr/^warning: consumer "endless" of stream "fraiseql_events": it has no max_deliver/m, 'so it is in the default stream');
($statement) = $found =~ /(SELECT fraiseql_nats.create_consumer\(.*\);)/;
$node->safe_psql('postgres', $statement);
all_is_well('and so it is corrected');
is($nats->api('CONSUMER.INFO.fraiseql_events.endless')->{config}{ack_wait}, 7_000_000_000, 'with its own ack_wait');

$node->safe_psql('postgres', q{
CREATE TABLE tb_secret (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_secret');
});
$node->safe_psql('postgres', q{INSERT INTO tb_secret VALUES (1)});
$node->wait_for_dead_letters('postgres', 1);
finds(qr/^error: stream "default": dead letters: 1, because of: .*/m, 'a subject that the NATS user may not publish to');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.unobserve('tb_secret'); SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters()});
all_is_well('the dead letter is dealt with');

$node->safe_psql('postgres', q{SELECT fraiseql_nats.pause('orders')});
FraiseqlNode::wait_until('it is paused', sub { findings() =~ /^warning: stream "orders": its worker is "paused"/m });
$node->safe_psql('postgres', q{SELECT fraiseql_nats.resume('orders')});
all_is_well('a stream that was paused');

# --- Settings and files ---------------------------------------------------------------------------

my $file = $node->data_dir . '/fraiseql-observer.toml';
sub write_file {
    my ($text) = @_;
    open my $out, '>', $file or die "could not write $file: $!";
    print $out $text;
    return close $out;
}
$node->configure('fraiseql_nats.consumer_name' => 'fours');
$node->reload;
write_file(qq([transport.nats]\nconsumer_name = "fives"\n));
finds(qr/^warning: setting "fraiseql_nats.consumer_name": .*fraiseql-observer.toml.* has fives, but postgresql.conf/m, 'a setting that differs from the file');
write_file(qq([[observers.rules]]\ntable = "tb_absent"\nevent = "INSERT"\n));
$node->reload;
FraiseqlNode::wait_until('the rule is read', sub { findings() =~ /^warning: observer .*table public.tb_absent does not exist/m });
pass('a declared observer without a table');
write_file("[[observers.rules\n");
finds(qr/^error: .*fraiseql-observer.toml/m, 'a file with an error');
unlink $file;
$node->configure('fraiseql_nats.consumer_name' => undef);
$node->reload;
all_is_well('without the file');
$node->configure('max_replication_slots' => 11);
$node->reload;
finds(qr/^warning: setting "max_replication_slots": its value in the file is not in force -> Restart/m, 'a setting that waits for a restart');
$node->configure('max_replication_slots' => 2, 'fraiseql_nats.max_deliver' => 'many');
$node->restart;
finds(qr/^error: postgresql.conf: invalid value for "fraiseql_nats.max_deliver"/m, 'a setting that the server has refused');
$node->configure('fraiseql_nats.max_deliver' => undef);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_stream('more', '{more.>}')});
finds(qr/^error: setting "max_replication_slots": streams without a replication slot: 1; /m, 'too few replication slots');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.drop_stream('more')});
$node->configure('max_replication_slots' => 10);

# --- The broker -----------------------------------------------------------------------------------

$node->configure('fraiseql_nats.url' => $hop->url);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
all_is_well('through a hop');
$hop->be(0);
FraiseqlNode::wait_until('the answers are changed', sub { findings() =~ /clock/ });
$found = findings();
like($found, qr/^warning: broker: its clock is \d{5} ms ahead of the clock of this server/m, 'a clock that differs');
like($found, qr/^warning: account: it has \d+ of at most 1073741824 bytes on disk/m, 'an account whose disk is nearly full');
like($found, qr/^warning: account: it has 10 of at most 10 streams/m, 'and which may have no more streams');
is(scalar(() = $found =~ /^warning: (?:account|broker)/mg), 3, 'each is told once, whatever streams there are');
$hop->be(undef);

$node->configure('fraiseql_nats.url' => $nats->url);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.alter_stream('orders', manage => 'off')});
$node->wait_until_state('postgres', 'streaming');
$nats->delete_stream('orders');
finds(qr/^error: stream "orders": it does not exist -> Create it/m, 'a stream that is gone');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.alter_stream('orders', reset => '{manage}')});
FraiseqlNode::wait_until('the stream is made again', sub { findings() !~ /does not exist/ });

$node->configure('max_worker_processes' => 4);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
finds(qr/^error: background workers: no free background worker slot .* -> .*max_worker_processes/m, 'too few processes');
$node->configure('max_worker_processes' => 16);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
all_is_well('the broker is as it should be');

# --- A standby ------------------------------------------------------------------------------------

$node->backup('backup');
my $standby = FraiseqlNode->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
like($standby->safe_psql('postgres', $all), qr/\A(?:warning: stream .*is a standby.* -> .*\n?){2}\z/, 'nothing runs on a standby, which is no error');
$standby->stop('immediate');

# --- Without a broker -----------------------------------------------------------------------------

$nats->stop;
FraiseqlNode::wait_until('the workers know', sub { $node->safe_psql('postgres',
    q{SELECT bool_and(state IN ('waiting', 'connecting')) FROM fraiseql_nats.status()}) eq 't' });
like(findings(), qr/\Aerror: broker: [^\n]*(?:not reachable|onnect)[^\n]*\z/, 'a broker that is away, told once');
$node->configure('fraiseql_nats.enabled' => 'off');
$node->reload;
FraiseqlNode::wait_until('the workers are off', sub { findings() =~ /^warning: stream .*disabled/m });
finds(qr/^error: broker: /m, 'without a worker, too');
unlike(findings(), qr/^ok/m, 'and nothing is well');
$nats->configure(jetstream => 0, config => 'no_auth_user: a, accounts { A: { users: [ { user: a, password: a } ] } }');
$nats->{pid} or eval { $nats->start };
finds(qr/^error: broker: .*JetStream/m, 'a broker without JetStream');

# --- The server -----------------------------------------------------------------------------------

my ($needed, $below) = FraiseqlNode::wal_levels();
$node->configure(wal_level => $below, max_wal_senders => 0);
$node->safe_psql('postgres', 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
$node->restart;
finds(qr/^error: setting "wal_level": it is not $needed.* -> Set "wal_level" to $needed/m, 'wal_level');
(undef, undef, $error) = $node->psql('template1', 'CREATE EXTENSION fraiseql_nats; DROP EXTENSION fraiseql_nats');
like($error, qr/NOTICE:.*"wal_level" is $below.*\n.*fraiseql_nats.check\(\)/, 'CREATE EXTENSION says so, too');
$node->configure(shared_preload_libraries => '');
$node->restart;
finds(qr/^error: setting "shared_preload_libraries": the library is not loaded/m, 'shared_preload_libraries');
(undef, undef, $error) = $node->psql('template1', 'CREATE EXTENSION fraiseql_nats');
like($error, qr/NOTICE:.*shared_preload_libraries.*\n.*fraiseql_nats.check\(\)/, 'CREATE EXTENSION says so, too');
$node->safe_psql('template1', q{UPDATE pg_extension SET extversion = '9.9' WHERE extname = 'fraiseql_nats'});
like($node->safe_psql('template1', $all), qr/^error: extension: .*9\.9.* -> Restart/m, 'versions that differ');
$node->stop;
done_testing();
