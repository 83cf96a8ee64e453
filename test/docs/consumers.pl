# SPDX-License-Identifier: PostgreSQL
#
# The programs of doc/consumers.md, as test/docs/prepare takes them out of the page, read what is there and
# acknowledge it.

use strict;
use warnings;

use FraiseqlNode;
use IPC::Run ();
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use TimeLimit;

my $nats  = NatsServer->new;
my $node  = FraiseqlNode->new_node('main', $nats);
my $build = 'build/docs';
my $url   = $nats->url;
$ENV{PATH} = "$ENV{PATH}:build/order-system/bin";
$ENV{NATS_URL} = $url;

$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int PRIMARY KEY, total numeric);
SELECT fraiseql_nats.observe('tb_order');
INSERT INTO tb_order VALUES (1, 12.30), (2, 12345678901234567890.10), (3, NULL);
});
$node->wait_drained('postgres');

my ($make) = slurp_file('doc/consumers.md') =~ /^    (SELECT fraiseql_nats\.create_consumer\(.*?;)/ms;
my %programs = (
    'nats.py' => [qr/Decimal\('12\.30'\).*12345678901234567890\.10/s, "$build/venv/bin/python", edited('consumer.py')],
    'nats.js' => [qr/"total":12\.3.*INSERT/s, 'node', edited('js/consumer.mjs')],
);
for my $name (sort keys %programs) {
    my ($expected, @command) = @{$programs{$name}};
    reads($name, $expected, @command);
}
reads('nats.go', qr/"total":12\.30.*12345678901234567890\.10/s, "$build/consumer-go");
my ($next, $replay) = split /^(?=nats sub)/m, slurp_file("$build/consumer.sh");
reads('nats CLI', qr/"total":12\.30.*12345678901234567890\.10/s, 'bash', '-c', $next =~ s/--count 100/--count 3/r);
my ($status, $output) = run('bash', '-c', $replay =~ s/$/ --count 3/r);
is($status, 0, 'a consumer that begins at a time') or diag($output);
like($output, qr/"total":12\.30.*12345678901234567890\.10/s, 'and gets what came since') or diag($output);
$node->stop;
done_testing();

# A copy of a program for our broker.
sub edited {
    my ($file) = @_;
    my $text = slurp_file("$build/$file");
    $text =~ s{nats://localhost:4222}{$url} or die "$file: no address";
    (my $copy = "$build/$file") =~ s{([^/]+)$}{here_$1};
    unlink $copy;
    append_to_file($copy, $text);
    return $copy;
}

sub run {
    my (@command) = @_;
    my $output = '';
    my $status = IPC::Run::run(\@command, '<', \undef, '>&', \$output, IPC::Run::timeout(time_limit(60))) ? 0 : 1;
    return $status, $output;
}

sub reads {
    my ($name, $expected, @command) = @_;
    $node->psql('postgres', q{SELECT fraiseql_nats.delete_consumer('billing')});
    $node->safe_psql('postgres', $make);
    my ($status, $output) = run(@command);
    is($status, 0, "$name: ends well") or diag($output);
    like($output, $expected, "$name: what it reads") or diag($output);
    is(() = $output =~ /INSERT/g, 3, "$name: three messages") or diag($output) if $name ne 'nats CLI';
    is($node->safe_psql('postgres', q{SELECT pending, ack_pending FROM fraiseql_nats.consumers() WHERE name = 'billing'}),
        '0|0', "$name: all are acknowledged");
    return;
}
