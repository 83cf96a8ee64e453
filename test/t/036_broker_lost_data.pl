# SPDX-License-Identifier: PostgreSQL
#
# A broker that loses what it has acknowledged: status() and the log raise an alarm, and with
# confirm_delay what was lost is sent again.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.confirm_delay' => '10min');
$node->create_extension('postgres');
$node->create_item_table('postgres');

# Returns when all of it is acknowledged.
sub insert {
    my ($from, $to) = @_;
    $node->safe_psql('postgres',
        "INSERT INTO tb_item (session, n) SELECT 0, g FROM generate_series($from, $to) g");
    $nats->wait_for_messages(FraiseqlNode::STREAM, $to);
    $node->wait_for_sql('postgres', 'SELECT in_flight = 0 FROM fraiseql_nats.status()');
    return;
}

# The broker's disk as it was some messages ago.
sub travel_back_in_time {
    my ($action) = @_;
    my ($disk, $copy) = map { $nats->directory . $_ } '/store', '/before';
    $nats->stop;
    system('cp', '-a', $disk, $copy) == 0 or die "cannot copy $disk";
    $nats->start;
    $action->();
    $nats->kill9;
    system('rm', '-rf', $disk);
    rename $copy, $disk or die "cannot rename $copy: $!";
    $nats->start;
    return;
}

insert(1, 100);
is($node->status('postgres', 'alarm'), '', 'no alarm before');
travel_back_in_time(sub { $node->wait_until_state('postgres', 'streaming'); insert(101, 200) });
$node->wait_for_sql('postgres', 'SELECT alarm IS NOT NULL FROM fraiseql_nats.status()');
like($node->status('postgres', 'alarm'), qr/has lost messages that it had acknowledged/,
    'status() raises an alarm');
cmp_ok($node->log_count(qr/WARNING:.*has lost messages that it had acknowledged/), '>=', 1, 'so does the log');
$nats->wait_for_messages(FraiseqlNode::STREAM, 200);
$node->append_conf('postgresql.conf', 'fraiseql_nats.confirm_delay = 0');
$node->reload;
$node->stream_equals_ledger('postgres', $nats, 'what was lost was sent again, and nothing twice');

done_testing();
