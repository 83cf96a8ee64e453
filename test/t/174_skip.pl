# SPDX-License-Identifier: PostgreSQL
#
# With on_error = block, skip() makes a dead letter of the one message that blocks a stream, and of no
# other; the others go on in their order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 32768');
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.on_error' => 'block');
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_note (id int PRIMARY KEY, note text);
CREATE TABLE tb_word (id int PRIMARY KEY, word text);
SELECT fraiseql_nats.create_stream('notes', '{note.>}');
SELECT fraiseql_nats.observe('tb_note', subject => 'fraiseql.note', name => 'a');
SELECT fraiseql_nats.observe('tb_word', 'INSERT, DELETE', subject => 'note.{column:word}');
});

# The call that status() has for the message that blocks.  Its state and its hint are read at once:
# after skip() the stream is not blocked for a moment.
sub blocks {
    my ($stream) = @_;
    my $sql  = "SELECT hint FROM fraiseql_nats.status() WHERE stream = '$stream' AND state = 'blocked'";
    my $hint = '';
    ok(eval { FraiseqlNode::wait_until("a message blocks $stream", sub { $hint = $node->safe_psql('postgres', $sql) }) },
        "a message blocks $stream");
    my ($call) = $hint =~ /(SELECT fraiseql_nats\.skip\('[^)]*\);)/;
    isnt($call, undef, 'the hint has the very call') or diag($hint);
    return $call;
}

sub fails {
    my ($sql, $expected, $name) = @_;
    my ($code, $out, $error) = $node->psql('postgres', $sql);
    return like($error, $expected, $name);
}

fails(q{SELECT fraiseql_nats.skip('0/1:1')}, qr/no message blocks the stream/, 'nothing is to be skipped');

# The broker does not take it.
$node->safe_psql('postgres', q{
INSERT INTO tb_note VALUES (1, 'x');
BEGIN;
INSERT INTO tb_note VALUES (2, repeat('large ', 20000));
INSERT INTO tb_note VALUES (3, repeat('large ', 20000));
INSERT INTO tb_note VALUES (4, 'x');
COMMIT;
});
my $first = blocks(FraiseqlNode::STREAM);
fails(q{SELECT fraiseql_nats.skip('0/1:1')}, qr/at 0\/1:1 does not block.*The one at/s, 'another position');
$node->safe_psql('postgres', $first);
my $second = blocks(FraiseqlNode::STREAM);
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM fraiseql_nats.dead_letter'), 'one is a dead letter');
for (1 .. 100) { $second = blocks(FraiseqlNode::STREAM); last if $second ne $first }
isnt($second, $first, 'and the next one blocks');
fails($first, qr/does not block/, 'the first is skipped only once');
$node->safe_psql('postgres', $second);
$node->wait_drained('postgres');
is(join(' ', map { $_->{payload} =~ /"entity_id":"(\d+)"/ } $nats->stream_messages(FraiseqlNode::STREAM)), '1 4',
    'then the others go on');
$node->wait_for_dead_letters('postgres', 2);

# It cannot be built: in another stream, and in no other.
$node->safe_psql('postgres', q{INSERT INTO tb_word VALUES (1, 'x'); DELETE FROM tb_word; INSERT INTO tb_word VALUES (2, 'y')});
my $call = blocks('notes');
like($call, qr/, 'notes'\)/, 'of a further stream');
$node->safe_psql('postgres', $call);
$node->wait_drained('postgres');
is((map { $_->{subject} } $nats->stream_messages('notes'))[-1], 'note.y', 'it is skipped as well');
$node->wait_for_dead_letters('postgres', 3);

done_testing();
