# SPDX-License-Identifier: PostgreSQL
#
# A transaction of 10,000 rows of which every tenth is too large goes through a small window: the worker
# keeps the dead letters while it is in the middle of it, in little memory.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 8192');
my $node = FraiseqlNode->new_node(
    'main', $nats,
    'fraiseql_nats.window_messages' => 16,
    'logical_decoding_work_mem'     => '1MB'
);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', <<'END');
INSERT INTO tb_item (session, n, note)
SELECT 0, n, CASE n % 10 WHEN 0 THEN repeat('large ', 3000) ELSE 'small' END FROM generate_series(1, 10000) n;
END
$node->wait_drained('postgres');
# Somebody looks at the table all the time, also while the worker's transactions are not committed and
# younger ones are: what he sees, and marks, must not harm them.
my $reader = $node->start_load('postgres', clients => 1, script => <<'END');
SELECT pg_current_xact_id();
SELECT count(*) FROM fraiseql_nats.dead_letter;
END
$node->wait_for_dead_letters('postgres', 1000);
$node->stop_load($reader);
is($node->safe_psql('postgres', <<'END'), '1000|10|10000|0', 'every tenth row, in order');
SELECT count(*), min(n), max(n), count(*) FILTER (WHERE n <> 10 * place)
FROM (SELECT (convert_from(payload, 'UTF8')::jsonb #>> '{data,n}')::int AS n, row_number() OVER (ORDER BY id) AS place
      FROM fraiseql_nats.dead_letters()) x
END
my @messages = $node->messages_of('postgres', $nats);
is(
    join(' ', map { $_->{payload} =~ /"n":(\d+)/ } @messages),
    join(' ', grep { $_ % 10 } 1 .. 10000),
    'the stream has the others, in order'
);
is(join("\n", Ledger::order_problems(\@messages)), '', 'in one piece');
is($node->worker_pid('postgres'), $pid, 'by the same worker');
is($node->status('postgres', 'dead_letters'), 1000, 'status() has counted');
cmp_ok(FraiseqlNode::peak_memory_mb($pid), '<', 100, 'the worker stays small');

# The table is an ordinary one for everybody else, and its rows are, too.
$node->safe_psql('postgres', 'VACUUM (FREEZE) fraiseql_nats.dead_letter');
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.dead_letters()'), 1000, 'VACUUM takes none');

# The file goes with the extension, and with the database.
my $file = $node->spool_file('postgres');
ok(-e $file, 'there is a file');
$node->safe_psql('postgres', 'DROP EXTENSION fraiseql_nats');
FraiseqlNode::wait_until('the file has gone with the extension', sub { !-e $file });
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->create_extension('other');
$file = $node->spool_file('other');
ok(-e $file, 'there is a file for another database');
$node->safe_psql('postgres', 'DROP DATABASE other');
FraiseqlNode::wait_until('the file has gone with the database', sub { !-e $file });

done_testing();
