# SPDX-License-Identifier: PostgreSQL
#
# Rows that are there already are published while others change them: whoever replays the stream has
# exactly the table, and no row goes back to what it was before.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use Test::More;

use constant ROWS => 10_000;

my $nats = NatsServer->new;
# Nobody waits longer than for a chunk; a wait of seconds would fail in the load.
my $node = FraiseqlNode->new_node('main', $nats, lock_timeout => '5s');
$node->create_extension('postgres');
my $rows = ROWS;
$node->safe_psql('postgres', <<"END");
CREATE TABLE tb_account (id int PRIMARY KEY, n bigint NOT NULL, note text);
ALTER TABLE tb_account ALTER note SET STORAGE EXTERNAL;
CREATE SEQUENCE life;
INSERT INTO tb_account SELECT g, 0, CASE WHEN g % 10 = 0 THEN repeat('long', 1000) ELSE 'short' END
FROM generate_series(1, $rows) g;
SELECT fraiseql_nats.observe('tb_account');
END

# n only grows in the life of a row, and each life of a row begins above the one before.
my $load = $node->start_load('postgres', clients => 8, script => <<"END");
\\set id random(1, $rows)
\\set kind random(1, 10)
\\if :kind <= 4
UPDATE tb_account SET n = n + 1 WHERE id = :id;
\\elif :kind = 5
UPDATE tb_account SET n = n + 1, note = 'changed' WHERE id = :id;
\\elif :kind = 6
DELETE FROM tb_account WHERE id = :id;
\\elif :kind = 7
INSERT INTO tb_account VALUES (:id, nextval('life') * 1000000, 'new') ON CONFLICT DO NOTHING;
\\elif :kind = 8
UPDATE tb_account SET id = 1000000 + nextval('life'), n = n + 1, note = 'moved' WHERE id = :id;
\\elif :kind = 9
BEGIN;
UPDATE tb_account SET n = n + 1 WHERE id = :id;
SAVEPOINT s;
DELETE FROM tb_account WHERE id = :id;
ROLLBACK TO s;
UPDATE tb_account SET n = n + 1 WHERE id = :id;
\\sleep 20 ms
COMMIT;
\\else
BEGIN;
SELECT id FROM tb_account WHERE id = :id FOR KEY SHARE;
INSERT INTO tb_account VALUES (:id + $rows, nextval('life') * 1000000, 'behind') ON CONFLICT DO NOTHING;
COMMIT;
\\endif
END
$nats->wait_for_messages(FraiseqlNode::STREAM, 200);
$node->safe_psql('postgres', q{CALL fraiseql_nats.backfill('tb_account', chunk_rows => 50)});
my $count = $nats->stream_count(FraiseqlNode::STREAM);
$nats->wait_for_messages(FraiseqlNode::STREAM, $count + 200);
$node->stop_load($load);
unlike($load->{output}, qr/error|abort/i, 'the load met no error');
is($node->log_count('lock timeout'), 0, 'nobody had to wait for more than a chunk');
$node->wait_drained('postgres');
note($node->safe_psql('postgres', 'SELECT row_to_json(b) FROM fraiseql_nats.backfill b'));

# What a consumer makes of the stream.
my $json = JSON::PP->new->utf8;
my (%table, %latest, %seen, @older);
$nats->each_message(
    FraiseqlNode::STREAM,
    sub {
        my (undef, undef, undef, $payload) = @_;
        my $event = $json->decode($payload);
        my $id    = $event->{entity_id};
        ++$seen{$event->{event}};
        if ($event->{event} eq 'DELETE') {
            delete $table{$id};
            return;
        }
        my $n = $event->{data}{n};
        push @older, "$event->{event} of $id says $n after $latest{$id}" if $n < ($latest{$id} // 0);
        $latest{$id} = $n;
        my $old_id = $event->{changes}{id}{old};
        delete $table{$old_id} if defined $old_id;
        # What an UPDATE leaves out is as it was.
        $table{$id} = $event->{event} eq 'UPDATE'
          ? {%{$table{$id} // {}}, %{$event->{data}}} : $event->{data};
    });
note(join ', ', map { "$seen{$_} $_" } sort keys %seen);
ok($seen{$_}, "there was an event $_") for qw(SNAPSHOT INSERT UPDATE DELETE);
is("@older[0 .. ($#older < 9 ? $#older : 9)]", '', 'no event tells of a row as it was before an earlier event');

my %stored = map { my $row = $json->decode($_); ($row->{id} => $row) }
  split /\n/, $node->safe_psql('postgres', 'SELECT row_to_json(t) FROM tb_account t');
$json->canonical;
my @wrong = grep {
    !$table{$_} || !$stored{$_} || $json->encode($table{$_}) ne $json->encode($stored{$_})
} sort keys %{{%table, %stored}};
diag("$_: stream " . $json->encode($table{$_} // {}) . ', table ' . $json->encode($stored{$_} // {}))
  for @wrong[0 .. ($#wrong < 4 ? $#wrong : 4)];
is(scalar(@wrong), 0, 'the stream, replayed, is the table');
cmp_ok(scalar(keys %stored), '>', ROWS / 2, 'which has rows');

done_testing();
