# SPDX-License-Identifier: PostgreSQL
#
# What README and doc tell to type works, in the order in which it stands there, and gives what they say:
# the quick start, each block of SQL and of TOML, and the table of types.

use strict;
use warnings;

use File::Temp ();
use FraiseqlNode;
use IPC::Run ();
use JSON::PP;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use TimeLimit;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.max_workers' => 20, max_worker_processes => 40,
    max_replication_slots => 40);

# What the pages take for granted: a table of each name that they use, whose columns they do.
my $tables = q{
CREATE TABLE tb_order (id int PRIMARY KEY DEFAULT 1, region text DEFAULT 'eu', total numeric DEFAULT 200,
                       status text DEFAULT 'pending');
CREATE TABLE tb_click (id int PRIMARY KEY DEFAULT 1, page text DEFAULT 'home');
CREATE TABLE tb_stock (product text PRIMARY KEY DEFAULT 'apple', pieces int DEFAULT 1);
CREATE TABLE account (id int PRIMARY KEY DEFAULT 1, balance numeric DEFAULT 100);
};
my $rows = q{INSERT INTO tb_order DEFAULT VALUES; INSERT INTO tb_click DEFAULT VALUES; INSERT INTO tb_stock DEFAULT VALUES;};
my $more = q{INSERT INTO tb_order (id) VALUES (2); INSERT INTO tb_click (id) VALUES (2); INSERT INTO tb_stock (product) VALUES ('pear');};

# Page -> what it needs before, what happens after its statements, and the subjects that are then in a
# stream, in order; those of the streams, by name.
my %pages = (
    'README.md'      => {before => $rows, after => $more, streams => {
        fraiseql_events => ['fraiseql.mail.send', (qw(fraiseql.orders.eu.created fraiseql.order.created)) x 2],
        clicks => ['click.home'], KV_stock => ['$KV.stock.pear']}},
    'doc/observe.md' => {after => $rows, streams => {fraiseql_events => ['fraiseql.orders.eu.created']}},
    'doc/topics.md'  => {after => q{DO $$ BEGIN PERFORM pg_notify('order_created', '{"order_id": 1}'); END $$;}, streams => {
        fraiseql_events => ['fraiseql.order.created']}},
    'doc/publish.md' => {before => 'INSERT INTO account DEFAULT VALUES', streams => {fraiseql_events => ['fraiseql.mail.send']}},
    'doc/backfill.md' => {before => "SELECT fraiseql_nats.observe('tb_order', name => 'tb_order.insert'); INSERT INTO tb_order (id, region) VALUES (1, 'eu'), (2, 'us')",
        streams => {fraiseql_events => [('fraiseql.mutation.Order.INSERT') x 2, ('fraiseql.mutation.Order.SNAPSHOT') x 3]}},
    'doc/buckets.md' => {before => $rows, after => 'DELETE FROM tb_order', streams => {KV_orders => ['$KV.orders.1']}},
    'doc/streams.md' => {before => $rows, after => $more, streams => {
        orders => [qw(order.eu.checked order.eu.created)], clicks => ['click.home'], KV_stock => ['$KV.stock.apple', '$KV.stock.pear']}},
    'doc/consumers.md'    => {streams => {}},
    'doc/dead-letters.md' => {streams => {}},
    'doc/operate.md'      => {streams => {}},
    'doc/statistics.md'   => {streams => {}},
);

for my $page ('README.md', sort glob 'doc/*.md') {
    my @statements = sql_of($page);
    my $expected   = delete $pages{$page};
    is(!!@statements, !!$expected, "$page has SQL that is tested, or none") or next;
    next unless @statements;
    subtest($page => sub { try_page($page, $expected, @statements) });
}
is_deeply([keys %pages], [], 'each page is there');
check_types();
check_files();
quick_start();
$node->stop;
done_testing();

sub blocks_of {
    my ($page) = @_;
    my (@blocks, $inside);
    for my $line (split /\n/, slurp_file($page)) {
        if ($line !~ /^(?:    |$)/ || ($line eq '' && !$inside)) {
            $inside = 0;
            next;
        }
        push @blocks, '' unless $inside;
        $blocks[-1] .= $line =~ s/^    //r . "\n";
        $inside = 1;
    }
    return @blocks;
}

# The statements of the blocks that are nothing but SQL.
sub sql_of {
    my ($page) = @_;
    my @statements;
    for my $block (blocks_of($page)) {
        (my $code = $block) =~ s/^ *--.*\n//mg;
        next unless $code =~ /^\s*(?:SELECT|CALL|BEGIN|ALTER|CREATE|UPDATE|INSERT)\b.*;/s;
        # What follows the statements in another language is of others.
        $code =~ s/^(?:PERFORM|#|await|nats ).*\n//mg;
        push @statements, $code;
    }
    return @statements;
}

sub try_page {
    my ($page, $expected, @statements) = @_;
    (my $database = lc "of $page") =~ s/\W/_/g;
    for my $stream (map { $_->{config}{name} } @{$nats->client->api('STREAM.LIST')->{streams} // []}) {
        $nats->client->delete_stream($stream);
    }
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->create_extension($database);
    $node->safe_psql($database, $tables . ($expected->{before} // ''));
    for my $statement (@statements) {
        # Of a later version than this server.
        next if $statement =~ /-- PostgreSQL (\d+)/ && $1 > int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000);
        # There is one server.
        $statement =~ s/replicas => 3/replicas => 1/;
        my ($code, $output, $error) = $node->psql($database, $statement);
        is($code, 0, $statement =~ s/\n.*//sr) or diag($error);
    }
    $node->wait_for_sql($database, "SELECT bool_and(state = 'streaming') FROM fraiseql_nats.status()", "$page: all streams are ready", 60);
    $node->safe_psql($database, $expected->{after}) if $expected->{after};
    $node->wait_drained($database);
    for my $stream (sort keys %{$expected->{streams}}) {
        my @found = map { $_->{subject} } $nats->stream_messages($stream);
        is(join(' ', @found), join(' ', @{$expected->{streams}{$stream}}), "what is in stream $stream");
    }
    $node->safe_psql($database, 'DROP EXTENSION fraiseql_nats');
    return;
}

# The table of doc/types.md.
sub check_types {
    my @rows = map { [map { s/^`|`$//gr } split / \| /, s/^\| | \|$//gr] }
      grep { /^\| `/ } split /\n/, slurp_file('doc/types.md');
    cmp_ok(scalar @rows, '>', 25, 'the table of types has rows');
    # A server may be built without libxml.
    @rows = grep { $_->[0] ne 'xml' } @rows if $node->psql('postgres', q{SELECT '<a/>'::xml}) != 0;
    my @columns = map { "c$_ $rows[$_][0]" } 0 .. $#rows;
    $node->safe_psql('postgres', 'CREATE EXTENSION fraiseql_nats');
    $node->safe_psql('postgres', 'SELECT fraiseql_nats.create_preview_slot($$types$$, false)');
    $node->safe_psql('postgres', 'CREATE TABLE tb_types (' . join(', ', @columns) . ');'
          . "SELECT fraiseql_nats.observe('tb_types', format => 'row');"
          . 'INSERT INTO tb_types VALUES (' . join(', ', map { $_->[1] } @rows) . ')');
    my $payload = $node->safe_psql('postgres', q{SELECT payload FROM fraiseql_nats.messages('types') WHERE subject ~ 'Types'});
    for my $i (0 .. $#rows) {
        my $wanted = "\"c$i\":$rows[$i][2]";
        ok($payload =~ /[{,]\Q$wanted\E[,}]/, "$rows[$i][0] $rows[$i][1] is $rows[$i][2]") or diag($payload);
    }
    $node->safe_psql('postgres', 'SELECT fraiseql_nats.drop_preview_slot($$types$$)');
    return;
}

# The blocks of TOML are valid; where two files stand side by side, each of them.
sub check_files {
    my $count = 0;
    for my $page (glob 'doc/*.md') {
        for my $block (grep { /^\[+[a-z.]+\]/m } blocks_of($page)) {
            my $second = index $block, '# fraiseql-observer.toml';
            my @files  = $second < 0 ? $block : map { join "\n", @$_ } halves($second, $block);
            for my $text (@files) {
                $text =~ s/\$\{NATS_URL\}/nats:\/\/localhost/g;
                my $found = $node->safe_psql('postgres', "SELECT level, message FROM fraiseql_nats.validate_config(\$toml\$$text\$toml\$) WHERE level = 'error'");
                is($found, '', "$page: " . $text =~ s/\n/ /gr);
                ++$count;
            }
        }
    }
    cmp_ok($count, '>', 4, 'there are files');
    return;
}

# What stands left of a column, and what stands from there on.
sub halves {
    my ($column, $block) = @_;
    my @lines = split /\n/, $block;
    return [map { substr $_, 0, $column } @lines], [map { length > $column ? substr $_, $column : '' } @lines];
}

# Pasted from top to bottom, but for the packages and the build, with ports and folders of our own.
sub quick_start {
    my ($text) = slurp_file('README.md') =~ /## Quick start\n(.*?)\n## /s;
    my $folder = File::Temp::tempdir(CLEANUP => 1);
    my $port   = NatsServer::free_port();
    my $script = join '', $text =~ /^    (.*\n)/mg;
    $script =~ s/^sudo make packages.*\n//m or die 'the quick start does not begin with the packages';
    $script =~ s/^fraiseql\.mutation\.Order.*?(?=^kill)//ms or die 'the quick start does not show what arrives';
    $script =~ s{/tmp\b}{$folder}g;
    $script =~ s/nats-server -js/nats-server -p $port -js/g;
    $script =~ s/"wal_level = logical"/"wal_level = logical" "fraiseql_nats.url = 'nats:\/\/127.0.0.1:$port'"/;
    # A reader takes some time; a machine that is busy needs some.
    my $wait = q{DO 'BEGIN FOR i IN 1 .. 600 LOOP EXIT WHEN (SELECT state = ''streaming'' AND messages_acked >= 1 FROM fraiseql_nats.status()); PERFORM pg_sleep(0.1); END LOOP; END'};
    $script =~ s/^(?=SELECT \* FROM fraiseql_nats\.check)/$wait;\n/m or die 'the quick start does not check';
    $script =~ s/^(?=psql postgres -c "SELECT messages)/psql -qc "$wait" postgres\n/m or die 'the quick start does not count';
    local $ENV{PGPORT} = NatsServer::free_port();
    delete local $ENV{PGUSER};
    my $log = "$folder/output";
    # Interactive shells number their jobs, which %1 stands for.
    my $status = IPC::Run::run(['bash', '-c', "set -m\n$script"], '<', \undef, '>&', $log, IPC::Run::timeout(time_limit(120)));
    my $output = slurp_file($log);
    ok($status, 'the quick start ends well') or diag($output);
    like($output, qr/^ *ok *\|/m, 'check() finds that all is well') or diag($output);
    like($output, qr/waiting|connecting/, 'the broker is away');
    like($output, qr/ messages \n-+\n +2\n/, 'and in the end both messages are there') or diag($output);
    return;
}
