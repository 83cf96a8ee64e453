# SPDX-License-Identifier: PostgreSQL
#
# The stream is in the JetStream domain of a leaf node, and the NATS user may not subscribe to _INBOX: with
# fraiseql_nats.js_domain and fraiseql_nats.inbox_prefix everything works, publishing, calls by SQL,
# what the stream holds already, and dead letters of consumers.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $leaf_port = NatsServer::free_port();
my $hub       = NatsServer->new(
    domain => 'hub',
    config => "leafnodes { listen: \"127.0.0.1:$leaf_port\" }
accounts { A: { jetstream: enabled, users: [{user: other, password: x},
  {user: pg, password: x, permissions: {publish: \">\", subscribe: [\"answers.>\"]}}, {user: leaf, password: x}] } }",
    user => 'other',
    pass => 'x'
);
my $leaf = NatsServer->new(
    domain => 'leaf',
    config => "leafnodes { remotes: [{url: \"nats://leaf:x\@127.0.0.1:$leaf_port\"}] }"
);

my $node = FraiseqlNode->new_node(
    'main', undef,
    'fraiseql_nats.url'      => 'nats://pg:x@127.0.0.1:' . $hub->port,
    'fraiseql_nats.ack_wait' => '1s',
    'fraiseql_nats.max_deliver' => 1
);
$node->create_extension('postgres', state => 'waiting');
$node->wait_for_sql('postgres', q{SELECT reason LIKE '%Permissions Violation for Subscription%'
    AND hint LIKE '%subscribe to "_INBOX.>"%inbox_prefix%' FROM fraiseql_nats.status()});
pass('status() says what to permit or to set');

$node->configure('fraiseql_nats.inbox_prefix' => 'answers.pg', 'fraiseql_nats.js_domain' => 'leaf');
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->create_item_table('postgres');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 100)');
$node->stream_equals_ledger('postgres', $leaf, 'the stream is in the domain');
is_deeply($hub->api('STREAM.NAMES')->{streams} // [], [], 'nothing is in the domain of the server');
is($node->safe_psql('postgres', 'SELECT messages FROM fraiseql_nats.stream_info()'), 100, 'stream_info()');
$node->restart;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 100)');
$node->stream_equals_ledger('postgres', $leaf, 'after a restart nothing is there twice');

# A message that the consumer gives up becomes a dead letter in the domain.
$node->wait_for_sql('postgres', q{SELECT count(*) = 1 FROM fraiseql_nats.consumers()});
FraiseqlNode::wait_until('the stream of advisories is there',
    sub { grep { $_ eq FraiseqlNode::STREAM . '_advisories' } @{$leaf->api('STREAM.NAMES')->{streams} // []} });
FraiseqlNode::wait_until(
    'the consumer has given a message up',
    sub {
        eval { $leaf->request('$JS.API.CONSUMER.MSG.NEXT.' . FraiseqlNode::STREAM . '.fraiseql_observer_worker', '1') };
        return $node->status('postgres', 'dlq_moved') > 0;
    }
);
pass('dead letters of consumers are moved');

done_testing();
