# SPDX-License-Identifier: PostgreSQL
#
# A user whom the broker does not let in, or who may not ask JetStream: status() says so, nothing is
# skipped, and when the broker allows it everything is stored.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my %users = (
    stranger => 'authorization { users: [{user: other, password: x}] }',
    guest    => 'authorization { users: [{user: other, password: x}, '
      . '{user: postgres, password: secret, permissions: {publish: {deny: ["$JS.API.>"]}}}] }',
    welcome => 'authorization { users: [{user: other, password: x}, {user: postgres, password: secret}] }',
);
my $nats = NatsServer->new(config => $users{stranger}, user => 'other', pass => 'x');
my $node = FraiseqlNode->new_node('main', $nats, start => 0);
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/nats.password', "secret\n");
chmod 0600, $node->data_dir . '/nats.password';
$node->configure(
    'fraiseql_nats.username'      => 'postgres',
    'fraiseql_nats.password_file' => $node->data_dir . '/nats.password'
);
$node->start;
$node->create_extension('postgres', state => 'waiting');
$node->create_item_table('postgres');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 100)');

$node->wait_for_sql('postgres', q{SELECT reason ~* 'authoriz|authentic' FROM fraiseql_nats.status()});
pass('status() says that the broker does not let us in');
note($node->status('postgres', 'reason, hint'));

$nats->configure(config => $users{guest});
$nats->restart;
$node->wait_for_sql('postgres', q{SELECT reason ~* 'permission' FROM fraiseql_nats.status()});
pass('status() says what is not permitted');
note($node->status('postgres', 'reason, hint'));
unlike($node->status('postgres', 'row_to_json(status)'), qr/secret/, 'the password is nowhere in it');

$nats->configure(config => $users{welcome});
$nats->restart;
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'nothing was skipped');

done_testing();
