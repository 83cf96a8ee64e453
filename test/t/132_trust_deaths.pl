# SPDX-License-Identifier: PostgreSQL
#
# What kills a worker is set aside, and the rest goes on: conditions and values that raise errors of
# any kind, dead letters that cannot be put into the table.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_note (id int PRIMARY KEY, note text);
CREATE TABLE tb_other (id int PRIMARY KEY);
CREATE TABLE tb_row (id int PRIMARY KEY, note text);
-- Raises no error of data, but one of memory allocation, and for some rows only.
SELECT fraiseql_nats.observe('tb_note', name => 'asks for too much',
    filter => $$length(repeat(repeat(note, 1000000), 600) || repeat(repeat(note, 1000000), 600)) > 0$$);
SELECT fraiseql_nats.observe('tb_note', name => 'sober', subject => 'fraiseql.sober.{table}');
SELECT fraiseql_nats.observe('tb_other');
SQL

sub payloads { return join ' ', map { "$_->{subject}:" . ($_->{payload} =~ /"id":(\d+)/ ? $1 : '?') } $nats->stream_messages(FraiseqlNode::STREAM) }

$node->safe_psql('postgres', <<'SQL');
INSERT INTO tb_note VALUES (1, '');
INSERT INTO tb_note VALUES (2, 'x');
INSERT INTO tb_other VALUES (3);
INSERT INTO tb_note SELECT n, 'x' FROM generate_series(4, 6) n;
INSERT INTO tb_other VALUES (7);
SQL
$node->wait_drained('postgres');
is(scalar(grep { $_->{subject} =~ /Other/ } $nats->stream_messages(FraiseqlNode::STREAM)), 2, 'what comes behind a condition that kills the worker is published');
$node->wait_for_dead_letters('postgres', 4);
is($node->safe_psql('postgres', <<'SQL'), '4', 'what it was to decide of is set aside, with the error');
SELECT count(*) FROM fraiseql_nats.dead_letters()
WHERE reason ~ 'asks for too much.*invalid memory alloc' AND subject = 'fraiseql.mutation.Note.INSERT' AND payload IS NOT NULL
SQL
cmp_ok($node->log_count('ERROR:  invalid memory alloc'), '<=', 2, 'after two deaths at most');
is($node->safe_psql('postgres', 'SELECT fraiseql_nats.unobserve($$asks for too much$$); SELECT fraiseql_nats.retry_dead_letter(1) IS NOT NULL'),
    "\nt", 'it can be retried');
$node->wait_drained('postgres');

# Want of memory is no fault of a row, unless the same row wants it again.
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_row')});
$node->safe_psql('postgres', <<'SQL');
INSERT INTO tb_row VALUES (40, 'before');
INSERT INTO tb_row SELECT 41, repeat('large', 60000000 / 5) || 'x' FROM generate_series(1, 1);
INSERT INTO tb_row SELECT 42, repeat('larger', 12000000) FROM generate_series(1, 1);
INSERT INTO tb_row VALUES (43, 'behind');
SQL
$node->wait_drained('postgres');
is($node->worker_pid('postgres'), $pid, 'rows that are larger than a message can be do not kill it');
$node->wait_for_sql('postgres', q{SELECT count(*) = 2 FROM fraiseql_nats.dead_letters() WHERE subject ~ 'Row'}, 'both are dead letters');
my ($rss) = slurp_file("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m;
cmp_ok($rss / 1024, '<', 150, 'the memory that they took is given back');
note('at its peak it had ' . FraiseqlNode::peak_memory_mb($pid) . " MB, now $rss kB");
is($node->safe_psql('postgres', q{SELECT string_agg(headers ->> 'Fraiseql-Unencoded', ',' ORDER BY id) FROM fraiseql_nats.dead_letters() WHERE subject ~ 'Row'}),
    'note', 'the one of 72 MB has no payload to speak of');
is(scalar(grep { $_->{subject} =~ /Row/ && $_->{payload} =~ /before|behind/ } $nats->stream_messages(FraiseqlNode::STREAM)), 2, 'and those around it are there');

# A dead letter that cannot be put into the table does not hold up the others.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.headers ->> 'Odd' = 'yes' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuses BEFORE INSERT ON fraiseql_nats.dead_letter FOR EACH ROW EXECUTE FUNCTION refuses();
SQL
my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.dead_letters()');
$nats->{options}{config} = 'max_payload: 4096';
$nats->reload_config;
$node->safe_psql('postgres', <<'SQL');
SELECT fraiseql_nats.publish('fraiseql.large', repeat('a', 10000), '{"Odd": "no"}');
SELECT fraiseql_nats.publish('fraiseql.large', repeat('b', 10000), '{"Odd": "yes"}');
SELECT fraiseql_nats.publish('fraiseql.large', repeat('c', 10000), '{"Odd": "no"}');
SQL
$node->wait_for_dead_letters('postgres', $before + 3);
is($node->safe_psql('postgres', q{SELECT string_agg(coalesce(headers ->> 'Odd', reason ~ 'cannot be stored: refused') , ' ' ORDER BY id) FROM fraiseql_nats.dead_letters() WHERE subject ~ 'large'} =~ s/reason ~ 'cannot be stored: refused'/CASE WHEN reason ~ 'cannot be stored: refused' THEN 'told' END/r),
    'no told no', 'one dead letter that cannot be kept whole does not hold up the others');

# With on_error = block it is told of, and blocks, until somebody removes it.
$node->safe_psql('postgres', 'DROP TRIGGER refuses ON fraiseql_nats.dead_letter');
$node->configure('fraiseql_nats.on_error' => 'block');
$node->reload;
$node->safe_psql('postgres', <<'SQL');
SELECT fraiseql_nats.observe('tb_other', name => 'greedy', subject => 'fraiseql.greedy',
    filter => $$length(repeat(repeat(left(id::text, 1), 1000000), 600) || repeat(repeat('x', 1000000), 600)) > 0$$);
INSERT INTO tb_other VALUES (50);
SQL
$node->wait_for_sql('postgres', q{SELECT state = 'blocked' AND reason ~ 'greedy.*has failed: invalid memory alloc' AND hint <> '' FROM fraiseql_nats.status()}, 'with on_error = block it blocks, with the error');
pass('with on_error = block it blocks, with the error');
$node->configure('fraiseql_nats.on_error' => undef);
$node->reload;
$node->wait_drained('postgres');

# An observer is never TOASTed, whatever is vacuumed.
like(($node->psql('postgres', q{INSERT INTO fraiseql_nats.observer (name, relation, condition, filter) VALUES ('long', 'tb_note', repeat('has_field(''note'') && ', 190) || 'has_field(''note'')', repeat('note = ''x'' AND ', 265) || 'note = ''y''')}))[2],
    qr/observer "long" is too large/, 'an observer that is too large is refused');
is($node->safe_psql('postgres', q{SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 'fraiseql_nats.observer'::regclass AND attnum > 0 AND attstorage <> 'p'}), '', 'and none has a part elsewhere');

# The error of a worker that cannot even start is shown.
$node->safe_psql('postgres', 'ALTER TABLE fraiseql_nats.slot RENAME COLUMN timeline TO renamed');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $node->worker_pid('postgres') . ')');
$node->wait_for_sql('postgres', q{SELECT reason ~ 'worker has ended with an error.*timeline' AND last_error ~ 'timeline' AND hint IS NOT NULL FROM fraiseql_nats.status()},
    'status() shows the error of a worker that died');
$node->safe_psql('postgres', 'ALTER TABLE fraiseql_nats.slot RENAME COLUMN renamed TO timeline');
$node->wait_until_state('postgres', 'streaming', 90);
pass('status() showed the error of a worker that died, and it goes on when that is mended');

done_testing();
