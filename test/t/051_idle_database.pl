# SPDX-License-Identifier: PostgreSQL
#
# An idle database holds no WAL: its slot is confirmed past what other databases write.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    fsync         => 'off',
    wal_keep_size => 0,
    min_wal_size  => '32MB',
    max_wal_size  => '64MB'
);
$node->safe_psql('postgres', 'CREATE DATABASE busy');
$node->create_extension('postgres');
my $first = $node->safe_psql('postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn())');

my $slot = q{(SELECT s FROM pg_replication_slots s WHERE slot_name LIKE 'fraiseql_nats_%')};
$node->safe_psql('busy', 'CREATE TABLE t (n int)');
for my $round (1 .. 3) {
    $node->safe_psql('busy', 'INSERT INTO t SELECT generate_series(1, 400000)');
    my $written = $node->safe_psql('busy', 'CHECKPOINT; SELECT pg_current_wal_flush_lsn()');
    $node->wait_for_sql('busy', "SELECT ($slot).confirmed_flush_lsn >= '$written'",
        'the slot is confirmed past it');
    pass("round $round: the slot of the idle database is confirmed");
}
FraiseqlNode::wait_until(
    'old WAL is gone',
    sub {
        $node->safe_psql('busy', 'CHECKPOINT');
        return !-e $node->data_dir . "/pg_wal/$first";
    });
pass('and WAL is removed');

# The same with the broker away: there is nothing to deliver.
$nats->stop;
$node->safe_psql('busy', 'INSERT INTO t SELECT generate_series(1, 1000)');
my $written = $node->safe_psql('busy', 'SELECT pg_current_wal_flush_lsn()');
$node->wait_for_sql('busy', "SELECT ($slot).confirmed_flush_lsn >= '$written'",
    'the slot is confirmed without the broker');
pass('also while the broker is away');

done_testing();
