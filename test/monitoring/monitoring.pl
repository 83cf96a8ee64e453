# SPDX-License-Identifier: PostgreSQL
#
# examples/monitoring against real ones: Postgres, nats-server, prometheus-postgres-exporter and
# Prometheus.  Both ways of asking give the same figures, each query of the dashboard has a result, and
# the alerts see a broker that is away and a message that cannot be stored.

use strict;
use warnings;

use File::Temp ();
use FraiseqlNode;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use TimeLimit;

my $example = 'examples/monitoring';
my $folder  = File::Temp::tempdir(CLEANUP => 1);
my $http    = HTTP::Tiny->new(timeout => 10);
my %running;

my $nats = NatsServer->new(config => 'max_payload: 32768');
my $node = FraiseqlNode->new_node('main', $nats);
$node->append_conf('postgresql.conf', 'max_slot_wal_keep_size = 4GB');
$node->restart;
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE TABLE tb_order (id int PRIMARY KEY, note text);
SELECT fraiseql_nats.create_stream('notes', '{note.>}');
SELECT fraiseql_nats.observe('tb_order');
SELECT fraiseql_nats.observe('tb_order', subject => 'note.{column:id}', name => 'notes', filter => 'id % 2 = 0');
INSERT INTO tb_order SELECT g, 'x' FROM generate_series(1, 100) g;
});
$node->wait_drained('postgres');

my $exporter   = start_exporter();
my $prometheus = start_prometheus();
until_true('Prometheus has the figures', sub { value('min(fraiseql_nats_up)') });

# Both ways say the same.
my @samples = samples();
cmp_ok(scalar @samples, '>', 60, 'metrics() has samples');
until_true('each sample of metrics() is in Prometheus, with its labels and its value', sub {
    my @missing = grep { !same($_) } @samples = samples();
    diag('not the same: ', join "\n", @missing) if @missing && $_[0];
    return !@missing;
});

# What node_exporter reads is the text format of Prometheus.
my $text = $node->safe_psql('postgres', 'SET ROLE monitor; SELECT fraiseql_nats.metrics()') =~ s/ stateset$/ gauge/mgr;
my $verdict = '';
IPC::Run::run(['promtool', 'check', 'metrics'], '<', \"$text\n", '>&', \$verdict);
unlike($verdict, qr/error while/, 'a collector of text files can read metrics(), too') or diag($verdict);

my $dashboard = decode(slurp_file("$example/dashboard.json"));
for my $panel (@{$dashboard->{panels}}) {
    for my $target (@{$panel->{targets}}) {
        my $expression = $target->{expr} =~ s/\$__rate_interval/10s/gr =~ s/"\$(?:database|stream)"/".*"/gr;
        until_true("panel \"$panel->{title}\": $target->{expr}", sub {
            $node->safe_psql('postgres', 'UPDATE tb_order SET note = note');
            return defined value($expression);
        });
    }
}

my $rules = rules();
is(join(' ', map { $_->{name} } grep { $_->{health} ne 'ok' } values %$rules), '', 'each alert can be evaluated');
is(join(' ', grep { $rules->{$_}{state} ne 'inactive' } sort keys %$rules), '', 'and none has anything to say');

$node->safe_psql('postgres', q{INSERT INTO tb_order VALUES (200, repeat('large ', 20000))});
until_true('a dead letter fires', sub { state('FraiseqlNatsDeadLetters') eq 'firing' });
$nats->stop;
until_true('a broker that is away is seen', sub { state('FraiseqlNatsNotPublishing') eq 'pending' });
$nats->start;
until_true('and that it is back', sub { state('FraiseqlNatsNotPublishing') eq 'inactive' });
$node->safe_psql('postgres', q{SELECT fraiseql_nats.pause('notes')});
until_true('a paused stream is', sub { state('FraiseqlNatsPaused') eq 'pending' });
is(state('FraiseqlNatsNotPublishing'), 'inactive', 'and is not said to be broken');

$node->stop;
done_testing();

sub start_exporter {
    my $port = NatsServer::free_port();
    local $ENV{DATA_SOURCE_NAME} = "host=${\ $node->host} port=${\ $node->port} user=monitor dbname=postgres sslmode=disable";
    start('exporter', 'prometheus-postgres-exporter', '--disable-default-metrics', '--disable-settings-metrics',
        "--extend.query-path=$example/queries.yaml", "--web.listen-address=127.0.0.1:$port");
    return "127.0.0.1:$port";
}

sub start_prometheus {
    my $port   = NatsServer::free_port();
    my $config = slurp_file("$example/prometheus.yml");
    $config =~ s/localhost:9187/$exporter/;
    $config =~ s/15s/1s/g;
    append_to_file("$folder/prometheus.yml", $config);
    append_to_file("$folder/alerts.yml",     slurp_file("$example/alerts.yml"));
    start('prometheus', 'prometheus', "--config.file=$folder/prometheus.yml", "--storage.tsdb.path=$folder/data",
        "--web.listen-address=127.0.0.1:$port");
    return "http://127.0.0.1:$port/api/v1";
}

sub start {
    my ($name, @command) = @_;
    $running{$name} = IPC::Run::start(\@command, '<', \undef, '>&', "$folder/$name.log");
    return;
}

sub decode { return JSON::PP->new->utf8->decode($_[0]) }

sub get {
    my ($path) = @_;
    my $answer = $http->get("$prometheus/$path");
    return if !$answer->{success} && $answer->{status} != 400 && $answer->{status} != 422;
    my $result = decode($answer->{content});
    die "$path: $result->{error}" if $result->{status} ne 'success';
    return $result->{data};
}

# What an expression gives now: a list of {metric, value}.
sub query {
    my ($expression) = @_;
    my $data = get('query?' . $http->www_form_urlencode({query => $expression})) or return;
    return @{$data->{result}};
}

sub value {
    my ($expression) = @_;
    my ($first) = query($expression);
    return $first && $first->{value}[1];
}

sub rules {
    my %rules = map { $_->{name} => $_ } map { @{$_->{rules}} } @{get('rules')->{groups}};
    return \%rules;
}

sub state { return rules()->{$_[0]}{state} }

# The samples of metrics(), as "name{labels} value".
sub samples {
    my $text = $node->safe_psql('postgres', 'SET ROLE monitor; SELECT fraiseql_nats.metrics()');
    return grep { !/^#/ } split /\n/, $text;
}

sub same {
    my ($sample) = @_;
    my ($series, $value) = $sample =~ /^(\S+\{.*\}) (\S+)$/ or die "no sample: $sample";
    my $found = value($series);
    return defined $found && abs($found - $value) <= 1e-6 * abs $value;
}

sub until_true {
    my ($name, $condition) = @_;
    my $deadline = time() + time_limit(180);
    my $holds;
    until ($holds = $condition->()) {
        last if time() > $deadline;
        select undef, undef, undef, 0.2;
    }
    $condition->(1) unless $holds;
    ok($holds, $name) or diag(map { "the end of ${_}'s log:\n" . substr slurp_file("$folder/$_.log"), -1500 } keys %running);
    return;
}

END {
    my $status = $?;
    $_->kill_kill for values %running;
    $? = $status;
}
