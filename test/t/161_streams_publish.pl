# SPDX-License-Identifier: PostgreSQL
#
# What a stream is for goes there and nowhere else, from the commit that adds it on; a stream that
# cannot be published to holds up no other.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');

sub comes_to {
    my ($condition) = @_;
    return eval { FraiseqlNode::wait_until('the stream has it', $condition, 30); 1 };
}

sub subjects_of {
    my ($stream) = @_;
    return join ' ', map { $_->{subject} } $nats->stream_messages($stream);
}

# All in one transaction: the stream, what is for it, and the first change.
$node->safe_psql('postgres', q{
CREATE TABLE tb_click (id int PRIMARY KEY, at text);
CREATE TABLE tb_order (id int PRIMARY KEY, state text);
BEGIN;
SELECT fraiseql_nats.create_stream('clicks', '{click.>}', storage => 'memory');
SELECT fraiseql_nats.create_stream('orders', '{order.>,sum.*}', subject_prefix => 'order.row');
SELECT fraiseql_nats.observe('tb_click', subject => 'click.{column:at}.seen');
SELECT fraiseql_nats.observe('tb_order', stream => 'orders');
SELECT fraiseql_nats.observe('tb_order', 'INSERT', subject => 'order_created', name => 'topic');
COMMIT;
INSERT INTO tb_click VALUES (1, 'home');
BEGIN;
INSERT INTO tb_order VALUES (1, 'new');
SELECT fraiseql_nats.publish('sum.a', '1'::text), fraiseql_nats.publish('fraiseql.b', '2'::text);
SELECT pg_notify('order_created', '{"order_id": 1}');
COMMIT;
});
is($node->safe_psql('postgres', 'SELECT name, stream FROM fraiseql_nats.observer ORDER BY name'),
    "tb_click|clicks\ntb_order|orders\ntopic|", 'an observer goes to the stream that takes its subjects');
$node->wait_drained('postgres');
ok($node->poll_query_until('postgres',
    'SELECT bool_and(messages_acked > 0 AND state = $$streaming$$) FROM fraiseql_nats.status()'),
    'status() has a row for each stream')
  or diag($node->safe_psql('postgres', 'SELECT * FROM fraiseql_nats.status()'));
is(subjects_of('clicks'), 'click.home.seen', 'a stream has what is for it');
is(subjects_of('orders'), 'order.row.Order.INSERT sum.a',
    'with its own prefix, from the transaction behind the one that adds it on');
is(subjects_of(FraiseqlNode::STREAM), 'fraiseql.b fraiseql.order.created',
    'the default stream has the rest, and a notification takes the place of its row event');

my ($code, $out, $error) = $node->psql('postgres', q{
SELECT fraiseql_nats.create_stream('more', '{sum.>}');
SELECT fraiseql_nats.publish('sum.a', 'x'::text);
});
like($error, qr/subject "sum.a" is taken by stream "more" and by stream "orders"|subject "sum.a" is taken by stream "orders" and by stream "more"/,
    'a subject that two streams take is an error that names both');
($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.publish('sum.a', 'x'::text, stream => 'nowhere')});
like($error, qr/stream "nowhere" does not exist/, 'so is a stream that does not exist');
ok($node->poll_query_until('postgres',
    q{SELECT reason LIKE '%subjects overlap%' OR reason LIKE '%another stream%' OR state <> 'streaming' FROM fraiseql_nats.status() WHERE stream = 'more'}),
    'the stream that JetStream does not make waits');
$node->safe_psql('postgres', q{
SELECT fraiseql_nats.publish('sum.b', 'x'::text, stream => 'orders');
SELECT fraiseql_nats.publish('sum.c', 'x'::text, stream => 'default');
SELECT fraiseql_nats.publish('sum.d', 'x'::text, stream => 'more');
INSERT INTO tb_click VALUES (2, 'shop');
});
ok(comes_to(sub { subjects_of('orders') =~ /sum\.b$/ && subjects_of('clicks') =~ /shop/ }),
    'and holds up no other') or diag(subjects_of('orders'), subjects_of('clicks'));
ok($node->poll_query_until('postgres',
    q{SELECT count(*) = 1 FROM fraiseql_nats.dead_letters() WHERE subject = 'sum.c'}),
    'what its stream does not take is a dead letter');
is($node->safe_psql('postgres', q{SELECT stream FROM fraiseql_nats.dead_letter}), 'default', 'that says which stream');

($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.drop_stream('orders')});
like($error, qr/cannot drop stream "orders", since observers publish to it.*tb_order/s,
    'a stream with observers is not dropped');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.drop_stream('more')});

# The default stream, as it differs in this database.
$node->safe_psql('postgres', q{
SELECT fraiseql_nats.alter_stream('default', stream_name => 'tenant', subjects => '{tenant.>}',
                                  subject_prefix => 'tenant.row', topic_prefix => 'tenant');
SELECT fraiseql_nats.observe('tb_click', 'DELETE', name => 'deletes');
});
ok($node->poll_query_until('postgres',
    q{SELECT count(*) = 1 FROM fraiseql_nats.status() WHERE stream = 'tenant' AND state = 'streaming'}),
    'a database has a default stream of its own');
$node->safe_psql('postgres', 'DELETE FROM tb_click WHERE id = 1');
ok(comes_to(sub { subjects_of('tenant') eq 'tenant.row.Click.DELETE' }), 'that is published to')
  or diag(subjects_of('tenant'));

is($node->safe_psql('postgres', q{
SELECT name, subjects FROM fraiseql_nats.stream_info('orders');
SELECT name, subjects FROM fraiseql_nats.stream_info();
SELECT fraiseql_nats.create_consumer('audit', stream => 'orders');
SELECT name FROM fraiseql_nats.consumers('orders');
SELECT fraiseql_nats.delete_consumer('audit', 'orders');
SELECT count(*) FROM fraiseql_nats.consumers(stream => 'orders');
SELECT fraiseql_nats.alter_stream('orders', max_age => '1 year');
SELECT field, changed FROM fraiseql_nats.stream_sync('orders');
}), "orders|order.>,sum.*\ntenant|tenant.>\n\naudit\n\n0\n\nmax_age|t", 'the stream and its consumers are managed by name');

# Everything dies; nothing is lost and nothing comes twice.
for my $id (3 .. 30) {
    $node->safe_psql('postgres', "INSERT INTO tb_click VALUES ($id, 'p'); INSERT INTO tb_order VALUES ($id, 'n')");
    $node->stop('immediate'), $node->start if $id % 9 == 0;
}
ok(comes_to(sub { (() = $nats->stream_messages('orders')) == 31 && (() = $nats->stream_messages('clicks')) >= 30 }),
    'after crashes each stream has all');
is(scalar(grep { $_->{subject} eq 'order.row.Order.INSERT' } $nats->stream_messages('orders')), 29, 'and nothing twice');
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.slot'), 3, 'each worker keeps its own record');
$node->stop;
done_testing();
