# SPDX-License-Identifier: PostgreSQL
#
# Changes of tables without observers are skipped, but they have ordinals, and they are published if an
# observer is made before their transaction commits.  What a slot says that knows these tables is compared
# with what another one says that has not decoded a change of them before: it skips nothing.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
# A VACUUM of any table makes a slot forget what it knows.
my $node = FraiseqlNode->new_node('main', $nats, autovacuum => 'off', max_prepared_transactions => 5, max_replication_slots => 10);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_seen (id int PRIMARY KEY, note text);
CREATE TABLE a (id int PRIMARY KEY, note text);
CREATE TABLE large (id int PRIMARY KEY, note text);
ALTER TABLE large ALTER note SET STORAGE EXTERNAL;
CREATE TABLE part (id int, note text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (1000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (1000) TO (2000);
CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE d (id int PRIMARY KEY);
CREATE TABLE never (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_seen', name => 'seen');
CREATE PROCEDURE pass_xids(count int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. count LOOP
        INSERT INTO never VALUES (i);
        ROLLBACK;
    END LOOP;
END $$;
});
my @tables = qw(a large part b c d);

# Every table is known to a slot that decodes this.
my $teach = join '', map { "INSERT INTO $_ (id) VALUES (0); DELETE FROM $_;" } @tables;

sub messages {
    my ($slot) = @_;
    return $node->safe_psql('postgres',
        "SELECT position, subject, payload::jsonb #- '{timestamp}' FROM fraiseql_nats.messages('$slot')");
}

sub messages_and_log {
    my ($slot) = @_;
    my ($code, $out, $log) = $node->psql('postgres',
        "SET client_min_messages = debug1; SELECT count(*) FROM fraiseql_nats.messages('$slot')");
    die $log if $code != 0;
    return $log;
}

# Runs $change between two slots, of which only one knows the tables.
sub compare {
    my ($what, $count, $change, $rereads) = @_;
    my ($knowing, $other) = qw(knowing other);
    $node->safe_psql('postgres', "SELECT fraiseql_nats.create_preview_slot('$knowing', false)");
    $node->safe_psql('postgres', $teach);
    $node->safe_psql('postgres', "SELECT fraiseql_nats.create_preview_slot('$other', false)");
    ref $change ? $change->() : $node->safe_psql('postgres', $change);
    my $expected = messages($other);
    is(scalar(split /\n/, $expected), $count, "$what: $count messages");
    is(messages($knowing), $expected, "$what: they are the same, at the same positions");
    my $again = qr/reading a transaction once more/;
    is(scalar(() = messages_and_log($knowing) =~ /$again/g), $rereads // 0, "$what: read again so often");
    unlike(messages_and_log($other), $again, "$what: nothing was skipped by the other");
    $node->safe_psql('postgres', "SELECT fraiseql_nats.drop_preview_slot(s) FROM unnest(ARRAY['$knowing', '$other']) s");
    $node->safe_psql('postgres', join '', map { "DELETE FROM $_;" } @tables, 'tb_seen');
    return;
}

my $seen = q{INSERT INTO tb_seen SELECT g, 'x' FROM generate_series(1, 3) g;};

# --- Ordinals ----------------------------------------------------------------------------------

compare('all kinds of changes', 3, <<"END");
BEGIN;
INSERT INTO a SELECT g, 'x' FROM generate_series(1, 100) g;
UPDATE a SET note = 'y' WHERE id % 3 = 0;
UPDATE a SET id = id + 1000 WHERE id % 5 = 0;
DELETE FROM a WHERE id % 7 = 0;
COPY a FROM PROGRAM 'seq 5000 5999 | sed s/\$/\\\\tline/';
$seen
COMMIT
END
compare('large values', 4, <<"END");
BEGIN;
INSERT INTO large SELECT g, repeat('large', 2000) FROM generate_series(1, 5) g;
UPDATE large SET note = repeat('other', 3000) WHERE id < 3;
UPDATE large SET id = id + 10 WHERE id > 4;
DELETE FROM large WHERE id = 1;
$seen
INSERT INTO large VALUES (100, repeat('large', 2000));
UPDATE tb_seen SET note = 'y' WHERE id = 1;
COMMIT
END
compare('from one partition to another', 3, <<"END");
BEGIN;
INSERT INTO part SELECT g, 'x' FROM generate_series(990, 1010) g;
UPDATE part SET id = id + 500 WHERE id < 1000;
DELETE FROM part WHERE id > 1200;
$seen
COMMIT
END
compare('insertions that may conflict', 3, <<"END");
BEGIN;
INSERT INTO b VALUES (1);
INSERT INTO a SELECT g % 10, 'x' FROM generate_series(1, 30) g ON CONFLICT DO NOTHING;
INSERT INTO large SELECT g % 10, repeat('large', 2000) FROM generate_series(1, 10) g ON CONFLICT (id) DO UPDATE SET note = 'y';
$seen
COMMIT
END
compare('subtransactions', 5, <<"END");
BEGIN;
INSERT INTO a VALUES (1, 'x');
SAVEPOINT one;
INSERT INTO a VALUES (2, 'x');
SAVEPOINT two;
INSERT INTO b VALUES (3);
ROLLBACK TO two;
INSERT INTO tb_seen VALUES (11, 'x');
ROLLBACK TO one;
INSERT INTO b VALUES (4);
RELEASE one;
DO \$\$ BEGIN INSERT INTO a VALUES (1, 'twice'); EXCEPTION WHEN unique_violation THEN INSERT INTO a VALUES (5, 'x'); END \$\$;
$seen
UPDATE tb_seen SET note = 'y' WHERE id > 1;
COMMIT
END
compare('more tables than are noted', 3, "BEGIN; $teach INSERT INTO never VALUES (1); $seen TRUNCATE never; COMMIT");
compare('locks, TRUNCATE and a message', 4, <<"END");
BEGIN;
INSERT INTO a VALUES (1, 'x');
SELECT FROM a FOR UPDATE;
TRUNCATE a, b;
INSERT INTO a VALUES (2, 'x');
SELECT fraiseql_nats.publish('fraiseql.said', '{}');
$seen
COMMIT
END
compare('a new table', 3, <<"END");
BEGIN;
INSERT INTO a VALUES (1, 'x');
CREATE TABLE new AS SELECT * FROM a;
INSERT INTO new VALUES (2, 'x');
$seen
DROP TABLE new;
COMMIT
END
compare('a prepared transaction', 3, <<"END");
BEGIN;
INSERT INTO a VALUES (1, 'x');
PREPARE TRANSACTION 'one';
INSERT INTO b VALUES (1);
BEGIN;
INSERT INTO a VALUES (2, 'x');
$seen
PREPARE TRANSACTION 'two';
CREATE TABLE new (id int);
DROP TABLE new;
COMMIT PREPARED 'two';
ROLLBACK PREPARED 'one';
END

# --- An observer is made while a transaction is under way -----------------------------------------

# Others come in between: $meanwhile is another session's.
sub overlap {
    my ($first, $meanwhile, $then) = @_;
    return sub {
        my $session = $node->background_psql('postgres');
        $session->query_safe("BEGIN; $first");
        $node->safe_psql('postgres', $meanwhile);
        $session->query_safe($then);
        $session->quit;
    };
}

$node->safe_psql('postgres', "SELECT fraiseql_nats.observe('$_', name => '$_'), fraiseql_nats.disable('$_')") for @tables;
sub enabled  { return join '', map { "SELECT fraiseql_nats.enable('$_');" } @_ }
sub disabled { $node->safe_psql('postgres', join '', map { "SELECT fraiseql_nats.disable('$_');" } @_); return }
my $many = q{INSERT INTO a SELECT g, 'x' FROM generate_series(1, 10) g;};

compare('its own changes', 10, overlap($many, enabled('a'), 'COMMIT'), 1);
disabled('a');
compare('with others behind them', 14, overlap($many, enabled('a') . 'INSERT INTO b VALUES (1)', "INSERT INTO a VALUES (20, 'x'); $seen COMMIT"), 1);
disabled('a');
compare('large values', 3, overlap(q{INSERT INTO large SELECT g, repeat('large', 2000) FROM generate_series(1, 2) g;},
    enabled('large'), q{INSERT INTO large VALUES (3, repeat('large', 3000)); COMMIT}), 1);
disabled('large');
compare('partitions', 22, overlap(q{INSERT INTO part SELECT g, 'x' FROM generate_series(990, 1010) g;},
    enabled('part'), q{UPDATE part SET note = 'y' WHERE id = 1000; COMMIT}), 1);
disabled('part');
compare('one that rolls back', 3, overlap($many, enabled('a'), "ROLLBACK; $seen"), 0);
disabled('a');
compare('one that is prepared', 10, overlap("$many PREPARE TRANSACTION 'one'", enabled('a'), q{COMMIT PREPARED 'one'}), 1);
disabled('a');
compare('another table is altered', 3, overlap($many, 'ALTER TABLE b ADD x int; ALTER TABLE b DROP x', "$seen COMMIT"), 0);
compare('another observer is made', 3, overlap($many, enabled('b'), "$seen COMMIT"), 0);
disabled('b');
compare('many transactions in between', 3, overlap($many, 'CALL pass_xids(1100)', "$seen COMMIT"), 0);
compare('many, and an observer', 13, overlap($many, 'CALL pass_xids(1100);' . enabled('a') . 'CALL pass_xids(1100)', "$seen COMMIT"), 1);
disabled('a');
compare(
    'several that overlap', 31,
    sub {
        my @sessions = map { $node->background_psql('postgres') } 1 .. 3;
        $sessions[$_]->query_safe("BEGIN; INSERT INTO a SELECT g + 100 * $_, 'x' FROM generate_series(1, 10) g") for 0 .. 2;
        $node->safe_psql('postgres', enabled('a') . q{INSERT INTO a VALUES (1000, 'x')});
        $_->query_safe('COMMIT') for @sessions;
        $_->quit for @sessions;
    },
    1    # the second time nothing of them is skipped
);
disabled('a');

# --- The worker -----------------------------------------------------------------------------------

$node->wait_drained('postgres');
my $before = () = $nats->stream_messages(FraiseqlNode::STREAM);
$node->safe_psql('postgres', $teach);
overlap($many, enabled('a') . q{INSERT INTO a VALUES (1000, 'first')}, "$seen COMMIT")->();
overlap(q{INSERT INTO b VALUES (1);}, enabled('b'), 'COMMIT')->();
$node->wait_drained('postgres');
my @messages = $nats->stream_messages(FraiseqlNode::STREAM);
my $entities = join ' ', map { $_->{subject} =~ /mutation\.(\w+)/ } @messages[$before .. $#messages];
is($entities, join(' ', 'A', ('A') x 10, ('Seen') x 3, 'B'), 'the worker publishes each change once, in the order of the commits');

done_testing();
