# SPDX-License-Identifier: PostgreSQL
#
# pg_dump takes the streams of a database along, with their observers; a restored database publishes
# beside its original.  Streams of a file are not in the dump: the file makes them again.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
append_to_file($node->data_dir . '/fraiseql-observer.toml', <<'END');
[transport]
transport = "nats"

[[streams]]
name = "filed"
subjects = ["filed.>"]
message_id_header = "Fraiseql-Id"
END
$node->restart;
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int PRIMARY KEY, n int);
CREATE TABLE tb_click (id int PRIMARY KEY);
SELECT fraiseql_nats.create_stream('gone', '{gone.>}');
SELECT fraiseql_nats.drop_stream('gone');
SELECT fraiseql_nats.create_stream('clicks', '{click.>}', storage => 'memory', max_age => '1 hour', max_msgs_per_subject => 7);
SELECT fraiseql_nats.create_stream(kv => 'orders', history => 3);
SELECT fraiseql_nats.observe('tb_order', stream => 'KV_orders');
SELECT fraiseql_nats.observe('tb_click', subject => 'click.{column:id}');
SELECT fraiseql_nats.alter_stream('default', subject_prefix => 'fraiseql.own');
SELECT fraiseql_nats.pause('clicks');
});
my $streams = q{SELECT name, subjects, storage, max_age, max_msgs_per_subject, discard, message_id_header, subject_prefix, paused, origin
    FROM fraiseql_nats.stream ORDER BY name};
ok($node->poll_query_until('postgres',
    q{SELECT count(*) = 1 FROM fraiseql_nats.stream WHERE origin = 'toml' AND message_id_header = 'Fraiseql-Id'}),
    'one stream is of the file, with its settings');
my $before = $node->safe_psql('postgres', $streams);

my $dump = $node->data_dir . '/dump.sql';
command_ok(['pg_dump', '--file', $dump, $node->connstr('postgres')], 'a dump');
unlike(slurp_file($dump), qr/\bfiled\b/, 'does not have the stream of the file');
$node->safe_psql('postgres', 'CREATE DATABASE other');
command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('other')], 'is restored');
ok($node->poll_query_until('other', q{SELECT count(*) = 1 FROM fraiseql_nats.stream WHERE origin = 'toml'}),
    'the file makes its stream again');
is($node->safe_psql('other', $streams), $before, 'the streams are as they were');
is($node->safe_psql('other', 'SELECT name, stream FROM fraiseql_nats.observer ORDER BY 1'),
    "tb_click|clicks\ntb_order|KV_orders", 'and the observers');

$node->safe_psql('other', q{
SELECT fraiseql_nats.resume('clicks');
INSERT INTO tb_order VALUES (1, 1);
INSERT INTO tb_click VALUES (1);
SELECT fraiseql_nats.create_stream('more', '{more.>}');
});
$node->wait_for_sql('other', "SELECT bool_and(state = 'streaming') FROM fraiseql_nats.status()", 'each stream has its worker', 60);
$node->wait_drained('other');
is(join(' ', map { $_->{subject} } $nats->stream_messages('clicks')), 'click.1', 'the restored database publishes');
is(join(' ', map { $_->{subject} } $nats->stream_messages('KV_orders')), '$KV.orders.1', 'to each of them');
is($node->safe_psql('other', q{SELECT count(DISTINCT number) = count(*) FROM fraiseql_nats.stream}), 't',
    'and no number is taken twice');

done_testing();
