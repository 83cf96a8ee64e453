# SPDX-License-Identifier: PostgreSQL
#
# Whatever commits at the same time: messages stand in commit order, and within a transaction in the
# order written.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, synchronous_commit => 'on');
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_counter (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO tb_counter VALUES (1, 0);
CALL watch('tb_counter');
SELECT fraiseql_nats.observe('tb_counter');
END
my $start = $node->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()');

# One load whose sessions do not meet, and one whose sessions wait for each other's row.
my $free = $node->start_load('postgres', clients => 4, transactions => 500);
my $serial = $node->start_load('postgres', clients => 4, transactions => 250, script => <<'END');
BEGIN;
INSERT INTO tb_item (session, n, note) VALUES (100 + :client_id, 1, 'first');
UPDATE tb_counter SET n = n + 1 WHERE id = 1;
INSERT INTO tb_item (session, n, note) VALUES (100 + :client_id, 2, 'last');
COMMIT;
END
$node->finish_load($_) for $free, $serial;

$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed, in order');

my @messages = $node->messages_of('postgres', $nats);
is_deeply([Ledger::commit_order_problems(\@messages, $node->transaction_log($start))],
    [], 'transactions stand in the order of their commits in the log');

my @counts = map { $_->{payload} =~ /"data":.*?"n": ?(\d+)/ }
  grep { $_->{headers}{'Fraiseql-Table'} eq 'public.tb_counter' } @messages;
is("@counts", join(' ', 1 .. 1000), 'a counter only counts up');

is($node->status('postgres', 'order_breaks'), 0, 'no break of the order was counted');

done_testing();
