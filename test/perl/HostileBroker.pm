# SPDX-License-Identifier: PostgreSQL

=head1 NAME

HostileBroker - what stands where a NATS server is expected, and is wrong in a way of one's choice

=head1 SYNOPSIS

    my $broker = HostileBroker->new($nats);     # honest: a hop to the real server
    $broker->url;
    $broker->be({name => 'garbage', accept => sub { my ($c) = @_; $c->say("\0\1\2") }});
    $broker->done;                              # how often it has done what is wrong
    $broker->be(undef);                         # honest again

be() closes all connections.  A way to be wrong is a hash of functions; where it has none, it behaves as
a NATS server does that keeps nothing of what it is sent:

    accept   ($c)                  a connection was made; else it sends INFO
    info     ($c) -> hash          the INFO, to be changed
    connect  ($c)                  the client has said CONNECT and PING
    greet    ($c)                  the worker has said "ping"
    api      ($c, $subject, $reply, $body) -> answer, or undef if it has answered itself
    publish  ($c, $subject, $reply)
    tick     ($c)                  again and again, every 10 ms
    twist    ($c, $payload) -> payload    of a message that the real server sends through a hop

Functions call $c->bad when they have done what is wrong.  $c->say(text) sends, $c->answer(reply,
payload, headers) sends a message, $c->end closes, $c->deaf has it read no more.

Ends with the process that made it.

=cut

package HostileBroker;

use strict;
use warnings;

use Carp qw(croak);
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use NatsServer;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use constant {READ_SIZE => 1 << 18, MAX_WAITING => 1 << 22};

my @running;
my $json = JSON::PP->new->canonical;

# All that it will be is known from the beginning, by number.
sub new {
    my ($class, $nats, @wrongs) = @_;
    my $port     = NatsServer::free_port();
    my $listener = IO::Socket::INET->new(
        LocalHost => '127.0.0.1',
        LocalPort => $port,
        Proto     => 'tcp',
        Listen    => 64,
        ReuseAddr => 1,
        Blocking  => 0,
    ) or croak "could not listen on port $port: $!";
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or croak "no socketpair: $!";
    $_->autoflush(1) for $ours, $theirs;
    my $pid = fork // croak "could not fork: $!";
    if (!$pid) {
        close $ours;
        eval { _serve({listener => $listener, control => $theirs, nats => $nats->port, port => $port, wrongs => \@wrongs}) };
        print STDERR "HostileBroker: $@" if $@;
        POSIX::_exit(1);
    }
    close $theirs;
    my $self = bless {port => $port, pid => $pid, owner => $$, control => $ours}, $class;
    push @running, $self;
    return $self;
}

sub url { return "nats://127.0.0.1:$_[0]{port}" }

# The number of the way to be wrong; undef: none.
sub be {
    my ($self, $number) = @_;
    return $self->_tell('be ' . ($number // 'honest'));
}

sub done { return $_[0]->_tell('done') }

sub _tell {
    my ($self, $text) = @_;
    $self->{control}->print("$text\n");
    my $answer = $self->{control}->getline // croak 'the hostile broker has died';
    chomp $answer;
    return $answer;
}

# --- The child's life --------------------------------------------------------------------------

my $state;

sub _serve {
    $state = {%{$_[0]}, done => 0, wrong => undef, clients => {}};
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{TERM} = 'DEFAULT';
    while (1) {
        my ($r, $w) = ('', '');
        vec($r, fileno $_, 1) = 1 for $state->{listener}, $state->{control};
        for my $c (my @all = values %{$state->{clients}}) {
            vec($r, fileno $c->{socket}, 1) = 1 unless $c->{deaf} || $c->_peer_is_full;
            vec($w, fileno $c->{socket}, 1) = 1 if length $c->{out};
        }
        select $r, $w, undef, 0.01;
        _control() if vec $r, fileno $state->{control}, 1;
        _accept() if vec $r, fileno $state->{listener}, 1;
        for my $c (my @all = values %{$state->{clients}}) {
            next unless $c->{socket};
            my $fd = fileno $c->{socket};
            $c->_read if vec $r, $fd, 1;
            $c->{tick}->($c) if $c->{socket} && $c->{tick} && length $c->{out} < MAX_WAITING;
            $c->_write if $c->{socket} && length $c->{out};
        }
    }
}

sub _control {
    my $line = $state->{control}->getline // POSIX::_exit(0);
    if ($line =~ /^be (\w+)/) {
        for my $c (my @all = values %{$state->{clients}}) { $c->end }
        $state->{wrong} = $1 eq 'honest' ? undef : $state->{wrongs}[$1];
        $state->{done}  = 0;
        _look_at_stream() if $state->{wrong};
    }
    $state->{control}->print("$state->{done}\n");
    return;
}

# What the real server would say, for those parts that are to be believed.
sub _look_at_stream {
    my $client = NatsClient->connect(port => $state->{nats});
    $state->{info} = $client->stream_info('fraiseql_events');
    $client->close;
    return;
}

sub _accept {
    my $socket = $state->{listener}->accept or return;
    my $wrong  = $state->{wrong} // {};
    my $c      = HostileBroker::Client::make($socket);
    if (!$state->{wrong} || $wrong->{twist}) {
        my $peer = HostileBroker::Client::make(
            IO::Socket::INET->new(PeerHost => '127.0.0.1', PeerPort => $state->{nats}, Proto => 'tcp'));
        @{$c}{qw(peer)}                = ($peer);
        @{$peer}{qw(peer twist)}       = ($c, $wrong->{twist});
        return;
    }
    $c->{wrong} = $wrong;
    return $wrong->{accept}->($c) if $wrong->{accept};
    my %info = (
        server_id   => 'X',
        server_name => 'x',
        version     => '2.10.20',
        proto       => 1,
        host        => '127.0.0.1',
        port        => $state->{port},
        headers     => JSON::PP::true,
        max_payload => 1048576,
        jetstream   => JSON::PP::true,
    );
    my $info = $wrong->{info} ? $wrong->{info}->($c, \%info) : \%info;
    $c->say('INFO ' . (ref $info ? $json->encode($info) : $info) . "\r\n");
    return;
}

END {
    my $status = $?;
    for my $broker (grep { $_->{owner} == $$ } @running) {
        kill 'KILL', $broker->{pid};
        waitpid $broker->{pid}, 0;
    }
    $? = $status;
}

# One connection, of a client or to the real server.
package HostileBroker::Client;

use strict;
use warnings;

sub make {
    my ($socket) = @_;
    $socket->blocking(0);
    my $self = bless {socket => $socket, in => '', out => '', inboxes => []}, __PACKAGE__;
    $state->{clients}{$self} = $self;
    return $self;
}

sub bad  { ++$state->{done}; return }
sub say  { $_[0]{out} .= $_[1]; return }
sub deaf { $_[0]{deaf} = 1; return }

sub end {
    my ($self) = @_;
    my $socket = delete $self->{socket} or return;
    syswrite $socket, $self->{out} if length $self->{out};
    close $socket;
    delete $state->{clients}{$self};
    my $peer = delete $self->{peer};
    $peer->end if $peer;
    return;
}

# A message to $subject, which is one of the client's inboxes.
sub answer {
    my ($self, $subject, $payload, $headers, $reply) = @_;
    my ($sid) = map { $_->[1] } grep { $subject =~ $_->[0] } @{$self->{inboxes}};
    $sid //= 2;
    my $words = $subject . " $sid" . (defined $reply ? " $reply" : '');
    if (defined $headers) {
        my $size = length $headers;
        return $self->say("HMSG $words $size " . ($size + length $payload) . "\r\n$headers$payload\r\n");
    }
    return $self->say("MSG $words " . length($payload) . "\r\n$payload\r\n");
}

# What the real server says of the stream, for one to change: a hash.
sub stream_info { return JSON::PP->new->decode(JSON::PP->new->encode($state->{info})) }

sub _peer_is_full { my $peer = $_[0]{peer}; return $peer && length $peer->{out} > HostileBroker::MAX_WAITING }

sub _write {
    my ($self) = @_;
    my $written = syswrite $self->{socket}, $self->{out};
    if ($written) { substr $self->{out}, 0, $written, '' }
    elsif (!$!{EAGAIN} && !$!{EINTR}) { $self->end }
    return;
}

sub _read {
    my ($self) = @_;
    my $got = sysread $self->{socket}, $self->{in}, HostileBroker::READ_SIZE, length $self->{in};
    return if !defined $got && ($!{EAGAIN} || $!{EINTR});
    return $self->end unless $got;
    if ($self->{peer}) {
        $self->{twist} ? $self->_relay_messages : $self->{peer}->say($self->{in});
        $self->{in} = '' unless $self->{twist};
        return;
    }
    1 while $self->{socket} && $self->_understand;
    return;
}

# Messages of the server go through the twist, all else as it is.
sub _relay_messages {
    my ($self) = @_;
    while ($self->{in} =~ /^([^\r\n]*)\r\n/) {
        my $line = $1;
        my $size = $line =~ /^H?MSG .* (\d+)$/ ? $1 : undef;
        if (!defined $size) {
            $self->{peer}->say("$line\r\n");
            substr $self->{in}, 0, length($line) + 2, '';
            next;
        }
        my $whole = length($line) + 2 + $size + 2;
        return if length $self->{in} < $whole;
        my $payload = substr $self->{in}, length($line) + 2, $size;
        substr $self->{in}, 0, $whole, '';
        my $twisted = $line =~ /^MSG / ? $self->{twist}->($self->{peer}, $payload) : $payload;
        return unless $self->{socket};
        next unless defined $twisted;
        $line =~ s/\d+$/length $twisted/e;
        $self->{peer}->say("$line\r\n$twisted\r\n");
    }
    return;
}

# One line or message; false if there is no whole one.
sub _understand {
    my ($self) = @_;
    my $wrong = $self->{wrong};
    my ($line) = $self->{in} =~ /^(.*?)\r\n/s or return 0;
    if ($line =~ /^(H?)PUB (\S+) (?:(\S+) )??(?:(\d+) )?(\d+)$/) {
        my ($with_headers, $subject, $reply, $header_size, $size) = ($1, $2, $3, $4, $5);
        # Without headers, the word before the size is the reply, even if it is a number.
        my $whole = length($line) + 2 + $size + 2;
        return 0 if length $self->{in} < $whole;
        my $body = substr $self->{in}, length($line) + 2, $size;
        substr $self->{in}, 0, $whole, '';
        if ($subject =~ /^\$JS\.API\./) {
            my $answer = $wrong->{api} ? $wrong->{api}->($self, $subject, $reply, $body) : $self->honest($subject);
            $self->answer($reply, $answer) if defined $answer && $self->{socket};
        } elsif ($wrong->{publish}) {
            $wrong->{publish}->($self, $subject, $reply // '');
        }
        return 1;
    }
    substr $self->{in}, 0, length($line) + 2, '';
    if ($line =~ /^SUB (\S+) (?:\S+ )?(\d+)$/) {
        my ($pattern, $sid) = (quotemeta $1, $2);
        $pattern =~ s/\\\*/[^.]+/g;
        push @{$self->{inboxes}}, [qr/^$pattern$/, $sid];
        return 1 unless $self->{greeted} && @{$self->{inboxes}} == 2;
        $wrong->{greet} ? $wrong->{greet}->($self) : $self->say("PONG\r\n");
    } elsif ($line eq 'PING') {
        $wrong->{connect} ? $wrong->{connect}->($self) : $self->say("PONG\r\n");
    } elsif ($line eq 'ping') {
        $self->{greeted} = 1;
    }
    return 1;
}

# What a server that is one answers.
sub honest {
    my ($self, $subject) = @_;
    return JSON::PP->new->encode($state->{info}) if $subject =~ /STREAM\.INFO/;
    return '{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}';
}

1;
