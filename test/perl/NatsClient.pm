# SPDX-License-Identifier: PostgreSQL

=head1 NAME

NatsClient - a small NATS and JetStream client, of core Perl only

=head1 SYNOPSIS

    my $client = NatsClient->connect(port => 4222);
    $client->publish('fraiseql.order.created', '{"order_id":1}', headers => {A => 'b'});
    my $answer = $client->request('inventory.reserve', '{}', timeout => 5);
    $client->create_stream(name => 'events', subjects => ['fraiseql.>']);
    my @messages = $client->stream_messages('events');

Everything that waits has a time limit, and dies when it is over.  A message is a hash: subject,
reply, status (of "NATS/1.0 503"), headers (a hash), payload; those of a stream also have seq and
time, in nanoseconds since 1970.

=cut

package NatsClient;

use strict;
use warnings;

use Carp qw(croak);
use Errno qw(EINTR EAGAIN EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Time::HiRes qw(time);
use TimeLimit;

use constant {
    DEFAULT_TIMEOUT => 30,
    READ_SIZE       => 1 << 18,
    PULL_BATCH      => 10_000,
};

my $json = JSON::PP->new->utf8->canonical;
my $next_inbox = 0;

# Options: host, port, timeout, user, pass, token, name.
sub connect {
    my ($class, %options) = @_;
    my $timeout = time_limit($options{timeout} // DEFAULT_TIMEOUT);
    my $socket  = IO::Socket::INET->new(
        PeerHost => $options{host} // '127.0.0.1',
        PeerPort => $options{port},
        Proto    => 'tcp',
        Timeout  => $timeout,
    ) or die "could not connect to NATS on port $options{port}: $@\n";
    $socket->blocking(0);

    my $self = bless {
        socket  => $socket,
        select  => IO::Select->new($socket),
        timeout => $timeout,
        buffer  => '',
        queues  => {},       # messages that have come, by subscription id
        sid     => 0,
        pongs   => 0,
        inbox   => sprintf('_INBOX.%d.%d.%d', $$, int(rand(1e9)), $next_inbox++),
    }, $class;

    my $deadline = time() + $timeout;
    $self->_read_once($deadline) until $self->{buffer} =~ /\r\n/ || $self->{info};
    $self->_parse;
    my %connect = (
        verbose  => JSON::PP::false,
        pedantic => JSON::PP::false,
        headers  => JSON::PP::true,
        no_responders => JSON::PP::true,
        lang     => 'perl',
        version  => '1',
        protocol => 1,
        name     => $options{name} // 'test',
    );
    $connect{user}       = $options{user}  if defined $options{user};
    $connect{pass}       = $options{pass}  if defined $options{pass};
    $connect{auth_token} = $options{token} if defined $options{token};
    $self->_write('CONNECT ' . $json->encode(\%connect) . "\r\n");
    $self->flush;
    return $self;
}

# What the server said about itself.
sub info { return $_[0]{info} }

sub close {
    my ($self) = @_;
    CORE::close(delete $self->{socket}) if $self->{socket};
    return;
}

sub is_closed { return !$_[0]{socket} }
sub server_version { return $_[0]{info}{version} }

# Options: reply, headers (a hash of names and values).  Goes out at once; flush() waits until the
# server has taken it.
sub publish {
    my ($self, $subject, $payload, %options) = @_;
    $payload //= '';
    my $reply = defined $options{reply} ? "$options{reply} " : '';
    if (my $headers = $options{headers}) {
        my $block = "NATS/1.0\r\n"
          . join('', map { "$_: $headers->{$_}\r\n" } sort keys %$headers) . "\r\n";
        my $total = length($block) + length($payload);
        $self->_write("HPUB $subject $reply" . length($block) . " $total\r\n$block$payload\r\n");
    }
    else {
        $self->_write("PUB $subject $reply" . length($payload) . "\r\n$payload\r\n");
    }
    return;
}

# Waits until the server has seen all that was sent before.
sub flush {
    my ($self, $timeout) = @_;
    my $deadline = time() + ($timeout ? time_limit($timeout) : $self->{timeout});
    my $expected = $self->{pongs} + 1;
    $self->_write("PING\r\n");
    $self->_read_once($deadline), $self->_parse while $self->{pongs} < $expected;
    return;
}

# Returns the subscription's id.
sub subscribe {
    my ($self, $subject, %options) = @_;
    my $sid = ++$self->{sid};
    $self->{queues}{$sid} = [];
    my $queue = defined $options{queue} ? "$options{queue} " : '';
    $self->_write("SUB $subject $queue$sid\r\n");
    return $sid;
}

sub unsubscribe {
    my ($self, $sid) = @_;
    delete $self->{queues}{$sid};
    $self->_write("UNSUB $sid\r\n");
    return;
}

# The subscription's next message; undef if none comes in time.
sub next_message {
    my ($self, $sid, $timeout) = @_;
    my $queue    = $self->{queues}{$sid} or croak "no subscription $sid";
    my $deadline = time() + ($timeout ? time_limit($timeout) : $self->{timeout});
    until (@$queue) {
        $self->_parse;
        last if @$queue;
        $self->_read_once($deadline, 1) or return;
    }
    return shift @$queue;
}

# Asks and returns the answer; options: timeout, headers.
sub request {
    my ($self, $subject, $payload, %options) = @_;
    my $inbox = $self->{inbox} . '.' . ++$self->{requests};
    my $sid   = $self->subscribe($inbox);
    $self->publish($subject, $payload, reply => $inbox, headers => $options{headers});
    my $answer = $self->next_message($sid, $options{timeout});
    $self->unsubscribe($sid);
    die "no answer to a request on $subject\n" unless $answer;
    die "nobody listens on $subject\n" if ($answer->{status} // '') eq '503';
    return $answer;
}

# --- JetStream ---------------------------------------------------------------------------------

# Calls $JS.API.<name> and returns the decoded answer; dies if that is an error.
sub api {
    my ($self, $name, $body, %options) = @_;
    my $answer =
      $self->request("\$JS.API.$name", defined $body ? $json->encode($body) : '', %options);
    my $decoded = $json->decode($answer->{payload});
    die "JetStream refuses $name: $decoded->{error}{description} ($decoded->{error}{err_code})\n"
      if $decoded->{error};
    return $decoded;
}

# Any field of a stream's configuration; times in nanoseconds, as JetStream wants them.
sub create_stream {
    my ($self, %config) = @_;
    my %full = (retention => 'limits', storage => 'file', num_replicas => 1, %config);
    return $self->api("STREAM.CREATE.$full{name}", \%full);
}

sub update_stream {
    my ($self, $stream, %changes) = @_;
    return $self->api("STREAM.UPDATE.$stream", {%{$self->stream_info($stream)->{config}}, %changes});
}

# undef if there is no such stream.
sub stream_info {
    my ($self, $stream) = @_;
    my $info = eval { $self->api("STREAM.INFO.$stream") };
    die $@ if !$info && $@ !~ /\(10059\)/;
    return $info;
}

# How many messages the stream holds; 0 if there is no such stream.
sub stream_count {
    my ($self, $stream) = @_;
    my $info = $self->stream_info($stream);
    return $info ? $info->{state}{messages} : 0;
}

sub delete_stream { return $_[0]->api("STREAM.DELETE.$_[1]") }
sub purge_stream  { return $_[0]->api("STREAM.PURGE.$_[1]") }

# Calls $visit for every message that the stream holds now, in order:
# $visit->($seq, $subject, $header_block, $payload, $time).  Returns how many there were.
sub each_message {
    my ($self, $stream, $visit, %options) = @_;
    my $consumer = $self->_create_reader($stream, %options);
    my $total = $consumer->{num_pending};
    my $inbox = $self->{inbox} . '.' . ++$self->{requests};
    my $sid   = $self->subscribe($inbox);
    my ($seen, $asked) = (0, 0);
    $self->{visitors}{$sid} = sub {
        my ($subject, $reply, $headers, $payload) = @_;
        if ($headers =~ m{^NATS/1\.0 \d}) {    # this pull has ended: ask again
            $asked = $seen;
            return;
        }
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>,
        # and with two more fields before the stream (and a last one) on servers with domains.
        my @token = split /\./, $reply;
        my $first = @token > 9 ? 4 : 2;
        ++$seen;
        $visit->($token[$first + 3], $subject, $headers, $payload, $token[$first + 5]);
    };
    while ($seen < $total) {
        while ($asked < $total && $asked - $seen <= PULL_BATCH / 2) {
            my $batch = $total - $asked < PULL_BATCH ? $total - $asked : PULL_BATCH;
            $self->publish(
                "\$JS.API.CONSUMER.MSG.NEXT.$stream.$consumer->{name}",
                $json->encode({batch => $batch + 0, expires => 10_000_000_000}),
                reply => $inbox
            );
            $asked += $batch;
        }
        $self->_read_once(time() + $self->{timeout});
        $self->_parse;
    }
    delete $self->{visitors}{$sid};
    $self->unsubscribe($sid);
    $self->api("CONSUMER.DELETE.$stream.$consumer->{name}");
    return $seen;
}

# A consumer of all there is.  In a cluster it may be on a replica that has yet to catch up: then
# another one is made.
sub _create_reader {
    my ($self, $stream, %options) = @_;
    my %config = (
        ack_policy         => 'none',
        deliver_policy     => 'all',
        replay_policy      => 'instant',
        mem_storage        => JSON::PP::true,
        inactive_threshold => 60_000_000_000,
        %options,
    );
    my $least    = $options{filter_subject} ? 0 : $self->stream_count($stream);
    my $deadline = time() + $self->{timeout};
    while (1) {
        my $consumer =
          $self->api("CONSUMER.CREATE.$stream", {stream_name => $stream, config => \%config});
        return $consumer if $consumer->{num_pending} >= $least || time() > $deadline;
        $self->api("CONSUMER.DELETE.$stream.$consumer->{name}");
    }
}

# All messages of the stream, in order, as hashes: seq, subject, headers, payload, time.  None if
# there is no such stream.  Options: configuration of the consumer, such as filter_subject.
sub stream_messages {
    my ($self, $stream, %options) = @_;
    return unless $self->stream_info($stream);
    my @messages;
    $self->each_message(
        $stream,
        sub {
            my ($seq, $subject, $headers, $payload, $time) = @_;
            push @messages,
              {
                seq     => $seq + 0,
                subject => $subject,
                headers => parse_headers($headers),
                payload => $payload,
                time    => $time + 0,
              };
        },
        %options
    );
    return @messages;
}

# Waits until the stream holds at least so many messages.  Returns how many; dies in the end.
sub wait_for_messages {
    my ($self, $stream, $count, $timeout) = @_;
    my $deadline = time() + ($timeout ? time_limit($timeout) : $self->{timeout});
    while (1) {
        my $have = $self->stream_count($stream);
        return $have if $have >= $count;
        die "stream $stream holds $have messages, $count were expected\n" if time() > $deadline;
        select undef, undef, undef, 0.01;
    }
}

# "NATS/1.0\r\nName: value\r\n..." as a hash.  A name that comes twice has a list as its value.
sub parse_headers {
    my ($block) = @_;
    my %headers;
    while ($block =~ /\G(?:NATS[^\r\n]*)?\r\n([^:\r\n]+): *([^\r\n]*)(?=\r\n)/gc) {
        my ($name, $value) = ($1, $2);
        if (exists $headers{$name}) {
            $headers{$name} = [$headers{$name}] unless ref $headers{$name};
            push @{$headers{$name}}, $value;
        }
        else {
            $headers{$name} = $value;
        }
    }
    return \%headers;
}

# --- The wire ----------------------------------------------------------------------------------

sub _write {
    my ($self, $data) = @_;
    my $deadline = time() + $self->{timeout};
    my $offset   = 0;
    while ($offset < length $data) {
        my $socket = $self->{socket} or die "the connection to NATS is closed\n";
        my $written = syswrite $socket, $data, length($data) - $offset, $offset;
        if (defined $written) {
            $offset += $written;
        }
        elsif ($! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR) {
            die "NATS takes no more data\n" if time() > $deadline;
            # It may be waiting for us to read.
            $self->_read_once(time() + 0.01, 1);
        }
        else {
            $self->_fail("could not write to NATS: $!");
        }
    }
    return;
}

# Waits for data and appends it to the buffer.  When none comes in time: dies, or returns false if
# that is no trouble.
sub _read_once {
    my ($self, $deadline, $may_time_out) = @_;
    my $socket = $self->{socket} or die "the connection to NATS is closed\n";
    while (1) {
        my $got = sysread $socket, $self->{buffer}, READ_SIZE, length $self->{buffer};
        return 1 if $got;
        $self->_fail('NATS closed the connection') if defined $got;
        $self->_fail("could not read from NATS: $!")
          unless $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
        my $left = $deadline - time();
        if ($left <= 0) {
            return 0 if $may_time_out;
            die "NATS did not answer in time\n";
        }
        $self->{select}->can_read($left);
    }
}

# Takes all whole protocol messages out of the buffer.
sub _parse {
    my ($self) = @_;
    my $at = 0;    # where the rest of the buffer begins
    my $size = length $self->{buffer};
    for ($self->{buffer}) {
        while ($at < $size) {
            pos = $at;
            last unless /\G([^\r\n]*)\r\n/gc;
            my $line  = $1;
            my $after = pos;
            my $verb  = substr $line, 0, 4;
            if ($verb eq 'HMSG' || $verb eq 'MSG ') {
                my @word    = split ' ', $line;
                my $total   = $word[-1];
                my $header  = $verb eq 'HMSG' ? $word[-2] : 0;
                last if $size < $after + $total + 2;
                my $reply = @word == ($header ? 6 : 5) ? $word[3] : undef;
                my $block   = substr $_, $after, $header;
                my $payload = substr $_, $after + $header, $total - $header;
                $after += $total + 2;
                my $sid = $word[2];
                if (my $visitor = $self->{visitors}{$sid}) {
                    $visitor->($word[1], $reply // '', $block, $payload);
                }
                elsif (my $queue = $self->{queues}{$sid}) {
                    my ($status) = $block =~ m{^NATS/1\.0 (\d+)};
                    push @$queue,
                      {
                        subject => $word[1],
                        reply   => $reply,
                        status  => $status,
                        headers => parse_headers($block),
                        payload => $payload,
                      };
                }
            }
            elsif ($verb eq 'PING') { $self->{pongs_due}++ }
            elsif ($verb eq 'PONG') { $self->{pongs}++ }
            elsif ($verb eq 'INFO') { $self->{info} = $json->decode(substr $line, 5) }
            elsif ($verb eq '-ERR') { $self->_fail("NATS says: $line") }
            $at = $after;
        }
    }
    substr($self->{buffer}, 0, $at, '') if $at;
    while ($self->{pongs_due}) {
        $self->{pongs_due}--;
        $self->_write("PONG\r\n");
    }
    return;
}

sub _fail {
    my ($self, $text) = @_;
    $self->close;
    die "$text\n";
}

1;
