# SPDX-License-Identifier: PostgreSQL

=head1 NAME

NobodyWaits - how long users of a server wait, with the extension and without it

=head1 SYNOPSIS

    my $nats    = NatsServer->new;
    my $waiting = NobodyWaits->new($nats);
    $waiting->measure(begin => sub { $nats->suspend }, end => sub { $nats->resume });
    $waiting->nobody_waits('broker stopped');      # one test for each operation
    $waiting->nothing_is_lost;

Two servers with the same settings and tables, one of them with the extension.  While the broker is
in trouble, and the worker in the midst of a transaction that does not fit into its window, the same
operations are timed on both, in turns.  An operation must not take longer with the extension: its
median may be at most twice the other one and a floor, for what two processors shared with other
programs do to a single figure.

=cut

package NobodyWaits;

use strict;
use warnings;

use File::Path qw(remove_tree);
use FraiseqlNode;
use Latency;
use PostgreSQL::Test::Utils ();
use Test::More;
use TimeLimit;

use constant {
    FACTOR        => 2,
    FLOOR_SECONDS => 0.5,
    COMMITS       => 25,
    BACKLOG       => 20_000,    # several windows
    DB            => 'shop',
};

my @shutdowns = qw(smart fast immediate);

sub new {
    my ($class, $nats) = @_;
    # What the disk does is not ours to measure.
    my %settings = (fsync => 'off');
    my $self     = bless {
        nats  => $nats,
        ours  => FraiseqlNode->new_node('ours', $nats, %settings),
        plain => FraiseqlNode->new_node('plain', undef, %settings, preload => 0),
        times => {},
    }, $class;
    for my $node (@$self{qw(ours plain)}) {
        $node->safe_psql('postgres', 'CREATE DATABASE ' . DB);
        $node->safe_psql(DB, 'CREATE TABLE tb_entry (id bigserial, note text)');
    }
    $self->{ours}->create_extension(DB);
    $self->{ours}->safe_psql(DB, q{SELECT fraiseql_nats.observe('tb_entry', '{INSERT}')});
    return $self;
}

sub ours { return $_[0]{ours} }

# One round for each kind of shutdown.  `begin` brings the broker into trouble, `end` out of it.
sub measure {
    my ($self, %trouble) = @_;
    for my $mode (@shutdowns) {
        $self->{ours}->wait_drained(DB);
        $trouble{begin}->();
        $self->_insert_backlog;
        $self->_time_statements($_) for qw(plain ours);
        $self->_time_base_backup($_) for qw(plain ours);
        $self->_insert_backlog;
        for my $which (qw(plain ours)) {
            $self->_add($which, "$mode shutdown",
                FraiseqlNode::seconds(sub { $self->{$which}->stop($mode) }));
            $self->{$which}->start;
        }
        $trouble{end}->();
    }
    return;
}

sub nobody_waits {
    my ($self, $state) = @_;
    for my $what (sort keys %{$self->{times}}) {
        my $times = $self->{times}{$what};
        my ($ours, $plain) = map { Latency::quantile(0.5, @{$times->{$_}}) } qw(ours plain);
        cmp_ok($ours, '<=', FACTOR * $plain + time_limit(FLOOR_SECONDS), "$state: $what does not wait");
        note(sprintf '%-32s %6.0f ms, without the extension %6.0f ms',
            $what, $ours * 1000, $plain * 1000);
    }
    is($self->{ours}->log_count(qr/PANIC|terminated by signal/), 0, "$state: nobody crashed");
    return;
}

sub nothing_is_lost {
    my ($self) = @_;
    $self->{ours}->wait_until_state(DB, 'streaming');
    $self->{ours}->wait_drained(DB);
    my $rows     = $self->{ours}->safe_psql(DB, 'SELECT count(*) FROM tb_entry');
    my %messages = map { Ledger::id_of($_) => 1 }
      $self->{nats}->stream_messages(FraiseqlNode::STREAM);
    is(scalar keys %messages, $rows, 'and what was committed meanwhile is stored');
    return;
}

sub _add {
    my ($self, $which, $what, $seconds) = @_;
    push @{$self->{times}{$what}{$which}}, $seconds;
    return;
}

# Makes sure that the worker is in the midst of a transaction and can go no further.
sub _insert_backlog {
    my ($self) = @_;
    my $sql = q{INSERT INTO tb_entry (note) SELECT 'note ' || g FROM generate_series(1, } . BACKLOG . ') g';
    $self->{$_}->safe_psql(DB, $sql) for qw(ours plain);
    $self->{ours}->wait_for_sql(DB, <<"END", 'the worker has a full window');
SELECT max(read_lsn) < max(flushed_lsn) AND bool_and(wait_event = 'WalSenderWriteData' OR
       wait_event = 'FraiseqlNatsWaitForBroker')
FROM fraiseql_nats.status(), pg_stat_activity
WHERE backend_type = 'fraiseql_nats worker' AND datname = current_database()
END
    return;
}

sub _time_statements {
    my ($self, $which) = @_;
    my $node   = $self->{$which};
    my $insert = q{INSERT INTO tb_entry (note) VALUES ('one')};
    my $commits = 0;
    $commits += $_ for $self->_timed($node, DB, ($insert) x COMMITS);
    $self->_add($which, COMMITS . ' commits', $commits);

    my @times = $self->_timed($node, DB, 'CHECKPOINT', 'VACUUM tb_entry');
    $self->_add($which, 'CHECKPOINT', $times[0]);
    $self->_add($which, 'VACUUM',     $times[1]);

    @times = $self->_timed(
        $node, 'postgres',
        'CREATE DATABASE copy TEMPLATE ' . DB,
        'ALTER DATABASE copy RENAME TO copied',
        'DROP DATABASE copied'
    );
    $self->_add($which, 'CREATE DATABASE ... TEMPLATE',   $times[0]);
    $self->_add($which, 'ALTER DATABASE ... RENAME', $times[1]);
    $self->_add($which, 'DROP DATABASE',             $times[2]);

    my $setting = 'ALTER SYSTEM and reload';
    my $value   = 100 + @{$self->{times}{$setting}{$which} // []};
    $self->_add(
        $which, $setting,
        FraiseqlNode::seconds(
            sub {
                $self->_timed($node, DB, "ALTER SYSTEM SET vacuum_cost_limit = $value",
                    'SELECT pg_reload_conf()');
                $node->wait_for_sql(DB, "SELECT current_setting('vacuum_cost_limit') = '$value'");
            }));
    return;
}

# Seconds that each statement took, by psql's own clock.
sub _timed {
    my ($self, $node, $db, @statements) = @_;
    my $output = $node->safe_psql($db, "\\timing on\n" . join '', map { "$_;\n" } @statements);
    my @times = map { $_ / 1000 } $output =~ /^Time: ([\d.]+) ms/mg;
    die "no times: $output\n" if @times != @statements;
    return @times;
}

sub _time_base_backup {
    my ($self, $which) = @_;
    my $directory = PostgreSQL::Test::Utils::tempdir() . '/backup';
    my $took      = FraiseqlNode::seconds(
        sub {
            PostgreSQL::Test::Utils::system_or_bail(
                'pg_basebackup', '--no-sync', '--checkpoint=fast', '--wal-method=stream',
                '--pgdata', $directory, '--dbname', $self->{$which}->connstr('postgres'));
        });
    $self->_add($which, 'pg_basebackup', $took);
    remove_tree($directory);
    return;
}

1;
