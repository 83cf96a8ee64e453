# SPDX-License-Identifier: PostgreSQL

=head1 NAME

NatsServer - a real nats-server with JetStream, for one test

=head1 SYNOPSIS

    my $nats = NatsServer->new;                 # a free port of 127.0.0.1, a store of its own
    my $nats = NatsServer->new(start => 0);     # only the port: the broker is absent
    my $nats = NatsServer->new(config => 'max_payload: 1024');
    $nats->url;                                 # nats://127.0.0.1:PORT
    $nats->kill9;    $nats->restart;            # the same port and store
    $nats->suspend;  $nats->resume;             # SIGSTOP, SIGCONT
    $nats->stream_messages('fraiseql_events');  # and all other methods of NatsClient
    my @nats = NatsServer->new_cluster(3);

Ends with the process that made it, store and all.

=cut

package NatsServer;

use strict;
use warnings;

use Carp qw(croak);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Socket::INET;
use NatsClient;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time);
use TimeLimit;

use constant {
    # Below the ports that the kernel gives to clients: nobody takes ours while the server is down.
    FIRST_PORT    => 10200,
    LAST_PORT     => 32767,
    START_TIMEOUT  => time_limit(30),
    STOP_TIMEOUT   => time_limit(20),
    RETIRE_TIMEOUT => time_limit(60),
};

my @running;

# Options: start (default 1), jetstream (default 1), domain (of JetStream), port, directory, program (its path), config (more lines for the configuration file),
# user and pass (of clients that this module makes).
sub new {
    my ($class, %options) = @_;
    my $self = bless {
        options   => \%options,
        owner     => $$,
        port      => $options{port} // free_port(),
        directory => $options{directory}
          // File::Temp::tempdir('nats_XXXXXX', TMPDIR => 1, CLEANUP => 0),
    }, $class;
    make_path($self->{directory});
    push @running, $self;
    $self->start unless exists $options{start} && !$options{start};
    return $self;
}

sub name      { return "test_$_[0]{port}" }
sub port      { return $_[0]{port} }
sub url       { return "nats://127.0.0.1:$_[0]{port}" }
sub pid       { return $_[0]{pid} }
sub directory { return $_[0]{directory} }
sub logfile   { return "$_[0]{directory}/log" }

# Where it is; ordinary users often have no sbin in their PATH.
sub executable {
    for my $directory (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin', '/usr/local/bin') {
        return "$directory/nats-server" if -x "$directory/nats-server";
    }
    croak 'there is no nats-server; install the package nats-server';
}

# A port of 127.0.0.1 that nobody listens on.
sub free_port {
    for (1 .. 200) {
        my $port   = FIRST_PORT + int rand(LAST_PORT - FIRST_PORT);
        my $socket = IO::Socket::INET->new(
            LocalHost => '127.0.0.1',
            LocalPort => $port,
            Proto     => 'tcp',
            Listen    => 1,
            ReuseAddr => 1,
        ) or next;
        close $socket;
        return $port;
    }
    croak 'found no free port';
}

# So many servers that form a cluster, so that streams can have replicas.
sub new_cluster {
    my ($class, $count, %options) = @_;
    my @servers = map { $class->new(%options, start => 0) } 1 .. $count;
    my @ports   = map { free_port() } @servers;
    my $routes  = join ', ', map { "\"nats://127.0.0.1:$_\"" } @ports;
    for my $server (@servers) {
        my $port = shift @ports;
        $server->{options}{config} .= "\ncluster { name: test, listen: \"127.0.0.1:$port\", routes: [$routes] }";
        $server->_spawn;
    }
    $_->_wait_until_ready for @servers;
    _restart_until_placed(@servers);
    return @servers;
}

# The leader of a cluster that starts may never learn of one of the servers (nats-server 2.10), and then
# refuses streams of so many replicas for good.
sub _restart_until_placed {
    my (@servers) = @_;
    for my $attempt (1 .. 3) {
        return if _can_place(@servers);
        $_->stop  for @servers;
        $_->_spawn for @servers;
        $_->_wait_until_ready for @servers;
    }
    return;
}

# Whether the cluster takes a stream with a replica on each server; waits for that.
sub _can_place {
    my ($server, @others) = @_;
    my $deadline = time() + START_TIMEOUT;
    while (time() < $deadline) {
        my $made = eval {
            $server->api('STREAM.CREATE.placement',
                {name => 'placement', subjects => ['placement'], storage => 'memory', num_replicas => 1 + @others});
        };
        return $server->api('STREAM.DELETE.placement') if $made;
        select undef, undef, undef, 0.1;
    }
    return;
}

# Starts the server and waits until JetStream answers.
sub start {
    my ($self) = @_;
    $self->_spawn;
    $self->_wait_until_ready;
    return $self;
}

# Has it send its clients and leaders away, and end, as before an update of its program.
sub retire {
    my ($self) = @_;
    kill 'USR2', $self->{pid};
    $self->_reap(RETIRE_TIMEOUT) or croak 'nats-server does not end: ' . $self->_log_tail;
    return;
}

# Other options from the next start on; config, jetstream, program.
sub configure {
    my ($self, %options) = @_;
    @{$self->{options}}{keys %options} = values %options;
    return;
}

sub _spawn {
    my ($self) = @_;
    croak 'the server runs already' if $self->{pid};
    $self->_write_config;
    my $executable = $self->{options}{program} // executable();
    my $pid = fork // croak "could not fork: $!";
    if (!$pid) {
        POSIX::setsid();    # an interrupt at the terminal is for the one who owns the server
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $self->logfile;
        open STDERR, '>>', $self->logfile;
        exec $executable, '-c', "$self->{directory}/nats.conf" or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    return;
}

sub stop {
    my ($self) = @_;
    return unless $self->{pid};
    $self->resume if $self->{suspended};
    kill 'TERM', $self->{pid};
    $self->_reap(STOP_TIMEOUT) or $self->kill9;
    return;
}

sub kill9 {
    my ($self) = @_;
    return unless $self->{pid};
    kill 'KILL', $self->{pid};
    $self->{suspended} = 0;
    $self->_reap(STOP_TIMEOUT) or croak "nats-server $self->{pid} does not die";
    return;
}

sub restart {
    my ($self) = @_;
    $self->stop;
    return $self->start;
}

# Has it read its configuration again, with the option config as it is now.
sub reload_config {
    my ($self) = @_;
    $self->_write_config;
    my $before = () = $self->_log =~ /Reloaded server configuration/g;
    kill 'HUP', $self->{pid};
    my $deadline = time() + START_TIMEOUT;
    while ((() = $self->_log =~ /Reloaded server configuration/g) <= $before) {
        croak 'nats-server does not reload: ' . $self->_log_tail if time() > $deadline;
        select undef, undef, undef, 0.02;
    }
    return;
}

# The server goes on when this process ends; the caller sees to it and to its directory.
sub leave_running {
    my ($self) = @_;
    $self->{owner} = 0;
    return;
}

# The server stands still, its connections stay open.
sub suspend {
    my ($self) = @_;
    kill 'STOP', $self->{pid};
    $self->{suspended} = 1;
    delete $self->{client};
    return;
}

sub resume {
    my ($self) = @_;
    kill 'CONT', $self->{pid};
    $self->{suspended} = 0;
    return;
}

# A connection that is kept, and made again when it is lost.
sub client {
    my ($self) = @_;
    delete $self->{client} if $self->{client} && $self->{client}->is_closed;
    return $self->{client} //= $self->new_client;
}

# A connection of the caller's own.
sub new_client {
    my ($self, %options) = @_;
    return NatsClient->connect(
        port => $self->{port},
        user => $self->{options}{user},
        pass => $self->{options}{pass},
        %options
    );
}

for my $method (
    qw(publish flush request api create_stream update_stream stream_info stream_count delete_stream
    purge_stream each_message stream_messages wait_for_messages))
{
    no strict 'refs';
    *$method = sub {
        my $self = shift;
        return $self->client->$method(@_);
    };
}

sub _write_config {
    my ($self) = @_;
    my $directory = $self->{directory};
    my $path      = "$directory/nats.conf";
    open my $file, '>', $path or croak "could not write $path: $!";
    print $file <<"END";
listen: "127.0.0.1:$self->{port}"
server_name: "test_$self->{port}"
pid_file: "$directory/pid"
write_deadline: "@{[time_limit(10)]}s"
END
    my $domain = $self->{options}{domain} ? ", domain: $self->{options}{domain}" : '';
    print $file "jetstream { store_dir: \"$directory/store\"$domain }\n" if $self->_has_jetstream;
    print $file "$self->{options}{config}\n" if $self->{options}{config};
    close $file or croak "could not write $path: $!";
    return;
}

sub _has_jetstream { return $_[0]{options}{jetstream} // 1 }

sub _wait_until_ready {
    my ($self) = @_;
    my $deadline = time() + START_TIMEOUT;
    while (1) {
        my $client = eval { $self->new_client(timeout => 2) };
        if ($client && (!$self->_has_jetstream || eval { $client->api('INFO'); 1 })) {
            $self->{client} = $self->new_client;
            return;
        }
        my $error = $@;
        if ($self->_reap(0)) {
            croak 'nats-server ended at once: ' . $self->_log_tail;
        }
        croak "nats-server does not answer: $error" . $self->_log_tail if time() > $deadline;
        select undef, undef, undef, 0.02;
    }
}

# True when the process has ended.
sub _reap {
    my ($self, $timeout) = @_;
    my $deadline = time() + $timeout;
    while (1) {
        my $ended = waitpid $self->{pid}, WNOHANG;
        if ($ended) {
            delete $self->{pid};
            delete $self->{client};
            return 1;
        }
        return 0 if time() >= $deadline;
        select undef, undef, undef, 0.01;
    }
}

sub _log {
    my ($self) = @_;
    open my $file, '<', $self->logfile or return '';
    local $/ = undef;
    return <$file> // '';
}

sub _log_tail {
    my ($self) = @_;
    my @lines = map { "$_\n" } split /\n/, $self->_log;
    return join '', @lines > 20 ? @lines[-20 .. -1] : @lines;
}

END {
    my $status = $?;
    for my $server (@running) {
        next unless $server->{owner} == $$;
        $server->stop;
        remove_tree($server->{directory}) unless $server->{options}{keep};
    }
    $? = $status;
}

1;
