# SPDX-License-Identifier: PostgreSQL
#
# The slot that a standby has synchronized (from PostgreSQL 17 on) is older than what was published: after
# the promotion the messages since then are found in the stream, also beyond its de-duplication window
# and where others write to it, and none is sent twice.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use constant SLOTS => q{SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name LIKE 'fraiseql%'};

# A pair whose standby keeps the slot as it was before the last messages.
sub promote_with_old_slot {
    my ($exclusive) = @_;
    my $nats = NatsServer->new;
    my $node = FraiseqlNode->new_node(
        "main_$exclusive", $nats,
        'fraiseql_nats.stream_exclusive' => $exclusive,
        'fraiseql_nats.dedup_window'     => '1s',
        'synchronized_standby_slots'     => 'standby'
    );
    $node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('standby', true)});
    $node->backup('backup');
    my $standby = FraiseqlNode->new_failover_standby("standby_$exclusive", $node, 'backup');
    $standby->start;
    $node->create_extension('postgres');
    $node->create_item_table('postgres');
    my $load = $node->start_load('postgres', clients => 2, rate => 400);
    $standby->wait_for_sql('postgres',
        q{SELECT bool_or(synced AND NOT temporary) FROM pg_replication_slots WHERE slot_name LIKE 'fraiseql%'});
    $standby->configure(sync_replication_slots => 'off');
    $standby->reload;
    my $old = $standby->safe_psql('postgres', SLOTS);
    $nats->publish('fraiseql.stranger', 'of somebody else') if $exclusive eq 'off';
    $node->wait_for_changes('postgres', 1000);
    $node->stop_load($load);
    $node->wait_drained('postgres');
    my $published = () = $node->messages_of('postgres', $nats);
    $node->stop('immediate');

    is($standby->safe_psql('postgres', SLOTS), $old, "exclusive $exclusive: the standby has the slot as it was");
    $standby->promote;
    $standby->wait_until_state('postgres', 'streaming');
    $standby->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 2, generate_series(1, 50)});
    $standby->stream_equals_ledger('postgres', $nats, "exclusive $exclusive: every message is there once, in order");
    is(scalar(() = $standby->messages_of('postgres', $nats)), $published + 50, "exclusive $exclusive: only new ones were sent");
    # Some of the changes were rolled back.
    cmp_ok($standby->status('postgres', 'messages_found'), '>=', 500, "exclusive $exclusive: the others were found in the stream");
    is($standby->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.gap'), 0, "exclusive $exclusive: there is no gap");
    $standby->stop;
    return;
}

my $probe = FraiseqlNode->new_node('probe', undef);
my $has_failover_slots = $probe->safe_psql('postgres', "SELECT current_setting('server_version_num')::int >= 170000") eq 't';
is($probe->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'fraiseql_nats.slot_failover'}),
    $has_failover_slots ? 1 : 0, 'slots that standbys take over exist from PostgreSQL 17 on');
$probe->stop;
if ($has_failover_slots) { promote_with_old_slot($_) for qw(on off) }

done_testing();
