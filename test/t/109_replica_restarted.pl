# SPDX-License-Identifier: PostgreSQL
#
# A replica of the stream dies, and is back when the last message is older than the de-duplication
# window: it has forgotten the message's id, and must take what follows as the others do.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my @nats = NatsServer->new_cluster(3);
my $node = FraiseqlNode->new_node(
    'main', undef,
    'fraiseql_nats.url'          => join(',', map { $_->url } @nats),
    'fraiseql_nats.replicas'     => 3,
    'fraiseql_nats.dedup_window' => '1s',
);
$node->create_extension('postgres');
$node->create_item_table('postgres');
insert(1 .. 100);

sub insert {
    $node->safe_psql('postgres', join '', map { "INSERT INTO tb_item (session, n) VALUES (0, $_);\n" } @_);
    $node->wait_drained('postgres');
    return;
}

sub cluster {
    my ($server) = grep { $_->pid } @nats;
    my $info = eval { $server->stream_info(FraiseqlNode::STREAM) };
    return $info ? $info->{cluster} : {};
}

sub wait_until_whole {
    return FraiseqlNode::wait_until('all replicas are there', sub {
        my $cluster = cluster();
        return $cluster->{leader} && 2 == grep { $_->{current} && !$_->{offline} } @{$cluster->{replicas}};
    });
}

wait_until_whole();
my $leader    = cluster()->{leader};
my ($replica) = grep { $_->name ne $leader && $_->url ne $node->status('postgres', 'server') } @nats;
$replica->kill9;
sleep 2;
$replica->start;
wait_until_whole();
insert(101 .. 200);

# It leads now, and says what it holds.
FraiseqlNode::wait_until('the replica that was away leads', sub {
    my $now = cluster()->{leader} // '';
    return 1 if $now eq $replica->name;
    eval { $nats[0]->api('STREAM.LEADER.STEPDOWN.' . FraiseqlNode::STREAM) } if $now;
    return 0;
});
$node->stream_equals_ledger('postgres', $replica, 'it holds what the others hold');
insert(201 .. 300);
$node->stream_equals_ledger('postgres', $replica, 'and what comes next');
is($node->log_count(qr/WARNING:/), 0, 'and nothing was lost');

done_testing();
