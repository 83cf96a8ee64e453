# SPDX-License-Identifier: PostgreSQL
#
# A slot that is made while transactions run begins where the observers are known: also one that was made
# in a transaction which began and ended while Postgres waited for an older one.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->safe_psql('postgres', 'CREATE TABLE tb_any (id int)');

# A session whose transaction has an id.
sub begin {
    my ($name) = @_;
    my $session = $node->background_psql('postgres');
    $session->query_safe("BEGIN; INSERT INTO tb_any VALUES (1)");
    return $session;
}

# The worker waits for the end of a transaction.
sub wait_until_worker_waits {
    my ($xid) = @_;
    $node->wait_for_sql('postgres', qq{SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE backend_type = 'fraiseql_nats worker' AND locktype = 'transactionid' AND NOT granted
        AND transactionid::text = '$xid')}, "the worker waits for transaction $xid");
    return;
}
sub xid { my ($session) = @_; return $session->query_safe('SELECT txid_current()') =~ s/\s//gr }

my $first     = begin();
my $first_xid = xid($first);
$node->safe_psql('postgres', 'CREATE EXTENSION fraiseql_nats; CREATE TABLE tb_item (id int PRIMARY KEY)');
wait_until_worker_waits($first_xid);
my $second = begin();
my $second_xid = xid($second);
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_item')});
$first->query_safe('COMMIT');
wait_until_worker_waits($second_xid);
$node->safe_psql('postgres', 'INSERT INTO tb_any VALUES (3)');
$second->query_safe('COMMIT');
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', 'INSERT INTO tb_item VALUES (1)');
$node->wait_drained('postgres');
is(join(',', map { $_->{subject} } $nats->stream_messages(FraiseqlNode::STREAM)), 'fraiseql.mutation.Item.INSERT',
    'its changes are published');
$_->quit for $first, $second;

done_testing();
