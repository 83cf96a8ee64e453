# SPDX-License-Identifier: PostgreSQL
#
# What a backfill waits for, and who waits for it: rows that others are changing are done last, and
# meanwhile it holds nothing; while the broker is away it does not fill the log.

use strict;
use warnings;

use FraiseqlNode;
use IPC::Run;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_thing (id int PRIMARY KEY, note text);
INSERT INTO tb_thing SELECT g, 'old' FROM generate_series(1, 100) g;
SELECT fraiseql_nats.observe('tb_thing');
CREATE TABLE tb_other (id int PRIMARY KEY, note text);
INSERT INTO tb_other SELECT g, 'old' FROM generate_series(1, 100) g;
SELECT fraiseql_nats.observe('tb_other');
END

sub start_call {
    my ($call, $output, %options) = @_;
    local $ENV{PGOPTIONS} = $options{options} // '';
    return IPC::Run::start(
        [
            'psql', '-XAtq', '--dbname',
            $node->connstr('postgres') . ' application_name=' . ($options{name} // 'call'),
            '--command', $call
        ],
        '<', \undef, '&>', $output
    );
}

sub wait_for_backfill {
    my ($table, $condition) = @_;
    return $node->wait_for_sql('postgres',
        "SELECT $condition FROM fraiseql_nats.backfill WHERE relation = '$table'::regclass");
}

# The events of a row, in order.
sub events {
    my ($table, $id) = @_;
    my @events;
    $nats->each_message(
        FraiseqlNode::STREAM,
        sub {
            my (undef, undef, $headers, $payload) = @_;
            return unless $payload =~ /"entity_id": ?"$id"/ && $headers =~ /Fraiseql-Table: public\.$table\r/;
            my ($event) = $payload =~ /"event": ?"(\w+)"/;
            my ($note)  = $payload =~ /"note": ?"(\w+)"/;
            push @events, $event . ($note ? "($note)" : '');
        });
    return "@events";
}

# --- Rows that others are changing ---

my $long = $node->background_psql('postgres');
$long->query_safe(q{BEGIN; UPDATE tb_thing SET note = 'new' WHERE id BETWEEN 10 AND 12;
                    DELETE FROM tb_thing WHERE id = 13; UPDATE tb_thing SET note = 'undone' WHERE id = 14});
my $short = $node->background_psql('postgres');
$short->query_safe(q{BEGIN; UPDATE tb_thing SET note = 'new' WHERE id IN (50, 51)});
my $output = '';
my $call = start_call(q{CALL fraiseql_nats.backfill('tb_thing', chunk_rows => 3)}, \$output);
wait_for_backfill('tb_thing', q{rows_published = 93 AND rows_busy = 7 AND state = 'running'});
pass('all rows are done but those that others are changing');
$short->query_safe('COMMIT');
wait_for_backfill('tb_thing', 'rows_published = 95 AND rows_busy = 5');
pass('and each of them as soon as it is free');

my (undef, undef, $refused) = $node->psql('postgres', q{CALL fraiseql_nats.backfill('tb_thing')});
like($refused, qr/another session backfills table "tb_thing" now/, 'one session at a time');
$node->safe_psql('postgres', q{SET lock_timeout = '2s'; UPDATE tb_thing SET note = 'later' WHERE id IN (1, 100)});
pass('rows that were published can be changed');
# A lock on the table while it waits for the rows would be a deadlock.
$long->query_safe(q{SET LOCAL lock_timeout = '2s'; ALTER TABLE tb_thing ADD COLUMN more int DEFAULT 7});
pass('and the table itself, by the one it waits for');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity a JOIN fraiseql_nats.backfill b USING (pid)
    WHERE a.xact_start < now() - interval '5 seconds'}), 0, 'no transaction is open for long');
$long->query_safe('SAVEPOINT s; UPDATE tb_thing SET note = note; ROLLBACK TO s; COMMIT');
IPC::Run::finish($call);
like($output, qr/^NOTICE:  backfill of table "tb_thing" waits for rows that others are changing$/m, 'it says what it waits for');
is(() = $output =~ /NOTICE/g, 1, 'once');
is($node->safe_psql('postgres', q{SELECT state, rows_published, rows_busy FROM fraiseql_nats.backfill}),
    'finished|99|0', 'it is finished when they are free');
$node->wait_drained('postgres');
is(events('tb_thing', 2), 'SNAPSHOT(old)', 'a row that nobody changed');
is(events('tb_thing', 1), 'SNAPSHOT(old) UPDATE(later)', 'a row that was changed afterwards');
is(events('tb_thing', 11), 'UPDATE(new) SNAPSHOT(new)', 'a row that was changed before it was told of');
is(events('tb_thing', 13), 'DELETE', 'a row that was deleted');
is(events('tb_thing', 51), 'UPDATE(new) SNAPSHOT(new)', 'a row of the other transaction');
$_->quit for $long, $short;

# --- The broker is away ---

$nats->stop;
$output = '';
$call = start_call(q{CALL fraiseql_nats.backfill('tb_other', chunk_rows => 10, max_lag => 0)}, \$output);
$node->safe_psql('postgres', q{UPDATE tb_other SET note = 'unsent' WHERE id = 1});
FraiseqlNode::wait_until('it says that it waits', sub { IPC::Run::pump_nb($call); $output =~ /NOTICE/ });
like($output, qr/backfill of table "tb_other" waits: more than 0 bytes of the log are not published yet/,
    'it waits for the log to be published');
cmp_ok($node->safe_psql('postgres', q{SELECT coalesce(max(rows_published), 0) FROM fraiseql_nats.backfill
    WHERE relation = 'tb_other'::regclass}), '<', 100, 'and writes no more of it');
$nats->start;
IPC::Run::finish($call);
is($node->safe_psql('postgres', q{SELECT state, rows_published FROM fraiseql_nats.backfill
    WHERE relation = 'tb_other'::regclass}), 'finished|100', 'it goes on when the broker is back');

# --- A commit that is in the log, and that nobody sees yet ---

# A row whose INSERT commits before the observer does, and is seen after the backfill begins, would be
# told of by neither.
$node->safe_psql('postgres', 'CREATE TABLE tb_late (id int PRIMARY KEY, note text)');
$node->configure(synchronous_standby_names => 'nobody');
$node->reload;
$node->wait_for_sql('postgres', q{SELECT current_setting('synchronous_standby_names') = 'nobody'});
my $late = start_call(q{INSERT INTO tb_late VALUES (1, 'old')}, \my $nothing, name => 'late');
$node->wait_for_sql('postgres', <<'END');
SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'late' AND wait_event = 'SyncRep'
END
$node->safe_psql('postgres', q{SET synchronous_commit = local; SELECT fraiseql_nats.observe('tb_late')});
$output = '';
$call   = start_call(q{CALL fraiseql_nats.backfill('tb_late')},
    \$output, name => 'backfill', options => '-c synchronous_commit=local');
$node->wait_for_sql('postgres', <<'END');
SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'backfill' AND wait_event = 'Extension'
END
$node->configure(synchronous_standby_names => '');
$node->reload;
IPC::Run::finish($_) for $late, $call;
$node->wait_drained('postgres');
is(events('tb_late', 1), 'SNAPSHOT(old)', 'a commit that waits for a standby is waited for');

done_testing();
