# SPDX-License-Identifier: PostgreSQL
#
# A subject that no stream takes: status() says so, nothing is skipped, not even what comes behind it,
# and when the stream takes the subject everything is stored, in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
$nats->create_stream(name => FraiseqlNode::STREAM, subjects => ['fraiseql.mutation.>']);
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
INSERT INTO tb_item (session, n) VALUES (1, 1);
SELECT ledger_publish('fraiseql.elsewhere', 'nobody takes this');
INSERT INTO tb_item (session, n) SELECT 1, generate_series(2, 50);
END
$node->wait_for_sql('postgres', q{SELECT reason LIKE 'no stream takes%' AND hint <> '' AND state = 'waiting'
    FROM fraiseql_nats.status()}, 'status() says that no stream takes it');
pass('status() says that no stream takes it');

$nats->update_stream(FraiseqlNode::STREAM, subjects => ['fraiseql.>']);
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
my $ledger = $node->ledger_rows('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), scalar @$ledger, 'everything is stored once');

done_testing();
