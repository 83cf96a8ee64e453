# SPDX-License-Identifier: PostgreSQL
#
# A server that begins with the TLS handshake (handshake_first, or a proxy that ends TLS): without
# fraiseql_nats.tls_first status() says what to set, with it everything works, also the calls by SQL and
# the mover of consumers' dead letters.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new(config => 'authorization { user: pg, password: secret }', user => 'pg', pass => 'secret');

# The certificate is its own authority.
my $certificates = PostgreSQL::Test::Utils::tempdir();
sub make_certificate {
    my ($name, $for) = @_;
    PostgreSQL::Test::Utils::system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
        '-subj', '/CN=test', '-addext', "subjectAltName=$for", '-keyout', "$certificates/$name.key", '-out', "$certificates/$name.pem");
    return;
}
make_certificate('server', 'IP:127.0.0.1');
make_certificate('other',  'IP:127.0.0.1');

my $port  = NatsServer::free_port();
my $proxy = fork // die "could not fork: $!";
if (!$proxy) {
    exec "$ENV{TESTDIR}/test/setup/tls-proxy", $port, $nats->port, "$certificates/server.pem", "$certificates/server.key"
      or POSIX::_exit(127);
}
END { my $status = $?; kill 'KILL', $proxy if $proxy; $? = $status; }

my $node = FraiseqlNode->new_node(
    'main', undef,
    'fraiseql_nats.url'             => "tls://pg:secret\@127.0.0.1:$port",
    'fraiseql_nats.tls_ca_file'     => "$certificates/server.pem",
    'fraiseql_nats.connect_timeout' => '500ms'
);
$node->create_extension('postgres', state => 'waiting');
$node->create_item_table('postgres');
$node->wait_for_sql('postgres', q{SELECT hint LIKE '%tls_first%' FROM fraiseql_nats.status()});
pass('status() says what to set');

$node->configure('fraiseql_nats.tls_first' => 'on');
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n, note) SELECT 0, g, repeat(md5(g::text), 100) FROM generate_series(1, 5000) g');
$node->stream_equals_ledger('postgres', $nats, 'all is published');
is($node->status('postgres', 'server'), "tls://127.0.0.1:$port", 'status() shows the server, without the password');
is($node->safe_psql('postgres', 'SELECT messages FROM fraiseql_nats.stream_info()'), 5000, 'calls by SQL work');
FraiseqlNode::wait_until('the mover is there',
    sub { grep { $_ eq FraiseqlNode::STREAM . '_advisories' } @{$nats->api('STREAM.NAMES')->{streams}} });

# The server goes and comes back.
$nats->kill9;
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 100)');
$node->wait_until_state('postgres', 'waiting');
$nats->start;
$node->wait_until_state('postgres', 'streaming');
$node->stream_equals_ledger('postgres', $nats, 'nothing is lost when the server goes and comes back');

# Another authority, another password.
$node->configure('fraiseql_nats.tls_ca_file' => "$certificates/other.pem");
$node->reload;
$node->wait_for_sql('postgres', q{SELECT reason ~ 'certificate' AND hint LIKE '%tls_ca_file%' FROM fraiseql_nats.status()});
pass('another authority is refused');
$node->configure('fraiseql_nats.tls_ca_file' => "$certificates/server.pem", 'fraiseql_nats.url' => "tls://pg:wrong\@127.0.0.1:$port");
$node->reload;
$node->wait_for_sql('postgres', q{SELECT reason ~ 'Authorization Violation' FROM fraiseql_nats.status()});
pass('another password is refused');
$node->configure('fraiseql_nats.url' => $nats->url);
$node->reload;
$node->wait_for_sql('postgres', q{SELECT reason ~ 'does not begin with TLS' FROM fraiseql_nats.status()});
pass('a server that speaks in clear is told of');
$node->stop;

done_testing();
