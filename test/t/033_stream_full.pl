# SPDX-License-Identifier: PostgreSQL
#
# A stream that is full and refuses messages: nothing is skipped, and delivery goes on when there is
# room again.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use constant LIMIT => 200;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$nats->create_stream(
    name     => FraiseqlNode::STREAM,
    subjects => ['fraiseql.>'],
    max_msgs => LIMIT,
    discard  => 'new'
);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->finish_load($node->start_load('postgres', clients => 4, transactions => 150));
$nats->wait_for_messages(FraiseqlNode::STREAM, LIMIT);
FraiseqlNode::wait_until('status() says why nothing goes on',
    sub { $node->status('postgres', q{state <> 'streaming' AND reason <> ''}) eq 't' });
note($node->status('postgres', 'state, reason, hint, last_error'));
like($node->status('postgres', 'reason'), qr/maximum messages|full/i, 'the reason is the server\'s');
is($nats->stream_count(FraiseqlNode::STREAM), LIMIT, 'the stream is full');

$nats->update_stream(FraiseqlNode::STREAM, max_msgs => -1);
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
my @messages = $node->messages_of('postgres', $nats);
# In a stream that others may write to, a refused message may come behind a later one; it is counted.
my $breaks = $node->status('postgres', 'order_breaks');
my @problems = Ledger::order_problems(\@messages);
ok(!@problems || $breaks, 'order kept, or its break counted') or diag($_) for @problems;
my @ordered = map { $_->[0] } sort {
         $a->[1] <=> $b->[1]
      || $a->[2] <=> $b->[2]
} map { [$_, Ledger::parse_position($_->{headers}{'Fraiseql-Position'})] } @messages;
is_deeply([Ledger::problems(\@ordered, $node->ledger_rows('postgres'))],
    [], 'the stream holds what was committed');

done_testing();
