# SPDX-License-Identifier: PostgreSQL
#
# Messages over the server's max_payload are dead letters, with all there is to know of them; the others
# go on in order, by the same worker.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 32768');
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', <<'END');
INSERT INTO tb_item (session, n, note) VALUES (0, 1, 'small');
INSERT INTO tb_item (session, n, note) VALUES (0, 2, repeat('large ', 20000));
INSERT INTO tb_item (session, n, note)
SELECT 0, n, CASE WHEN n IN (4, 6) THEN repeat('large ', 20000) ELSE 'small' END FROM generate_series(3, 8) n;
SELECT fraiseql_nats.publish('fraiseql.note', repeat('x', 40000), '{"Two": ["a", "b"], "One": "c"}', 'my id');
SELECT fraiseql_nats.publish('fraiseql.note', '"n":9');
END
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 4);
my @messages = $nats->stream_messages(FraiseqlNode::STREAM);
is_deeply([map { $_->{payload} =~ /"n":(\d)/ } @messages], [1, 3, 5, 7, 8, 9], 'the others are stored in order');
is($node->worker_pid('postgres'), $pid, 'by the same worker');
is($node->status('postgres', 'state, dead_letters'), 'streaming|4', 'status() counts them');
like($node->status('postgres', 'last_error'), qr/over the NATS server's limit of 32768/, 'and says why');
cmp_ok($node->log_count(qr/message is a dead letter: .*over the NATS server's limit/), '>=', 1,
    'so does the log');

is($node->safe_psql('postgres', <<'END'), <<'END' =~ s/\n\z//r, 'rows are all there');
SELECT subject, octet_length(payload) = payload_bytes, (convert_from(payload, 'UTF8')::jsonb #>> '{data,n}'),
       headers->>'Fraiseql-Table', headers->>'Nats-Msg-Id' = msg_id, headers->>'Fraiseql-Position' = position,
       headers->>'Fraiseql-Xid' = xid::text, (headers->>'Fraiseql-Commit-Time')::timestamptz = commit_time,
       attempts, rejected_at BETWEEN commit_time AND now(), hint
FROM fraiseql_nats.dead_letters() WHERE headers ? 'Fraiseql-Table'
END
fraiseql.mutation.Item.INSERT|t|2|public.tb_item|t|t|t|t|1|t|Raise max_payload in the server's configuration.
fraiseql.mutation.Item.INSERT|t|4|public.tb_item|t|t|t|t|1|t|Raise max_payload in the server's configuration.
fraiseql.mutation.Item.INSERT|t|6|public.tb_item|t|t|t|t|1|t|Raise max_payload in the server's configuration.
END
like($node->safe_psql('postgres', <<'END'), qr/^my id\|\["a", "b"\]\|c\|40000\|message of \d+ bytes/, 'and messages of publish()');
SELECT msg_id, headers->'Two', headers->>'One', payload_bytes, reason
FROM fraiseql_nats.dead_letters() WHERE subject = 'fraiseql.note'
END
is(-s $node->spool_file('postgres'), 0, 'the file of the worker is empty');
is($node->log_count(qr/ERROR|PANIC|FATAL/), 0, 'nothing grave in the log');

done_testing();
