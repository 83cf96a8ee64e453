# SPDX-License-Identifier: PostgreSQL
#
# What the stream refuses for good, over max_msg_size or with headers over 64 kB, is a dead letter; the
# others go on in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
$nats->create_stream(name => FraiseqlNode::STREAM, subjects => ['fraiseql.>'], max_msg_size => 100_000);
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', <<'END');
INSERT INTO tb_item (session, n, note)
SELECT 0, n, CASE WHEN n % 50 = 0 THEN repeat('large ', 20000) ELSE 'small' END FROM generate_series(1, 1000) n;
SELECT fraiseql_nats.publish('fraiseql.note', 'x', jsonb_build_object('Large', repeat('x', 70000)));
INSERT INTO tb_item (session, n, note) VALUES (0, 1001, 'small');
END
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 21);
is(
    join(' ', map { $_->{payload} =~ /"n":(\d+)/ } $node->messages_of('postgres', $nats)),
    join(' ', grep { $_ % 50 || $_ > 1000 } 1 .. 1001),
    'the others are stored in order'
);
is($node->safe_psql('postgres', <<'END'), "Raise max_msg_size of the stream.|20|t\nNATS takes at most 64 kB of headers.|1|t", 'each with its reason');
SELECT hint, count(*), bool_and(reason ~ '1005[4]|1009[7]') FROM fraiseql_nats.dead_letters() GROUP BY hint ORDER BY 2 DESC
END
is($node->worker_pid('postgres'), $pid, 'the worker is the same');
is($node->status('postgres', 'order_breaks'), 0, 'no break of the order');

$nats->update_stream(FraiseqlNode::STREAM, max_msg_size => -1);
$node->safe_psql('postgres', q{SELECT fraiseql_nats.retry_dead_letter(id) FROM fraiseql_nats.dead_letters() WHERE subject <> 'fraiseql.note'});
$node->wait_drained('postgres');
is(
    join(' ', map { $_->{payload} =~ /"n":(\d+)/ } ($node->messages_of('postgres', $nats))[-20 .. -1]),
    join(' ', map { 50 * $_ } 1 .. 20),
    'with the limit raised they can be retried'
);
$node->wait_for_dead_letters('postgres', 1);

done_testing();
