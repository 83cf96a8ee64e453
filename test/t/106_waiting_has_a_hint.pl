# SPDX-License-Identifier: PostgreSQL
#
# Whatever keeps the worker from publishing, status() says what it is and what to do about it: limits of
# the stream and the account, a sealed stream, a permission, a cluster without leader.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP ();
use NatsServer;
use Test::More;

my $accounts = sub {
    my ($limits) = @_;
    return "accounts { A: { jetstream: {$limits}, users: [{user: pg, password: x}] } }";
};
my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.stream_manage' => 'create');
$node->create_extension('postgres');
$node->create_item_table('postgres');

my $n = 0;

# Goes over to that server and waits until status() shows what it should.
sub says {
    my ($what, $server, $reason, $hint, %options) = @_;
    my $url = 'nats://' . ($server->{options}{user} ? 'pg:x@' : '') . '127.0.0.1:' . $server->port;
    $node->configure('fraiseql_nats.url' => $url, %{$options{settings} // {}});
    $node->reload unless $options{restart};
    $node->restart if $options{restart};
    $node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (0, ' . ++$n . ')');
    my $ok = eval {
        $node->wait_for_sql('postgres', "SELECT state <> 'streaming' AND reason LIKE \$q\$%$reason%\$q\$
            AND hint LIKE \$q\$%$hint%\$q\$ FROM fraiseql_nats.status()", undef, 30);
    };
    ok($ok, $what) or diag($node->status('postgres', q{state || ': ' || reason || ' HINT: ' || hint}));
    note($node->status('postgres', q{state || ': ' || reason || ' HINT: ' || hint}));
    return;
}

sub goes_on {
    my ($what) = @_;
    $node->wait_until_state('postgres', 'streaming');
    $node->wait_drained('postgres');
    pass("$what: afterwards it goes on");
    return;
}

# A stream that allows one consumer, which it has: nothing can be looked for.
my $full = NatsServer->new;
$full->api('STREAM.CREATE.fraiseql_events', {name => 'fraiseql_events', subjects => ['fraiseql.>'], max_consumers => 1});
$full->api('CONSUMER.DURABLE.CREATE.fraiseql_events.one',
    {stream_name => 'fraiseql_events', config => {durable_name => 'one', ack_policy => 'explicit'}});
$full->publish('fraiseql.foreign', 'x');
$full->wait_for_messages(FraiseqlNode::STREAM, 1);
says('consumers of the stream', $full, 'maximum consumers limit reached', 'Raise max_consumers of the stream');
$full->api('CONSUMER.DELETE.fraiseql_events.one');
goes_on('consumers of the stream');

# Limits of the account.
my $few = NatsServer->new(config => $accounts->('max_streams: 1, max_mem: 1M, max_file: 1M'), user => 'pg', pass => 'x');
$few->api('STREAM.CREATE.other', {name => 'other', subjects => ['other']});
says('streams of the account', $few, 'maximum number of streams reached', 'limit of streams of the NATS account');
$few->api('STREAM.DELETE.other');
goes_on('streams of the account');
my $small = NatsServer->new(config => $accounts->('max_streams: 9, max_mem: 1M, max_file: 20K'), user => 'pg', pass => 'x');
$node->configure('fraiseql_nats.url' => 'nats://pg:x@127.0.0.1:' . $small->port);
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n, note) SELECT 1, g, repeat('x', 1000) FROM generate_series(1, 100) g});
says('storage of the account', $small, 'exceeded for account', 'Raise the storage limits of the NATS account');
$small->purge_stream(FraiseqlNode::STREAM);
FraiseqlNode::wait_until('room is made again and again', sub {
    $small->purge_stream(FraiseqlNode::STREAM);
    return $node->status('postgres', q{lag_bytes = 0 AND in_flight = 0}) eq 't';
});

# A sealed stream takes nothing any more.
my $sealed = NatsServer->new;
$sealed->api('STREAM.CREATE.fraiseql_events', {name => 'fraiseql_events', subjects => ['fraiseql.>']});
my $config = $sealed->api('STREAM.INFO.fraiseql_events')->{config};
$config->{sealed} = JSON::PP::true();
$sealed->api('STREAM.UPDATE.fraiseql_events', $config);
says('sealed stream', $sealed, 'sealed stream', 'A sealed stream takes no messages');
# nats-server 2.9 cannot open the files of a stream that is created while one of its name is being deleted.
my $worker = $node->worker_pid('postgres');
kill STOP => $worker;
$sealed->api('STREAM.DELETE.fraiseql_events');
kill CONT => $worker;
goes_on('sealed stream');

# A permission that lacks: the one subject that was refused, and what to allow.
my $denied = sub {
    my ($subject) = @_;
    return "authorization { users: [{user: admin, password: x}, {user: pg, password: x, permissions: {publish: {deny: [\"$subject\"]}}}] }";
};
my $guarded = NatsServer->new(config => $denied->('$JS.API.STREAM.INFO.>'), user => 'admin', pass => 'x');
says('permission to look at the stream', $guarded, 'Publish to "$JS.API.STREAM.INFO.fraiseql_events"',
    'publish to "$JS.API.STREAM.INFO.fraiseql_events"%"$JS.API.>"');
$guarded->configure(config => $denied->('$JS.API.STREAM.CREATE.>'));
$guarded->restart;
says('permission to create the stream', $guarded, 'Publish to "$JS.API.STREAM.CREATE.fraiseql_events"',
    'publish to "$JS.API.STREAM.CREATE.fraiseql_events"');
# The worker has not seen the foreign message before it is denied to look.
$worker = $node->worker_pid('postgres');
kill STOP => $worker;
$guarded->api('STREAM.CREATE.fraiseql_events', {name => 'fraiseql_events', subjects => ['fraiseql.>']});
$guarded->publish('fraiseql.foreign', 'x');
$guarded->wait_for_messages(FraiseqlNode::STREAM, 1);
$guarded->configure(config => $denied->('$JS.API.CONSUMER.CREATE.>'));
$guarded->restart;
kill CONT => $worker;
says('permission to look for what is stored', $guarded, 'Publish to "$JS.API.CONSUMER.CREATE.fraiseql_events"',
    'publish to "$JS.API.CONSUMER.CREATE.fraiseql_events"');
$guarded->configure(config => $denied->('nothing'));
$guarded->restart;
goes_on('permission');

# A cluster of which two of three are gone has no leader.
my @cluster = NatsServer->new_cluster(3);
$node->configure('fraiseql_nats.url' => $cluster[0]->url, 'fraiseql_nats.replicas' => 3);
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (2, 1)');
$node->wait_drained('postgres');
$_->stop for @cluster[1, 2];
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (2, 2)');
$node->wait_for_sql('postgres', q{SELECT state = 'waiting' AND (reason || hint LIKE '%no leader%' OR hint LIKE '%lack a quorum%')
    FROM fraiseql_nats.status()});
note($node->status('postgres', q{state || ': ' || reason || ' HINT: ' || hint}));
pass('cluster without leader');
$node->restart;
$node->wait_for_sql('postgres', q{SELECT state = 'waiting' AND (reason || hint LIKE '%no leader%' OR hint LIKE '%lack a quorum%')
    FROM fraiseql_nats.status()});
note($node->status('postgres', q{state || ': ' || reason || ' HINT: ' || hint}));
pass('cluster without leader, from the start');
$_->start for @cluster[1, 2];
goes_on('cluster without leader');

done_testing();
