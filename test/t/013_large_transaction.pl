# SPDX-License-Identifier: PostgreSQL
#
# A transaction of a million rows: constant memory, order kept, and others go on committing.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;
use TimeLimit;

use constant {ROWS => 1_000_000, SMALL => 100, MEMORY_MB => 100};

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats, fsync => 'off', max_wal_size => '2GB');
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_row (id int, note text);
CREATE TABLE tb_small (id int);
SELECT fraiseql_nats.observe('tb_row');
SELECT fraiseql_nats.observe('tb_small');
END
my $pid = $node->worker_pid('postgres');

my $insert_small = join '', map { "INSERT INTO tb_small VALUES ($_);\n" } 1 .. SMALL;
my $half = ROWS / 2;
my $big  = $node->background_psql('postgres');
$big->query_safe('BEGIN');
$big->query_safe("INSERT INTO tb_row SELECT g, 'row ' || g FROM generate_series(1, $half) g");
$node->safe_psql('postgres', $insert_small);
$big->query_safe("INSERT INTO tb_row SELECT g, 'row ' || g FROM generate_series($half + 1, "
      . ROWS . ') g');
$big->query_safe('COMMIT');
$big->quit;

# The worker is busy with the million now.
my $took = FraiseqlNode::seconds(sub { $node->safe_psql('postgres', $insert_small) });
my $stored = $nats->stream_count(FraiseqlNode::STREAM);
cmp_ok($took, '<', time_limit(10), 'others go on committing');
note(sprintf '%d commits in %.2f s, %d messages stored by then', SMALL, $took, $stored);

my $seconds = FraiseqlNode::seconds(
    sub { $nats->wait_for_messages(FraiseqlNode::STREAM, ROWS + 2 * SMALL, 150) });
note(sprintf '%.0f messages per second', (ROWS + 2 * SMALL - $stored) / ($seconds || 1));
$node->wait_drained('postgres');

cmp_ok(FraiseqlNode::peak_memory_mb($pid), '<', MEMORY_MB, 'the worker never had more memory');
note(sprintf 'at most %.0f MB', FraiseqlNode::peak_memory_mb($pid));
is($node->worker_pid('postgres'), $pid, 'by one and the same process');

my ($next, $wrong, @order) = (1, 0);
my $count = $nats->each_message(
    FraiseqlNode::STREAM,
    sub {
        my ($seq, $subject, $headers, $payload) = @_;
        my ($id) = $payload =~ /"data": ?\{"id": ?(\d+)/;
        if ($subject eq 'fraiseql.mutation.Row.INSERT') {
            ++$wrong if $id != $next++;
            push @order, 'large' if $id == 1;
        }
        else {
            push @order, $id;
        }
    });
is($count, ROWS + 2 * SMALL, 'each row was stored once');
is($wrong, 0, 'in the order written');
is("@order", join(' ', 1 .. SMALL, 'large', 1 .. SMALL),
    'between what committed before and what committed after it');

done_testing();
