# SPDX-License-Identifier: PostgreSQL
#
# A paused stream publishes nothing and loses nothing, whatever happens meanwhile; the others go on.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int PRIMARY KEY);
SELECT fraiseql_nats.create_stream('clicks', '{click.>}');
SELECT fraiseql_nats.observe('tb_order', subject => 'fraiseql.order.{column:id}', name => 'a');
SELECT fraiseql_nats.observe('tb_order', subject => 'click.{column:id}', name => 'b');
INSERT INTO tb_order VALUES (1);
});
$node->wait_drained('postgres');

sub subjects_of {
    my ($stream) = @_;
    return join ' ', map { $_->{subject} =~ s/.*\.//r } $nats->stream_messages($stream);
}

sub states_are {
    my ($expected, $name) = @_;
    my $sql = q{SELECT string_agg(stream || ' ' || state, ', ' ORDER BY stream) FROM fraiseql_nats.status()};
    return ok($node->poll_query_until('postgres', "SELECT ($sql) = '$expected'"), $name)
      || diag($node->safe_psql('postgres', $sql));
}

sub insert { return $node->safe_psql('postgres', "INSERT INTO tb_order VALUES ($_[0])") }

sub comes_to {
    my ($stream, $expected, $name) = @_;
    eval { FraiseqlNode::wait_until("$stream has $expected", sub { subjects_of($stream) eq $expected }) };
    return is(subjects_of($stream), $expected, $name);
}

is(subjects_of('clicks'), '1', 'a stream that is published to');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.pause('clicks')});
states_are('clicks paused, fraiseql_events streaming', 'status() shows what is paused');
like($node->safe_psql('postgres', q{SELECT reason || ' ' || hint FROM fraiseql_nats.status() WHERE stream = 'clicks'}),
    qr/paused by fraiseql_nats\.pause\(\).*resume\('clicks'\)/, 'and how it goes on');
insert(2);
comes_to(FraiseqlNode::STREAM, '1 2', 'another stream goes on');
$node->restart;
states_are('clicks paused, fraiseql_events streaming', 'it is paused behind a restart');
insert(3);
$node->reload;
$nats->kill9;
$nats->start;
comes_to(FraiseqlNode::STREAM, '1 2 3', 'of the server, and of the broker');
is(subjects_of('clicks'), '1', 'nothing is published');
$node->safe_psql('postgres', q{BEGIN; SELECT fraiseql_nats.resume('clicks'); ROLLBACK});
states_are('clicks paused, fraiseql_events streaming', 'a resume() that is rolled back is none');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.resume('clicks')});
comes_to('clicks', '1 2 3', 'resume() publishes what has happened, in order');
states_are('clicks streaming, fraiseql_events streaming', 'and goes on');

$node->safe_psql('postgres', q{SELECT fraiseql_nats.pause()});
states_are('clicks streaming, fraiseql_events paused', 'the default stream is paused as well');
insert(4);
comes_to('clicks', '1 2 3 4', 'the other goes on');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_stream('later', '{later.>}')});
states_are('clicks streaming, fraiseql_events paused, later streaming', 'a stream can be added meanwhile');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.drop_stream('later')});
$node->safe_psql('postgres', q{SELECT fraiseql_nats.resume()});
comes_to(FraiseqlNode::STREAM, '1 2 3 4', 'and resumed');
# The worker that pause() has started may be reading the stream's row while resume() commits.
$node->safe_psql('postgres', q{
CREATE PROCEDURE pause_for(ms float) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_nats.pause('clicks');
    COMMIT;
    PERFORM pg_sleep(ms * 0.001);
    PERFORM fraiseql_nats.resume('clicks');
    COMMIT;
    FOR i IN 1 .. 3000 LOOP
        IF (SELECT state = 'streaming' FROM fraiseql_nats.status() WHERE stream = 'clicks') THEN RETURN; END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE 'resume() after % ms was not seen', ms;
END $$;
});
my ($fault, $none, $reason) = $node->psql('postgres', join '', map { "CALL pause_for($_ * 0.2);" } 20 .. 120);
is($fault, 0, 'resume() is seen whenever it is called') or diag($reason);

my ($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.pause('nothing')});
like($error, qr/stream "nothing" does not exist/, 'an unknown stream is told of');

done_testing();
