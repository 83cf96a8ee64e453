# SPDX-License-Identifier: PostgreSQL
#
# retry_dead_letter() publishes the message again as it was, as part of the transaction, and gives up
# nothing if it is refused again; discard_dead_letter() gives it up.  Only who may does either.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 8192');
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
CREATE ROLE manager LOGIN IN ROLE fraiseql_nats_admin;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE ROLE speaker LOGIN IN ROLE fraiseql_nats_publisher;
SET fraiseql_nats.traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
INSERT INTO tb_item (session, n, note) SELECT 0, n, repeat('large ', 2000) FROM generate_series(1, 3) n;
RESET fraiseql_nats.traceparent;
SELECT fraiseql_nats.publish('fraiseql.note', decode(repeat('00ff', 5000), 'hex'), '{"Two": ["a", "b"]}', 'my id');
END
$node->wait_for_dead_letters('postgres', 4);

sub as {
    my ($role, $sql) = @_;
    my ($status, $stdout, $stderr) = $node->psql('postgres', $sql, extra_params => ['--username', $role]);
    return $status == 0 ? $stdout : $stderr;
}
my $letters = 'SELECT string_agg(format($$%s:%s$$, id, attempts), $$ $$ ORDER BY id) FROM fraiseql_nats.dead_letters()';
is(
    as('watcher', 'SELECT count(reason) FROM fraiseql_nats.dead_letter WHERE outcome IS NULL'),
    4, 'who monitors sees that there are some, and why'
);
like(as('watcher', $_), qr/permission denied/, "and not what is in them: $_")
  for $letters, 'SELECT payload FROM fraiseql_nats.dead_letter', 'SELECT headers FROM fraiseql_nats.dead_letter';
like(as('manager', $letters), qr/^1:1 2:1 3:1 4:1$/, 'who administers sees all of it');
like(as('watcher', 'SELECT fraiseql_nats.retry_dead_letter(1)'),   qr/permission denied/, 'and cannot retry');
like(as('watcher', 'SELECT fraiseql_nats.discard_dead_letter(1)'), qr/permission denied/, 'nor discard');
like(as('speaker', $letters), qr/permission denied/, 'who publishes does not see them');
like(as('manager', q{SELECT fraiseql_nats_internal.republish('fraiseql.x', '{}', '', 'x', 1, '')}),
    qr/permission denied/, 'what retrying uses is not for use');
like(as('manager', q{UPDATE fraiseql_nats.dead_letter SET payload = ''}),
    qr/permission denied/, 'nor is the table');

# Refused again: it comes back.
as('manager', 'SELECT fraiseql_nats.retry_dead_letter(1)');
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 4);
like(as('manager', $letters), qr/^2:1 3:1 4:1 5:2$/, 'refused again, it is there with one more attempt');
is(as('manager', <<'END'), 't', 'the same message');
SELECT a.msg_id = b.msg_id AND a.subject = b.subject AND a.headers - identity = b.headers - identity
   AND a.position <> b.position AND b.outcome IS NULL AND a.outcome = 'retried' AND a.payload IS NULL
   AND octet_length(b.payload) = a.payload_bytes
FROM fraiseql_nats.dead_letter a, fraiseql_nats.dead_letter b, (VALUES ('{Fraiseql-Position,Fraiseql-Origin}'::text[])) AS i (identity)
WHERE a.id = 1 AND b.id = 5
END

# The limit is raised: retried at once, it arrives.
$nats->{options}{config} = 'max_payload: 1048576';
$nats->reload_config;
is(as('manager', 'BEGIN; SELECT count(fraiseql_nats.retry_dead_letter(2)); ROLLBACK'), 1, 'a retry is rolled back');
like(as('manager', $letters), qr/^2:1 3:1 4:1 5:2$/, 'which leaves the dead letter');
my $original = $node->safe_psql('postgres', q{SELECT msg_id FROM fraiseql_nats.dead_letter WHERE id = 5});
as('manager', 'SELECT fraiseql_nats.retry_dead_letter(id) FROM fraiseql_nats.dead_letters() WHERE id <> 3');
as('manager', 'SELECT fraiseql_nats.discard_dead_letter(3)');
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 0);
my @messages = Ledger::ours($nats->stream_messages(FraiseqlNode::STREAM));
is_deeply([map { $_->{payload} =~ /"n":(\d)/ ? $1 : length $_->{payload} } @messages], [2, 10000, 1], 'they arrive');
is($messages[2]{headers}{'Nats-Msg-Id'}, $original, 'with the id of the first attempt');
is($messages[2]{headers}{traceparent}, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'and its trace');
is($messages[2]{headers}{'Fraiseql-Table'}, 'public.tb_item', 'and its table');
is($messages[1]{payload}, "\x00\xff" x 5000, 'bytes are as they were');
is_deeply($messages[1]{headers}{Two}, ['a', 'b'], 'headers, too');
is($messages[1]{headers}{'Nats-Msg-Id'}, 'my id', 'and an id of the user');
my @places = map { [Ledger::parse_position($_->{headers}{'Fraiseql-Position'})] } @messages;
ok(!(grep { $places[$_][0] < $places[$_ - 1][0] || $places[$_][0] == $places[$_ - 1][0] && $places[$_][1] <= $places[$_ - 1][1] } 1, 2),
    'and positions go up');

like(as('manager', "SELECT fraiseql_nats.$_(3)"), qr/dead letter 3 does not exist/, "$_() of one that is gone")
  for qw(retry_dead_letter discard_dead_letter);
is($node->log_count(qr/PANIC|FATAL/), 0, 'nothing grave in the log');

done_testing();
