# SPDX-License-Identifier: PostgreSQL
#
# Text that has no equivalent in UTF-8: of a value, it makes a dead letter of its row; of the name of a
# table, or in a database that knows no encoding, it is replaced.  Nothing stops for it.

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
is($node->log_count(qr/PANIC|TRAP/), 0, 'nothing grave in the log');

done_testing();
