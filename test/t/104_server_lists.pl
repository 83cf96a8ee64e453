# SPDX-License-Identifier: PostgreSQL
#
# Of several servers in fraiseql_nats.url the next is tried when one is there but cannot serve: without
# JetStream, with JetStream for other accounts only, with other users, without the stream that must not
# be made.  The log says what is wrong with it, and status() which one is used.  User, password and token
# stand in a URL as in every NATS client.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $good     = NatsServer->new;
my $no_js    = NatsServer->new(jetstream => 0);
my $accounts = NatsServer->new(config => 'accounts { JS: { jetstream: enabled, users: [{user: js, password: x}] },
    PLAIN: { users: [{user: other, password: x}] } }', user => 'js', pass => 'x');
my $guarded = NatsServer->new(config => 'authorization { user: joe, password: hidden }', user => 'joe', pass => 'hidden');
my $empty   = NatsServer->new;

sub url_of {
    my ($server, $user) = @_;
    return defined $user ? "nats://$user\@127.0.0.1:" . $server->port : $server->url;
}

my $node = FraiseqlNode->new_node('main', $good);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->wait_drained('postgres');

# Goes over to a list of two, again and again until the bad one has had its turn: which is the first is
# by chance.
sub uses_the_good_one {
    my ($what, $bad_url, $reason) = @_;
    my $port = $good->port;
    (my $shown = $bad_url) =~ s{//.*\@}{//};
    my $before = -s $node->logfile;
    $node->configure('fraiseql_nats.url' => "$bad_url," . $good->url);
    my $told;
    for my $try (1 .. 40) {
        $node->configure('fraiseql_nats.ack_timeout' => (2000 + $try) . 'ms');    # another worker
        $node->reload;
        $node->wait_for_sql('postgres',
            "SELECT state = 'streaming' AND server LIKE '%:$port' AND current_setting('fraiseql_nats.ack_timeout') = '"
              . (2000 + $try) . "ms' FROM fraiseql_nats.status()");
        $node->safe_psql('postgres', "INSERT INTO tb_item (session, n) VALUES (0, $try)");
        $node->wait_drained('postgres');
        $told = slurp($before) =~ /"\Q$shown\E" cannot serve: [^\n]*$reason/ and last;
    }
    ok($told, "$what: the log says so");
    is($node->status('postgres', q{state || ' ' || (server LIKE '%:} . $port . q{')::text}), 'streaming true', "$what: the other one is used");
    return;
}

sub slurp {
    my ($from) = @_;
    open my $file, '<', $node->logfile or die;
    seek $file, $from, 0;
    local $/ = undef;
    return <$file> // '';
}

uses_the_good_one('no JetStream', $no_js->url, 'JetStream is not enabled in the NATS server');
uses_the_good_one('JetStream not for this account', url_of($accounts, 'other:x'), 'JetStream error 10039');
$node->configure('fraiseql_nats.stream_manage' => 'off');
uses_the_good_one('stream missing', $empty->url, 'stream not found');
is(scalar @{$empty->api('STREAM.NAMES')->{streams} // []}, 0, 'no stream was made there');

# Nobody may serve: each is named, and there is no hot loop.
$node->configure(
    'fraiseql_nats.url' => join(',', $no_js->url, $empty->url, url_of($guarded, 'joe:wrong'), 'nats://127.0.0.1:1'));
$node->reload;
$node->wait_for_sql('postgres', q{SELECT reason LIKE '%cannot serve: JetStream is not enabled%'
    AND reason LIKE '%cannot serve: stream "fraiseql_events": stream not found%' AND reason ~* 'authoriz'
    AND reason LIKE '%Connection refused%' AND hint <> '' FROM fraiseql_nats.status()});
pass('status() says what is wrong with each of them');
unlike($node->status('postgres', 'row_to_json(status)'), qr/wrong/, 'no password is in it');

# Calls by SQL find the server that has the stream.
$node->configure('fraiseql_nats.url' => join(',', $no_js->url, $empty->url, $good->url));
$node->reload;
$node->wait_until_state('postgres', 'streaming');
is($node->safe_psql('postgres', 'SELECT name FROM fraiseql_nats.stream_info()'), FraiseqlNode::STREAM, "stream_info(), call $_")
  for 1 .. 6;

# A server of the list that is well again is used when the other one is gone.
$no_js->configure(jetstream => 1);
$no_js->restart;
$node->configure('fraiseql_nats.stream_manage' => 'create', 'fraiseql_nats.url' => join(',', $no_js->url, $good->url));
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$good->stop;
my $port = $no_js->port;
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (1, 1)');
$node->wait_for_sql('postgres', "SELECT state = 'streaming' AND server LIKE '%:$port' FROM fraiseql_nats.status()");
$node->wait_drained('postgres');
pass('one that could not serve before does now');
$good->start;

# User, password and token in URLs.
my %users = (
    'user and password, encoded' => ['joe%3A1:p%40ss%2Fw%22%5C%0A%25%2C', q{user: "joe:1", password: "p@ss/w\"\\\\\n%,"}],
    'token'                      => ['t%40k%22n',                         q{token: "t@k\"n"}],
);
for my $what (sort keys %users) {
    my ($info, $config) = @{$users{$what}};
    my $token = $config =~ /token/;
    my $server = NatsServer->new(
        config => "authorization { $config }",
        $token ? (start => 0) : (user => 'joe:1', pass => "p\@ss/w\"\\\n%,")
    );
    $server->_spawn if $token;
    $node->configure('fraiseql_nats.url' => url_of($server, $info));
    $node->reload;
    my $to = $server->port;
    $node->wait_for_sql('postgres', "SELECT state = 'streaming' AND server = 'nats://127.0.0.1:$to' FROM fraiseql_nats.status()");
    pass("$what in the URL");
}
$node->append_conf('postgresql.conf', q{fraiseql_nats.url = 'nats://joe:sec%ret@127.0.0.1:4222'});
$node->reload;
$node->wait_for_sql('postgres', q{SELECT reason LIKE '%without two hexadecimal digits%' FROM fraiseql_nats.status()});
pass('what is no encoding is refused');
# Postgres itself logs what a setting is changed to.
unlike(join("\n", grep { !/parameter "fraiseql_nats.url" changed to/ } split /\n/, slurp(0)), qr/hidden|p\@ss|p%40ss|t\@k|t%40k/, 'no secret is in the log');

done_testing();
