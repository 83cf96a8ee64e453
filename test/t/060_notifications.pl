# SPDX-License-Identifier: PostgreSQL
#
# Notifications on observed channels are published in commit order, each once, whoever is down while
# they are sent, and however many more than the window takes; listeners get theirs as ever.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.window_messages' => 10);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE sent (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text);
SELECT fraiseql_nats.observe_channel('order_created');
-- notifies and writes down what it sent, one session at a time, so that the order is known
CREATE FUNCTION send(note text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_n bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1);
    INSERT INTO sent (payload) VALUES (note) RETURNING n INTO v_n;
    PERFORM pg_notify('order_created', json_build_object('n', v_n, 'note', note)::text);
END
$$;
SQL

sub send_some {
    my ($what) = @_;
    $node->safe_psql('postgres', join '', map { "SELECT send('$what $_');\n" } 1 .. 20);
    $node->safe_psql('postgres', "BEGIN; SELECT send('$what, rolled back'); ROLLBACK;");
    return;
}

send_some('all is well');

# A listener.
my $listened = $node->safe_psql('postgres', <<'END');
LISTEN order_created;
SELECT send('to both');
END
like($listened, qr/Asynchronous notification "order_created" with payload .*to both/, 'a listener gets its own');

# A session that is in a transaction notifies on a channel that another has begun to observe since.
my $busy = $node->background_psql('postgres');
$busy->query_safe('BEGIN');
$busy->query_safe(q{SELECT pg_notify('late', 'not observed yet')});
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe_channel('late', 'fraiseql.late')});
$busy->query_safe(q{SELECT pg_notify('late', 'observed')});
$busy->query_safe('COMMIT');
$busy->quit;
$node->wait_drained('postgres');
is_deeply([map { $_->{payload} } grep { $_->{subject} eq 'fraiseql.late' } $nats->client->stream_messages('fraiseql_events')],
    ['observed'], 'a channel is observed from the commit of observe_channel() on, also within a transaction');

$nats->kill9;
send_some('no broker');
$node->safe_psql('postgres', 'ALTER SYSTEM SET fraiseql_nats.enabled = off; SELECT pg_reload_conf();');
$node->wait_until_state('postgres', 'disabled');
send_some('no worker');
$node->stop('immediate');
$node->start;
send_some('after a crash');
$nats->restart;
$node->safe_psql('postgres', 'ALTER SYSTEM RESET fraiseql_nats.enabled; SELECT pg_reload_conf();');
$node->wait_until_state('postgres', 'streaming');
send_some('well again');
$node->wait_drained('postgres');

my @messages = grep { $_->{subject} ne 'fraiseql.late' } $nats->client->stream_messages('fraiseql_events');
my @notes    = map { $_->{payload} =~ /"note" : "([^"]*)"/ } @messages;
my @sent     = split /\n/, $node->safe_psql('postgres', 'SELECT payload FROM sent ORDER BY n');
is_deeply(\@notes, \@sent, 'every notification that committed is in the stream, once and in order');
is(scalar(grep { $_->{subject} ne 'fraiseql.order.created' } @messages), 0, 'on the subject of the topic');
is(scalar(grep { $_->{payload} !~ /^\{"type":"order.created","timestamp":"/ } @messages), 0, 'with type and timestamp');
is($node->log_count('PANIC|TRAP|ERROR'), 0, 'nothing grave in the log');

done_testing();
