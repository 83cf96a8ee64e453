# SPDX-License-Identifier: PostgreSQL
#
# After pg_upgrade, which takes extension and observers along, the new server publishes by itself, under
# message ids of its own.  Before PostgreSQL 17 the slot stays behind: that is told of as a gap.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $old  = FraiseqlNode->new_node('old', $nats);
$old->create_extension('postgres');
$old->create_item_table('postgres');
$old->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 50)});
$old->stream_equals_ledger('postgres', $nats, 'the old server publishes');
my $takes_slots = $old->safe_psql('postgres', "SELECT current_setting('server_version_num')::int >= 170000") eq 't';
my $lists       = $old->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'});
$old->stop;

# pg_upgrade that takes slots along wants their plugins listed.
my $new = FraiseqlNode->new_node('new', $nats,
    start => 0, $takes_slots && $lists ? (output_plugin_libraries => 'fraiseql_nats') : ());
my $bin = $old->config_data('--bindir');
chdir PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::system_or_bail(
    'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
    '-s', $new->host, '-p', $old->port, '-P', $new->port);
$new->start;
$new->wait_until_state('postgres', 'streaming');
$new->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 2, generate_series(1, 50)});
$new->wait_drained('postgres');
my @all = $new->messages_of('postgres', $nats);
my @gaps = grep { $_->{subject} eq 'fraiseql.gap' } @all;
my @rows = grep { $_->{subject} ne 'fraiseql.gap' } @all;
is_deeply([Ledger::problems(\@rows, $new->ledger_rows('postgres'))], [], 'the stream has the changes of both, once, in order');
is($new->safe_psql('postgres', 'SELECT string_agg(reason, $$;$$) FROM fraiseql_nats.gap'),
    $takes_slots ? '' : 'the server was upgraded without its slot', $takes_slots ? 'there is no gap' : 'the gap is recorded');
is(scalar(@gaps), $takes_slots ? 0 : 1, 'and published, if there is one');
my ($before, $after) = map { $_->{headers}{'Nats-Msg-Id'} =~ /^(\d+)\./ } @rows[0, -1];
isnt($after, $before, 'the new server has message ids of its own');

done_testing();
