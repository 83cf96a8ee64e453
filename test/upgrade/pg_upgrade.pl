# SPDX-License-Identifier: PostgreSQL
#
# pg_upgrade from PostgreSQL 15 to 17 and from there to 18, with a load before and after each: the stream has
# everything once, in order.  The first leaves the slot behind, which is a gap; the second takes it along,
# but not while messages are under way.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

use constant INSTALLATIONS => '/usr/lib/postgresql';

# From 18 on that is how a cluster is made, and both must be alike.
$ENV{PG_TEST_INITDB_EXTRA_OPTS} = '--data-checksums';
my $nats = NatsServer->new;

sub new_server {
    my ($major, %settings) = @_;
    return FraiseqlNode->new_node("pg$major", $nats, install_path => INSTALLATIONS . "/$major", %settings);
}

# Of servers that are stopped; true if it is done.
sub upgrade {
    my ($old, $new, $from, $to) = @_;
    chdir PostgreSQL::Test::Utils::tempdir();
    my $bin = INSTALLATIONS . "/$to/bin";
    return PostgreSQL::Test::Utils::system_log(
        "$bin/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', INSTALLATIONS . "/$from/bin",
        '-B', $bin, '-s', $new->host, '-p', $old->port, '-P', $new->port) == 0;
}

sub write_under_load {
    my ($node) = @_;
    my $load = $node->start_load('postgres', clients => 4, rate => 400);
    $node->wait_for_changes('postgres', 500);
    $node->stop_load($load);
    return;
}

sub compare {
    my ($node, $gaps, $name) = @_;
    $node->wait_drained('postgres');
    my @all  = $node->messages_of('postgres', $nats);
    my @rows = grep { $_->{subject} ne 'fraiseql.gap' } @all;
    is_deeply([Ledger::problems(\@rows, $node->ledger_rows('postgres'))], [], "$name: the stream has every change once, in order");
    is($node->safe_psql('postgres', q{SELECT coalesce(string_agg(reason, ';'), '') FROM fraiseql_nats.gap}), $gaps, "$name: gaps");
    is(@all - @rows, $gaps ? 1 : 0, "$name: which are published");
    return;
}

my $old = new_server(15);
$old->create_extension('postgres');
$old->create_item_table('postgres');
write_under_load($old);
compare($old, '', '15');
$old->stop;

my $gap = 'the server was upgraded without its slot';
my $middle = new_server(17, start => 0);
ok(upgrade($old, $middle, 15, 17), 'from 15 to 17');
$middle->start;
$middle->wait_until_state('postgres', 'streaming');
write_under_load($middle);
compare($middle, $gap, '17');

# pg_upgrade that takes slots along wants their plugins listed, where there is such a setting.
my $lists = $middle->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'});
my $new = new_server(18, start => 0, $lists ? (output_plugin_libraries => 'fraiseql_nats') : ());
$nats->stop;
write_under_load($middle);
$middle->stop;
ok(!upgrade($middle, $new, 17, 18), 'from 17 to 18 is refused while messages are under way');
$nats->start;
$middle->start;
compare($middle, $gap, '17 again');
$middle->stop;
ok(upgrade($middle, $new, 17, 18), 'from 17 to 18');
$new->start;
$new->wait_until_state('postgres', 'streaming');
write_under_load($new);
compare($new, $gap, '18');
is($new->status('postgres', 'alarm IS NULL'), 't', '18: there is no alarm');

done_testing();
