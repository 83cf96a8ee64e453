# SPDX-License-Identifier: PostgreSQL
#
# Transactions in which nothing happens for a stream cost it little: they are not decoded.  Whatever
# makes one of its tables observed, no change of it is missed.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_a (id int PRIMARY KEY);
CREATE TABLE tb_b (id int PRIMARY KEY);
CREATE TABLE tb_parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE tb_part (id int PRIMARY KEY);
SELECT fraiseql_nats.create_stream('other', '{other.>}');
SELECT fraiseql_nats.observe('tb_a');
SELECT fraiseql_nats.observe('tb_b', 'INSERT', subject => 'other.b.{column:id}');
SELECT fraiseql_nats.observe('tb_b', 'TRUNCATE', subject => 'other.b.emptied', name => 'emptied');
SELECT fraiseql_nats.observe('tb_parts', subject => 'other.part.{column:id}');
});
my @expected;
my $next = 1;

# One row of a table nobody observes in the stream, in a transaction of its own.
sub idle {
    my ($rows) = @_;
    $node->safe_psql('postgres', "INSERT INTO tb_a VALUES ($_)") for $next .. $next + $rows - 1;
    $next += $rows;
    return;
}

sub stream_is {
    my ($name, @subjects) = @_;
    push @expected, @subjects;
    $node->wait_drained('postgres');
    is(join(' ', map { $_->{subject} } $nats->stream_messages('other')), join(' ', @expected), $name);
    return;
}

sub decoded {
    my ($slot) = @_;
    return $node->safe_psql('postgres', "SELECT total_txns FROM pg_stat_replication_slots WHERE slot_name ~ '$slot'");
}

idle(5);
$node->safe_psql('postgres', 'INSERT INTO tb_b VALUES (1)');
stream_is('a change that is for the stream', 'other.b.1');
$node->safe_psql('postgres', 'SELECT pg_stat_reset_replication_slot(NULL)');
idle(50);
$node->safe_psql('postgres', q{DO $$ BEGIN FOR i IN 10001 .. 10500 LOOP INSERT INTO tb_a VALUES (i); COMMIT; END LOOP; END $$});
$node->safe_psql('postgres', 'INSERT INTO tb_b VALUES (2)');
stream_is('and one behind many that are not', 'other.b.2');
ok($node->poll_query_until('postgres',
    q{SELECT total_txns > 500 FROM pg_stat_replication_slots WHERE slot_name ~ '^fraiseql_nats_\d+$'}),
    'the default stream decodes them') or diag(decoded('^fraiseql_nats_\d+$'));
cmp_ok(decoded('_\d+_\d+$'), '<', 100, 'the other does not');

# Both in one transaction, in either order, and in subtransactions.
$node->safe_psql('postgres', q{
BEGIN; INSERT INTO tb_a VALUES (20001); INSERT INTO tb_b VALUES (3); COMMIT;
BEGIN; INSERT INTO tb_b VALUES (4); INSERT INTO tb_a VALUES (20002); COMMIT;
BEGIN; INSERT INTO tb_a VALUES (20003); SAVEPOINT s; INSERT INTO tb_b VALUES (5); RELEASE s; INSERT INTO tb_a VALUES (20004); COMMIT;
BEGIN; INSERT INTO tb_b VALUES (6); SAVEPOINT s; INSERT INTO tb_a VALUES (20005); RELEASE s; COMMIT;
BEGIN; INSERT INTO tb_a VALUES (20006); SAVEPOINT s; INSERT INTO tb_b VALUES (7); ROLLBACK TO s; COMMIT;
BEGIN; INSERT INTO tb_a VALUES (20007); SELECT fraiseql_nats.publish('other.said', 'x'::text); COMMIT;
BEGIN; INSERT INTO tb_a VALUES (20008); TRUNCATE tb_b; COMMIT;
});
stream_is('transactions with both', 'other.b.3', 'other.b.4', 'other.b.5', 'other.b.6', 'other.said', 'other.b.emptied');

# A table becomes observed while a transaction that has changed it already is in progress.
idle(5);
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; INSERT INTO tb_a VALUES (30001)");
idle(5);
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_a', subject => 'other.a.{column:id}', name => 'a')});
$session->query_safe("INSERT INTO tb_a VALUES (30002); COMMIT");
$session->query_safe("BEGIN; INSERT INTO tb_a VALUES (30003)");
stream_is('it has begun before the observer was there', 'other.a.30001', 'other.a.30002');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.disable('a')});
idle(5);
$node->safe_psql('postgres', q{SELECT fraiseql_nats.enable('a')});
$session->query_safe('COMMIT');
stream_is('it has begun before the observer was switched off and on', 'other.a.30003');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.unobserve('a')});

# Transactions that stay open while thousands of others come and go.
idle(5);
my @open = map { $node->background_psql('postgres') } 1 .. 2;
$open[0]->query_safe('BEGIN; INSERT INTO tb_b VALUES (10)');
$open[1]->query_safe('BEGIN; INSERT INTO tb_a VALUES (40001); SAVEPOINT s; INSERT INTO tb_b VALUES (11); RELEASE s');
$node->safe_psql('postgres', q{DO $$ BEGIN FOR i IN 50001 .. 53000 LOOP INSERT INTO tb_a VALUES (i); COMMIT; END LOOP; END $$});
$open[$_]->query_safe("INSERT INTO tb_a VALUES (4000$_ + 10); COMMIT") for 0, 1;
$_->quit for @open;
stream_is('transactions that stay open for thousands of others', 'other.b.10', 'other.b.11');

# So does a table that becomes a partition of one that is observed.
$node->safe_psql('postgres', "INSERT INTO tb_part VALUES ($_)") for 1 .. 3;
idle(5);
$node->safe_psql('postgres', 'ALTER TABLE tb_parts ATTACH PARTITION tb_part FOR VALUES FROM (0) TO (100)');
$node->safe_psql('postgres', 'INSERT INTO tb_part VALUES (4); INSERT INTO tb_parts VALUES (5)');
stream_is('a partition is attached', 'other.part.4', 'other.part.5');

# Its file changes, and another table may get the number of the old one.
$node->safe_psql('postgres', 'VACUUM FULL tb_a');
idle(5);
$node->safe_psql('postgres', 'VACUUM FULL tb_b; INSERT INTO tb_b VALUES (8)');
idle(5);
$node->restart;
idle(5);
$node->safe_psql('postgres', 'INSERT INTO tb_b VALUES (9)');
stream_is('tables are rewritten, and the server is restarted', 'other.b.8', 'other.b.9');

$session->quit;
$node->stop;
done_testing();
