# SPDX-License-Identifier: PostgreSQL
#
# Streams that let go of messages: by each limit, a purge, a deletion, consumption.  After a crash of
# Postgres and a restart of the broker, what has been in the stream is not sent again behind newer messages, no subject
# goes back to an older value, and nothing is lost.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use NatsServer;
use Test::More;

use constant UPDATES => 20;    # of each of two rows

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.consumer_name' => '');
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
SELECT fraiseql_nats.unobserve('tb_item');
SELECT fraiseql_nats.observe('tb_item', events => 'INSERT, UPDATE, DELETE', subject => 'fraiseql.item.{column:id}');
INSERT INTO tb_item (id, session, n) VALUES (1, 0, 0), (2, 0, 0);
END
my $next = 0;

# Each row gets the next numbers, one transaction each.
sub update_rows {
    my ($times) = @_;
    $node->safe_psql('postgres',
        join "\n", map { "UPDATE tb_item SET n = $_ WHERE id = 1; UPDATE tb_item SET n = $_ WHERE id = 2;" } $next + 1 .. $next + $times);
    $next += $times;
    return;
}

# [subject, n] of each message in the stream, and of what a subscriber is sent after a moment.
sub values_of {
    return map { [$_->{subject}, decode_json($_->{payload})->{data}{n}] } @_;
}

sub stream_values {
    return values_of($nats->stream_messages(FraiseqlNode::STREAM));
}

sub steps_back {
    my (%last, @back);
    for (@_) {
        my ($subject, $n) = @$_;
        push @back, "$subject: $n behind $last{$subject}" if exists $last{$subject} && $n <= $last{$subject};
        $last{$subject} = $n;
    }
    return join ', ', @back;
}

# Postgres dies; with it the file of the mark, as by a loss of power.  The broker remembers no ids.
sub crash {
    my ($marked, $meanwhile) = @_;
    $node->stop('immediate');
    if (!$marked) { unlink glob($node->data_dir . '/pg_replslot/*/fraiseql_nats.mark') }
    $nats->restart;
    $meanwhile->() if $meanwhile;
    $node->start;
    $node->wait_until_state('postgres', 'streaming');
    return;
}

my $alarm = sub { $node->safe_psql('postgres', 'SELECT coalesce(alarm, $$$$) FROM fraiseql_nats.status()') };

sub begin {
    my (%config) = @_;
    $node->stop;
    eval { $nats->delete_stream(FraiseqlNode::STREAM) };
    $nats->create_stream(name => FraiseqlNode::STREAM, subjects => ['fraiseql.>'], %config);
    $node->start;
    $node->wait_until_state('postgres', 'streaming');
    update_rows(1);
    $node->wait_drained('postgres');
    # The stream of the one before is gone, which is an alarm.
    FraiseqlNode::wait_until('no alarm is left', sub {
        $node->safe_psql('postgres', 'SELECT count(fraiseql_nats.acknowledge_alarm(id)) FROM fraiseql_nats.alarm WHERE acknowledged_at IS NULL');
        return $alarm->() eq '';
    });
    return;
}

my @streams = (
    ['max_msgs'             => max_msgs             => 6],
    ['max_bytes'            => max_bytes            => 6000],
    ['max_msgs_per_subject' => max_msgs_per_subject => 1],
);
for my $marked (0, 1) {
    for (@streams) {
        my ($name, %config) = @$_;
        $name .= $marked ? ', the mark is there' : ', no mark';
        begin(%config);
        update_rows(UPDATES);
        $node->wait_for_sql('postgres', 'SELECT in_flight = 0 FROM fraiseql_nats.status()');
        my @before = stream_values();
        my $last   = $nats->stream_info(FraiseqlNode::STREAM)->{state}{last_seq};
        crash($marked);
        $node->wait_drained('postgres');
        is_deeply([stream_values()], \@before, "$name: the stream is as it was");
        is($nats->stream_info(FraiseqlNode::STREAM)->{state}{last_seq}, $last, "$name: nothing was sent again");
        update_rows(1);
        $node->wait_drained('postgres');
        is(steps_back(stream_values()), '', "$name: no subject goes back");
        is((stream_values())[-1][1], $next, "$name: the newest is there");
        is($alarm->(), '', "$name: no alarm");
    }
}

# Some messages are purged, by subject, and one is deleted; the newest stays.
begin();
update_rows(UPDATES);
$node->wait_for_sql('postgres', 'SELECT in_flight = 0 FROM fraiseql_nats.status()');
$nats->api('STREAM.PURGE.' . FraiseqlNode::STREAM, {filter => 'fraiseql.item.1'});
my $last = $nats->stream_info(FraiseqlNode::STREAM)->{state}{last_seq};
$nats->api('STREAM.MSG.DELETE.' . FraiseqlNode::STREAM, {seq => $last - 4});
my @before = stream_values();
crash(0);
$node->wait_drained('postgres');
is_deeply([stream_values()], \@before, 'what was purged by subject, or deleted, does not come back');
is($alarm->(), '', 'which is no alarm');

# The whole stream is purged between the crash and the start, or has grown too old: what was sent last
# may come twice, and that is told; the newest is last.
for my $how (qw(purge age)) {
    begin($how eq 'age' ? (max_age => 1_000_000_000, duplicate_window => 1_000_000_000) : (duplicate_window => 1_000_000_000));
    update_rows(UPDATES);
    $node->wait_for_sql('postgres', 'SELECT in_flight = 0 FROM fraiseql_nats.status()');
    my $empty = sub { $nats->stream_info(FraiseqlNode::STREAM)->{state}{messages} == 0 };
    crash(0, sub {
        $nats->purge_stream(FraiseqlNode::STREAM) if $how eq 'purge';
        FraiseqlNode::wait_until('the stream is empty', $empty);
    });
    $node->wait_drained('postgres');
    update_rows(1);
    $node->wait_drained('postgres');
    my @values = stream_values();
    is(steps_back(@values), '', "$how: no subject goes back");
    is($values[-1][1], $next, "$how: the newest is last");
    $node->wait_for_sql('postgres', 'SELECT alarm IS NOT NULL FROM fraiseql_nats.status()');
    like($alarm->(), qr/removed .* up to \d+ may be published twice, from [0-9A-F]+\/[0-9A-F]+:\d+ to the commits before /, "$how: an alarm reports what may be stored twice");
}

# nats-server 2.9 tells another time of creation after a change of the stream and a restart.
begin();
update_rows(1);
$node->wait_drained('postgres');
$nats->update_stream(FraiseqlNode::STREAM, max_msgs => 1000);
crash(1);
update_rows(1);
$node->wait_drained('postgres');
is(steps_back(stream_values()), '', 'a stream whose configuration was changed is the same stream');
is($alarm->(), '', 'which is no alarm');

# With the mark only the last tenth of a second can be uncertain.
begin(duplicate_window => 1_000_000_000);
update_rows(UPDATES);
$node->wait_drained('postgres');
my $mark = $node->data_dir . '/pg_replslot/' . $node->safe_psql('postgres', 'SELECT slot_name FROM pg_replication_slots') . '/fraiseql_nats.mark';
FraiseqlNode::wait_until('the mark is written', sub {
    my $lsn = $node->safe_psql('postgres', "SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots");
    open my $file, '<', $mark or return 0;
    return (<$file> // '') =~ / $lsn \d+ \d+ \d+ \d+$/;
});
crash(1, sub { $nats->purge_stream(FraiseqlNode::STREAM) });
$node->wait_drained('postgres');
is($nats->stream_info(FraiseqlNode::STREAM)->{state}{messages}, 0, 'what was settled is not sent again, whatever the stream holds');
is($alarm->(), '', 'and is certain');

# What is consumed goes.
for my $retention (qw(workqueue interest)) {
    begin(retention => $retention, duplicate_window => 1_000_000_000);
    $nats->api('CONSUMER.DURABLE.CREATE.' . FraiseqlNode::STREAM . '.all', {
        stream_name => FraiseqlNode::STREAM,
        config      => {durable_name => 'all', ack_policy => 'explicit', deliver_policy => 'all'}});
    update_rows(UPDATES);
    $node->wait_for_sql('postgres', 'SELECT in_flight = 0 FROM fraiseql_nats.status()');
    my $client = $nats->new_client;
    my $inbox  = $client->subscribe('_INBOX.work.>');
    my $batch = $nats->stream_info(FraiseqlNode::STREAM)->{state}{messages} - 4;
    $client->publish('$JS.API.CONSUMER.MSG.NEXT.' . FraiseqlNode::STREAM . '.all', encode_json({ batch => $batch, expires => 5_000_000_000 }), reply => '_INBOX.work.1');
    for (1 .. $batch) {
        my $message = $client->next_message($inbox, 10) // die 'no message';
        $client->publish($message->{reply}, '+ACK');
    }
    FraiseqlNode::wait_until('most are consumed', sub { $nats->stream_info(FraiseqlNode::STREAM)->{state}{messages} == 4 });
    $last = $nats->stream_info(FraiseqlNode::STREAM)->{state}{last_seq};
    crash(0);
    $node->wait_drained('postgres');
    is($nats->stream_info(FraiseqlNode::STREAM)->{state}{last_seq}, $last, "$retention: what is older than the last one left is not sent again");
    update_rows(1);
    $node->wait_drained('postgres');
    is($nats->stream_info(FraiseqlNode::STREAM)->{state}{messages}, 6, "$retention: what is new comes");
    is($alarm->(), '', "$retention: no alarm");
}

done_testing();
