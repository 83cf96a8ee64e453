# SPDX-License-Identifier: PostgreSQL
#
# Nobody brings the server down by using it: procedures that commit and roll back beneath our hooks,
# called as drivers call them, in a database with the extension and in one without.

use strict;
use warnings;

use FraiseqlNode;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = FraiseqlNode->new_node('main', undef, 'fraiseql_nats.enabled' => 'off');
$node->safe_psql('postgres', 'CREATE DATABASE served');
$node->create_extension('served', no_wait => 1);

my $schema = <<'SQL';
CREATE ROLE nobody LOGIN;
GRANT ALL ON SCHEMA public TO nobody;
SET ROLE nobody;
CREATE TABLE t (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, note text);
CREATE PROCEDURE ends(how text, n int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        INSERT INTO t (note) VALUES (repeat(how, 1000));
        IF how = 'commit' THEN COMMIT; ELSE ROLLBACK; END IF;
        -- Work that uses the memory which has been freed: plans that come and go.
        FOR j IN 1 .. 40 LOOP
            EXECUTE format('SELECT %L || count(*) FROM generate_series(1, %s) g WHERE g > $1', repeat('x', 20 * j), j)
            USING j;
        END LOOP;
        CREATE TEMP TABLE gone (id int) ON COMMIT DROP;
        DROP TABLE gone;
        NOTIFY anything, 'plain';
        PERFORM pg_notify('anything', md5(i::text));
        EXECUTE 'NOTIFY anything, ''executed''';
        EXECUTE 'CREATE TEMP TABLE x' || i || ' AS SELECT 1';
    END LOOP;
END
$$;
-- The plan of the CALL is freed by ROLLBACK; the next one that is made takes its place in memory.
CREATE PROCEDURE ends_then_reads(n int) LANGUAGE plpgsql AS $$
DECLARE
    found_rows int;
BEGIN
    ROLLBACK;
    SELECT count(*) INTO found_rows FROM t WHERE id > n;
    PERFORM relname FROM pg_class WHERE oid > n ORDER BY 1;
END
$$;
CREATE PROCEDURE ends_then_writes(n int) LANGUAGE plpgsql AS $$
BEGIN
    ROLLBACK;
    INSERT INTO t (note) VALUES (n::text);
    COMMIT;
    UPDATE t SET note = n || 'x' WHERE id = n;
END
$$;
CREATE PROCEDURE nested(how text, n int) LANGUAGE plpgsql AS $$
BEGIN
    CALL ends(how, n);
    COMMIT;
    CALL ends('commit', 1);
    ROLLBACK;
    DO 'BEGIN CALL ends(''rollback'', 1); COMMIT; PERFORM pg_notify(''anything'', ''in DO''); END';
END
$$;
CREATE PROCEDURE fails(n int) LANGUAGE plpgsql AS $$
BEGIN
    COMMIT;
    PERFORM pg_notify('anything', 'before the error');
    BEGIN
        PERFORM 1 / n;
    EXCEPTION WHEN division_by_zero THEN
        PERFORM pg_notify('anything', 'behind the error');
    END;
    ROLLBACK;
    RAISE EXCEPTION 'on purpose';
END
$$;
CREATE FUNCTION notifies(n int) RETURNS int LANGUAGE sql AS $$
    SELECT pg_notify('anything', n::text); SELECT n $$;
SQL
$node->safe_psql('postgres', $schema);
$node->safe_psql('served',   $schema =~ s/^CREATE ROLE.*\n//r);
my $pid = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# psql speaks the simple protocol, pgbench any.
sub survives {
    my ($db, $protocol, $name, $sql, %options) = @_;
    my $file = File::Temp->new(SUFFIX => '.sql');
    print $file $sql;
    $file->flush;
    my $output = '';
    IPC::Run::run(
        [
            'pgbench', '--no-vacuum', "--protocol=$protocol", "--file=$file", '--client=2',
            '--transactions=' . ($options{transactions} // 5),
            $node->connstr($db) . ' user=nobody'
        ],
        '<', \undef, '&>', \$output
    );
    my $expected = $options{error} // qr/number of failed transactions: 0/;
    return like($output, $expected, "$name ($db, $protocol)");
}

for my $db ('postgres', 'served') {
    for my $protocol ('simple', 'extended', 'prepared') {
        survives($db, $protocol, "a procedure with $_", "\\set n 3\nCALL ends('$_', :n);\n")
          for 'commit', 'rollback';
        survives($db, $protocol, "a procedure that goes on after ROLLBACK: $_", "\\set n 3\nCALL $_(:n);\n")
          for 'ends_then_reads', 'ends_then_writes';
        survives($db, $protocol, 'nested procedures', "\\set n 2\nCALL nested('rollback', :n);\n");
        survives($db, $protocol, 'a procedure that fails',
            "\\set n 0\nCALL fails(:n);\n", error => qr/on purpose/);
        survives($db, $protocol, 'functions that notify, in plans that are kept',
            "\\set n 5\nSELECT notifies(:n), pg_notify('anything', :n::text);\n", transactions => 20);
        survives($db, $protocol, 'EXECUTE of a prepared statement', <<'SQL');
\set n 5
DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; EXCEPTION WHEN OTHERS THEN NULL; END $$;
PREPARE p AS SELECT pg_notify('anything', 'prepared');
EXECUTE p;
DEALLOCATE p;
SQL
    }
    survives($db, 'simple', 'DO blocks', <<'SQL');
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM pg_notify('anything', 'x'); ROLLBACK; NOTIFY anything; COMMIT; END LOOP; END $$;
SQL
    survives($db, 'simple', 'statements in parallel', <<'SQL');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(notifies(id)) FROM t;
SELECT pg_notify('anything', count(*)::text) FROM t WHERE note > 'a';
SQL
}

# A database that is made or dropped: our hook waits for the worker to leave.
$node->safe_psql('postgres', 'CREATE DATABASE made TEMPLATE served');
$node->safe_psql('postgres', 'ALTER DATABASE made RENAME TO renamed');
$node->safe_psql('postgres', 'DROP DATABASE renamed');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'),
    $pid, 'the server has not restarted');
is($node->log_count('was terminated by signal'), 0, 'and no process of it has crashed');

done_testing();
