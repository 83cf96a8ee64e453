# SPDX-License-Identifier: PostgreSQL
#
# The slot is lost with the rows of backfills: those of which rows may be in the gap are said to be lost,
# and the same call begins them anew, so that all rows are told of; others stay as they are.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use constant ROWS => 2000;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    wal_keep_size          => 0,
    max_slot_wal_keep_size => '32MB'
);
$node->create_extension('postgres');
my $rows = ROWS;
$node->safe_psql('postgres', <<"END");
CREATE TABLE tb_early (id int PRIMARY KEY);
CREATE TABLE tb_late (id int PRIMARY KEY);
CREATE TABLE tb_half (id int PRIMARY KEY);
INSERT INTO tb_early SELECT generate_series(1, $rows);
INSERT INTO tb_late SELECT generate_series(1, $rows);
INSERT INTO tb_half SELECT generate_series(1, $rows);
SELECT fraiseql_nats.observe(t) FROM unnest('{tb_early,tb_late,tb_half}'::regclass[]) t;
CALL fraiseql_nats.backfill('tb_early');
END
$node->wait_drained('postgres');

# How often each row of a table is in the stream: "times:rows ...".
sub told {
    my ($entity) = @_;
    my (%times, %rows);
    $nats->each_message(FraiseqlNode::STREAM,
        sub { my (undef, $subject, undef, $payload) = @_; ++$times{$1} if $subject =~ /\.$entity\./ && $payload =~ /"id":(\d+)/ });
    ++$rows{$_} for values %times;
    return join ' ', map { "$_:$rows{$_}" } sort keys %rows;
}
# Begins one that somebody keeps from its last row, and returns when it waits for that.
my $most = ROWS - 1;
my $waits = "rows_published = $most AND rows_busy = 1 AND state = 'running' FROM fraiseql_nats.backfill WHERE relation = 'tb_half'::regclass";

sub start_backfill {
    my ($table) = @_;
    my $run = $node->background_psql('postgres', on_error_stop => 0);
    $run->query_until(qr/started/, "\\echo started\nCALL fraiseql_nats.backfill('$table', restart => true);\n");
    $node->wait_for_sql('postgres', "SELECT $waits", 'it waits');
    return $run;
}
my $states = q{SELECT string_agg(format('%s %s %s', relation, state, rows_published), ', ' ORDER BY relation::text) FROM fraiseql_nats.backfill};

# One is finished and one interrupted while the broker stands still; then their log is lost.
$nats->suspend;
$node->safe_psql('postgres', q{CALL fraiseql_nats.backfill('tb_late')});
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; UPDATE tb_half SET id = id WHERE id = 1000');
my $run = start_backfill('tb_half');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM fraiseql_nats.backfill WHERE relation = 'tb_half'::regclass});
$run->quit;
$holder->query_safe('ROLLBACK');
$holder->quit;
is($node->safe_psql('postgres', $states), "tb_early finished $rows, tb_half interrupted $most, tb_late finished $rows", 'three backfills');
$node->safe_psql('postgres', q{SELECT pg_logical_emit_message(false, 'test', ''), pg_switch_wal()}) for 1 .. 5;
$node->safe_psql('postgres', 'CHECKPOINT');
$nats->resume;
$node->wait_for_sql('postgres', 'SELECT count(*) = 1 FROM fraiseql_nats.gap WHERE to_lsn IS NOT NULL', 'there is a gap');
$node->wait_until_state('postgres', 'streaming');
is($node->safe_psql('postgres', $states), "tb_early finished $rows, tb_half lost 0, tb_late lost 0", 'two of which are lost');
is($node->log_count(qr/WARNING: .*backfills that must be restarted: 2/), 1, 'the log says so');

my (undef, undef, $notice) = $node->psql('postgres', q{CALL fraiseql_nats.backfill('tb_late')});
like($notice, qr/NOTICE: .*backfill of table "tb_late" restarts/, 'the same call begins anew');
$node->safe_psql('postgres', qq{CALL fraiseql_nats.backfill('$_')}) for qw(tb_half tb_early);
is($node->safe_psql('postgres', $states), join(', ', map { "$_ finished $rows" } qw(tb_early tb_half tb_late)), 'and finishes');
$node->wait_drained('postgres');
is(told('Early'), "1:$rows", 'what was published before is not told again');
for my $entity (qw(Late Half)) {
    my $rows_told = 0;
    my $told = told($entity);
    $rows_told += $1 while $told =~ /:(\d+)/g;
    is($rows_told, ROWS, "each row of $entity is told of");
}

# The same while it runs: it waits for a row, and has to begin anew in the midst of that.
$nats->purge_stream(FraiseqlNode::STREAM);
$holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; UPDATE tb_half SET id = id WHERE id = 1000');
$run = start_backfill('tb_half');
is($node->safe_psql('postgres', q{SELECT fraiseql_nats_internal.backfill_lose('0/0')}), 3, 'all are lost');
$node->wait_for_sql('postgres', "SELECT $waits", 'it waits again');
$holder->query_safe('ROLLBACK');
$holder->quit;
$node->wait_for_sql('postgres', "SELECT state = 'finished' AND rows_published = $rows FROM fraiseql_nats.backfill WHERE relation = 'tb_half'::regclass", 'it is finished');
$run->quit;
$node->wait_drained('postgres');
is(told('Half'), "1:1 2:$most", 'running, it has begun anew by itself');

done_testing();
