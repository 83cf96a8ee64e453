# SPDX-License-Identifier: PostgreSQL
#
# Whatever stands where the NATS server should be: the worker neither dies nor grows, the log stays clean
# and short, and as soon as the server is there again everything goes on, with nothing lost and nothing twice.

use strict;
use warnings;

use FraiseqlNode;
use HostileBroker;
use JSON::PP;
use Math::BigInt;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use TimeLimit;

use constant {
    MAX_GROWTH_MB => 40,       # of the worker, whatever it is sent
    MAX_LOG       => 4000,     # bytes, for one way to be wrong
    SEEN_ENOUGH   => 3,        # times that it was done
    PATIENCE      => 1.5,      # seconds, for it to be done so often
};

my $ansi = "\e[2J\e[31mFATAL:  the disk is full\e[0m\a";
my $deep = 400_000;

# Helpers: each returns a function for HostileBroker.
sub says {
    my ($text) = @_;
    return sub { $_[0]->bad; $_[0]->say($text) };
}

sub says_and_ends {
    my ($text) = @_;
    return sub { $_[0]->bad; $_[0]->say($text); $_[0]->end };
}

# For ever, as fast as it is read.
sub floods {
    my ($text, %options) = @_;
    my $chunk = $text x (1 + int((1 << 20) / length $text));
    return sub {
        my ($c) = @_;
        $c->bad;
        $c->say("PONG\r\n");
        $c->deaf if $options{deaf};
        $c->{tick} = sub { $_[0]->say(ref $text ? $text->($_[0]) : $chunk) };
    };
}

sub drips {
    my ($text) = @_;
    return sub {
        my ($c) = @_;
        $c->bad;
        my $at = 0;
        $c->{tick} = sub { $_[0]->say(substr $text, $at++, 1) if $at < length $text };
    };
}

# Answers to STREAM.INFO.
sub tells {
    my ($answer) = @_;
    return (
        api => sub {
            my ($c, $subject, $reply) = @_;
            return $c->honest($subject) if $subject !~ /STREAM\.INFO/;
            $c->bad;
            return ref $answer ? $answer->($c, $reply) : $answer;
        }
    );
}

# Answers with what the real server says of the stream, but for what $change does.
sub tells_of_stream {
    my ($change) = @_;
    return tells(sub {
        my $info = $_[0]->stream_info;
        $change->($info);
        return JSON::PP->new->allow_bignum->encode($info);
    });
}

# Has the worker look through the stream, which is said to be longer than it is, and answers that.
sub delivers {
    my ($created, $next) = @_;
    return (
        api => sub {
            my ($c, $subject, $reply) = @_;
            if ($subject =~ /STREAM\.INFO/) {
                my $info = $c->stream_info;
                $info->{state}{last_seq} += 1000;
                return JSON::PP->new->allow_bignum->encode($info);
            }
            if ($subject =~ /CONSUMER\.CREATE/) {
                $c->bad unless $next;
                return $created;
            }
            return $c->honest($subject) unless $next && $subject =~ /MSG\.NEXT\.\w+\.(\S+)/;
            $c->bad;
            return $next->($c, $reply, $1);
        }
    );
}

sub reply_subject {
    my ($consumer, $sequence) = @_;
    return "\$JS.ACK.fraiseql_events.$consumer.1.$sequence.1." . int(time() * 1e9) . '.5';
}

# Answers to what is published.
sub acks {
    my ($answer) = @_;
    return (
        publish => sub {
            my ($c, $subject, $reply) = @_;
            return if $reply eq '';
            $c->bad;
            $c->answer($reply, $answer);
        }
    );
}

sub lies {
    my ($from, $to) = @_;
    return (
        twist => sub {
            my ($c, $payload) = @_;
            $c->bad if $payload =~ s/$from/$to/;
            return $payload;
        }
    );
}

my $zeros = "\0" x 100_000;
my $tls   = "\x15\x03\x01\x00\x02\x02\x46";
my $info  = sub { my ($key, $value) = @_; return sub { $_[0]->bad; $_[1]{$key} = $value; return $_[1] } };
my $inbox = sub { my ($c) = @_; my ($pattern) = map { "$_->[0]" } @{$c->{inboxes}}; $pattern =~ s/^.*?\^|\[.*$|\\|\$.*$//g; return $pattern };

my @wrongs = (
    # What is no NATS server.
    {name => 'closes at once',            accept => says_and_ends('')},
    {name => 'says nothing',              accept => says('')},
    {name => 'says bytes',                accept => says(join '', map { chr } 0 .. 255)},
    {name => 'says zeros',                accept => says($zeros)},
    {name => 'speaks HTTP',               accept => says_and_ends("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")},
    {name => 'speaks TLS',                accept => says($tls)},
    {name => 'never ends its line',       accept => floods('x')},
    {name => 'answers with our own words', accept => says("CONNECT {}\r\nPING\r\n")},
    {name => 'begins with an error',      accept => says_and_ends("-ERR '$ansi'\r\n")},
    {name => 'drips',                     accept => drips("INFO {\"server_id\":\"$ansi\"" . ' ' x 1000)},

    # INFO that is wrong.
    {name => 'INFO is no JSON',           accept => says("INFO {\"max_payload\":\r\n")},
    {name => 'INFO is empty',             accept => says("INFO \r\n")},
    {name => 'INFO is nested',            accept => says('INFO ' . '{"a":' x 20_000 . "\r\n")},
    {name => 'INFO has wrong types',      accept => says("INFO {\"max_payload\":[],\"headers\":7,\"port\":\"x\",\"nonce\":{}}\r\n")},
    {name => 'a negative max_payload',    info => $info->('max_payload', -1)},
    {name => 'max_payload of 0',          info => $info->('max_payload', 0)},
    {name => 'wants TLS and has none',    info => $info->('tls_required', JSON::PP::true)},
    {name => 'wants a nonce signed',      info => $info->('nonce', $ansi x 1000)},
    {name => 'tells names of servers',    info => sub {
        my ($c, $told) = @_;
        $told->{connect_urls} = [map { "$ansi$_:4222" } 1 .. 200];
        $told->{$_} = $ansi for qw(server_name version cluster domain);
        $c->{connect_ends} = 1;
        return $told;
    }, connect => says_and_ends("-ERR '$ansi'\r\n")},
    {name => 'INFO again and again',      connect => floods("INFO {\"server_id\":\"$ansi\",\"ldm\":true}\r\n")},

    # The first words.
    {name => 'an error of colours',       connect => says_and_ends("-ERR '$ansi'\r\n")},
    {name => 'an error of 1 MB',          connect => says_and_ends("-ERR '" . 'no ' x 350_000 . "'\r\n")},
    {name => 'another error each time',   connect => sub { $_[0]->bad; $_[0]->say("-ERR 'the error of " . time() . "'\r\n"); $_[0]->end }, enough => 30},
    {name => 'no PONG',                   connect => says('')},
    {name => 'closes instead of PONG',    connect => says_and_ends('')},
    {name => 'greets with bytes',         greet => says("\xFF\xFE" x 1000 . "\r\n")},
    {name => 'greets with TLS',           greet => says($tls)},
    {name => 'greets with an error',      greet => says("-ERR '$ansi'\r\n")},
    {name => 'errors without end',        greet => floods("-ERR 'Permissions Violation for Subscription to \"$ansi\"'\r\n")},
    {name => 'a line without end',        greet => floods('MSG ')},
    {name => 'a message of -1 bytes',     greet => says("MSG a 2 -1\r\n\r\n")},
    {name => 'a message of 2^62 bytes',   greet => says("MSG a 2 4611686018427387904\r\n")},
    {name => 'a message of 2^64 bytes',   greet => says("MSG a 2 18446744073709551616\r\n")},
    {name => 'headers longer than all',   greet => says("HMSG a 2 100 10\r\n0123456789\r\n")},
    {name => 'a message in too few words', greet => says("MSG a\r\n\r\n")},
    {name => 'a message in too many',     greet => says("MSG a 2 b c d e 0\r\n\r\n")},
    {name => 'a message that goes on',    greet => says("MSG a 2 1\r\nabcdef\r\n")},
    {name => 'PING, and is deaf',         greet => floods("PING\r\n", deaf => 1)},
    {name => 'PONG without end',          greet => floods("PONG\r\n")},
    {name => '+OK without end',           greet => floods("+OK\r\n")},
    {name => 'lines that are nothing',    greet => floods("\r\n")},
    {name => 'answers nobody asked for',  greet => sub {
        my ($c) = @_;
        floods('MSG ' . $inbox->($c) . ".99 2 1000\r\n" . 'x' x 1000 . "\r\n")->($c);
    }},

    # What it says of the stream.
    {name => 'an answer of nothing',      tells('')},
    {name => 'an answer that is no JSON', tells('{"config":')},
    {name => 'an answer of 8 MB',         tells('{"a":"' . 'x' x 8_000_000 . '"}')},
    {name => 'nested JSON',               tells('{"a":' . '[' x $deep . ']' x $deep . '}')},
    {name => 'nested JSON in config',     tells('{"config":' . '{"a":' x 160_000 . '1' . '}' x 160_000 . '}')},
    {name => 'a million values',          tells('{"config":{"a":[' . '0,' x 1_000_000 . '0]}}')},
    {name => 'an array',                  tells('[{"error":1}]')},
    {name => 'an error in colours',       tells(JSON::PP->new->ascii->encode({error => {code => 500, err_code => 1, description => $ansi x 1000}}))},
    {name => 'an error out of range',     tells('{"error":{"code":99999999999999999999,"err_code":-99999999999,"description":"\u0000"}}')},
    {name => 'an answer to nobody',       tells(sub { $_[0]->answer("$_[1]9", '{}'); return })},
    {name => 'half an answer',            tells(sub { $_[0]->say("MSG $_[1] 2 100\r\n{"); $_[0]->end; return })},
    {name => 'nobody there',              tells(sub { $_[0]->answer($_[1], '', "NATS/1.0 503\r\n\r\n"); return })},
    {name => 'headers of bytes',          tells(sub { $_[0]->answer($_[1], '{}', "\r\n:\r\n\0:$ansi\r\nStatus"); return })},
    {name => 'a place of 2^64-1',         tells_of_stream(sub { $_[0]{state}{last_seq} = Math::BigInt->new('18446744073709551615') })},
    {name => 'a place of -1',             tells_of_stream(sub { $_[0]{state}{last_seq} = -1 })},
    {name => 'no place at all',           tells_of_stream(sub { delete $_[0]{state} })},
    {name => 'made in two lines',         tells_of_stream(sub { $_[0]{created} = "2026\n1 x 7 8" })},
    {name => 'never made',                tells_of_stream(sub { delete $_[0]{created} })},

    # How it lets one look through the stream.
    {name => 'a consumer without name',   delivers('{}')},
    {name => 'a consumer of two lines',   delivers('{"name":"a\r\nPUB fraiseql.x 0\r\n\r\n","num_pending":5}')},
    {name => 'a stream that goes back',   delivers('{"name":"c","num_pending":5}', sub {
        my ($c, $reply, $consumer) = @_;
        my $end = $c->stream_info->{state}{last_seq};
        $c->answer('x', '', "NATS/1.0\r\n\r\n", reply_subject($consumer, $_)) for $end + 2, $end + 1;
        return;
    })},
    {name => 'places that are none',      delivers('{"name":"c","num_pending":5}', sub {
        my ($c, $reply, $consumer) = @_;
        $c->answer('x', '', "NATS/1.0\r\n\r\n", reply_subject($consumer, $_)) for qw(-1 x 18446744073709551615);
        $c->answer($reply, '', "NATS/1.0 500 $ansi\r\n\r\n");
        return;
    })},
    {name => 'signs of life, no stream',  delivers('{"name":"c","num_pending":5}', sub {
        my ($c, $reply) = @_;
        $c->answer($reply, '', "NATS/1.0 100 Idle Heartbeat\r\n\r\n") for 1 .. 1000;
        $c->end;
        return;
    })},

    # What it says of messages.
    {name => 'stored at 2^64-1',          acks('{"stream":"fraiseql_events","seq":18446744073709551615}')},
    {name => 'stored at 2^62',            acks('{"stream":"fraiseql_events", "seq":4611686018427387904}')},
    {name => 'stored at -1',              acks('{"stream":"fraiseql_events","seq":-1}')},
    {name => 'stored at 0',               acks('{"stream":"fraiseql_events","seq":0}')},
    {name => 'stored nowhere',            acks('{"seq":7}')},
    {name => 'stored in another stream',  acks("{\"stream\":\"$ansi\",\"seq\":7}")},
    {name => 'refused in colours',        acks("{\"error\":{\"code\":503,\"err_code\":7,\"description\":\"$ansi\"}}")},
    {name => 'stored in nested JSON',     acks('{"stream":' x $deep)},
    {name => 'acknowledges what was not sent', publish => sub {
        my ($c, $subject, $reply) = @_;
        $c->bad;
        my ($prefix, $number) = $reply =~ /^(.*\.)(\d+)$/;
        $c->answer($prefix . ($number + $_), '{"stream":"fraiseql_events","seq":7}') for 1 .. 200, 2**40, 2**63 - $number;
        $c->answer("${prefix}$_", '{"stream":"fraiseql_events","seq":7}') for qw(x -1 18446744073709551616);
    }},
    {name => 'half an acknowledgement',   publish => sub {
        my ($c, $subject, $reply) = @_;
        $c->bad;
        $c->say("MSG $reply 1 41\r\n{\"stream\":\"fraiseql_ev");
        $c->end;
    }},
    {name => 'an error in between',       publish => says("-ERR '$ansi'\r\n")},
    {name => 'PING at every message',     publish => floods("PING\r\n", deaf => 1)},

    # The real server, with something in between.
    {name => 'changes the place in acknowledgements', lies(qr/("seq": ?)\d+/, '${1}18446744073709551615')},
    {name => 'changes the name in acknowledgements',  lies(qr/"fraiseql_events", ?"seq"/, '"\u001b[2J","seq"')},
    {name => 'cuts acknowledgements',     twist => sub { my ($c, $p) = @_; return $p unless $p =~ /"seq": ?\d+\}$/; $c->bad; return substr $p, 0, 20 }},
    {name => 'loses acknowledgements',    twist => sub { my ($c, $p) = @_; return $p unless $p =~ /"seq": ?\d+\}$/; $c->bad; return }},
    {name => 'makes the stream longer',   lies(qr/"last_seq":\d+/, '"last_seq":18446744073709551615')},
);

my $nats   = NatsServer->new;
my $broker = HostileBroker->new($nats, @wrongs);
my $node   = FraiseqlNode->new_node(
    'main', $broker,
    'fraiseql_nats.reconnect_delay_max' => '20ms',
    'fraiseql_nats.connect_timeout'     => '300ms',
    'fraiseql_nats.ack_timeout'         => '300ms',
    'fraiseql_nats.stream_manage'       => 'off',
);
$nats->create_stream(name => 'fraiseql_events', subjects => ['fraiseql.>']);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $session = $node->background_psql('postgres');
$session->query_safe("INSERT INTO tb_item (session, n) VALUES (0, 0)");
$node->wait_drained('postgres');
my $worker = $node->worker_pid('postgres');

sub memory_mb {
    return 1e9 unless -r "/proc/$worker/status";
    my ($kb) = slurp_file("/proc/$worker/status") =~ /^VmRSS:\s+(\d+) kB/m or return 1e9;
    return $kb / 1024;
}

my $memory = memory_mb();
for my $number (0 .. $#wrongs) {
    my $name   = $wrongs[$number]{name};
    my $offset = -s $node->logfile;
    my ($most, $done) = (0, 0);
    $broker->be($number);
    $session->query_safe("INSERT INTO tb_item (session, n) VALUES (1, $number)");
    my $until = time() + time_limit(PATIENCE);
    my $enough = $wrongs[$number]{enough} // SEEN_ENOUGH;
    while (($done = $broker->done) < $enough && time() < $until) {
        select undef, undef, undef, 0.02;
        my $now = memory_mb();
        $most = $now if $now > $most;
    }
    $broker->be(undef);
    my $ok = eval { $session->query_safe('SELECT 1'); FraiseqlNode::wait_until("$name: is over", sub {
        $session->query_safe(q{SELECT state = 'streaming' AND in_flight = 0 AND lag_seconds = 0 FROM fraiseql_nats.status()}) eq 't' }, 10); 1 };
    diag($@) unless $ok;
    my $log   = substr slurp_file($node->logfile), $offset;
    my $grown = $most - $memory;
    my @bad;
    push @bad, 'it was not done'                           unless $done;
    push @bad, 'publishing does not go on'                 unless $ok;
    push @bad, "the worker has grown by $grown MB"         if $grown > MAX_GROWTH_MB;
    push @bad, 'the worker has died'                       unless -d "/proc/$worker";
    push @bad, 'the log has control characters'            if $log =~ /[^\n\t -~]/;
    push @bad, 'the log has ' . length($log) . ' bytes'    if length $log > MAX_LOG;
    push @bad, 'the log has errors'                        if $log =~ /(?:ERROR|FATAL|PANIC|TRAP):/ && $log !~ /LOG:.*FATAL:  the disk/;
    ok(!@bad, $name) or diag(join("\n", @bad, substr($log, 0, 2000)));
    last unless -d "/proc/$worker";
}

$node->stream_equals_ledger('postgres', $nats, 'nothing is lost, nothing twice');
is($node->worker_pid('postgres'), $worker, 'and the worker is the one of the beginning');
cmp_ok(scalar(@wrongs), '>=', 40, 'there are many ways to be wrong');
$session->quit;

done_testing();
