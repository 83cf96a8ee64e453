# SPDX-License-Identifier: PostgreSQL
#
# A stream of three replicas, two of whose servers die under load: nothing can be stored, status() says
# so, sessions go on.  With one of them back everything is stored, once and in order; but for nats-server
# 2.9, which may store a message that does not follow the one that it is tied to: status() counts them.

use strict;
use warnings;

use FraiseqlNode;
use Ledger;
use NatsServer;
use Test::More;

my @nats = NatsServer->new_cluster(3);
my $node = FraiseqlNode->new_node_of_cluster('main', @nats);
my $load = $node->start_load('postgres', clients => 2, rate => 200);
$node->wait_for_changes('postgres', 200);

# The one that the worker is connected to lives on.
my $server = $node->status('postgres', 'server');
my ($left) = grep { $_->url eq $server } @nats;
my @lost    = grep { $_ != $left } @nats;
$_->kill9 for @lost;
$node->wait_for_sql('postgres',
    q{SELECT state = 'waiting' AND reason <> '' AND hint <> '' FROM fraiseql_nats.status()});
pass('status() tells of it');
note($node->status('postgres', 'reason, hint'));
$node->wait_for_changes('postgres', 200);
pass('sessions go on');

$lost[0]->start;
$node->wait_for_changes('postgres', 100);
$node->stop_load($load);
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
pass('with two of three, all is stored');
$lost[1]->start;
$node->cluster_equals_ledger('postgres', $left, 'once, in order');

done_testing();
