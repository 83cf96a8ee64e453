# SPDX-License-Identifier: PostgreSQL
#
# A backfill that is cancelled, or dies with its session or with the server, goes on behind its last
# chunk: no row is missing and none is told twice.

use strict;
use warnings;

use FraiseqlNode;
use IPC::Run;
use NatsServer;
use Test::More;

use constant {ROWS => 20_000, CHUNK => 10};

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
my ($rows, $chunk) = (ROWS, CHUNK);
$node->safe_psql('postgres', <<"END");
CREATE TABLE tb_thing (a text, b uuid, note text, PRIMARY KEY (a, b));
INSERT INTO tb_thing SELECT 'thing ' || g % 7, gen_random_uuid(), 'note ' || g FROM generate_series(1, $rows) g;
SELECT fraiseql_nats.observe('tb_thing');
END
my $progress = 'SELECT coalesce(max(rows_published), 0) FROM fraiseql_nats.backfill';

# Begins or goes on, and returns in the midst of it.
sub start_backfill {
    my ($output) = @_;
    my $before = $node->safe_psql('postgres', $progress);
    my $run    = IPC::Run::start(
        [
            'psql', '-XAtq', '--dbname', $node->connstr('postgres'), '--command',
            "CALL fraiseql_nats.backfill('tb_thing', chunk_rows => $chunk)"
        ],
        '<', \undef, '&>', $output
    );
    FraiseqlNode::wait_until('the backfill gets on',
        sub { ($node->try_sql('postgres', $progress) // 0) >= $before + 20 * CHUNK });
    return $run;
}

sub pid_of_backfill {
    return $node->safe_psql('postgres', 'SELECT pid FROM fraiseql_nats.backfill');
}

my %ends = (
    cancelled => sub { $node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM fraiseql_nats.backfill') },
    'killed with its session' => sub { kill 'KILL', pid_of_backfill() },
    'stopped with the server' => sub { $node->stop('immediate'); $node->start },
);
my $last = 0;
for my $how (sort keys %ends) {
    my $output = '';
    my $run    = start_backfill(\$output);
    $ends{$how}->();
    IPC::Run::finish($run);
    $node->wait_until_up('postgres');
    my ($state, $published, $pid) = split /\|/,
      $node->safe_psql('postgres', 'SELECT state, rows_published, pid FROM fraiseql_nats.backfill');
    is("$state $pid", 'interrupted ', "$how: it is interrupted");
    cmp_ok($published, '>', $last, "$how: after some rows");
    cmp_ok($published, '<', ROWS, "$how: before all of them");
    is($published % CHUNK, 0, "$how: between two chunks");
    $last = $published;
}
my ($code, undef, $notices) = $node->psql('postgres', "CALL fraiseql_nats.backfill('tb_thing')");
is($code, 0, 'the same call goes on with it');
like($notices, qr/backfill of table "tb_thing" continues after $last rows/, 'and says so');
is($node->safe_psql('postgres', 'SELECT state, rows_published, rows_busy FROM fraiseql_nats.backfill'),
    'finished|' . ROWS . '|0', 'until it is finished');
is($node->safe_psql('postgres', "CALL fraiseql_nats.backfill('tb_thing')"), '', 'once more does nothing');

$node->wait_drained('postgres');
my %times;
$nats->each_message(
    FraiseqlNode::STREAM,
    sub {
        my (undef, $subject, undef, $payload) = @_;
        ++$times{"$subject $1"} if $payload =~ /"note": ?"note (\d+)"/;
    });
is(scalar(keys %times), ROWS, 'each row is in the stream');
is(scalar(grep { $times{$_} != 1 } keys %times), 0, 'once');

done_testing();
