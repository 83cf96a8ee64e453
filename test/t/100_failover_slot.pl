# SPDX-License-Identifier: PostgreSQL
#
# A standby that synchronizes slots (from PostgreSQL 17 on) has the slot of the worker when it is
# promoted: no gap, nothing lost, nothing twice.  To that end no change is published before the standby
# has it.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
if ($node->safe_psql('postgres', "SELECT current_setting('server_version_num')::int < 170000") eq 't') {
    is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'fraiseql_nats.slot_failover'}),
        0, 'before PostgreSQL 17 there is no such setting');
    done_testing();
    exit;
}

$node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('standby', true)});
$node->configure('synchronized_standby_slots' => 'standby');
$node->reload;
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->backup('backup');
my $standby = FraiseqlNode->new_failover_standby('standby', $node, 'backup');

# Without the standby.
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 50)});
$node->wait_for_sql('postgres',
    q{SELECT state = 'streaming' AND reason = 'the standbys do not have the log yet' FROM fraiseql_nats.status()});
is(scalar($node->messages_of('postgres', $nats)), 0, 'what the standby does not have is not published');

$standby->start;
$node->wait_drained('postgres');
$node->stream_equals_ledger('postgres', $nats, 'what it has is');
$node->wait_for_sql('postgres', q{SELECT reason IS NULL FROM fraiseql_nats.status()});
$standby->wait_for_sql('postgres',
    q{SELECT bool_or(synced AND NOT temporary) FROM pg_replication_slots WHERE slot_name LIKE 'fraiseql%'});
pass('the standby has the slot');

# The primary dies under load.
my $load = $node->start_load('postgres', clients => 4, rate => 400);
$node->wait_for_changes('postgres', 500);
$node->stop('immediate');
$node->stop_load($load);
$standby->promote;
$standby->wait_until_state('postgres', 'streaming');
$standby->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 2, generate_series(1, 50)});
$standby->stream_equals_ledger('postgres', $nats, 'all that the standby has is in the stream, once, in order');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.gap'), 0, 'there is no gap');
is($standby->status('postgres', 'alarm IS NULL'), 't', 'nor an alarm');

done_testing();
