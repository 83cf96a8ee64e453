# SPDX-License-Identifier: PostgreSQL
#
# The statistics of all streams and observers of the server are right, readable in every database, and kept
# when a worker or the server restarts, but for a crash; their reset is for administrators.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 32768');
my $node = FraiseqlNode->new_node('main', $nats);
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->create_extension('postgres');
$node->create_extension('shop');
$node->safe_psql('shop', q{
CREATE ROLE watcher IN ROLE pg_monitor;
CREATE TABLE tb_note (id int PRIMARY KEY, note text);
SELECT fraiseql_nats.create_stream('notes', '{note.>}');
SELECT fraiseql_nats.observe('tb_note', subject => 'note.{column:id}', filter => '10 / id <> 5', name => 'counted');
SELECT fraiseql_nats.observe('tb_note', 'INSERT', name => 'default');
});

# 2 of 10 rows are turned away, 1 cannot be tested, 1 is too large.
$node->safe_psql('shop', q{
INSERT INTO tb_note SELECT g, 'x' FROM generate_series(0, 8) g;
INSERT INTO tb_note VALUES (10, repeat('large ', 20000));
UPDATE tb_note SET note = 'y' WHERE id = 2;
});
$node->wait_for_dead_letters('shop', 2);
$node->wait_drained('shop');

my $streams = q{SELECT string_agg(concat_ws(' ', stream, state, messages_sent, messages_acked, dead_letters, untestable), ', ' ORDER BY stream)
FROM fraiseql_nats.pg_stat_fraiseql_nats WHERE datname = 'shop'};
my $observers = q{SELECT string_agg(concat_ws(' ', stream, observer, published, filtered, untestable, dead_letters), ', ' ORDER BY observer)
FROM fraiseql_nats.pg_stat_fraiseql_nats_observers WHERE datname = 'shop'};
my $streams_are = 'fraiseql_events streaming 9 9 1 0, notes streaming 7 7 1 1';
my $observers_are = 'notes counted 7 2 1 1, fraiseql_events default 9 0 0 1';

sub shows {
    my ($sql, $expected, $name, $db) = @_;
    $db //= 'postgres';
    eval { FraiseqlNode::wait_until($name, sub { ($node->try_sql($db, "SET ROLE watcher; $sql") // '') eq $expected }, 30) };
    return is($node->safe_psql($db, "SET ROLE watcher; $sql"), $expected, $name);
}

sub all_show {
    my ($name) = @_;
    shows($streams, $streams_are, "streams: $name");
    return shows($observers, $observers_are, "observers: $name");
}

all_show('read in another database');
shows($streams, $streams_are, 'and in their own', 'shop');
shows(q{SELECT string_agg(datname || ' ' || stream, ', ' ORDER BY datname, stream) FROM fraiseql_nats.pg_stat_fraiseql_nats},
    'postgres fraiseql_events, shop fraiseql_events, shop notes', 'a row for each stream of the server');

# The bytes are those that the stream holds.
my $bytes = 0;
for my $message ($nats->stream_messages('notes')) {
    $bytes += length($message->{subject}) + length($message->{payload} // $message->{data});
}
my $counted = $node->safe_psql('shop', q{SELECT bytes FROM fraiseql_nats.pg_stat_fraiseql_nats WHERE stream = 'notes'});
cmp_ok($counted, '>', $bytes, 'bytes: more than subjects and payloads');
cmp_ok($counted, '<', $bytes + 7 * 1000, 'and not much more');
shows(q{SELECT bool_and(o.bytes = s.bytes AND o.last_published_at BETWEEN s.stats_since AND now())
FROM fraiseql_nats.pg_stat_fraiseql_nats s JOIN fraiseql_nats.pg_stat_fraiseql_nats_observers o USING (datname, stream)},
    't', 'what an observer has published is what its stream has');
shows(q{SELECT lag_bytes < 65536 AND lag_seconds < 60 AND in_flight = 0 AND failures >= 0 AND pid IN (SELECT pid FROM pg_stat_activity)
FROM fraiseql_nats.pg_stat_fraiseql_nats WHERE stream = 'notes'}, 't', 'lag and process');

# Restarts.
my $since = q{SELECT string_agg(stats_since::text, ',' ORDER BY datname, stream) FROM fraiseql_nats.pg_stat_fraiseql_nats};
my $began = $node->safe_psql('postgres', $since);
my $pids = q{SELECT string_agg(pid::text, ',') FROM fraiseql_nats.pg_stat_fraiseql_nats WHERE datname = 'shop'};
for my $pid (split /,/, $node->safe_psql('postgres', $pids)) {
    $node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 60000)");
}
all_show('kept when the workers restart');
$node->restart;
all_show('kept when the server restarts');
is($node->safe_psql('postgres', $since), $began, 'and since when');
ok(!-e $node->data_dir . '/pg_stat/fraiseql_nats.stat', 'the file is read once');
$node->safe_psql('shop', 'INSERT INTO tb_note VALUES (20)');
$streams_are = 'fraiseql_events streaming 10 10 1 0, notes streaming 8 8 1 1';
$observers_are = 'notes counted 8 2 1 1, fraiseql_events default 10 0 0 1';
all_show('and counted on');

# Acknowledgements that are lost, and a stream that holds what is sent again.
$nats->kill9;
$node->safe_psql('shop', 'INSERT INTO tb_note VALUES (21)');
$nats->start;
$streams_are = 'fraiseql_events streaming 11 11 1 0, notes streaming 9 9 1 1';
$observers_are = 'notes counted 9 2 1 1, fraiseql_events default 11 0 0 1';
shows($observers, $observers_are, 'nothing is counted twice when the broker was away');
shows(q{SELECT bool_and(failures > 0 AND reconnects > 0) FROM fraiseql_nats.pg_stat_fraiseql_nats WHERE datname = 'shop'},
    't', 'failures and connections are');
$node->wait_drained('shop');

# A pause: the stream is shown by name from another database.
$node->safe_psql('shop', q{SELECT fraiseql_nats.pause('notes')});
shows($streams, 'fraiseql_events streaming 11 11 1 0, notes paused 9 9 1 1', 'a stream that is paused');
$node->restart;
shows($streams, 'fraiseql_events streaming 11 11 1 0, notes paused 9 9 1 1', 'also behind a restart');
$node->safe_psql('shop', q{SELECT fraiseql_nats.resume('notes')});

# Reset.
my ($code, $out, $error) = $node->psql('shop', 'SET ROLE watcher; SELECT fraiseql_nats.stat_reset()');
like($error, qr/permission denied/, 'who monitors may not reset');
($code, $out, $error) = $node->psql('shop', q{SELECT fraiseql_nats.stat_reset('nothing')});
like($error, qr/stream "nothing" does not exist/, 'an unknown stream is told of');
$node->safe_psql('shop', q{CREATE ROLE boss IN ROLE fraiseql_nats_admin; SET ROLE boss; SELECT fraiseql_nats.stat_reset('notes')});
$streams_are = 'fraiseql_events streaming 11 11 1 0, notes streaming 0 0 0 0';
$observers_are = 'notes counted 0 0 0 0, fraiseql_events default 11 0 0 1';
all_show('one stream is reset');
$node->safe_psql('shop', 'INSERT INTO tb_note VALUES (22)');
$streams_are = 'fraiseql_events streaming 12 12 1 0, notes streaming 1 1 0 0';
$observers_are = 'notes counted 1 0 0 0, fraiseql_events default 12 0 0 1';
all_show('and counts from 0');
$node->restart;
all_show('also behind a restart');
$node->safe_psql('shop', 'SELECT fraiseql_nats.stat_reset()');
$streams_are = 'fraiseql_events streaming 0 0 0 0, notes streaming 0 0 0 0';
$observers_are = 'notes counted 0 0 0 0, fraiseql_events default 0 0 0 0';
all_show('all streams are reset');
shows(q{SELECT count(DISTINCT stats_since) FROM fraiseql_nats.pg_stat_fraiseql_nats}, 2, 'but those of another database');

# Observers come and go.
$node->safe_psql('shop', q{
SELECT fraiseql_nats.disable('counted');
SELECT fraiseql_nats.unobserve('default');
SELECT fraiseql_nats.observe('tb_note', 'INSERT', name => 'another');
INSERT INTO tb_note VALUES (23);
});
shows($observers, 'fraiseql_events another 1 0 0 0, notes counted 0 0 0 0', 'one that is gone has none, one that is disabled keeps them');
$node->safe_psql('shop', q{SELECT fraiseql_nats.enable('counted'); INSERT INTO tb_note VALUES (24)});
shows($observers, 'fraiseql_events another 2 0 0 0, notes counted 1 0 0 0', 'and goes on with them');
$node->safe_psql('shop', q{SELECT fraiseql_nats.unobserve('counted'); SELECT fraiseql_nats.drop_stream('notes')});
shows($streams, 'fraiseql_events streaming 2 2 0 0', 'a stream that is dropped has none');

# A file that is damaged, and a crash.
$node->stop;
my $file = $node->data_dir . '/pg_stat/fraiseql_nats.stat';
ok(-s $file, 'the file of a server that is down');
open my $handle, '+<:raw', $file or die "$file: $!";
seek $handle, 400, 0;
print $handle 'x';
close $handle;
$node->start;
shows($streams, 'fraiseql_events streaming 0 0 0 0', 'a damaged file is not believed');
is($node->log_count(qr/invalid data in file "pg_stat\/fraiseql_nats\.stat"/), 1, 'of which the log tells');
$node->safe_psql('shop', 'INSERT INTO tb_note VALUES (25)');
shows($streams, 'fraiseql_events streaming 1 1 0 0', 'it counts');
$node->wait_drained('shop');
# What the slot has on disk is read again after a crash, and counted.
$node->safe_psql('shop', 'CHECKPOINT');
# The postmaster starts everything anew when a process of it has been killed.
kill 'KILL', $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'});
$node->wait_until_up('shop');
shows($streams, 'fraiseql_events streaming 0 0 0 0', 'a crash resets');
$node->safe_psql('shop', 'INSERT INTO tb_note VALUES (26)');
shows($streams, 'fraiseql_events streaming 1 1 0 0', 'it counts');
$node->wait_drained('shop');
$node->safe_psql('shop', 'CHECKPOINT');
$node->stop('immediate');
$node->start;
shows($streams, 'fraiseql_events streaming 0 0 0 0', 'so does an immediate stop');
ok(!-e $file, 'whose file is gone');
$node->safe_psql('postgres', 'DROP DATABASE shop');
shows(q{SELECT string_agg(datname, ',') FROM fraiseql_nats.pg_stat_fraiseql_nats}, 'postgres', 'a database that is dropped has none');

# More observers than there is room for.
$node->configure('fraiseql_nats.max_workers' => 1);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
my $uncounted = 'SELECT observers_uncounted FROM fraiseql_nats.pg_stat_fraiseql_nats';
$node->safe_psql('postgres', q{
SELECT fraiseql_nats.observe_channel('c' || n, subject => 'fraiseql.c' || n, name => 'c' || n) FROM generate_series(1, 258) n;
SELECT pg_notify('c1', ''), pg_notify('c258', '');
});
shows($uncounted, 2, 'those without room are counted');
shows('SELECT count(*) FROM fraiseql_nats.pg_stat_fraiseql_nats_observers', 256, 'the others have theirs');
is($node->log_count(qr/WARNING:  statistics have no room for 2 observers of stream "fraiseql_events"/), 1, 'the log tells of them once');
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM) > 0, 1, 'they are published all the same');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.unobserve('c' || n) FROM generate_series(1, 10) n; SELECT pg_notify('c258', '')});
$node->wait_drained('postgres');
$node->safe_psql('postgres', q{SELECT pg_notify('c258', '')});
shows($uncounted, 0, 'room that is free again is used');
is($node->log_count(qr/PANIC|FATAL:  (?!terminating).*(?:fraiseql|terminat)/), 0, 'nothing grave in the log');

done_testing();
