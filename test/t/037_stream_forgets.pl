# SPDX-License-Identifier: PostgreSQL
#
# A stream that removes what was consumed holds nothing that the worker could read back: status() and the
# log say so, as long as it is so, and all is published none the less.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
$nats->create_stream(name => FraiseqlNode::STREAM, subjects => ['fraiseql.>'], retention => 'workqueue');
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.consumer_name' => '');
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $remark = qr/^streaming\|stream "fraiseql_events" does not keep consumed messages/;
like($node->status('postgres', 'state, reason, hint'), qr/$remark, and they cannot be looked up\|.*retention by limits/, 'status() says so');
is($node->log_count(qr/LOG: .*publishing to nats:\S+: stream "fraiseql_events" does not keep/), 1, 'so does the log');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 0, g FROM generate_series(1, 100) g');
$node->wait_drained('postgres');
is($nats->stream_info(FraiseqlNode::STREAM)->{state}{messages}, 100, 'and all is published');
like($node->status('postgres', 'state, reason'), $remark, 'it stays');
is($node->log_count(qr/does not keep/), 1, 'and is told once');

# By interest: without consumers nothing is kept at all.
for my $retention (qw(interest limits)) {
    $nats->delete_stream(FraiseqlNode::STREAM);
    $nats->create_stream(name => FraiseqlNode::STREAM, subjects => ['fraiseql.>'], retention => $retention);
    $nats->restart;
    $node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 1)');
    $node->wait_drained('postgres');
    my $wanted = $retention eq 'limits' ? qr/^streaming\|$/ : $remark;
    FraiseqlNode::wait_until("what is said suits retention by $retention",
        sub { $node->status('postgres', 'state, reason') =~ $wanted });
    pass("what is said suits retention by $retention");
}

done_testing();
