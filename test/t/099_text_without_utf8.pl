# SPDX-License-Identifier: PostgreSQL
#
# Text that has no equivalent in UTF-8, or in a database of UTF-8 is none: of a value, it makes a dead letter
# of its row; of the name of a table, or in a database that knows no encoding, it is replaced.  Nothing stops
# for it.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);

sub create_database {
    my ($name, $encoding) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
    $node->create_extension($name);
    $node->safe_psql($name, q{CREATE TABLE tb_note (id int PRIMARY KEY, body text); SELECT fraiseql_nats.observe('tb_note')});
    return;
}

sub bodies {
    my ($db) = @_;
    return join ' ', map { $_->{payload} =~ /"data":\{"id":(\d+),"body":"(.*?)"/ ? "$1:$2" : $_->{subject} }
      $node->messages_of($db, $nats);
}

# 0x81 is no character of WIN1252, which the server does not mind.
create_database('win', 'WIN1252');
my $broken = q{convert_from('\x7881', 'WIN1252')};
$node->safe_psql('win', <<"END");
INSERT INTO tb_note VALUES (1, 'x'), (2, $broken), (3, convert_from('\\xe9', 'WIN1252'));
UPDATE tb_note SET body = 'y' WHERE id = 2;
INSERT INTO tb_note VALUES (4, $broken), (5, 'z');
END
$node->wait_drained('win');
$node->wait_for_dead_letters('win', 2);
is(bodies('win'), "1:x 3:\xc3\xa9 2:y 5:z", 'the others are stored in order');
is($node->safe_psql('win', <<'END'), <<'END' =~ s/\n\z//r, 'the dead letters say why');
SELECT convert_from(payload, 'UTF8')::jsonb->>'entity_id', reason FROM fraiseql_nats.dead_letters()
END
2|column "body" of table "public.tb_note" cannot be encoded: character with byte sequence 0x81 in encoding "WIN1252" has no equivalent in encoding "UTF8" (SQLSTATE 22P05)
4|column "body" of table "public.tb_note" cannot be encoded: character with byte sequence 0x81 in encoding "WIN1252" has no equivalent in encoding "UTF8" (SQLSTATE 22P05)
END
is($node->log_count(qr/ERROR: .*0x81/), 1, 'one worker has ended');

# Names: of tables that nobody observes, and of one that somebody does.
my $pid = $node->worker_pid('win');
$node->safe_psql('win', <<"END");
DO \$\$
BEGIN
    EXECUTE format('CREATE TABLE %I AS SELECT 1', 'tb_other' || $broken);
    EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, %I text)', 'tb_odd' || $broken, $broken);
    PERFORM fraiseql_nats.observe(format('%I', 'tb_odd' || $broken)::regclass, subject => 'fraiseql.odd', name => 'odd');
    COMMIT;
    EXECUTE format('INSERT INTO %I VALUES (6, \$1)', 'tb_odd' || $broken) USING 'w';
    INSERT INTO tb_note VALUES (7, 'v');
END \$\$;
END
$node->wait_drained('win');
my @messages = $node->messages_of('win', $nats);
is($messages[-1]{subject}, 'fraiseql.mutation.Note.INSERT', 'a name that is not in UTF-8 stops nothing');
is($messages[-2]{headers}{'Fraiseql-Table'}, "public.tb_oddx\xef\xbf\xbd", 'what is no character in it is replaced');
like($messages[-2]{payload}, qr/"data":\{"id":6,"x\xef\xbf\xbd":"w"\}/, 'in that of a column as well');
is($node->worker_pid('win'), $pid, 'the worker is the same');
$node->wait_for_dead_letters('win', 2);

create_database('ascii', 'SQL_ASCII');
$node->safe_psql('ascii', q{INSERT INTO tb_note VALUES (1, E'a\xffb'), (2, E'\xc3\xa9'), (3, 'x')});
$node->wait_drained('ascii');
is(bodies('ascii'), "1:a\xef\xbf\xbdb 2:\xc3\xa9 3:x", 'of SQL_ASCII what is no UTF-8 is replaced');
$node->wait_for_dead_letters('ascii', 0);

# A database of UTF-8 does not look at what a cast makes of bytes, nor before 2026 at a "char".
create_database('utf', 'UTF8');
$node->safe_psql('utf', <<'END');
CREATE CAST (bytea AS text) WITHOUT FUNCTION;
CREATE CAST (bytea AS varchar) WITHOUT FUNCTION;
CREATE CAST (bytea AS json) WITHOUT FUNCTION;
CREATE CAST (bytea AS xml) WITHOUT FUNCTION;
CREATE DOMAIN words AS text;
CREATE TYPE pair AS (a int, b text);
CREATE TABLE tb_any (id int PRIMARY KEY, half varchar, body text, word words, list varchar[], two pair, plain json,
                     binary_ jsonb, markup xml, long text);
SELECT fraiseql_nats.observe('tb_any', name => 'any');
INSERT INTO tb_any (id, half, body) VALUES (1, 'x', 'é');
INSERT INTO tb_any (id, half) VALUES (2, '\xc3'::bytea::varchar);
INSERT INTO tb_any (id, body) VALUES (3, '\x61ff'::bytea::text);
INSERT INTO tb_any (id, word) VALUES (4, '\x61ff'::bytea::text);
INSERT INTO tb_any (id, list) VALUES (5, ARRAY['a', '\x61c3'::bytea::text]);
INSERT INTO tb_any (id, two) VALUES (6, (1, '\xeda080'::bytea::text));
INSERT INTO tb_any (id, plain) VALUES (7, '\x22ff22'::bytea::json);
INSERT INTO tb_any (id, binary_) VALUES (8, jsonb_build_object('\xff'::bytea::text, 1));
INSERT INTO tb_any (id, markup) VALUES (9, '\xc080'::bytea::xml);
INSERT INTO tb_any (id, long) VALUES (10, repeat('a', 100) || '\xf8'::bytea::text || repeat('é', 3000));
INSERT INTO tb_any (id, long) VALUES (11, repeat('aé', 3000));
END
$node->wait_drained('utf');
$node->wait_for_dead_letters('utf', 9);
is($node->safe_psql('utf', <<'END'), <<'END' =~ s/\n\z//r, 'what is no UTF-8 goes to the dead letters');
SELECT convert_from(payload, 'UTF8')::jsonb->>'entity_id', regexp_replace(reason, 'of table .* encoded: ', '')
FROM fraiseql_nats.dead_letters()
END
2|column "half" invalid byte sequence for encoding "UTF8": 0xc3 (SQLSTATE 22021)
3|column "body" invalid byte sequence for encoding "UTF8": 0xff (SQLSTATE 22021)
4|column "word" invalid byte sequence for encoding "UTF8": 0xff (SQLSTATE 22021)
5|column "list" invalid byte sequence for encoding "UTF8": 0xc3 (SQLSTATE 22021)
6|column "two" invalid byte sequence for encoding "UTF8": 0xed 0xa0 0x80 (SQLSTATE 22021)
7|column "plain" invalid byte sequence for encoding "UTF8": 0xff (SQLSTATE 22021)
8|column "binary_" invalid byte sequence for encoding "UTF8": 0xff (SQLSTATE 22021)
9|column "markup" invalid byte sequence for encoding "UTF8": 0xc0 0x80 (SQLSTATE 22021)
10|column "long" invalid byte sequence for encoding "UTF8": 0xf8 (SQLSTATE 22021)
END
is(join(' ', map { $_->{payload} =~ /"entity_id":"(\d+)"/ } $node->messages_of('utf', $nats)), '1 11', 'the others are stored');

$node->safe_psql('utf', <<'END');
INSERT INTO tb_note
SELECT row_number() OVER (), repeat('a', place) || '\xff'::bytea::text || repeat('a', length - place - 1)
FROM generate_series(1, 40) length, LATERAL (SELECT DISTINCT unnest(ARRAY[0, length / 2, length - 1]) place) p
END
$node->wait_drained('utf');
$node->wait_for_dead_letters('utf', 9 + 117);

# Sent by a session, it is an error there: of what is observed only.
$node->safe_psql('utf', q{SELECT fraiseql_nats.observe_channel('told'); SELECT pg_notify('untold', '\xff'::bytea::text)});
for my $sent (q{pg_notify('told', '\xff'::bytea::text)}, q{fraiseql_nats.publish('a.b', '\xff'::bytea::text)}) {
    my (undef, undef, $error) = $node->psql('utf', "SELECT $sent");
    like($error, qr/invalid byte sequence for encoding "UTF8": 0xff/, "an error: $sent");
}
is($node->log_count(qr/PANIC|TRAP/), 0, 'nothing grave in the log');

done_testing();
