# SPDX-License-Identifier: PostgreSQL

=head1 NAME

TcpProxy - a TCP hop in front of a server, which loses what it is told to lose

=head1 SYNOPSIS

    my $proxy = TcpProxy->new($nats->port);
    $proxy->url;
    $proxy->lose_answers;    # what clients send arrives, what the server answers does not
    $proxy->cut;             # closes all connections; those made from now on are whole again

Ends with the process that made it.

=cut

package TcpProxy;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use NatsServer;
use POSIX ();

my @running;

sub new {
    my ($class, $server_port) = @_;
    my $port     = NatsServer::free_port();
    my $listener = IO::Socket::INET->new(
        LocalHost => '127.0.0.1',
        LocalPort => $port,
        Proto     => 'tcp',
        Listen    => 16,
        ReuseAddr => 1,
    ) or croak "could not listen on port $port: $!";
    my $pid = fork // croak "could not fork: $!";
    if (!$pid) {
        eval { _relay($listener, $server_port) };
        POSIX::_exit(1);
    }
    my $self = bless {port => $port, pid => $pid, owner => $$}, $class;
    push @running, $self;
    return $self;
}

sub url          { return "nats://127.0.0.1:$_[0]{port}" }
sub lose_answers { return kill 'USR1', $_[0]{pid} }
sub cut          { return kill 'USR2', $_[0]{pid} }

# The child's life.
sub _relay {
    my ($listener, $server_port) = @_;
    my $parent = getppid;
    my ($lossy, $cut) = (0, 0);
    local $SIG{USR1} = sub { $lossy = 1 };
    local $SIG{USR2} = sub { $cut   = 1 };
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{TERM} = 'DEFAULT';
    my $select = IO::Select->new($listener);
    my %peer;         # by file number
    my %is_server;
    while (getppid == $parent) {
        my @ready = $select->can_read(0.1);
        if ($cut) {
            for my $socket (grep { $_ != $listener } $select->handles) {
                $select->remove($socket);
                close $socket;
            }
            %peer = %is_server = ();
            ($lossy, $cut) = (0, 0);
            next;
        }
        for my $socket (@ready) {
            if ($socket == $listener) {
                my $client = $listener->accept or next;
                my $server = IO::Socket::INET->new(
                    PeerHost => '127.0.0.1',
                    PeerPort => $server_port,
                    Proto    => 'tcp',
                ) or next;
                $select->add($client, $server);
                @peer{fileno $client, fileno $server} = ($server, $client);
                $is_server{fileno $server} = 1;
                next;
            }
            my $peer = $peer{fileno $socket} or next;    # closed in this very turn
            my $got = sysread $socket, my $data, 1 << 16;
            next if $got && $lossy && $is_server{fileno $socket};
            next if $got && _write_all($peer, $data);
            $select->remove($socket, $peer);
            delete @peer{fileno $socket, fileno $peer};
            delete @is_server{fileno $socket, fileno $peer};
            close $_ for $socket, $peer;
        }
    }
    return;
}

sub _write_all {
    my ($socket, $data) = @_;
    while (length $data) {
        my $written = syswrite $socket, $data;
        next if !defined $written && $!{EINTR};
        return 0 unless $written;
        substr $data, 0, $written, '';
    }
    return 1;
}

END {
    my $status = $?;
    for my $proxy (grep { $_->{owner} == $$ } @running) {
        kill 'KILL', $proxy->{pid};
        waitpid $proxy->{pid}, 0;
    }
    $? = $status;
}

1;
