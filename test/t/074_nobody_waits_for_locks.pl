# SPDX-License-Identifier: PostgreSQL
#
# However long the broker is away: a worker in the midst of a transaction holds no lock and no
# snapshot.  Dead rows are vacuumed, and whatever needs a table, an index or a catalog for itself gets
# it at once.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

use constant {ROWS => 20_000, LIMIT => '5s'};    # several windows; far above what any of it takes

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, fsync => 'off', autovacuum => 'off');
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_entry (id bigint PRIMARY KEY, note text);
CREATE TABLE other (id int);
INSERT INTO other SELECT generate_series(1, 1000);
SELECT fraiseql_nats.observe('tb_entry');
END
$node->wait_drained('postgres');
$nats->kill9;

sub insert_rows {
    $node->safe_psql('postgres',
        q{INSERT INTO tb_entry SELECT g, 'note ' || g FROM generate_series(1, } . ROWS . ') g');
    return;
}
insert_rows();

my $worker = <<'END';
FROM fraiseql_nats.status(), pg_stat_activity
WHERE backend_type = 'fraiseql_nats worker' AND datname = current_database()
END
my $old_pid = $node->worker_pid('postgres');
my $is_stuck = "SELECT count(*) = 1 AND max(pid) <> $old_pid AND max(wait_event) IN "
  . "('WalSenderWriteData', 'FraiseqlNatsWaitForBroker') "
  . "AND (SELECT bool_and(active) FROM pg_replication_slots) $worker";
# Another worker begins: none of its messages is sent.
$node->safe_psql('postgres', "SELECT pg_terminate_backend($old_pid)");
$node->wait_for_sql('postgres', $is_stuck, 'the worker has a full window');

# What a session could wait for.
is($node->safe_psql('postgres', "SELECT backend_xmin, backend_xid $worker"),
    '|', 'the worker holds no snapshot and no transaction id');
is( $node->safe_psql(
        'postgres',
        "SELECT count(*) FROM pg_locks WHERE locktype <> 'virtualxid' AND pid IN (SELECT pid $worker)"),
    0,
    'and no lock'
);
is( $node->safe_psql(
        'postgres', 'SELECT xmin IS NULL, catalog_xmin IS NOT NULL FROM pg_replication_slots'),
    't|t',
    'its slot keeps dead rows of catalogs only'
);

# Dead rows.
sub vacuum_result {
    my ($table) = @_;
    my $report = '';
    $node->psql('postgres', "VACUUM (VERBOSE) $table", stderr => \$report);
    return join ', ', $report =~ /tuples: (\d+ removed).*?(\d+ are dead but not yet removable)/s;
}
$node->safe_psql('postgres', 'DELETE FROM tb_entry WHERE id <= 1000; DELETE FROM other');
is(vacuum_result('tb_entry'), '1000 removed, 0 are dead but not yet removable',
    'dead rows of the observed table are vacuumed');
is(vacuum_result('other'), '1000 removed, 0 are dead but not yet removable', 'and of others');

# Statements that wait for locks or for old snapshots.
for my $sql (
    'CREATE INDEX CONCURRENTLY entry_note ON tb_entry (note)',
    'REINDEX INDEX entry_note',
    'REINDEX INDEX CONCURRENTLY entry_note',
    'DROP INDEX CONCURRENTLY entry_note',
    'CREATE INDEX entry_note ON tb_entry (note)',
    'REINDEX TABLE CONCURRENTLY tb_entry',
    'CLUSTER tb_entry USING entry_note',
    'VACUUM FULL tb_entry',
    'ALTER TABLE tb_entry ADD COLUMN more int DEFAULT 7',
    'ALTER TABLE tb_entry ALTER COLUMN more TYPE text',
    'ALTER TABLE tb_entry RENAME COLUMN more TO rest',
    'ALTER TABLE tb_entry REPLICA IDENTITY FULL',
    'ALTER TABLE tb_entry RENAME TO tb_moved',
    'BEGIN; LOCK TABLE tb_moved IN ACCESS EXCLUSIVE MODE; COMMIT',
    'TRUNCATE tb_moved',
    'VACUUM FULL pg_class',
    'VACUUM FULL pg_attribute',
    'VACUUM FULL fraiseql_nats.observer',
    'REINDEX SYSTEM postgres',
    q{SELECT fraiseql_nats.observe('other')},
    q{SELECT fraiseql_nats.disable('tb_entry')},
    'DROP TABLE tb_moved',
  )
{
    my $error = '';
    $node->psql(
        'postgres', $sql,
        stderr       => \$error,
        extra_params => ['--set', 'ON_ERROR_STOP=1'],
        timeout      => 60,
        connstr      => $node->connstr('postgres') . " options='-c statement_timeout=" . LIMIT . q{'}
    );
    is($error =~ s/^NOTICE:.*\n//mgr, '', $sql);
}
is($node->safe_psql('postgres', $is_stuck), 't', 'all of it while the worker was in its transaction');

# And in the end the log is decoded as it was written, whatever has become of the table.
$nats->start;
$node->wait_drained('postgres');
my @messages = $nats->stream_messages(FraiseqlNode::STREAM);
is(scalar(grep { $_->{payload} =~ /"event":"INSERT"/ } @messages), ROWS, 'each row is published');
is(scalar(grep { $_->{payload} =~ /"event":"DELETE"/ } @messages), 1000, 'each deletion as well');
is(scalar(grep { $_->{payload} =~ /"event":"TRUNCATE"/ } @messages), 1, 'and the TRUNCATE');

# The extension itself goes, in the midst of such a transaction.
$node->safe_psql('postgres', q{CREATE TABLE tb_entry (id bigint, note text);
    SELECT fraiseql_nats.observe('tb_entry', name => 'again')});
$node->wait_drained('postgres');
$nats->kill9;
insert_rows();
my $took = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', 'DROP EXTENSION fraiseql_nats') });
cmp_ok($took, '<', time_limit(5), 'DROP EXTENSION does not wait');
$node->wait_for_sql('postgres', 'SELECT count(*) = 0 FROM pg_replication_slots', 'the slot is gone');

done_testing();
