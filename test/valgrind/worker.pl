# SPDX-License-Identifier: PostgreSQL
#
# A server under valgrind, launcher, worker and sessions included, that goes through most of what the
# extension does: no error of memory may have a frame of ours.  Called by make valgrind.
#
# Postgres built for production knows nothing of valgrind: what its allocator hands out twice is not
# seen, and it writes padding that nobody has filled to disk.  Leaks are for other tests: a process
# ends by _exit(), with all it has.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use TimeLimit;

use constant {LIMIT => time_limit(900), ROWS => 6000};    # seconds; more than a window
alarm LIMIT;
$ENV{PGCTLTIMEOUT} = LIMIT;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node(
    'main', $nats,
    start                          => 0,
    fsync                          => 'off',
    autovacuum                     => 'off',
    'fraiseql_nats.ack_timeout'     => '60s',
    'fraiseql_nats.connect_timeout' => '60s',
    'fraiseql_nats.window_messages' => 1000,
    logical_decoding_work_mem      => '64kB'
);

# pg_ctl starts this in place of postgres.
my $reports  = PostgreSQL::Test::Utils::tempdir();
my $postgres = PostgreSQL::Test::Utils::tempdir() . '/postgres';
my ($real) = grep { -x } map { "$_/postgres" } split /:/, $ENV{PATH};
PostgreSQL::Test::Utils::append_to_file($postgres, <<"END");
#!/bin/sh
exec valgrind --quiet --leak-check=no --vgdb=no --trace-children=yes --num-callers=40 --error-limit=no \\
    --xml=yes --xml-file=$reports/%p.xml $real "\$@"
END
chmod 0755, $postgres;
system_or_bail('pg_ctl', '-D', $node->data_dir, '-p', $postgres, '-l', $node->logfile,
    '-w', '-t', LIMIT, 'start');
$node->_update_pid(1);

$node->safe_psql('postgres', 'CREATE EXTENSION fraiseql_nats');
$node->wait_until_state('postgres', 'streaming', LIMIT);
$node->safe_psql('postgres', <<'END', timeout => LIMIT);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE tb_all (id int PRIMARY KEY, n numeric, t timestamptz, j jsonb, a int[], b bytea, p pair,
                     u uuid, d date, f float8, x text);
ALTER TABLE tb_all REPLICA IDENTITY FULL;
SELECT fraiseql_nats.observe('tb_all', filter => 'id >= 0');
SELECT fraiseql_nats.observe('tb_all', '{INSERT}', 'all_made', name => 'topic');
SELECT fraiseql_nats.observe('tb_all', '{UPDATE}', 'fraiseql.changed.{column:id}', format => 'row',
                             columns => '{id,x}', name => 'row');
SELECT fraiseql_nats.observe_channel('told', 'fraiseql.told');
INSERT INTO tb_all SELECT g, g / 7.0, now(), '{"a": [1, "x"]}', '{1,2}', '\x00ff', '(1,b)',
    gen_random_uuid(), '2026-01-01', 'NaN', 'text' FROM generate_series(1, 20) g;
UPDATE tb_all SET x = repeat(md5(id::text), 200), n = 'NaN' WHERE id < 10;
UPDATE tb_all SET f = 1 WHERE id < 10;
BEGIN; INSERT INTO tb_all (id) VALUES (100); NOTIFY all_made, '{"a": 1}'; COMMIT;
BEGIN; INSERT INTO tb_all (id) VALUES (101); SAVEPOINT s; INSERT INTO tb_all (id) VALUES (102);
ROLLBACK TO s; COMMIT;
SELECT pg_notify('told', 'text');
SELECT fraiseql_nats.publish('fraiseql.own', 'text', '{"A": "b"}');
ALTER TABLE tb_all DROP COLUMN d, ADD COLUMN e int DEFAULT 3;
DELETE FROM tb_all WHERE id = 1;
TRUNCATE tb_all;
SELECT count(*) FROM fraiseql_nats.status(), fraiseql_nats.show_config();
SELECT count(*) FROM fraiseql_nats.stream_info();
END
$node->wait_drained('postgres', LIMIT);
pass('all kinds of changes are published');

$nats->kill9;
$node->safe_psql('postgres', 'INSERT INTO tb_all (id) SELECT generate_series(1, ' . ROWS . ')',
    timeout => LIMIT);
$node->wait_until_state('postgres', 'waiting', LIMIT);
$node->safe_psql('postgres', q{ALTER SYSTEM SET fraiseql_nats.subject_prefix = 'fraiseql.other'});
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$nats->start;
$node->wait_drained('postgres', LIMIT);
pass('a transaction larger than the window is published after an outage');

$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE postgres; ', timeout => LIMIT);
$node->wait_until_state('copy', 'streaming', LIMIT);
$node->safe_psql('postgres', 'DROP DATABASE copy', timeout => LIMIT);
$node->safe_psql('postgres', 'DROP EXTENSION fraiseql_nats CASCADE');
$node->wait_for_sql('postgres', 'SELECT count(*) = 0 FROM pg_replication_slots', 'no slot', LIMIT);
$node->stop('fast');

# Not ours: without a frame of ours, or a write whose bytes are those of Postgres.
sub is_ours {
    my ($error) = @_;
    return 0 if $error =~ m{<kind>Leak_};    # told of in XML whatever one asks for
    my @objects = $error =~ m{<obj>(.*?)</obj>}g;
    return 0 unless grep { m{/fraiseql_nats\.so$} } @objects;
    my ($writer) = grep { !m{/(libc|vgpreload)[^/]*$} } @objects;
    return $error !~ m{<kind>SyscallParam</kind>} || $writer !~ m{/postgres$};
}

my ($others, %ours) = (0);
my @files = glob "$reports/*.xml";
for my $file (@files) {
    for my $error (slurp_file($file) =~ m{<error>(.*?)</error>}gs) {
        my ($kind) = $error =~ m{<kind>(.*?)</kind>};
        my @frames = $error =~ m{<fn>(.*?)</fn>}g;
        is_ours($error) ? ++$ours{"$kind: @frames"} : ++$others;
    }
}
diag($_) for sort keys %ours;
is(scalar keys %ours, 0, 'no error has a frame of ours');
note(scalar(@files) . " processes, $others errors that are not ours");
cmp_ok(scalar @files, '>', 5, 'and there was something to look at');

done_testing();
