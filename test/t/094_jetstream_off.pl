# SPDX-License-Identifier: PostgreSQL
#
# A NATS server without JetStream: status() says so, nothing is skipped, and when JetStream is switched
# on everything is stored.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(jetstream => 0);
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres', state => 'waiting');
$node->create_item_table('postgres');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 100)');
$node->wait_for_sql('postgres', q{SELECT reason LIKE 'JetStream is not enabled%' AND hint <> ''
    FROM fraiseql_nats.status()});
pass('status() says that JetStream is not enabled');

$nats->configure(jetstream => 1);
$nats->restart;
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'nothing was skipped');

done_testing();
