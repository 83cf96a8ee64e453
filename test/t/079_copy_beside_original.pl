# SPDX-License-Identifier: PostgreSQL
#
# A copy of a server does not publish over its original, whether it was promoted or was started from a
# copy of the files: it stops and says so, until adopt().  Then both publish, and none of their messages
# is taken for one of the other's.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::RecursiveCopy;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my ($system) = $node->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 20)});
$node->wait_drained('postgres');

# What a copy of the whole cluster's files is: slot, timeline and all.
sub copy_of_files {
    my ($name, $origin) = @_;
    my $copy = FraiseqlNode->new($name);
    mkdir $copy->basedir;
    PostgreSQL::Test::RecursiveCopy::copypath($origin->data_dir, $copy->data_dir,
        filterfn => sub { $_[0] ne 'postmaster.pid' });
    chmod 0700, $copy->data_dir;
    $copy->append_conf('postgresql.conf', 'port = ' . $copy->port);
    $copy->append_conf('postgresql.conf', q{unix_socket_directories = '} . $copy->host . q{'});
    return $copy;
}

sub stops {
    my ($copy, $what) = @_;
    $copy->wait_until_state('postgres', 'misconfigured');
    like($copy->status('postgres', 'reason'), qr/this server is a copy/, "$what: the reason");
    like($copy->status('postgres', 'hint'),   qr/fraiseql_nats\.adopt\(\)/, "$what: the hint");
    my $count = $nats->stream_count(FraiseqlNode::STREAM);
    $copy->safe_psql('postgres', q{INSERT INTO tb_item (session, n) VALUES (8, 8)});
    # Its own log goes further than the original's by now; so it has to remember.
    $copy->safe_psql('postgres', q{SELECT pg_logical_emit_message(true, 'test', ''), pg_switch_wal()}) for 1 .. 3;
    $copy->restart;
    $copy->wait_until_state('postgres', 'misconfigured');
    is($nats->stream_count(FraiseqlNode::STREAM), $count, "$what: it publishes nothing, also when it is started again");
    return;
}

# Both write at the same time, and each one's messages are all there.
sub both_publish {
    my ($copy, $what) = @_;
    $nats->purge_stream(FraiseqlNode::STREAM);
    for my $server ($node, $copy) {
        $server->safe_psql('postgres', 'DELETE FROM ledger');
    }
    my @loads = map { $_->start_load('postgres', clients => 2, transactions => 50) } $node, $copy;
    $_->finish_load(shift @loads) for $node, $copy;
    $_->wait_drained('postgres') for $node, $copy;
    my @all  = $node->messages_of('postgres', $nats);
    my @own  = grep { $_->{headers}{'Nats-Msg-Id'} =~ /^$system\./ } @all;
    my @copy = grep { $_->{headers}{'Nats-Msg-Id'} =~ /^$system-[0-9a-f]{8}\./ } @all;
    is(@own + @copy, @all, "$what: ids are of one or the other");
    is_deeply([Ledger::problems(\@own, $node->ledger_rows('postgres'))], [], "$what: the original's messages");
    is_deeply([Ledger::problems(\@copy, $copy->ledger_rows('postgres'))], [], "$what: the copy's messages");
    return;
}

# A base backup that is promoted beside the original, which has published since.
$node->backup('backup');
my $copy = FraiseqlNode->new('copy');
$copy->init_from_backup($node, 'backup', has_streaming => 1);
$copy->append_conf('postgresql.conf', 'fraiseql_nats.enabled = off');
$copy->start;
$node->wait_for_catchup($copy, 'replay', $node->lsn('insert'));
$copy->promote;
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 2, generate_series(1, 20)});
$node->wait_drained('postgres');
my $lsn = $copy->safe_psql('postgres', 'SELECT pg_current_wal_lsn()');
$copy->append_conf('postgresql.conf', 'fraiseql_nats.enabled = on');
$copy->reload;
stops($copy, 'promoted copy');
is($copy->safe_psql('postgres', 'SELECT count(*) FROM pg_replication_slots'), 0, 'it keeps no log meanwhile');
is($copy->log_count(qr/publishing is misconfigured: this server is a copy/), 2, 'the log says it once for each start');
$copy->safe_psql('postgres', 'SELECT fraiseql_nats.adopt()');
$copy->wait_until_state('postgres', 'streaming');
is($copy->safe_psql('postgres', "SELECT count(*) FROM fraiseql_nats.gap WHERE from_lsn <= '$lsn' AND to_lsn > '$lsn'"),
    1, 'what it did not publish since they parted is a gap');
both_publish($copy, 'promoted copy');
my ($code, $out, $notice) = $copy->psql('postgres', 'SELECT fraiseql_nats.adopt()');
like($notice, qr/NOTICE: +there is nothing to adopt: this server publishes already/, 'a second adopt() says so');
$copy->restart;
$copy->wait_until_state('postgres', 'streaming');
both_publish($copy, 'promoted copy, started again');
is($copy->status('postgres', 'gaps'), 1, 'no more gaps');
$copy->stop;

# A copy of the files: the same timeline, and a slot of its own, which the original has outrun.
$node->stop;
my $clone = copy_of_files('clone', $node);
$node->start;
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 3, generate_series(1, 20)});
$node->wait_drained('postgres');
my $count = $nats->stream_count(FraiseqlNode::STREAM);
$clone->start;
stops($clone, 'copy of the files');
$clone->safe_psql('postgres', 'SELECT fraiseql_nats.adopt()');
$clone->wait_until_state('postgres', 'streaming');
$clone->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), $count + 1, 'it publishes what it has written itself, and nothing a second time');
both_publish($clone, 'copy of the files');
is($clone->status('postgres', 'gaps'), 0, 'nothing was lost');

# A copy of the copy.
$clone->stop;
my $second = copy_of_files('second', $clone);
$clone->start;
$clone->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 4, generate_series(1, 20)});
$clone->wait_drained('postgres');
$second->start;
stops($second, 'copy of the copy');

done_testing();
