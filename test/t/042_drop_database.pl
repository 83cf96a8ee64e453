# SPDX-License-Identifier: PostgreSQL
#
# The worker stands in nobody's way: DROP DATABASE, CREATE DATABASE ... TEMPLATE and ALTER DATABASE
# ... RENAME neither fail nor wait because of it, whatever the broker does, and however short-lived
# the database is.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

use constant EXTRA_SECONDS => 2;    # Postgres itself gives up after 5

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, fsync => 'off');

sub database_with_extension {
    my ($db) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $db");
    $node->create_extension($db);
    $node->create_item_table($db);
    $node->safe_psql($db, 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 100)');
    return;
}

sub time_of {
    my ($sql) = @_;
    my $error = '';
    my $took  = FraiseqlNode::seconds(
        sub { $node->psql('postgres', $sql, stderr => \$error, timeout => 60) });
    is($error, '', $sql);
    return $took;
}

# What the statements take without the extension.
$node->safe_psql('postgres', 'CREATE DATABASE plain');
my $copy_alone   = time_of('CREATE DATABASE plain_copy TEMPLATE plain');
my $rename_alone = time_of('ALTER DATABASE plain_copy RENAME TO plain_renamed');
my $drop_alone   = time_of('DROP DATABASE plain_renamed');

database_with_extension('origin');
$node->wait_drained('origin');
my $took = time_of('CREATE DATABASE copy TEMPLATE origin');
cmp_ok($took, '<', $copy_alone + time_limit(EXTRA_SECONDS), 'CREATE DATABASE ... TEMPLATE does not wait');
$node->wait_until_state($_, 'streaming') for qw(origin copy);
$node->safe_psql($_, 'INSERT INTO tb_item (session, n) VALUES (7, 7)') for qw(origin copy);
$node->stream_equals_ledger('origin', $nats, 'the template goes on publishing');
$node->wait_drained('copy');
my @copied = $node->messages_of('copy', $nats);
is(scalar @copied, 1, 'the copy publishes its own changes, not those of the template again');

$took = time_of('ALTER DATABASE origin RENAME TO renamed');
cmp_ok($took, '<', $rename_alone + time_limit(EXTRA_SECONDS), 'RENAME does not wait');
$node->wait_until_state('renamed', 'streaming');
$node->safe_psql('renamed', 'INSERT INTO tb_item (session, n) VALUES (8, 8)');
$node->stream_equals_ledger('renamed', $nats, 'and nothing is lost by it');
is($node->status('renamed', 'database'), 'renamed', 'status() has the new name');

$took = time_of('DROP DATABASE copy');
cmp_ok($took, '<', $drop_alone + time_limit(EXTRA_SECONDS), 'DROP DATABASE does not wait');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_replication_slots}), 1, 'its slot is gone');

# As soon as it is made, and while the broker is no help.
for my $round (1 .. 3) {
    $node->safe_psql('postgres', 'CREATE DATABASE brief');
    $node->create_extension('brief', no_wait => 1);
    $took = time_of('DROP DATABASE brief');
    cmp_ok($took, '<', $drop_alone + time_limit(EXTRA_SECONDS), "round $round: of a database that is just made");
}
for my $round (1 .. 6) {
    database_with_extension('short');
    $took = time_of('DROP DATABASE short');
    cmp_ok($took, '<', $drop_alone + time_limit(EXTRA_SECONDS), "round $round: in the midst of publishing");
}
for my $trouble (qw(suspend stop suspend stop)) {
    database_with_extension('troubled');
    $nats->$trouble;
    # More than can be on its way: the worker is certainly in the middle of it.
    $node->safe_psql('troubled', 'INSERT INTO tb_item (session, n) SELECT 0, generate_series(1, 50000)');
    $took = time_of('DROP DATABASE troubled');
    cmp_ok($took, '<', $drop_alone + time_limit(EXTRA_SECONDS), "with a backlog, broker after $trouble");
    $trouble eq 'suspend' ? $nats->resume : $nats->start;
}
# While the launcher is only finding out about it.
for my $round (1 .. 8) {
    $took = time_of('CREATE DATABASE new TEMPLATE renamed');
    $took += time_of('ALTER DATABASE new RENAME TO newer');
    $took += time_of('DROP DATABASE newer');
    cmp_ok($took, '<', $copy_alone + $rename_alone + $drop_alone + time_limit(EXTRA_SECONDS),
        "round $round: come and gone");
}

# The template that is taken when none is named.
$node->create_extension('template1');
$took = time_of('CREATE DATABASE child');
cmp_ok($took, '<', $copy_alone + time_limit(EXTRA_SECONDS), 'CREATE DATABASE does not wait for a worker of template1');
$node->wait_until_state($_, 'streaming') for qw(child template1);
$node->safe_psql('template1', 'DROP EXTENSION fraiseql_nats');
time_of('DROP DATABASE child');

# Whoever waits for the worker to leave may end before it does.
$node->wait_until_state('renamed', 'streaming');
my $pid = $node->worker_pid('renamed');
kill 'STOP', $pid;
my $psql = IPC::Run::start(
    ['psql', '-XAtqd', $node->connstr('postgres'), '-c', 'DROP DATABASE renamed'], '&>', \my $output);
$node->wait_for_sql('postgres',
    q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'DROP%' AND wait_event = 'Extension'});
$node->safe_psql('postgres',
    q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query LIKE 'DROP%'});
IPC::Run::finish($psql);
kill 'CONT', $pid;
$node->safe_psql('renamed', 'INSERT INTO tb_item (session, n) VALUES (9, 9)');
$node->stream_equals_ledger('renamed', $nats, 'a DROP DATABASE that is terminated leaves all as it was');

$took = time_of('DROP DATABASE renamed WITH (FORCE)');
cmp_ok($took, '<', $drop_alone + time_limit(EXTRA_SECONDS), 'DROP DATABASE ... WITH (FORCE) does not wait');
$node->wait_for_sql('postgres', 'SELECT count(*) = 0 FROM pg_replication_slots', 'no slot is left');
$node->wait_for_sql(
    'postgres',
    q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats worker'},
    'no worker is left'
);
is($node->log_count(qr/PANIC|terminated by signal/), 0, 'nobody crashed');

done_testing();
