# SPDX-License-Identifier: PostgreSQL
#
# Each message is the one of asyncapi() for its observer and its operation, and no other: with whole old
# rows and without any, values that an update does not touch, partitions, backfills, buckets, topics
# and notifications.

use strict;
use warnings;

use AsyncApi;
use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.stream_subjects' => 'fraiseql.>, full.>, part.>, channel.>, of.>');
$node->create_extension('postgres');

$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_note (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, note text NOT NULL);
ALTER TABLE tb_note ALTER note SET STORAGE EXTERNAL;
CREATE TABLE tb_full (id int, state text, "new_state" int, "type" text, note text);
ALTER TABLE tb_full ALTER note SET STORAGE EXTERNAL;
ALTER TABLE tb_full REPLICA IDENTITY FULL;
CREATE TABLE tb_no_key (a int, b int);
CREATE TABLE tb_part (id int, region text, secret text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE tb_part_eu PARTITION OF tb_part FOR VALUES IN ('eu');
CREATE TABLE tb_stock (id int PRIMARY KEY, amount int);
SELECT fraiseql_nats.create_stream(kv => 'stock');
SELECT fraiseql_nats.observe('tb_note', name => 'note'), fraiseql_nats.observe('tb_full', name => 'full'),
       fraiseql_nats.observe('tb_full', subject => 'full.topic', format => 'topic', name => 'full as topic'),
       fraiseql_nats.observe('tb_no_key', name => 'no key', events => 'INSERT, TRUNCATE'),
       fraiseql_nats.observe('tb_part', subject => 'part.{table}.{op}.{column:region}.{partition:4}', columns => '{id,region}',
                             name => 'part', events => 'INSERT, UPDATE, DELETE'),
       fraiseql_nats.observe('tb_note', 'INSERT', 'note_made', name => 'topic'),
       fraiseql_nats.observe('tb_stock', stream => 'KV_stock', filter => 'amount >= 0', name => 'stock'),
       fraiseql_nats.observe_channel('plain', 'channel.{channel}', name => 'plain');
END

is_deeply(AsyncApi::check($node, 'postgres')->{errors}, [], 'the document is valid');
$AsyncApi::VALIDATE = 0;

# Runs the SQL, and compares what the messages that it makes are; those of the bucket come last.
sub makes {
    my ($sql, $expected, $name) = @_;
    my $before = () = $nats->stream_messages(FraiseqlNode::STREAM);
    my $bucket_before = kept();
    $node->safe_psql('postgres', $sql);
    $node->wait_drained('postgres');
    my @messages = $nats->stream_messages(FraiseqlNode::STREAM);
    splice @messages, 0, $before;
    push @messages, grep { $_->{seq} > $bucket_before } $nats->stream_messages('KV_stock');
    my $result = AsyncApi::check($node, 'postgres', @messages);
    return is_deeply([map { join ', ', @$_ } @{$result->{messages}}], $expected, $name)
      || diag(join "\n", map { @$_ } @{$result->{reasons}});
}

sub kept {
    my $last = 0;
    $last = $_->{seq} for $nats->stream_messages('KV_stock');
    return $last;
}

makes(q{INSERT INTO tb_note (n, note) VALUES (1, repeat('x', 10000))}, ['note INSERT', 'topic INSERT'], 'a row');
makes(q{UPDATE tb_note SET n = 2}, ['note UPDATE'], 'an update that leaves a large value as it was');
makes(q{UPDATE tb_note SET note = 'short'}, ['note UPDATE'], 'and one that does not');
makes(q{DELETE FROM tb_note}, ['note DELETE'], 'a row that goes, of which the key is known');
makes(q{TRUNCATE tb_note}, ['note TRUNCATE'], 'TRUNCATE');

makes(q{INSERT INTO tb_full VALUES (1, 'new', 7, 'type', repeat('x', 10000))}, ['full INSERT', 'full as topic INSERT'],
    'a row with whole old rows');
makes(q{UPDATE tb_full SET state = NULL, "type" = 'other'}, ['full UPDATE', 'full as topic UPDATE'], 'its update, with changes');
makes(q{UPDATE tb_full SET id = 2}, ['full UPDATE', 'full as topic UPDATE'], 'its key changes');
makes(q{DELETE FROM tb_full}, ['full DELETE', 'full as topic DELETE'], 'it goes');
makes(q{INSERT INTO tb_no_key VALUES (1, NULL); TRUNCATE tb_no_key}, ['no key INSERT', 'no key TRUNCATE'], 'a table without a key');

makes(q{INSERT INTO tb_part VALUES (1, 'eu', 'x'); UPDATE tb_part SET secret = 'y'; DELETE FROM tb_part},
    ['part INSERT', 'part UPDATE', 'part DELETE'], 'rows of a partition, by subject');

makes(q{BEGIN; INSERT INTO tb_note (n, note) VALUES (1, 'x'); SELECT pg_notify('note_made', '{"n": 1}'); COMMIT},
    ['note INSERT', 'topic NOTIFY'], 'a notification that replaces the row');
makes(q{NOTIFY plain, 'words'; NOTIFY plain, '{"a": [1]}'; NOTIFY plain}, [('plain NOTIFY') x 3], 'notifications');
makes(q{SET fraiseql_nats.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'; NOTIFY plain, 'x'},
    ['plain NOTIFY'], 'a trace context');
makes(q{CALL fraiseql_nats.backfill('tb_note')}, ['note SNAPSHOT', 'topic SNAPSHOT'], 'a backfill');

makes(q{INSERT INTO tb_stock VALUES (1, 10)}, ['stock INSERT, stock UPDATE'], 'a key of a bucket');
makes(q{UPDATE tb_stock SET id = 2}, ['stock DELETE', 'stock INSERT, stock UPDATE'], 'another key');
makes(q{UPDATE tb_stock SET amount = -1}, ['stock DELETE'], 'filtered out');
makes(q{TRUNCATE tb_stock}, ['stock TRUNCATE'], 'TRUNCATE of a bucket');
makes(q{INSERT INTO tb_stock VALUES (3, 1); CALL fraiseql_nats.backfill('tb_stock')},
    ['stock SNAPSHOT'], 'a backfill of a bucket, which keeps the last value');

makes(q{SELECT fraiseql_nats.publish('of.my.own', 'x')}, [''], 'a message of publish(), which it does not know');

done_testing();
