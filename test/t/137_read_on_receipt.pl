# SPDX-License-Identifier: PostgreSQL
#
# What is told can be read: a consumer that reads the row when it gets the event finds it, with each
# kind of synchronous_commit, and also when a commit waits for a slow standby.

use strict;
use warnings;

use FraiseqlNode;
use IPC::Run;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_seen (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
SELECT fraiseql_nats.observe('tb_seen', '{INSERT}');
SQL

# Reads so many events while sessions commit, and returns what the reader says.
sub read_on_receipt {
    my ($count, %options) = @_;
    my ($port) = $nats->url =~ /:(\d+)$/;
    my ($out, $err) = ('', '');
    my $reader = IPC::Run::start(
        ['python3', 'test/visibility/reader.py', $port, $node->connstr('postgres'), $count, 120],
        '<', \undef, '>', \$out, '2>', \$err);
    IPC::Run::pump($reader) until $out =~ /ready/ || !IPC::Run::pumpable($reader);
    local $ENV{PGOPTIONS} = "-c synchronous_commit=$options{commit}" if $options{commit};
    my $load = $node->start_load('postgres', clients => $options{clients} // 4, ($options{rate} ? (rate => $options{rate}) : ()),
        script => "INSERT INTO tb_seen (note) VALUES ('x');\n");
    IPC::Run::finish($reader);
    $node->stop_load($load);
    chomp $err;
    return $err ne '' ? $err : (split /\n/, $out)[-1];
}

is(read_on_receipt(12000), '12000 read, 0 missed', 'with the load that there can be');
is(read_on_receipt(1500, rate => 1500, commit => $_), '1500 read, 0 missed', "synchronous_commit = $_")
  for 'off', 'local', 'on';
is(read_on_receipt(100, rate => 50, clients => 1), '100 read, 0 missed', 'with a commit now and then');

# A standby that is slow to write and to apply.
$node->backup('base');
my $standby = FraiseqlNode->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "recovery_min_apply_delay = '20ms'\nfraiseql_nats.enabled = off\n");
$standby->start;
$node->configure(synchronous_standby_names => 'standby');
$node->reload;
$node->wait_for_sql('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}, 'the standby is synchronous');
is(read_on_receipt(2000, commit => 'on'), '2000 read, 0 missed', 'with a synchronous standby');
is(read_on_receipt(1000, commit => 'remote_write'), '1000 read, 0 missed', 'synchronous_commit = remote_write');
is(read_on_receipt(200, commit => 'remote_apply'), '200 read, 0 missed', 'synchronous_commit = remote_apply with a standby that applies late');

# While the standby has not got the commit, nobody is told; the rest goes on meanwhile.
my ($receiver) = $standby->safe_psql('postgres', 'SELECT pid FROM pg_stat_wal_receiver');
$node->wait_drained('postgres');
my $before = $nats->stream_count(FraiseqlNode::STREAM);
kill 'STOP', $receiver;
my $session = $node->background_psql('postgres', on_error_stop => 0, wait => 0);
$session->{stdin} .= "INSERT INTO tb_seen (note) VALUES ('waits for the standby');\n";
$session->{run}->pump_nb;
$node->wait_for_sql('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'}, 'a commit waits for the standby');
is($node->safe_psql('postgres', q{SET synchronous_commit = local; SELECT count(*) FROM tb_seen WHERE note ~ 'waits'}), 0, 'its row cannot be read');
is($node->status('postgres', 'state'), 'streaming', 'the worker goes on');
is($nats->stream_count(FraiseqlNode::STREAM), $before, 'and tells nobody');
kill 'CONT', $receiver;
FraiseqlNode::wait_until('it is told when the standby has it', sub { $nats->stream_count(FraiseqlNode::STREAM) == $before + 1 });
pass('it is told when the standby has it');
$session->quit;
$node->configure(synchronous_standby_names => undef);
$node->reload;

done_testing();
