# SPDX-License-Identifier: PostgreSQL
#
# A row with a value that cannot be encoded, because the output function of its type raises an error or
# because there is no UTF-8 for it, is a dead letter, that says what there is to know; the others go on in
# order.  It costs one worker its life, however many such rows there are, and kill -9 changes nothing.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
# The output function raises an error for every number but those of the labels of enums.
$node->safe_psql('postgres', <<'END');
SET client_min_messages = error;
CREATE TYPE brittle;
CREATE FUNCTION brittle_in(cstring) RETURNS brittle LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION brittle_out(brittle) RETURNS cstring LANGUAGE internal STABLE STRICT AS 'enum_out';
CREATE TYPE brittle (INPUT = brittle_in, OUTPUT = brittle_out, INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4);
CREATE TYPE mood AS ENUM ('fine');
CREATE TABLE tb_thing (id int PRIMARY KEY, value brittle, other text, second brittle);
ALTER TABLE tb_thing REPLICA IDENTITY FULL;
SELECT fraiseql_nats.observe('tb_thing');
CREATE FUNCTION brittle(sound boolean) RETURNS brittle LANGUAGE plpgsql AS
$$ BEGIN RETURN CASE WHEN sound THEN (SELECT oid FROM pg_enum WHERE enumtypid = 'mood'::regtype) ELSE 1 END::text; END $$;
END

sub ids {
    return join ' ', map { $_->{payload} =~ /"entity_type":"Thing","entity_id":"(\d+)"/ } $node->messages_of('postgres', $nats);
}

sub letters {
    my ($what) = @_;
    return $node->safe_psql('postgres',
        "SELECT string_agg($what, ' ' ORDER BY id) FROM fraiseql_nats.dead_letters()");
}
my $id = q{convert_from(payload, 'UTF8')::jsonb->>'entity_id'};

my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', <<'END');
INSERT INTO tb_thing VALUES (1, brittle(true), 'x');
INSERT INTO tb_thing VALUES (2, brittle(false), 'x');
INSERT INTO tb_thing SELECT n, brittle(n NOT IN (4, 6)), 'x' FROM generate_series(3, 8) n;
END
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 3);
is(ids(), '1 3 5 7 8', 'the others are stored in order');
isnt($node->worker_pid('postgres'), $pid, 'the worker that met the first has ended');
is($node->log_count(qr/ERROR: .*invalid internal value for enum/), 1, 'and no other');
is($node->status('postgres', 'state, dead_letters'), 'streaming|3', 'status() counts them');
like($node->status('postgres', 'last_error'), qr/column "value" of table "public.tb_thing" cannot be encoded/, 'and says why');
is($node->safe_psql('postgres', <<'END'), <<'END' =~ s/\n\z//r, 'the dead letters say what there is to know');
SELECT subject, headers->>'Fraiseql-Table', headers->>'Fraiseql-Unencoded', headers->>'Fraiseql-Position' = position,
       headers->>'Nats-Msg-Id' = msg_id, convert_from(payload, 'UTF8')::jsonb->'data',
       reason, hint <> '', attempts
FROM fraiseql_nats.dead_letters() LIMIT 1
END
fraiseql.mutation.Thing.INSERT|public.tb_thing|value|t|t|{"id": 2, "other": "x", "second": null}|column "value" of table "public.tb_thing" cannot be encoded: invalid internal value for enum: 1 (SQLSTATE 22P03)|t|1
END
my (undef, undef, $error) = $node->psql('postgres', 'SELECT fraiseql_nats.retry_dead_letter(1)');
like($error, qr/dead letter 1 cannot be retried.*column "value".*HINT: .*backfill/s, 'retrying says that it will not do, and what will');

# The remedy that the hint names.
$pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', 'ALTER TABLE tb_thing REPLICA IDENTITY DEFAULT; UPDATE tb_thing SET value = brittle(true) WHERE id IN (2, 4)');
$node->safe_psql('postgres', q{CALL fraiseql_nats.backfill('tb_thing', 'id = 6')});
$node->safe_psql('postgres', q{UPDATE tb_thing SET value = brittle(true) WHERE id = 6});
$node->safe_psql('postgres', q{CALL fraiseql_nats.backfill('tb_thing', 'id IN (6)')});
$node->safe_psql('postgres', 'SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters() LIMIT 3');
$node->wait_drained('postgres');
is(ids(), '1 3 5 7 8 2 4 6 6', 'corrected rows can be published again');
$node->wait_for_dead_letters('postgres', 1);
like(letters('headers->>$$Fraiseql-Event$$'), qr/^SNAPSHOT$/, 'also by a backfill, of which it is a dead letter no less');
$node->safe_psql('postgres', 'SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters()');

# Which observers it is to do with.
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_part (id int PRIMARY KEY, value brittle, other text, second brittle);
SELECT fraiseql_nats.observe('tb_part', subject => 'fraiseql.without.{column:other}', columns => '{id,other}', name => 'a without');
INSERT INTO fraiseql_nats.observer (name, relation, subject, columns, condition)
VALUES ('b tested', 'tb_part', 'fraiseql.tested', '{id}', $$value == 'fine'$$);
SELECT fraiseql_nats.observe('tb_part', subject => 'fraiseql.filtered', columns => '{id}', filter => $$other = 'y'$$, name => 'c filtered');
SELECT fraiseql_nats.observe('tb_part', subject => 'fraiseql.named.{column:value}', columns => '{id}', name => 'd named');
INSERT INTO fraiseql_nats.observer (name, relation, subject, condition)
VALUES ('e whole', 'tb_part', 'fraiseql.whole', $$other == 'y'$$);
SELECT fraiseql_nats.observe('tb_part', subject => 'fraiseql.row', format => 'row', columns => '{id,second}', name => 'f row');
INSERT INTO tb_part VALUES (100, brittle(false), 'x', brittle(false));
END
$node->wait_drained('postgres');
is(join(' ', map { $_->{subject} } grep { $_->{subject} !~ /mutation/ } $node->messages_of('postgres', $nats)),
    'fraiseql.without.x', 'who does not use the value is told');
$node->wait_for_dead_letters('postgres', 3);
is(letters(q{format('%s(%s)', subject, headers->>'Fraiseql-Unencoded')}),
    'fraiseql.tested(value) fraiseql.named.%00(value) fraiseql.row(second)', 'who uses it is not');
$node->safe_psql('postgres', 'DROP TABLE tb_part; SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters()');

# Errors of other kinds, in the midst of the catalogs; and several in one row.
$node->safe_psql('postgres', <<'END');
SET client_min_messages = error;
CREATE TYPE odd;
CREATE FUNCTION odd_in(cstring) RETURNS odd LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION odd_out(odd) RETURNS cstring LANGUAGE internal STABLE STRICT AS 'array_out';
CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4);
CREATE TYPE cast_odd;
CREATE FUNCTION cast_odd_in(cstring) RETURNS cast_odd LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION cast_odd_out(cast_odd) RETURNS cstring LANGUAGE internal STABLE STRICT AS 'textout';
CREATE TYPE cast_odd (INPUT = cast_odd_in, OUTPUT = cast_odd_out, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4);
CREATE FUNCTION cast_odd_json(cast_odd) RETURNS json LANGUAGE internal STABLE STRICT AS 'row_to_json';
CREATE CAST (cast_odd AS json) WITH FUNCTION cast_odd_json(cast_odd);
CREATE TABLE tb_odd (id int PRIMARY KEY, a cast_odd, b odd, c odd[]);
SELECT fraiseql_nats.observe('tb_odd');
INSERT INTO tb_odd SELECT 1, text::cast_odd, text::odd, ARRAY[text::odd] FROM repeat('a', 60) text;
INSERT INTO tb_odd SELECT 2, NULL, text::odd, NULL FROM repeat('a', 60) text;
INSERT INTO tb_odd SELECT 3, NULL, NULL, ARRAY[NULL, text::odd] FROM repeat('a', 60) text;
END
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 3);
is(letters(q{regexp_replace(reason, '.*(".*") of table.*SQLSTATE (.*)\)', '\1:\2')}),
    '"a":42704 "b":XX000 "c":XX000', 'other errors are taken likewise');
$node->safe_psql('postgres', 'DROP TABLE tb_odd; SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters()');

# Old rows, too; and a large transaction with very many of them.
$node->safe_psql('postgres', <<'END');
ALTER TABLE tb_thing REPLICA IDENTITY FULL;
TRUNCATE tb_thing;
BEGIN;
INSERT INTO tb_thing SELECT n, brittle(n % 10 <> 0), 'x' FROM generate_series(1, 3000) n;
UPDATE tb_thing SET value = brittle(true) WHERE id = 10;
DELETE FROM tb_thing WHERE id IN (20, 21);
COMMIT;
END
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 302);
is($node->worker_pid('postgres'), $pid, 'one worker has got over all of them');
is(letters($id), join(' ', (map { 10 * $_ } 1 .. 300), 10, 20), 'in order');
is(ids(), join(' ', qw(1 3 5 7 8 2 4 6 6), (grep { $_ % 10 } 1 .. 3000), 21), 'and the others are stored in order');
$node->safe_psql('postgres', 'SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters()');

# Killed at any moment, also between the meeting of the first and the next.
$node->safe_psql('postgres', 'ALTER TABLE tb_thing REPLICA IDENTITY DEFAULT');
my $next = 10001;
for my $round (1 .. 4) {
    my $last = $next + 199;
    $node->safe_psql('postgres', "INSERT INTO tb_thing SELECT n, brittle(n % 10 <> 0), 'x' FROM generate_series($next, $last) n");
    select undef, undef, undef, rand 0.4;
    $pid = $node->wait_for_worker('postgres');
    kill 'KILL', $pid;
    FraiseqlNode::wait_until('the server has noticed',
        sub { ($node->worker_pid('postgres') || $pid) != $pid && defined $node->try_sql('postgres', 'SELECT 1') });
    $next = $last + 1;
}
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 80);
is(letters($id), join(' ', map { 10 * $_ } 1001 .. 1080), 'killed: each is there once, in order');
is(ids(), join(' ', qw(1 3 5 7 8 2 4 6 6), (grep { $_ % 10 } 1 .. 3000), 21, grep { $_ % 10 } 10001 .. 10800),
    'and no other is missing or there twice');

# What a slot would publish can be seen all the same.
$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_preview_slot('preview', false)});
$node->safe_psql('postgres', q{INSERT INTO tb_thing VALUES (20001, brittle(true)), (20002, brittle(false)), (20003, brittle(true))});
my (undef, $shown, $warning) = $node->psql('postgres', q{SELECT payload::jsonb->>'entity_id' FROM fraiseql_nats.messages('preview')});
is($shown, "20001\n20003", 'messages() shows the others');
like($warning, qr/WARNING: .*message cannot be published: column "value".*invalid internal value/, 'and says what it does not show');
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('preview')});
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 81);

# Instead of becoming a dead letter it can block.
$node->configure('fraiseql_nats.on_error' => 'block');
$node->restart;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{INSERT INTO tb_thing VALUES (30001, brittle(true)), (30002, brittle(false)), (30003, brittle(true))});
$node->wait_until_state('postgres', 'blocked');
$pid = $node->worker_pid('postgres');
like($node->status('postgres', 'reason, hint'), qr/column "value" of table .* cannot be encoded: .*\|.*on_error/, 'it blocks, and says why');
$node->reload;
my %states = map { $node->status('postgres', 'state') => 1 } 1 .. 100;
is(join(' ', sort keys %states), 'blocked', 'as long as it is to');
is($node->log_count(qr/publishing is blocked/), 1, 'which is told once');
is($node->worker_pid('postgres'), $pid, 'by the same worker');
$node->configure('fraiseql_nats.on_error' => 'dead_letter');
$node->reload;
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 82);
like(ids(), qr/ 20001 20003 30001 30003$/, 'then it goes on');
is($node->log_count(qr/PANIC|TRAP/), 0, 'nothing grave in the log');

done_testing();
