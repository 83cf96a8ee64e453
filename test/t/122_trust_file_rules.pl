# SPDX-License-Identifier: PostgreSQL
#
# The observers that FraiseQL's files declare: made for the tables of these names and no others, by nobody's
# operators and functions but Postgres's own, at a cost that does not depend on how many there are, and
# without ever failing the statement that creates the table.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

# The traps below are for the extension, not for the statements of this test.
$ENV{PGOPTIONS} = '-c search_path=pg_catalog';
my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, fsync => 'off');
my $file = $node->data_dir . '/fraiseql.toml';

sub write_file {
    my (@rules) = @_;
    open my $out, '>', $file or die "$file: $!";
    print $out map {"[[observers.rules]]\n$_\n"} @rules;
    close $out;
    return;
}
# Waits until the worker has read a file that declares this observer.
sub wait_for_rule {
    my ($name) = @_;
    return $node->wait_for_sql('postgres', "SELECT count(*) = 1 FROM fraiseql_nats.declared_observer WHERE name = '$name'", "$name is declared");
}
sub reload_and_wait {
    my ($name) = @_;
    $node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
    return wait_for_rule($name);
}
sub observers {
    return $node->safe_psql('postgres', q{SELECT string_agg(name || '=' || relation, ' ' ORDER BY name) FROM fraiseql_nats.observer});
}
my @rules = (
    qq{table = "tb_order"\nevent = "INSERT"},
    qq{table = "Sales.TB_Item"\nevents = ["INSERT", "DELETE"]\ncolumns = ["id", "note"]},
    qq{table = "\\"Sales\\".\\"Odd \\"\\"name\\"\\".x\\""\nevent = "UPDATE"},
    qq{entity = "OrderLine"\nevent = "DELETE"},
);
write_file(@rules[0 .. 1]);
$node->create_extension('postgres');
$node->wait_for_sql('postgres', 'SELECT count(*) = 2 FROM fraiseql_nats.declared_observer');

# What anybody with CREATE on public can prepare.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE mallory LOGIN;
GRANT CREATE ON SCHEMA public TO mallory;
SQL
my $steal = <<'SQL';
LANGUAGE plpgsql AS $$BEGIN ALTER ROLE mallory SUPERUSER; RETURN NULL; EXCEPTION WHEN OTHERS THEN RETURN NULL; END$$;
SQL
my @traps = map { "CREATE FUNCTION public.$_ $steal" } (
    'to_regclass(text) RETURNS regclass',
    'replace(text, text, text) RETURNS text',
    'pg_event_trigger_ddl_commands() RETURNS SETOF pg_class',
    'jsonb_populate_recordset(anyelement, jsonb) RETURNS SETOF anyelement',
);
for my $type ('text[]', 'name', 'text', 'regclass', 'oid', 'jsonb', '"char"') {
    push @traps, "CREATE FUNCTION public.trap(a $type, b $type) RETURNS boolean $steal",
      "CREATE OPERATOR public.= (LEFTARG = $type, RIGHTARG = $type, FUNCTION = public.trap)";
}
for my $trap (@traps) {
    my ($result, undef, $error) = $node->psql('postgres', $trap, extra_params => ['-U', 'mallory']);
    note "$trap: $error" if $result != 0;
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_operator WHERE oprowner = 'mallory'::regrole}), 7, 'traps are laid');

# Tables of the same names elsewhere are none of those that are declared.
$node->safe_psql('postgres', 'CREATE SCHEMA mallory AUTHORIZATION mallory; CREATE SCHEMA sales; CREATE SCHEMA "Sales"');
$node->safe_psql('postgres', 'CREATE TABLE mallory.tb_order (id int); CREATE TEMP TABLE tb_order (id int)', extra_params => ['-U', 'mallory']);
is(observers(), '', 'a table of the name in another schema is not observed');
$node->safe_psql('postgres', 'CREATE TABLE public.tb_order (id int PRIMARY KEY); CREATE TABLE sales.tb_item (id int PRIMARY KEY, note text)');
is(observers(), 'toml:Sales.TB_Item.insert_delete=sales.tb_item toml:tb_order.insert=public.tb_order', 'those that are declared are, from their creation on');
write_file(@rules, qq{table = "tb_order"\nevent = "UPDATE"\nsubject = "changed"});
reload_and_wait('toml:tb_order.update');
$node->wait_for_sql('postgres', 'SELECT count(*) = 3 FROM fraiseql_nats.observer', 'a rule more for a table that is there');
is($node->safe_psql('postgres', q{SELECT string_agg(subject, ',') FROM fraiseql_nats.observer}), 'changed', 'fields are as in the file');
is($node->safe_psql('postgres', q{SELECT columns::text || events::text FROM fraiseql_nats.observer WHERE relation = 'sales.tb_item'::regclass}),
    '{id,note}{INSERT,DELETE}', 'lists too');

# However a table comes by its name.
$node->safe_psql('postgres', 'CREATE TABLE "Sales"."Odd ""name"".x" AS SELECT 1 AS id');
$node->safe_psql('postgres', 'CREATE TABLE public.line (id int PRIMARY KEY); ALTER TABLE public.line RENAME TO tb_order_line');
like(observers(), qr/Odd ""name""\.x" toml:OrderLine\.delete=public\.tb_order_line /, 'by CREATE TABLE AS and by RENAME');
$node->safe_psql('postgres', 'DROP TABLE public.tb_order_line, public.tb_order; DROP SCHEMA sales CASCADE');
unlike(observers(), qr/tb_order/, 'what is dropped is forgotten');
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA sales CREATE TABLE tb_item (id int PRIMARY KEY, note text);
CREATE TABLE public.tb_order_line (id int PRIMARY KEY) PARTITION BY RANGE (id);
SQL
like(observers(), qr/=public\.tb_order_line.*=sales\.tb_item/, 'by CREATE SCHEMA, and a partitioned one');
$node->safe_psql('postgres', 'CREATE SCHEMA x; CREATE TABLE x.tb_order (id int PRIMARY KEY); ALTER TABLE x.tb_order SET SCHEMA public');
like(observers(), qr/toml:tb_order\.insert=public\.tb_order/, 'by ALTER TABLE SET SCHEMA');
$node->restart;
$node->wait_until_state('postgres', 'streaming');
is($node->safe_psql('postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'}), 'f', 'no trap has gone off');

# An observer that cannot be created is reported, and the statement succeeds.
write_file(@rules, qq{table = "tb_late"\nevent = "UPDATE"\nwhen = "missing > 0"});
reload_and_wait('toml:tb_late.update');
my (undef, undef, $warning) = $node->psql('postgres', 'CREATE TABLE public.tb_late (id int)');
like($warning, qr/^psql:<stdin>:1: WARNING:  fraiseql\.toml:\d+:1: could not create observer "toml:tb_late\.update": column "missing"/, 'a warning with the place');
$node->safe_psql('postgres', 'ALTER TABLE public.tb_late ADD missing int');
like(observers(), qr/toml:tb_late\.update=public\.tb_late/, 'it is made as soon as it can be');
$node->safe_psql('postgres', 'ALTER TABLE fraiseql_nats.declared_observer RENAME TO away');
my ($status, undef, $error) = $node->psql('postgres', 'CREATE TABLE public.tb_any (id int)');
is($status, 0, 'whatever has become of our own table');
like($error, qr/WARNING:  could not create observers of fraiseql\.toml/, 'nobody else\'s statement fails');
$node->safe_psql('postgres', 'ALTER TABLE fraiseql_nats.away RENAME TO declared_observer');

# The worker that has to wait for the broker reads the files all the same.
$nats->stop;
write_file(@rules, qq{table = "tb_away"\nevent = "INSERT"});
$node->restart;
wait_for_rule('toml:tb_away.insert');
$node->safe_psql('postgres', 'CREATE TABLE public.tb_away (id int PRIMARY KEY); INSERT INTO public.tb_away VALUES (1)');
write_file(@rules, map {qq{table = "$_"\nevent = "INSERT"}} qw(tb_away tb_far));
$node->reload;
wait_for_rule('toml:tb_far.insert');
$node->safe_psql('postgres', 'CREATE TABLE public.tb_far (id int PRIMARY KEY); INSERT INTO public.tb_far VALUES (2)');
$nats->start;
$node->wait_drained('postgres');
is(join(' ', map { $_->{subject} } $nats->client->stream_messages('fraiseql_events')),
    'fraiseql.mutation.Away.INSERT fraiseql.mutation.Far.INSERT', 'and nothing is lost of the tables that are made meanwhile');

# A table that is being created while the files change.
my $migration = $node->background_psql('postgres');
$migration->query_safe('BEGIN; CREATE TABLE public.tb_migrated (id int PRIMARY KEY)');
write_file(@rules, qq{table = "tb_migrated"\nevent = "INSERT"});
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
wait_for_rule('toml:tb_migrated.insert');
$migration->query_safe('COMMIT');
$node->wait_for_sql('postgres', q{SELECT count(*) = 1 FROM fraiseql_nats.observer WHERE name = 'toml:tb_migrated.insert'}, 'is observed when it is there');
$migration->quit;

# A session that is about to drop a table does not hold up the worker.
$migration = $node->background_psql('postgres');
$migration->query_safe('BEGIN; DROP TABLE public.tb_migrated');
write_file(@rules[1 .. 3], qq{table = "tb_migrated"\nevent = "INSERT"\nsubject = "other"});
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
$node->wait_for_sql('postgres', q{SELECT count(*) = 1 FROM fraiseql_nats.declared_observer WHERE subject = 'other'}, 'the worker has read the file', 5);
$node->wait_until_state('postgres', 'streaming', 5);
$migration->query_safe('ROLLBACK');
$node->wait_for_sql('postgres', q{SELECT count(*) = 1 FROM fraiseql_nats.observer WHERE subject = 'other'}, 'and does the rest later');
$migration->quit;

# As many as there may be: what the event trigger costs a CREATE TABLE.
write_file(map {qq{table="a$_"\nevent="INSERT"}} 1 .. 20000);
reload_and_wait('toml:a20000.insert');
sub ms_per_table {
    my ($trigger, $name) = @_;
    return $node->safe_psql('postgres', <<"SQL");
ALTER EVENT TRIGGER fraiseql_nats_create $trigger;
DO 'BEGIN FOR i IN 1..10 LOOP EXECUTE format(''CREATE TABLE public.w${name}_%s (id int)'', i); END LOOP; END';
SELECT clock_timestamp() AS start \\gset
DO 'BEGIN FOR i IN 1..300 LOOP EXECUTE format(''CREATE TABLE public.${name}_%s (id int)'', i); END LOOP; END';
SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'start'::timestamptz) / 300, 3);
SQL
}
my @with    = sort { $a <=> $b } map { ms_per_table('ENABLE',  "with$_") } 1 .. 3;
my @without = sort { $a <=> $b } map { ms_per_table('DISABLE', "without$_") } 1 .. 3;
$node->safe_psql('postgres', 'ALTER EVENT TRIGGER fraiseql_nats_create ENABLE');
note "CREATE TABLE with 20,000 rules: $with[0] ms, without the trigger: $without[0] ms";
cmp_ok($with[0] - $without[0], '<', 1, 'it costs less than a millisecond');
$node->safe_psql('postgres', 'CREATE TABLE public.a19999 (id int)');
like(observers(), qr/toml:a19999\.insert=public\.a19999/, 'and finds the rule');
is($node->log_count('terminated by signal|PANIC|TRAP'), 0, 'nothing grave in the log');

done_testing();
