# SPDX-License-Identifier: PostgreSQL
#
# publish() is part of the transaction: its messages stand among the row changes where it was called,
# with the payload, headers and id that it was given.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');

my $lsn = $node->safe_psql('postgres', <<'END');
BEGIN;
INSERT INTO tb_item (session, n) VALUES (1, 1);
SELECT fraiseql_nats.publish('fraiseql.order.created', 'plain text');
INSERT INTO tb_item (session, n) VALUES (1, 2);
SELECT fraiseql_nats.publish('fraiseql.order.created', '{"b": 2, "a": 1}'::jsonb);
SAVEPOINT s;
SELECT fraiseql_nats.publish('fraiseql.order.created', 'undone');
ROLLBACK TO s;
SELECT fraiseql_nats.publish('fraiseql.order.created', '\x00ff0d0a00'::bytea);
DELETE FROM tb_item;
COMMIT;
END
like($lsn, qr{^[0-9A-F]+/[0-9A-F]+\n}, 'publish() returns a position in the log');
my $created = $node->safe_psql('postgres', 'SELECT count(*) FROM ledger') + 3;

$node->safe_psql('postgres', <<'END');
SELECT fraiseql_nats.publish('fraiseql.with.headers', 'x',
       headers => '{"Traffic-Light": "green", "X-Count": "3"}');
SELECT fraiseql_nats.publish('fraiseql.with.id', 'first', msg_id => 'order-1');
SELECT fraiseql_nats.publish('fraiseql.with.id', 'second', msg_id => 'order-1');
SELECT fraiseql_nats.publish('fraiseql.with.id', '', msg_id => 'order-2');
SELECT fraiseql_nats.publish('fraiseql.large', repeat('ab', 200000));
END
$node->wait_drained('postgres');
my @messages = $node->messages_of('postgres', $nats);

my @first = splice @messages, 0, $created;
is_deeply(
    [map { $_->{subject} =~ /([^.]+)$/ } @first],
    [qw(INSERT created INSERT created created DELETE DELETE)],
    'messages stand where publish() was called'
);
is_deeply([Ledger::order_problems(\@first)], [], 'as one transaction');
my @payloads = map { $_->{payload} } grep { $_->{subject} =~ /created/ } @first;
is($payloads[0], 'plain text', 'text goes out as it is');
is($payloads[1] =~ s/\s//gr, '{"a":1,"b":2}', 'jsonb goes out as JSON');
is(unpack('H*', $payloads[2]), '00ff0d0a00', 'bytea goes out byte by byte');

my ($headers, @rest) = @messages;
is($headers->{headers}{'Traffic-Light'}, 'green', 'a header of the caller');
is($headers->{headers}{'X-Count'}, '3', 'another one');
like($headers->{headers}{'Nats-Msg-Id'}, qr/^\d+\.\d+\.[0-9A-F]{16}\.\d+$/, 'and our own id');

my @with_id = grep { $_->{subject} eq 'fraiseql.with.id' }
  Ledger::ours($nats->stream_messages(FraiseqlNode::STREAM));
is_deeply([map { "$_->{headers}{'Nats-Msg-Id'}=$_->{payload}" } @with_id],
    ['order-1=first', 'order-2='], "the caller's id is the message's id, by which it is stored once");
is($messages[-1]{payload}, 'ab' x 200_000, 'a large payload');

# What cannot be published is refused at once.
for my $case (
    ['an empty subject',         q{'', 'x'}],
    ['an empty token',           q{'fraiseql..x', 'x'}],
    ['a blank in the subject',   q{'fraiseql.a b', 'x'}],
    ['a wildcard',               q{'fraiseql.*', 'x'}],
    ['a line break in a header', q{'fraiseql.a', 'x', headers => E'{"A": "b\\\\r\\\\nC: d"}'}],
    ['a header with a blank',    q{'fraiseql.a', 'x', headers => '{"A b": "c"}'}],
    ['headers that are no object', q{'fraiseql.a', 'x', headers => '[1]'}],
  )
{
    my ($what, $arguments) = @$case;
    my ($status, undef, $stderr) =
      $node->psql('postgres', "SELECT fraiseql_nats.publish($arguments)");
    isnt($status, 0, "$what is refused") and like($stderr, qr/ERROR/, "$what: with an error");
}
my $before = $nats->stream_count(FraiseqlNode::STREAM);
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), $before, 'and publishes nothing');

done_testing();
