# SPDX-License-Identifier: PostgreSQL
#
# messages() shows what the worker of each stream publishes: with the observers and the prefixes of that
# stream, and the session's own settings come back.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
SELECT fraiseql_nats.create_stream('orders', '{order.>}', subject_prefix => 'order.row', topic_prefix => 'order.topic');
SELECT fraiseql_nats.create_stream('clicks', '{click.>}', subject_prefix => 'click.row', topic_prefix => 'click.topic');
SELECT fraiseql_nats.alter_stream('default', subjects => '{own.>}', stream_name => 'own', subject_prefix => 'own.row');
CREATE TABLE tb_order (id int PRIMARY KEY);
CREATE TABLE tb_click (id int PRIMARY KEY);
SELECT fraiseql_nats.create_stream(kv => 'orders');
SELECT fraiseql_nats.observe('tb_order', name => 'bucket', stream => 'KV_orders');
SELECT fraiseql_nats.observe('tb_order', stream => 'orders');
SELECT fraiseql_nats.observe('tb_order', subject => 'order_created', name => 'topic', stream => 'orders', source => 'row');
SELECT fraiseql_nats.observe('tb_click', stream => 'clicks');
SELECT fraiseql_nats.observe('tb_click', 'DELETE', name => 'deleted', stream => 'default');
});
$node->wait_drained('postgres');
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{
SELECT fraiseql_nats.create_preview_slot('preview', false);
INSERT INTO tb_order VALUES (1);
INSERT INTO tb_click VALUES (1);
DELETE FROM tb_click;
SELECT fraiseql_nats.publish('order.said', 'x'::text);
});
$node->wait_drained('postgres');

# Positions and subjects, as messages() shows them, and as they are in a stream.
sub shown {
    my ($stream) = @_;
    return $node->safe_psql('postgres',
        qq{SELECT string_agg("position" || ' ' || subject || ' ' || msg_id, E'\\n') FROM fraiseql_nats.messages('preview', stream => $stream)});
}

sub stored {
    return join "\n", map { join ' ', $_->{headers}{'Fraiseql-Position'}, $_->{subject}, $_->{headers}{'Nats-Msg-Id'} } $nats->stream_messages($_[0]);
}
my %subjects = (
    orders => 'order.row.Order.INSERT order.topic.order.created order.said',
    KV_orders => '$KV.orders.1',
    clicks => 'click.row.Click.INSERT click.row.Click.DELETE',
    own    => 'own.row.Click.DELETE'
);
for my $stream (sort keys %subjects) {
    is(join(' ', map { $_->{subject} } $nats->stream_messages($stream)), $subjects{$stream}, "$stream has what is for it");
    is(shown($stream eq 'own' ? 'NULL' : "'$stream'"), stored($stream), "messages() shows the same for $stream");
}
is(shown(q{'default'}), stored('own'), 'and the default stream has a name, too');
is($node->safe_psql('postgres', q{
SELECT string_agg(v.messages::text, ' ' ORDER BY s.name)
FROM (VALUES ('clicks'), ('default'), ('orders')) s (name), fraiseql_nats.message_volume('preview', stream => s.name) v}),
    '2 1 3', 'message_volume() counts those of a stream');

# The session's own settings, after success and after an error.
my $settings = q{SELECT current_setting('fraiseql_nats.subject_prefix') || ' ' || current_setting('fraiseql_nats.topic_prefix') || ' ' || current_setting('fraiseql_nats.stream_name')};
my $before   = $node->safe_psql('postgres', $settings);
is($node->safe_psql('postgres', qq{
BEGIN;
SELECT count(*) FROM fraiseql_nats.messages('preview', stream => 'orders');
$settings;
DO \$\$
BEGIN
    PERFORM fraiseql_nats.messages('nowhere', stream => 'clicks');
EXCEPTION WHEN undefined_object THEN
END
\$\$;
$settings;
ROLLBACK;
$settings;
}), "3\n$before\n$before\n$before", 'the settings of the session come back');

# A value that is refused here and now: the table was filled where it was valid.
$node->safe_psql('postgres', q{
ALTER TABLE fraiseql_nats.stream DISABLE TRIGGER check_row;
UPDATE fraiseql_nats.stream SET topic_prefix = 'not a * prefix' WHERE name = 'clicks';
ALTER TABLE fraiseql_nats.stream ENABLE ALWAYS TRIGGER check_row;
});
my ($code, $out, $error) = $node->psql('postgres', qq{
\\set ON_ERROR_STOP off
SELECT FROM fraiseql_nats.messages('preview', stream => 'clicks');
$settings;
}, on_error_stop => 0);
like($error, qr/invalid value for parameter "fraiseql_nats.topic_prefix"/, 'a setting that is refused is an error');
is($out, $before, 'that leaves the settings of the session alone');

($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.messages('preview', stream => 'nowhere')});
like($error, qr/stream "nowhere" does not exist/, 'so is a stream that does not exist');
is($node->safe_psql('postgres', q{
SELECT count(*) FROM fraiseql_nats.messages('preview', stream => 'orders', advance => true);
SELECT count(*) FROM fraiseql_nats.messages('preview', stream => 'orders');
SELECT fraiseql_nats.drop_preview_slot('preview');
}), "3\n0\n", 'with advance they are not shown again');

done_testing();
