# SPDX-License-Identifier: PostgreSQL
#
# A new fraiseql_nats.url takes effect on reload: the worker goes over to that broker.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $old  = NatsServer->new;
my $new  = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $old);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n, note) VALUES (0, 1, 'to the old')});
$node->wait_drained('postgres');

$node->configure('fraiseql_nats.url' => $new->url);
$node->reload;
FraiseqlNode::wait_until('the worker is with the new broker',
    sub { my $port = $new->port; $node->status('postgres', 'server') =~ /:$port\b/ });
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n, note) VALUES (0, 2, 'to the new')});
$node->wait_drained('postgres');
is($old->stream_count(FraiseqlNode::STREAM), 1, 'the old broker has what was stored there');
is($new->stream_count(FraiseqlNode::STREAM), 1, 'the new broker has what came after');

# The first of a list that answers.
my $absent = NatsServer->new(start => 0);
$node->configure('fraiseql_nats.url' => $absent->url . ',' . $old->url);
$node->reload;
FraiseqlNode::wait_until('the worker is with the one that is there',
    sub { my $port = $old->port; $node->status('postgres', 'server') =~ /:$port\b/ });
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n, note) VALUES (0, 3, 'to the old')});
$node->wait_drained('postgres');
is($old->stream_count(FraiseqlNode::STREAM), 2, 'of several servers, the one that is there is used');

done_testing();
