# SPDX-License-Identifier: PostgreSQL

=head1 NAME

Servers - the demo's temporary Postgres and NATS server

They end with the program, whatever ends it, unless leave_running() was called.

=cut

package Servers;

use strict;
use warnings;

use File::Path qw(remove_tree);
use File::Temp ();
use Time::HiRes qw(time);
use NatsServer;
use TimeLimit;

use constant WAIT_SECONDS => time_limit(60);

sub new {
    my ($class) = @_;
    my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
    chomp(my $bin   = `$pg_config --bindir`);
    chomp(my $share = `$pg_config --sharedir`);
    die "the extension is not installed; use: make demo\n"
      unless -e "$share/extension/fraiseql_nats.control";
    my $directory = File::Temp::tempdir('fraiseql_demo_XXXXXX', TMPDIR => 1);
    my $self = bless {bin => $bin, directory => $directory, owner => $$}, $class;
    $self->{nats} = NatsServer->new(directory => "$directory/nats");
    $self->_start_postgres;
    return $self;
}

sub nats      { return $_[0]{nats} }
sub directory { return $_[0]{directory} }
sub program   { return "$_[0]{bin}/$_[1]" }

sub _start_postgres {
    my ($self) = @_;
    my $data = "$self->{directory}/data";
    $self->run($self->program('initdb'), '--pgdata', $data, '--username', 'postgres', '--auth', 'trust',
        '--no-locale', '--encoding', 'UTF8', '--no-sync');
    open my $conf, '>>', "$data/postgresql.conf" or die "$data/postgresql.conf: $!\n";
    print $conf <<"END";
listen_addresses = ''
unix_socket_directories = '$self->{directory}'
wal_level = logical
wal_keep_size = 1GB
shared_preload_libraries = 'fraiseql_nats'
fraiseql_nats.url = '${\ $self->nats->url}'
END
    close $conf;
    $self->{postgres} = 1;
    $self->run($self->program('pg_ctl'), 'start', '--wait', '--silent', '--pgdata', $data, '--log',
        "$self->{directory}/log");
    return;
}

sub psql_options {
    my ($self, $database) = @_;
    return ('-h', $self->{directory}, '-U', 'postgres', $database);
}

# The result of SQL text, rows as lines, without the last line end; undef if it fails.
sub try_sql {
    my ($self, $database, $text) = @_;
    write_file("$self->{directory}/sql", $text);
    my $output = '';
    open my $pipe, '-|', $self->program('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f',
      "$self->{directory}/sql", $self->psql_options($database)
      or die "could not run psql: $!\n";
    $output .= $_ while <$pipe>;
    close $pipe or return;
    chomp $output;
    return $output;
}

sub sql {
    my ($self, @what) = @_;
    return $self->try_sql(@what) // die "psql failed\n";
}

# Until the condition holds; `meanwhile` is called again and again.
sub wait_until {
    my ($self, $what, $condition, $meanwhile) = @_;
    my $deadline = time() + WAIT_SECONDS;
    until ($condition->()) {
        die "waited in vain until $what\n" if time() > $deadline;
        $meanwhile->() if $meanwhile;
        select undef, undef, undef, 0.02;
    }
    return;
}

# Starts a program whose output goes to a file.
sub spawn {
    my ($self, @command) = @_;
    my $pid = fork // die "could not fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$self->{directory}/output";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    return $pid;
}

sub run {
    my ($self, @command) = @_;
    waitpid $self->spawn(@command), 0;
    die "@command failed:\n" . $self->tail('output') if $?;
    return;
}

# The end of one of our files.
sub tail {
    my ($self, $name) = @_;
    return '' unless -e "$self->{directory}/$name";
    my @lines = split /^/, slurp("$self->{directory}/$name");
    splice @lines, 0, -20 if @lines > 20;
    return join '', @lines;
}

# Both servers go on; returns the name of a script that stops them and removes their files.
sub leave_running {
    my ($self) = @_;
    my $directory = $self->{directory};
    # Where as-user works in a copy of the tree, everything goes with that.
    my $root = $ENV{FRAISEQL_TEST_ROOT} // $directory;
    my $pid  = slurp("$directory/data/postmaster.pid") =~ s/\n.*//sr;
    write_file("$directory/stop", <<"END");
#!/bin/sh
# Stops the demo's two servers, by process id, and removes their files.
kill -INT $pid 2>/dev/null
while kill -0 $pid 2>/dev/null && [ -e '$directory/data/postmaster.pid' ]; do sleep .1; done
# Perhaps another one than at first, if somebody has started it again.
nats=\$(cat '$directory/nats/pid' 2>/dev/null)
[ "\$(cat "/proc/\$nats/comm" 2>/dev/null)" != nats-server ] || kill -TERM "\$nats"
while [ "\$(cat "/proc/\$nats/comm" 2>/dev/null)" = nats-server ]; do sleep .1; done
rm -rf '$root'
echo "The demo's servers are stopped and their files removed."
END
    chmod 0755, "$directory/stop";
    write_file("$root/.keep", '') if $ENV{FRAISEQL_TEST_ROOT};
    $self->nats->leave_running;
    $self->{postgres} = 0;
    $self->{left}     = 1;
    return "$directory/stop";
}

sub stop {
    my ($self) = @_;
    return if $$ != $self->{owner} || $self->{left} || !-d $self->{directory};
    system $self->program('pg_ctl'), 'stop', '--silent', '--mode', 'immediate', '--pgdata',
      "$self->{directory}/data"
      if $self->{postgres} && -e "$self->{directory}/data/postmaster.pid";
    $self->{nats}->stop if $self->{nats};
    remove_tree($self->{directory});
    return;
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
    return;
}

1;
