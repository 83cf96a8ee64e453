# SPDX-License-Identifier: PostgreSQL
#
# The nats-servers of a cluster are replaced under load, one after the other, as for an update: each is
# retired (lame duck) and started again, with the program that NATS_SERVER_NEXT names, if it is set.
# Everything is stored once, in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $next = $ENV{NATS_SERVER_NEXT};
my @nats = NatsServer->new_cluster(3, config => qq{lame_duck_duration: "30s"\nlame_duck_grace_period: "1s"});
my $node = FraiseqlNode->new_node_of_cluster('main', @nats);
my $load = $node->start_load('postgres', clients => 2, rate => 300);

# Whether all three have what the stream holds.
sub is_whole {
    my ($server) = @_;
    my $cluster  = (eval { $server->stream_info(FraiseqlNode::STREAM) } // {})->{cluster} or return;
    my @alike    = grep { $_->{current} && !$_->{offline} } @{$cluster->{replicas} // []};
    return $cluster->{leader} && @alike == 2;
}

my %versions;
for my $i (0 .. 2) {
    my ($server, $other) = @nats[$i, ($i + 1) % 3];
    FraiseqlNode::wait_until('the stream has three replicas', sub { is_whole($other) });
    $node->wait_for_changes('postgres', 200);
    $server->retire;
    my $held = FraiseqlNode::wait_until('the others have a leader', sub { eval { $other->stream_count(FraiseqlNode::STREAM) } });
    FraiseqlNode::wait_until('publishing goes on without it',
        sub { (eval { $other->stream_count(FraiseqlNode::STREAM) } // 0) > $held + 100 });
    pass('publishing goes on while server ' . ($i + 1) . ' is away');
    $server->configure(program => $next) if $next;
    $server->start;
    $versions{$server->client->server_version} = 1;
}
FraiseqlNode::wait_until('the stream has three replicas', sub { is_whole($nats[0]) });
$node->stop_load($load);
$node->wait_until_state('postgres', 'streaming');
$node->cluster_equals_ledger('postgres', $nats[0], 'the stream holds what was committed, once, in order');
is(keys %versions, 1, 'all three are of one version: ' . join ' ', keys %versions);
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.alarm'), 0, 'and nothing is missed');

done_testing();
