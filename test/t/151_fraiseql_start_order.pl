# SPDX-License-Identifier: PostgreSQL
#
# FraiseQL and the worker share stream and consumer, whoever starts first.  Where the stream is FraiseQL's
# and does not take what the observers send, the hints hold the very command that cures it; until an
# administrator gives it, what FraiseQL has made stays as it is.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use constant {
    STREAM   => FraiseqlNode::STREAM,
    DURABLE  => 'fraiseql_observer_worker',
    FILTER   => 'fraiseql.mutation.>',
    SECOND   => 1e9,                          # in nanoseconds
    MAX_MSGS => 10_000_000,
};

# --- FraiseQL, by its calls of the broker --------------------------------------------------------

# Stream and consumer as its server makes them when it starts: the stream only if there is none.
# Options: max_deliver (2.16 on; 2.15 gives none), in_vain: its look at the stream goes wrong, and
# so it tries to make one.  Returns what the making of the stream has failed with.
sub start_fraiseql {
    my ($nats, %options) = @_;
    my $failed = '';
    if ($options{in_vain} || !$nats->stream_info(STREAM)) {
        eval {
            $nats->api('STREAM.CREATE.' . STREAM, {
                name      => STREAM,   subjects     => [FILTER], retention => 'limits', storage   => 'file', discard => 'old',
                max_msgs  => MAX_MSGS, max_bytes    => 16 << 20, max_age   => 0,        num_replicas => 1,
                max_consumers => -1,   max_msg_size => -1,       max_msgs_per_subject => -1, duplicate_window => 0,
            });
        } or $failed = $@;
    }
    $nats->api(
        join('.', 'CONSUMER.CREATE', STREAM, DURABLE, FILTER),
        {
            stream_name => STREAM,
            action      => '',
            config      => {
                durable_name  => DURABLE,    name          => DURABLE, deliver_policy => 'all', ack_policy => 'explicit',
                replay_policy => 'instant', filter_subject => FILTER,  ack_wait => 30 * SECOND, num_replicas => 0,
                ($options{max_deliver} ? (max_deliver => $options{max_deliver}) : ()),
            },
        }
    );
    return $failed;
}

# What its consumer gets now, each message decoded and answered: "INSERT Order <id>".  Options: answer,
# expires (to a pull that meets nothing but what is given up, the server has no answer before that).
sub fetch {
    my ($nats, %options) = @_;
    my $limit = $options{expires} ? qq("expires":$options{expires}) : '"no_wait":true';
    my $client = $nats->client;
    my $inbox  = "_INBOX.fraiseql.$$." . rand;
    my $sid    = $client->subscribe($inbox);
    $client->publish('$JS.API.CONSUMER.MSG.NEXT.' . join('.', STREAM, DURABLE), qq({"batch":1000,$limit}), reply => $inbox);
    my @payloads;
    while (my $message = $client->next_message($sid)) {
        last if $message->{status};    # that was all
        push @payloads, $message->{payload};
        $client->publish($message->{reply}, $options{answer} // '+ACK');
    }
    $client->unsubscribe($sid);
    $client->flush;
    my $file = "$ENV{TMPDIR}/payloads";
    open my $out, '>', $file or die "$file: $!";
    print {$out} "$_\n" for @payloads;
    close $out;
    return map { s/ [^ ]+\n$//r } `/usr/bin/python3 $ENV{TESTDIR}/test/fraiseql/entity_event.py < $file`;
}

sub config_of_stream   { return $_[0]->stream_info(STREAM)->{config} }
sub config_of_consumer { return $_[0]->api(join '.', 'CONSUMER.INFO', STREAM, DURABLE)->{config} }

# --- The database -------------------------------------------------------------------------------

sub id { return sprintf '550e8400-e29b-41d4-a716-%012d', $_[0] }

# A table with row events, a topic of a table and a notification.
my $setup = <<'SQL';
CREATE TABLE tb_order (id uuid PRIMARY KEY, status text);
SELECT fraiseql_nats.observe('tb_order', name => 'rows');
SELECT fraiseql_nats.observe('tb_order', '{INSERT}', 'order_created', name => 'topic');
SELECT fraiseql_nats.observe_channel('order_paid');
SQL

sub change {
    my ($node, $n) = @_;
    $node->safe_psql('postgres', "INSERT INTO tb_order VALUES ('${\ id($n)}', 'new'); SELECT pg_notify('order_paid', '{\"n\":$n}')");
    $node->wait_drained('postgres');
    return;
}

sub counts {
    my ($nats) = @_;
    my %count;
    $count{$_->{subject}}++ for $nats->stream_messages(STREAM);
    return \%count;
}

# The command that a hint gives.
sub command_in {
    my ($hint) = @_;
    return $hint =~ /^Run (SELECT [^;]+;)/ ? $1 : "none in: $hint";
}

# --- FraiseQL first -----------------------------------------------------------------------------

{
    my $nats = NatsServer->new;
    is(start_fraiseql($nats, max_deliver => 1), '', 'FraiseQL makes stream and consumer');
    my ($stream, $consumer) = (config_of_stream($nats), config_of_consumer($nats));

    my $node = FraiseqlNode->new_node('second', $nats);
    $node->create_extension('postgres');
    my (undef, undef, $told) = $node->psql('postgres', $setup);
    my @warned = $told =~ /does not take subject "(fraiseql\.order\.\w+)".*\n.*DETAIL:.*\nHINT:  Run SELECT \* FROM fraiseql_nats\.stream_sync\(\);/g;
    is_deeply(\@warned, ['fraiseql.order.created', 'fraiseql.order.paid'], 'a warning with the command for each topic, where it is observed');
    change($node, 1);
    $node->wait_for_dead_letters('postgres', 2);
    is_deeply([fetch($nats, answer => '-NAK')], ['INSERT Order ' . id(1)], 'the row event comes to FraiseQL all the same');
    is_deeply([fetch($nats, expires => 0.2 * SECOND)], [], 'which gives it up');
    is_deeply(config_of_stream($nats),   $stream,   'the stream is as FraiseQL has made it');
    is_deeply(config_of_consumer($nats), $consumer, 'and so is its consumer');

    is($node->status('postgres', 'state'), 'streaming', 'nothing stands still');
    $node->wait_for_sql('postgres', q{SELECT stream_drift LIKE 'subjects is ["fraiseql.mutation.>"], not ["fraiseql.>"]%' FROM fraiseql_nats.status()},
        'status() says what the stream lacks');
    my $command = command_in($node->status('postgres', 'hint'));
    is($command, 'SELECT * FROM fraiseql_nats.stream_sync();', 'status() has the command');
    is($node->safe_psql('postgres', 'SELECT DISTINCT hint FROM fraiseql_nats.dead_letters()') =~ /^(Run .*)$/ ? command_in($1) : '', $command,
        'and so has each dead letter');

    $node->wait_for_sql('postgres', q{SELECT dlq_trouble = 'no stream takes the dead letter subject "fraiseql.dlq"' FROM fraiseql_nats.status()},
        'what FraiseQL has given up waits');
    is($node->log_count(qr/dead letters of consumers are not moved: no stream takes.*\n.*HINT:  Run SELECT \* FROM fraiseql_nats\.stream_sync\(\);/), 1, 'and the log has the command');

    $node->safe_psql('postgres', $command);
    is($node->safe_psql('postgres', 'SELECT count(fraiseql_nats.retry_dead_letter(id)) FROM fraiseql_nats.dead_letters()'), 2, 'the messages are retried');
    $node->wait_drained('postgres');
    $node->wait_for_dead_letters('postgres', 0);
    $node->wait_for_sql('postgres', 'SELECT dlq_moved = 1 AND dlq_trouble IS NULL FROM fraiseql_nats.status()', 'what was given up is a dead letter');
    is_deeply(counts($nats), {'fraiseql.mutation.Order.INSERT' => 1, 'fraiseql.order.created' => 1, 'fraiseql.order.paid' => 1, 'fraiseql.dlq' => 1},
        'and they arrive, once each');
    $node->wait_for_sql('postgres', 'SELECT stream_drift IS NULL AND hint IS NULL FROM fraiseql_nats.status()', 'status() has no more to say');
    change($node, 2);
    is_deeply(counts($nats), {'fraiseql.mutation.Order.INSERT' => 2, 'fraiseql.order.created' => 2, 'fraiseql.order.paid' => 2, 'fraiseql.dlq' => 1},
        'and the next ones go straight there');
    is(start_fraiseql($nats, max_deliver => 1), '', 'FraiseQL starts again');
    is_deeply(config_of_consumer($nats), $consumer, 'with the consumer it had');
    is_deeply([fetch($nats)], ['INSERT Order ' . id(2)], 'which gets the row events alone');
    is($node->log_count('PANIC|TRAP|terminated by signal'), 0, 'nothing grave in the log');
    $node->stop;
    $nats->stop;
}

# --- The worker first ---------------------------------------------------------------------------

for my $version ([2.15], [2.19, max_deliver => 5]) {
    my ($number, %fraiseql) = @$version;
    my $nats = NatsServer->new;
    my $node = FraiseqlNode->new_node("first_$number" =~ tr/./_/r, $nats);
    $node->create_extension('postgres');
    my (undef, undef, $told) = $node->psql('postgres', $setup);
    is($told, '', "FraiseQL $number comes later: the stream takes all that is observed");
    change($node, 1);
    $node->wait_for_sql('postgres', "SELECT count(*) = 1 FROM fraiseql_nats.consumers() WHERE name = '${\ DURABLE}'", 'the consumer is there');
    my $stream = config_of_stream($nats);

    is(start_fraiseql($nats, %fraiseql), '', 'FraiseQL finds the stream and binds the consumer');
    is(config_of_consumer($nats)->{max_deliver}, $fraiseql{max_deliver} // -1, 'which is now as it wants it');
    is_deeply([fetch($nats)], ['INSERT Order ' . id(1)], 'and gets what was published before it came');
    like(start_fraiseql($nats, %fraiseql, in_vain => 1), qr/stream name already in use/, 'a stream of its own is refused');
    is_deeply(config_of_stream($nats), $stream, 'ours stays as it is');

    # Neither takes from the other what it has made.
    my $consumer = config_of_consumer($nats);
    $node->restart;
    $node->wait_until_state('postgres', 'streaming');
    change($node, 2);
    is_deeply([fetch($nats)], ['INSERT Order ' . id(2)], 'after a restart the row events come to FraiseQL');
    is_deeply(config_of_consumer($nats), $consumer, 'by the consumer as FraiseQL wants it');
    is_deeply(counts($nats), {'fraiseql.mutation.Order.INSERT' => 2, 'fraiseql.order.created' => 2, 'fraiseql.order.paid' => 2}, 'all is in the stream');
    $node->wait_for_dead_letters('postgres', 0);
    is($node->status('postgres', 'num_nonnulls(reason, hint, stream_drift, dlq_trouble) = 0'), 't', 'there is nothing to do');
    $node->stop;
    $nats->stop;
}

done_testing();
