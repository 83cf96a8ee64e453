# SPDX-License-Identifier: PostgreSQL
#
# CREATE and DROP EXTENSION under load: sessions go on, the slot and the worker come and go, and what
# is published is exactly what committed while the table was observed.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->safe_psql('postgres', Ledger::setup_sql() . <<'END');
CREATE TABLE tb_item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, session int, n int);
CALL watch('tb_item');
END

my $load = $node->start_load('postgres', clients => 4, rate => 500, script => <<'END');
\set n random(1, 1000)
BEGIN;
INSERT INTO tb_item (session, n) VALUES (:client_id, :n), (:client_id, :n + 1);
UPDATE tb_item SET n = 0 WHERE id = lastval();
COMMIT;
END
$node->wait_for_changes('postgres', 50);

# The transactions that have committed by now.
sub committed {
    return map { $_ => 1 }
      split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT xid FROM ledger');
}

my $took = FraiseqlNode::seconds(sub { $node->create_extension('postgres') });
cmp_ok($took, '<', time_limit(15), 'CREATE EXTENSION under load');
$node->wait_for_changes('postgres', 50);

for my $round (1 .. 2) {
    $node->create_extension('postgres') if $round > 1;
    my %before = committed();
    $node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_item')});
    my %early = committed();
    $node->wait_for_changes('postgres', 500);
    my %late = committed();
    $node->wait_drained('postgres');

    $took = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', 'DROP EXTENSION fraiseql_nats') });
    cmp_ok($took, '<', time_limit(10), "round $round: DROP EXTENSION under load");
    my %after = committed();
    $node->wait_for_sql(
        'postgres',
        q{SELECT count(*) = 0 FROM pg_replication_slots},
        'the slot has been dropped'
    );
    FraiseqlNode::wait_until('the worker has gone', sub { !$node->worker_pid('postgres') });
    pass("round $round: slot and worker go");
    $node->wait_for_changes('postgres', 200);

    my @messages = Ledger::ours($nats->stream_messages(FraiseqlNode::STREAM));
    my %published = map { $_->{headers}{'Fraiseql-Xid'} => 1 } @messages;
    is_deeply([grep { $published{$_} } keys %before], [],
        "round $round: nothing from before the observer");
    is_deeply([grep { !$published{$_} && !$early{$_} } keys %late],
        [], "round $round: everything that committed while the table was observed");
    is_deeply([grep { !$after{$_} } keys %published], [], "round $round: nothing from after the DROP");
    my @rows = grep { $published{$_->{xid}} } @{$node->ledger_rows('postgres')};
    is_deeply([Ledger::problems(\@messages, \@rows)], [], "round $round: each once and in order");
    $nats->purge_stream(FraiseqlNode::STREAM);
}
$node->stop_load($load);
unlike($load->{output}, qr/ERROR|aborted/, 'no session met an error');

# Undone, DROP EXTENSION has no effect.
$node->create_extension('postgres');
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_item')});
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION fraiseql_nats; ROLLBACK');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 1)');
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), 1, 'a DROP EXTENSION that is rolled back changes nothing');
is($node->worker_pid('postgres'), $pid, 'for the worker neither');
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION fraiseql_nats; CREATE EXTENSION fraiseql_nats; COMMIT');
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 2)');
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), 1, 'dropped and made in one transaction, observers are gone');

done_testing();
