# SPDX-License-Identifier: PostgreSQL
#
# What was rolled back publishes nothing: transactions, savepoints, failed statements, sessions that
# were killed, prepared transactions.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, max_prepared_transactions => 5);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
CREATE FUNCTION item(text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO tb_item (session, n, note) VALUES (0, 0, $1);
    SELECT ledger_publish('fraiseql.note', $1);
$$;
END

# What must arrive is "yes", in this order; "no" must not.
$node->psql('postgres', <<'END', on_error_stop => 0);
BEGIN; SELECT item('no 1'); ROLLBACK;

BEGIN; SELECT item('yes 1');
SAVEPOINT a; SELECT item('no 2');
SAVEPOINT b; SELECT item('no 3'); RELEASE b;
ROLLBACK TO a; SELECT item('yes 2');
SAVEPOINT c; SELECT item('yes 3'); RELEASE c; COMMIT;

BEGIN; SELECT item('no 4'); SELECT 1 / 0; COMMIT;

DO $$
BEGIN
    PERFORM item('yes 4');
    BEGIN
        PERFORM item('no 5');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        PERFORM item('yes 5');
    END;
END $$;

INSERT INTO tb_item (id, session, n, note) VALUES (-1, 0, 0, 'no 6'), (-1, 0, 0, 'no 7');

COPY tb_item (id, session, n, note) FROM stdin;
-2	0	0	no 8
-3	0	not a number	no 9
\.

BEGIN; SELECT item('no 10'); PREPARE TRANSACTION 'dropped';
BEGIN; SELECT item('yes 6'); SAVEPOINT d; SELECT item('no 11'); ROLLBACK TO d; SELECT item('yes 7');
PREPARE TRANSACTION 'kept';
ROLLBACK PREPARED 'dropped';
COMMIT PREPARED 'kept';

BEGIN; SELECT item('no 12'); SELECT pg_terminate_backend(pg_backend_pid());
END

# More subtransactions than a session keeps in shared memory, every other one undone.
$node->safe_psql('postgres', <<'END');
DO $$
BEGIN
    FOR i IN 1 .. 200 LOOP
        BEGIN
            PERFORM item(CASE WHEN i % 2 = 0 THEN 'no' ELSE 'yes' END || ' sub ' || i);
            IF i % 2 = 0 THEN RAISE division_by_zero; END IF;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
END

$node->stream_equals_ledger('postgres', $nats, 'the stream holds what was committed');
my @expected = ((map { "yes $_" } 1 .. 7), (map { 'yes sub ' . (2 * $_ - 1) } 1 .. 100));
my @messages = $node->messages_of('postgres', $nats);
is_deeply([map { $_->{payload} } grep { $_->{subject} eq 'fraiseql.note' } @messages],
    \@expected, 'publish() of committed transactions only');
is_deeply(
    [map { $_->{payload} =~ /"note": ?"([^"]*)"/ } grep { $_->{subject} =~ /Item/ } @messages],
    \@expected, 'rows of committed transactions only');

done_testing();
