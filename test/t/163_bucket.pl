# SPDX-License-Identifier: PostgreSQL
#
# A bucket of the key-value store has the rows of a table: each key the value of its row, and no
# other key, also after crashes, a backfill, TRUNCATE and changes of keys.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
my $json = JSON::PP->new->canonical;

# What clients see: the last message of each subject, unless it deletes the key.
sub bucket_of {
    my ($bucket) = @_;
    my %keys;
    for my $message ($nats->stream_messages("KV_$bucket")) {
        my ($key) = $message->{subject} =~ /^\$KV\.\Q$bucket\E\.(.+)$/ or die $message->{subject};
        if ($message->{headers}{'KV-Operation'}) {
            delete $keys{$key};
        } else {
            $keys{$key} = $json->encode($json->decode($message->{payload}));
        }
    }
    return \%keys;
}

# $key: an SQL expression.
sub table_of {
    my ($table, $key) = @_;
    my %rows;
    for (split /\n/, $node->safe_psql('postgres', "SELECT $key || E'\\t' || to_json(t) FROM $table t")) {
        my ($name, $row) = split /\t/;
        $rows{$name} = $json->encode($json->decode($row));
    }
    return \%rows;
}

sub is_table {
    my ($name) = @_;
    $node->wait_drained('postgres');
    my ($bucket, $table) = (bucket_of('orders'), table_of('tb_order', 'id'));
    is_deeply($bucket, $table, $name) and return 1;
    # Where it comes from: the messages of the keys that are not as they should be.
    my @wrong = grep {
        my ($key) = $_->{subject} =~ /([^.]+)$/;
        ($bucket->{$key} // '') ne ($table->{$key} // '')
    } $nats->stream_messages('KV_orders');
    diag($json->encode($_)) for @wrong[0 .. (@wrong < 5 ? $#wrong : 4)];
    return 0;
}

sub fails {
    my ($sql, $expected, $name) = @_;
    my ($code, $out, $error) = $node->psql('postgres', $sql);
    return like($error, $expected, $name);
}

# --- What cannot be ------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int PRIMARY KEY, state text, note text);
ALTER TABLE tb_order REPLICA IDENTITY FULL;
CREATE TABLE tb_heap (id int);
INSERT INTO tb_order SELECT g, 'old', repeat('x', g % 7) FROM generate_series(1, 500) g;
SELECT fraiseql_nats.create_stream(kv => 'orders');
SELECT fraiseql_nats.create_stream('plain', '{plain.>}');
});
fails(q{SELECT fraiseql_nats.create_stream(kv => 'a.b')}, qr/"a\.b" is not the name of a bucket/, 'a name');
fails(q{SELECT fraiseql_nats.create_stream('x', '{x.>}', history => 3)}, qr/a history is of a bucket/,
    'a history without a bucket');
fails(q{SELECT fraiseql_nats.create_stream(kv => 'b', history => 65)}, qr/1 to 64 values/, 'a long one');
fails(q{SELECT fraiseql_nats.create_stream('KV_x', '{x.>}')}, qr/"KV_x" is no bucket/, 'a stream with the name');
fails(q{SELECT fraiseql_nats.create_stream('x', '{$KV.x.>}')}, qr/"x" is no bucket/, 'or with the subjects');
fails(q{SELECT fraiseql_nats.observe('tb_heap', stream => 'KV_orders')}, qr/table "tb_heap" has no key/,
    'a table without a key');
fails(q{SELECT fraiseql_nats.observe('tb_order', format => 'kv', stream => 'plain')},
    qr/format "kv" needs the stream of a bucket/, 'the format in another stream');
fails(q{SELECT fraiseql_nats.observe('tb_order', format => 'row', stream => 'KV_orders')},
    qr/is a bucket, which takes only rows/, 'another format in the bucket');
fails(q{SELECT fraiseql_nats.observe('tb_order', subject => 'a.b', stream => 'KV_orders')},
    qr/an observer of a bucket has no subject/, 'a subject');
fails(q{SELECT fraiseql_nats.publish('$KV.orders.1', 'x'::text, stream => 'KV_orders')}, qr/is reserved/,
    'a message of publish()');

# --- The bucket as clients make it ---------------------------------------------------------------

is($node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_order', stream => 'KV_orders')}),
    'tb_order', 'a table is observed without a warning');
fails(q{SELECT fraiseql_nats.observe('tb_order', stream => 'KV_orders', name => 'second')},
    qr/bucket "KV_orders" has the rows of observer "tb_order"/, 'by one observer');
$node->safe_psql('postgres', q{INSERT INTO tb_order VALUES (1000, 'new', NULL)});
$node->wait_drained('postgres');
my $config = $nats->stream_info('KV_orders')->{config};
is_deeply(
    [map { "$_" } @{$config}{qw(max_msgs_per_subject allow_rollup_hdrs deny_delete allow_direct discard max_age)}],
    [1, 1, 1, 1, 'new', 0], 'the stream is as clients expect it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM fraiseql_nats.stream_sync('KV_orders')}), 0,
    'and as wanted');
is_deeply([sort keys %{bucket_of('orders')}], [1000], 'it begins with the first change');
$node->safe_psql('postgres', q{CALL fraiseql_nats.backfill('tb_order')});
is_table('a backfill fills it');

# --- Changes -------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
UPDATE tb_order SET state = 'changed' WHERE id % 3 = 0;
DELETE FROM tb_order WHERE id % 5 = 0;
UPDATE tb_order SET id = id + 10000 WHERE id % 7 = 0;
BEGIN; INSERT INTO tb_order VALUES (5, 'again'); DELETE FROM tb_order WHERE id = 5; ROLLBACK;
BEGIN; INSERT INTO tb_order VALUES (10, 'again'); UPDATE tb_order SET note = 'n' WHERE id = 10; COMMIT;
UPDATE tb_order SET note = (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 900) g) WHERE id = 1;
UPDATE tb_order SET state = 'note is not touched' WHERE id = 1;
});
is_table('it has each key as the table has it');
my ($deleted) = grep { $_->{subject} eq '$KV.orders.15' } $nats->stream_messages('KV_orders');
is_deeply([$deleted->{headers}{'KV-Operation'}, $deleted->{payload}], ['DEL', ''], 'DELETE is as clients write it');

$node->safe_psql('postgres', q{BEGIN; TRUNCATE tb_order; INSERT INTO tb_order VALUES (1, 'after'); COMMIT});
FraiseqlNode::wait_until_purged($nats, 'orders');
is_table('TRUNCATE empties it');
my ($purge) = grep { $_->{subject} eq '$KV.orders.=TRUNCATE' } $nats->stream_messages('KV_orders');
is($purge->{headers}{'KV-Operation'}, 'PURGE', 'as a purge');

# A nats-server from 2.10 on that is killed forgets what Nats-Rollup has removed.
$nats->kill9;
$nats->start;
$node->safe_psql('postgres', q{INSERT INTO tb_order VALUES (2, 'later')});
is_table('and they stay away, although the server is killed');

# --- Crashes -------------------------------------------------------------------------------------

my $script = <<'END';
\set id random(1, 40)
\set kind random(1, 20)
\if :kind < 10
INSERT INTO tb_order VALUES (:id, 'put', :kind) ON CONFLICT (id) DO UPDATE SET note = txid_current();
\elif :kind < 14
DELETE FROM tb_order WHERE id = :id;
\elif :kind < 17
UPDATE tb_order SET state = txid_current(), note = repeat('y', :id) WHERE id = :id;
\elif :kind < 19
UPDATE tb_order SET id = 40 + :id WHERE id = :id AND NOT EXISTS (SELECT FROM tb_order WHERE id = 40 + :id);
\else
DELETE FROM tb_order WHERE id > 40;
\endif
END
my @crashes = (
    sub {
        kill 'KILL', $node->safe_psql('postgres',
            q{SELECT active_pid FROM pg_replication_slots WHERE slot_name LIKE 'fraiseql\_nats\_%\_1'});
        $node->wait_until_up;
    },
    sub { $nats->kill9; $nats->start },
    sub { $node->stop('immediate'); $node->start });
for my $crash (@crashes) {
    my $before = $nats->stream_info('KV_orders')->{state}{last_seq};
    my $load = $node->start_load('postgres', clients => 3, script => $script);
    FraiseqlNode::wait_until('more is published',
        sub { $nats->stream_info('KV_orders')->{state}{last_seq} > $before + 300 });
    $crash->();
    $node->stop_load($load);
}
is_table('after crashes of worker, broker and server it is the table');

# --- Keys, filters, partitions -------------------------------------------------------------------

$node->safe_psql('postgres', q{
CREATE TABLE tb_part (region text, day date, n int, PRIMARY KEY (region, day)) PARTITION BY LIST (region);
CREATE TABLE tb_north PARTITION OF tb_part FOR VALUES IN ('north', 'a.b c', '');
CREATE TABLE tb_south PARTITION OF tb_part FOR VALUES IN ('süd=*>');
SELECT fraiseql_nats.create_stream(kv => 'parts', history => 5);
SELECT fraiseql_nats.observe('tb_part', stream => 'KV_parts', columns => '{n}', filter => 'n < 10');
INSERT INTO tb_part VALUES ('north', '2026-01-01', 1), ('a.b c', '2026-01-02', 2), ('', '2026-01-03', 3),
    ('süd=*>', '2026-01-04', 4), ('north', '2026-01-05', 50);
UPDATE tb_part SET n = n + 7;
UPDATE tb_part SET n = 9 WHERE n = 10;
});
$node->wait_drained('postgres');
is_deeply(
    bucket_of('parts'),
    {
        'north.2026-01-01'                 => '{"n":8}',
        'a=2Eb=20c.2026-01-02'             => '{"n":9}',
        '=00.2026-01-03'                   => '{"n":9}',
    },
    'keys are encoded as keys allow, and a row that the filter does not take any more is deleted');
my ($out) = grep { $_->{subject} eq '$KV.parts.s=C3=BCd=3D=2A=3E.2026-01-04' } reverse $nats->stream_messages('KV_parts');
is($out->{headers}{'KV-Operation'}, 'DEL', 'which is a message of its own');
$node->safe_psql('postgres', 'TRUNCATE tb_north');
$node->wait_for_dead_letters('postgres', 1);
like($node->safe_psql('postgres', 'SELECT reason FROM fraiseql_nats.dead_letters()'),
    qr/TRUNCATE of a partition/, 'TRUNCATE of a partition does not say which keys are gone, and is a dead letter');
$node->safe_psql('postgres', 'TRUNCATE tb_part');
FraiseqlNode::wait_until_purged($nats, 'parts');
is_deeply(bucket_of('parts'), {}, 'TRUNCATE of the table empties the bucket');

# --- At once ---------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
CREATE TABLE tb_stock (id int PRIMARY KEY, n int);
INSERT INTO tb_stock VALUES (1, 1), (2, 2);
SELECT fraiseql_nats.create_stream(kv => 'stock');
SELECT fraiseql_nats.observe('tb_stock', stream => 'KV_stock');
CALL fraiseql_nats.backfill('tb_stock');
});
$node->wait_drained('postgres');
is_deeply(bucket_of('stock'), table_of('tb_stock', 'id'), 'a backfill does not have to wait for the slot of its stream');

# --- Values that are not logged ------------------------------------------------------------------

$node->safe_psql('postgres', q{
CREATE TABLE tb_big (id int PRIMARY KEY, doc text, n int);
ALTER TABLE tb_big ALTER COLUMN doc SET STORAGE EXTERNAL;
SELECT fraiseql_nats.create_stream(kv => 'big')});
fails(q{SELECT fraiseql_nats.observe('tb_big', stream => 'KV_big')},
    qr/needs values of column "doc" that are not logged.*REPLICA IDENTITY FULL/s, 'a table with large values is warned of');
$node->safe_psql('postgres', q{
INSERT INTO tb_big VALUES (1, repeat('x', 9000), 1);
UPDATE tb_big SET n = 2;
});
$node->wait_for_dead_letters('postgres', 2);
like($node->safe_psql('postgres', 'SELECT reason FROM fraiseql_nats.dead_letters() ORDER BY 1 DESC'),
    qr/the value of column "doc" is not in the log/, 'half a row is a dead letter');
is($json->decode(bucket_of('big')->{1})->{n}, 1, 'and is not in the bucket');
$node->safe_psql('postgres', q{CALL fraiseql_nats.backfill('tb_big')});
$node->wait_drained('postgres');
is($json->decode(bucket_of('big')->{1})->{n}, 2, 'which a backfill brings in line');

done_testing();
