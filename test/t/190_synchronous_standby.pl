# SPDX-License-Identifier: PostgreSQL
#
# What a synchronous standby does not have is not published: not while its commit waits, and from
# PostgreSQL 17 on, with synchronized_standby_slots, not when nobody waits any more either, whatever ends
# and begins anew meanwhile.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
my $has_failover_slots = $node->safe_psql('postgres', "SELECT current_setting('server_version_num')::int >= 170000") eq 't';
$node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('standby', true)});
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->backup('backup');
my $standby = FraiseqlNode->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
$standby->start;
$node->configure(
    synchronous_standby_names => 'standby',
    ($has_failover_slots ? (synchronized_standby_slots => 'standby') : ())
);
$node->reload;

sub published { return scalar(() = $node->messages_of('postgres', $nats)) }
my $awaits = q{SELECT state = 'streaming' AND reason = 'the standbys do not have the log yet' FROM fraiseql_nats.status()};

# Waits until the worker has come to log that the standby lacks; before 17 nothing tells.
sub nothing_is_published {
    my ($name) = @_;
    $node->wait_for_sql('postgres', $awaits) if $has_failover_slots;
    return is(published(), 10, $name);
}

$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 10)});
$node->wait_drained('postgres');
is(published(), 10, 'what the standby has is published');

$standby->stop;
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid     = $session->query_safe('SELECT pg_backend_pid()');
$session->query_until(qr/begun/, "\\echo begun\nINSERT INTO tb_item (session, n) VALUES (2, 1);\n");
$node->wait_for_sql('postgres', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid");
nothing_is_published('a transaction whose commit waits for the standby is not published');
is($node->safe_psql('postgres', 'SELECT count(*) FROM tb_item'), 10, 'nor does anybody see it');

$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$node->wait_for_sql('postgres', 'SELECT count(*) = 11 FROM tb_item', 'everybody sees it');
if ($has_failover_slots) {
    nothing_is_published('nor is it when the wait was cancelled');
    my $worker = $node->worker_pid('postgres');
    $node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
    FraiseqlNode::wait_until('another worker takes over',
        sub { my $now = $node->worker_pid('postgres'); $now && $now != $worker }, 20);
    nothing_is_published('nor by another worker');
    $session->quit;
    $node->stop('immediate');
    $node->start;
    nothing_is_published('nor after a crash');
    cmp_ok(FraiseqlNode::seconds(sub { $node->stop('fast') }), '<', 20, 'a worker that waits does not hold up the shutdown');
    $node->start;
}
else {
    FraiseqlNode::wait_until('it is published', sub { published() == 11 });
    $session->quit;
}

$standby->start;
$node->stream_equals_ledger('postgres', $nats, 'all of it is published when the standby has it');
is($node->status('postgres', q{format('%s|%s', state, reason)}), 'streaming|', 'and nothing is waited for');

done_testing();
