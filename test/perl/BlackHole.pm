# SPDX-License-Identifier: PostgreSQL

=head1 NAME

BlackHole - a TCP port of 127.0.0.1 behind which nobody ever answers

=head1 SYNOPSIS

    my $hole = BlackHole->new;                  # connections are made, and stay silent
    my $hole = BlackHole->new(accepts => 0);    # connections are not even made: packets get lost
    my $hole = BlackHole->new(port => 4222);
    $hole->url;
    $hole->close;

=cut

package BlackHole;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use NatsServer;
use Socket qw(SOMAXCONN);

sub new {
    my ($class, %options) = @_;
    my $accepts = $options{accepts} // 1;
    my $self    = bless {port => $options{port} // NatsServer::free_port(), fillers => []}, $class;
    # The kernel makes the connections; nobody takes them off its queue.
    $self->{listener} = IO::Socket::INET->new(
        LocalHost => '127.0.0.1',
        LocalPort => $self->{port},
        Proto     => 'tcp',
        Listen    => $accepts ? SOMAXCONN : 1,
        ReuseAddr => 1,
    ) or croak "could not listen on port $self->{port}: $!";
    $self->_fill unless $accepts;
    return $self;
}

sub port { return $_[0]{port} }
sub url  { return "nats://127.0.0.1:$_[0]{port}" }

sub close {
    my ($self) = @_;
    close delete $self->{listener} if $self->{listener};
    $self->{fillers} = [];
    return;
}

# With the queue full, the kernel drops what comes.
sub _fill {
    my ($self) = @_;
    for (1 .. 20) {
        my $filler = IO::Socket::INET->new(
            PeerHost => '127.0.0.1',
            PeerPort => $self->{port},
            Proto    => 'tcp',
            Timeout  => 0.3,
        ) or return;
        push @{$self->{fillers}}, $filler;
    }
    croak 'the queue of connections does not fill';
}

1;
