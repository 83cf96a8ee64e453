# SPDX-License-Identifier: PostgreSQL
#
# Without shared_preload_libraries CREATE EXTENSION works, and status() says what to set.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, preload => 0);
my ($status, undef, $stderr) = $node->psql('postgres', 'CREATE EXTENSION fraiseql_nats');
is($status, 0, 'CREATE EXTENSION works');
note($stderr);
is($node->status('postgres', 'state'), 'not loaded', 'state');
isnt($node->status('postgres', 'reason'), '', 'reason');
like($node->status('postgres', 'hint'), qr/shared_preload_libraries/, 'hint');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_replication_slots}), 0, 'no slot is made');
is($node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM fraiseql_nats.pg_stat_fraiseql_nats) + (SELECT count(*) FROM fraiseql_nats.pg_stat_fraiseql_nats_observers)}),
    0, 'there are no statistics');
is($node->safe_psql('postgres', q{SELECT fraiseql_nats.stat_reset(); SELECT fraiseql_nats.metrics() ~ '# EOF$'}), "\nt", 'whose reset does nothing');

$node->safe_psql('postgres', 'CREATE TABLE tb_item (id int); INSERT INTO tb_item VALUES (1)');
($status, undef, $stderr) =
  $node->psql('postgres', q{SELECT fraiseql_nats.observe('tb_item')}, timeout => 30);
like($stderr, qr/shared_preload_libraries|^$/, 'observe() works or says what is missing');

$node->configure(
    shared_preload_libraries            => 'fraiseql_nats',
    'fraiseql_nats.url'                 => $nats->url,
);
$node->restart;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('fraiseql.note', 'x')});
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), 1, 'preloaded, it works');

done_testing();
