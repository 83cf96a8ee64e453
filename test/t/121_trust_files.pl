# SPDX-License-Identifier: PostgreSQL
#
# Whatever stands where FraiseQL's files should be: no session reads it, nobody's CREATE TABLE waits for
# it or fails because of it, and an administrator who asks is told what is wrong.  What the files hold that is
# secret, and the server's environment, is shown to nobody.

use strict;
use warnings;

use FraiseqlNode;
use IPC::Run;
use NatsServer;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
$ENV{FRAISEQL_TEST_SECRET} = 'do-not-tell';
my $node = FraiseqlNode->new_node('main', $nats);
my $data = $node->data_dir;
my $file = "$data/fraiseql.toml";

sub write_file {
    my ($text) = @_;
    unlink $file;
    append_to_file($file, $text);
    return;
}
my $good = <<'TOML';
[[observers.rules]]
table   = "tb_order"
event   = "INSERT"
subject = "order_created"
TOML
write_file($good);
$node->restart;
$node->create_extension('postgres');
$node->safe_psql('postgres', 'CREATE ROLE regress_admin LOGIN IN ROLE fraiseql_nats_admin');

# What stands there, and what is said about it.
my @wrong = (
    ['a FIFO'      => sub { mkfifo($file, 0600) or die $! },        qr/could not read the file: it is not a regular file/],
    ['a directory' => sub { mkdir $file or die $! },                qr/could not read the file: it is a directory/],
    ['a device'    => sub { symlink '/dev/zero', $file or die $! }, qr/could not read the file: it is not a regular file/],
    ['a link to itself'  => sub { symlink 'fraiseql.toml', $file or die $! }, qr/could not read the file: Too many levels of symbolic links/],
    ['a file of 300 MB'  => sub { append_to_file($file, ''); truncate($file, 300 << 20) or die $! }, qr/could not read the file: it has more than 1024 kB/],
    ['a file of another' => sub { append_to_file($file, $good); chmod 0, $file }, qr/could not read the file: Permission denied/],
    ['20,001 observers'  => sub { write_file(join '', map {"[[observers]]\ntable='t$_'\nevent='INSERT'\n"} 0 .. 20000) }, qr/there are more than 20000 observers/],
    ['no text'           => sub { write_file(join '', map { chr } 0 .. 255) }, qr/error while parsing|invalid/],
);
my $n = 0;
for my $case (@wrong) {
    my ($name, $make, $message) = @$case;
    unlink $file;
    $make->();
    ++$n;
    my $seconds = FraiseqlNode::seconds(sub {
        $node->safe_psql('postgres', "CREATE TABLE t$n (id int); ALTER TABLE t$n ADD c int", timeout => 30);
    });
    cmp_ok($seconds, '<', time_limit(5), "$name: nobody's CREATE TABLE waits");
    like($node->safe_psql('postgres', 'SELECT message FROM fraiseql_nats.validate_config()', timeout => 30), $message, "$name: validate_config() tells");
    my ($result, undef, $error) = $node->psql('postgres', 'SELECT fraiseql_nats.reload()', timeout => 30);
    like($error, $message, "$name: reload() refuses it");
    my $errors = $node->log_count('configuration is not applied');
    $node->reload;
    FraiseqlNode::wait_until("$name: the worker tells", sub { $node->log_count('configuration is not applied') > $errors });
    rmdir $file;
}
$node->wait_until_state('postgres', 'streaming');
pass('the last good configuration is in force');
is($node->log_count('could not create observers of fraiseql\.toml'), 0, 'and no session has heard of it');

# A server that starts with it says so, and goes on once it is mended.
unlink $file;
mkfifo($file, 0600) or die $!;
$node->restart;
$node->wait_until_state('postgres', 'misconfigured');
like($node->status('postgres', 'reason'), qr/it is not a regular file/, 'status() says what is wrong');
$node->safe_psql('postgres', 'CREATE TABLE tb_order (id int PRIMARY KEY)');
write_file($good);
$node->reload;
$node->wait_until_state('postgres', 'streaming');
is($node->safe_psql('postgres', 'SELECT relation FROM fraiseql_nats.observer'), 'tb_order', 'what is declared is observed');

# The server's environment is not for SQL to read.
my $told = $node->safe_psql('postgres', <<'SQL', extra_params => ['-U', 'regress_admin']);
SELECT * FROM fraiseql_nats.validate_config(E'[observers]\nbackend="${FRAISEQL_TEST_SECRET}"\nnats_url="${NO_SUCH_VARIABLE}"');
SELECT * FROM fraiseql_nats.validate_config(E'[[observers.rules]]\ntable="${FRAISEQL_TEST_SECRET}"\nevent="${NO_SUCH_VARIABLE:-INSERT}"');
SQL
unlike($told, qr/do-not-tell/, 'validate_config(text) does not tell what a variable holds');
is(() = $told =~ /^warning\|.*refers to the server's environment/mg, 4, 'nor whether it is set');

# No password is shown, whatever characters it has.
for my $password (q{se'cret}, q{se"cret}, "se\tcret", 'se@cret', 'se/cret', 'se%2Ccret', '"', q{se\cret}) {
    (my $toml = $password) =~ s/(["\\])/\\$1/g;
    $toml =~ s/\t/\\t/g;
    (my $url = $nats->url) =~ s{//}{//joe:$toml\@};
    (my $refused = $url) =~ s/:\d+$/:1/;
    $node->configure('fraiseql_nats.url' => undef);
    write_file(qq{[observers]\nnats_url = "$url"\n} . $good);
    $node->reload;
    $node->wait_for_sql('postgres', q{SELECT value LIKE 'nats://%' FROM fraiseql_nats.show_config() WHERE name = 'fraiseql_nats.url'});
    # The library does not quote some of them for the broker, which hangs up.
    $node->wait_until_state('postgres', 'streaming') if $password !~ /["\\\t]/;
    my $shown = $node->safe_psql('postgres', <<'SQL');
SELECT * FROM fraiseql_nats_internal.config_values();
SELECT * FROM fraiseql_nats.show_config();
SELECT * FROM fraiseql_nats.status();
SELECT query FROM pg_stat_activity WHERE backend_type LIKE 'fraiseql%';
SQL
    like($shown, qr/fraiseql_nats\.url\|nats:\/\/127\.0\.0\.1:/, "password $password: the host is shown");
    unlike($shown, qr/joe|cret/, 'and no part of the password');
    write_file(qq{[observers]\nnats_url = "$refused"\n} . $good);
    $node->reload;
    $node->wait_for_sql('postgres', q{SELECT reason LIKE 'cannot connect%' FROM fraiseql_nats.status()}, 'the broker is away');
    unlike($node->safe_psql('postgres', 'SELECT * FROM fraiseql_nats.status()'), qr/joe|cret/, 'nor in what is wrong with it');
    my (undef, undef, $error) = $node->psql('postgres', 'SELECT * FROM fraiseql_nats.stream_info()');
    like($error, qr/cannot connect to NATS at "nats:\/\/127/, 'a call fails');
    unlike($error, qr/joe|cret/, 'and does not tell it');
}
unlike(slurp_file($node->logfile), qr/joe|cret\b/, 'nor does the log');
$node->configure('fraiseql_nats.url' => "nats://joe:se'cret\@127.0.0.1:1");
$node->reload;
$node->wait_for_sql('postgres', q{SELECT value = 'nats://127.0.0.1:1' FROM fraiseql_nats.show_config() WHERE name = 'fraiseql_nats.url'},
    'show_config() hides one of postgresql.conf as well');
is($node->log_count('terminated by signal|PANIC|TRAP'), 0, 'nothing grave in the log');

done_testing();
