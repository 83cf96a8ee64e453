# SPDX-License-Identifier: PostgreSQL
#
# What a consumer has given up is copied to the dead letter subject, once, with what is known of it,
# also when no worker ran at that moment.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
my $client = $nats->client;

# The advisories are captured from the first start of a worker on.
FraiseqlNode::wait_until('advisories are captured', sub { $client->stream_info('fraiseql_events_advisories') });
$node->safe_psql('postgres', <<'SQL');
SELECT fraiseql_nats.create_consumer('clerk', 'fraiseql.order.>', max_deliver => 2, ack_wait => '200 ms');
SELECT fraiseql_nats.publish('fraiseql.order.created', '{"order_id": 1}'::jsonb, headers => '{"Shop": "north"}');
SQL
$node->wait_drained('postgres');

# Takes messages and never acknowledges them, until the consumer has given up $count of them altogether.
sub fail_all {
    my ($count) = @_;
    my $taken = 0;
    FraiseqlNode::wait_until('the consumer has given up', sub {
        my $message = $client->request('$JS.API.CONSUMER.MSG.NEXT.fraiseql_events.clerk',
            '{"batch": 1, "expires": 500000000}');
        ++$taken unless $message->{status};
        return $taken >= 2 && $client->stream_info('fraiseql_events_advisories')->{state}{last_seq} >= $count;
    });
    return;
}

sub dead_letters {
    return grep { $_->{subject} eq 'fraiseql.dlq' } $client->stream_messages('fraiseql_events');
}

fail_all(1);
FraiseqlNode::wait_until('there is a dead letter', sub { dead_letters() == 1 });
my ($letter) = dead_letters();
is($letter->{payload}, '{"order_id": 1}', 'with the payload of the message');
is($letter->{headers}{Shop}, 'north', 'with its headers');
is($letter->{headers}{'Fraiseql-Dlq-Consumer'},   'clerk',                  'consumer');
is($letter->{headers}{'Fraiseql-Dlq-Stream'},     'fraiseql_events',        'stream');
is($letter->{headers}{'Fraiseql-Dlq-Sequence'},   1,                        'sequence');
is($letter->{headers}{'Fraiseql-Dlq-Subject'},    'fraiseql.order.created', 'subject');
is($letter->{headers}{'Fraiseql-Dlq-Deliveries'}, 2,                        'deliveries');
isnt($letter->{headers}{'Fraiseql-Dlq-Reason'} // '', '', 'reason');

# No worker at the moment when it happens.
$node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('fraiseql.order.created', '{"order_id": 2}'::jsonb)});
$node->wait_drained('postgres');
$node->safe_psql('postgres', 'ALTER SYSTEM SET fraiseql_nats.enabled = off; SELECT pg_reload_conf();');
$node->wait_until_state('postgres', 'disabled');
fail_all(2);
is(scalar(dead_letters()), 1, 'nobody moves it');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET fraiseql_nats.enabled; SELECT pg_reload_conf();');
FraiseqlNode::wait_until('it is moved later', sub { dead_letters() == 2 });
is_deeply([map { $_->{payload} } dead_letters()], ['{"order_id": 1}', '{"order_id": 2}'], 'each once');
$node->wait_for_sql('postgres', 'SELECT dlq_moved = 1 AND dlq_trouble IS NULL FROM fraiseql_nats.status()',
    'status() counts what this worker has moved');

# JetStream gives the advisories to one stream only.
$client->delete_stream('fraiseql_events_advisories');
$client->create_stream(name => 'spy', subjects => ['$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>']);
$node->wait_for_sql('postgres', q{SELECT dlq_trouble LIKE '%fraiseql_events_advisories%overlap%' FROM fraiseql_nats.status()},
    'status() says what is in the way of dead letters');
ok($node->log_count('dead letters of consumers are not moved: .*overlap') > 0, 'and so does the log');
$client->delete_stream('spy');
$node->wait_for_sql('postgres', 'SELECT dlq_trouble IS NULL FROM fraiseql_nats.status()', 'and when it is over');

# max_ack_pending, and what is no number of messages
$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_consumer('clerk', 'fraiseql.order.>', max_ack_pending => 7)});
is($node->safe_psql('postgres', q{SELECT max_ack_pending FROM fraiseql_nats.consumers() WHERE name = 'clerk'}), 7, 'max_ack_pending');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_consumer('clerk', 'fraiseql.order.>', ack_wait => '1 day 1 hour')});
is($node->safe_psql('postgres', q{SELECT ack_wait FROM fraiseql_nats.consumers() WHERE name = 'clerk'}), '25:00:00', 'all of ack_wait');
my (undef, undef, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.create_consumer('x', max_ack_pending => 0)});
like($error, qr/max_ack_pending must be positive, or -1/, 'is checked');

is($node->log_count('PANIC|TRAP'), 0, 'nothing grave in the log');

done_testing();
