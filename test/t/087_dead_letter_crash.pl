# SPDX-License-Identifier: PostgreSQL
#
# Killed between its file and the table, the worker loses no dead letter and doubles none: neither those
# that are only in the file, nor those that are already in the table, retried or discarded.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new(config => 'max_payload: 8192');
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my $file = $node->spool_file('postgres');
my $next = 1;

sub insert_large {
    my ($count) = @_;
    my $last = $next + $count - 1;
    $node->safe_psql('postgres', <<"END");
INSERT INTO tb_item (session, n, note)
SELECT 0, n, CASE n % 2 WHEN 0 THEN repeat('large ', 2000) ELSE 'small' END FROM generate_series($next, $last) n;
END
    $next += $count;
    return;
}

sub kill_worker {
    my $before = $node->log_count(qr/terminated by signal 9/);
    kill 'KILL', $node->wait_for_worker('postgres');
    FraiseqlNode::wait_until('the server has noticed',
        sub { $node->log_count(qr/terminated by signal 9/) > $before && defined $node->try_sql('postgres', 'SELECT 1') });
    return;
}

sub numbers {
    return $node->safe_psql('postgres',
        q{SELECT string_agg(convert_from(payload, 'UTF8')::jsonb #>> '{data,n}', ' ' ORDER BY id) FROM fraiseql_nats.dead_letters()}
    );
}

# Somebody holds a lock on the table: dead letters wait in the file, and all else goes on.
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE fraiseql_nats.dead_letter');
insert_large(20);
$node->wait_drained('postgres');
is(scalar($node->messages_of('postgres', $nats)), 10, 'a lock on the table holds up nothing');
cmp_ok(-s $file, '>', 10 * 10000, 'the dead letters are in the file');
$holder->query_safe('COMMIT');
$node->wait_for_dead_letters('postgres', 10);

# The same, and the worker is killed; the crash also leaves an unfinished one.
$holder->query_safe('BEGIN; LOCK TABLE fraiseql_nats.dead_letter');
insert_large(20);
$node->wait_drained('postgres');
my $kept = slurp_file($file);
$node->stop('immediate');
eval { $holder->quit };
append_to_file($file, substr $kept, 0, 100);
$node->start;
$node->wait_for_dead_letters('postgres', 20);
is(numbers(), join(' ', map { 2 * $_ } 1 .. 20), 'each is there once');
cmp_ok($node->log_count(qr/ends with an unfinished dead letter/), '==', 1, 'the log tells of the unfinished one');

# As if it had been killed before it emptied the file; some have been dealt with in the meantime.
$node->safe_psql('postgres', q{SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters() ORDER BY id DESC LIMIT 5});
$node->stop('immediate');
open my $handle, '>:raw', $file or die;
print $handle $kept;
close $handle or die;
$node->start;
$node->wait_for_dead_letters('postgres', 15);
is(numbers(), join(' ', map { 2 * $_ } 1 .. 15), 'none has come back');

# Killed at any moment, with a position of the slot that is not saved.
for my $round (1 .. 4) {
    insert_large(100);
    select undef, undef, undef, rand 0.2;
    kill_worker();
}
$node->wait_drained('postgres');
my $total = ($next - 1) / 2;
$node->wait_for_dead_letters('postgres', $total - 5);
is(numbers(), join(' ', map { 2 * $_ } 1 .. 15, 21 .. $total), 'each is there once, in order');
is(join(' ', map { $_->{payload} =~ /"n":(\d+)/ } $node->messages_of('postgres', $nats)),
    join(' ', map { 2 * $_ - 1 } 1 .. $total), 'and what is no dead letter is in the stream');

done_testing();
