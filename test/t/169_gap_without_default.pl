# SPDX-License-Identifier: PostgreSQL
#
# The slot of a further stream is lost: its gap is in this stream, whether or not the default stream is
# there to be looked at, and the other streams have none.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int PRIMARY KEY);
SELECT fraiseql_nats.create_stream('orders', '{order.>}', subject_prefix => 'order.row', topic_prefix => 'order');
SELECT fraiseql_nats.observe('tb_order', stream => 'orders');
INSERT INTO tb_order VALUES (1);
});
$node->wait_drained('postgres');

sub subjects_of {
    my ($stream) = @_;
    return join ' ', map { $_->{subject} } $nats->stream_messages($stream);
}

sub without_workers {
    my ($statement) = @_;
    $node->configure('fraiseql_nats.enabled' => 'off');
    $node->reload;
    $node->wait_until_state('postgres', 'disabled');
    ok($node->poll_query_until('postgres',
        q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats worker'}), 'no worker runs');
    $node->restart;
    $node->safe_psql('postgres',
        q{SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'fraiseql\_nats\_%\_%'});
    $node->safe_psql('postgres', $statement);
    $node->configure('fraiseql_nats.enabled' => 'on');
    $node->reload;
    ok($node->poll_query_until('postgres',
        q{SELECT count(*) = 1 FROM fraiseql_nats.status() WHERE stream = 'orders' AND state = 'streaming'}),
        'the stream goes on') or diag($node->safe_psql('postgres', 'SELECT * FROM fraiseql_nats.status()'));
    return;
}

# The default stream does not exist, and nobody makes it.
$node->safe_psql('postgres',
    q{SELECT fraiseql_nats.alter_stream('default', stream_name => 'nowhere', manage => 'off')});
without_workers('INSERT INTO tb_order VALUES (2)');
$node->safe_psql('postgres', 'INSERT INTO tb_order VALUES (3)');
ok(eval { FraiseqlNode::wait_until('the stream has it',
        sub { subjects_of('orders') eq 'order.row.Order.INSERT order.gap order.row.Order.INSERT' }, 30); 1 },
    'its gap is in the stream, between the changes before and after it') or diag(subjects_of('orders'));
is($node->safe_psql('postgres', q{SELECT stream, gaps FROM fraiseql_nats.status() ORDER BY gaps}),
    "nowhere|0\norders|1", 'and no other stream has one');

# The stream is gone as well.
$nats->client->delete_stream('orders');
without_workers('INSERT INTO tb_order VALUES (4)');
$node->safe_psql('postgres', 'INSERT INTO tb_order VALUES (5)');
ok(eval { FraiseqlNode::wait_until('the stream has it',
        sub { subjects_of('orders') eq 'order.gap order.row.Order.INSERT' }, 30); 1 },
    'the gap is the first message of a stream that has to be made again') or diag(subjects_of('orders'));
$node->stop;
done_testing();
