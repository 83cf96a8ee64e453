# SPDX-License-Identifier: PostgreSQL
#
# Damage to the worker's file of dead letters costs none but those that are damaged, and these are set
# aside and told of.

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
my $file    = $node->spool_file('postgres');
my $damaged = "$file.damaged";

# Has dead letters with these numbers in the file, and stops the server.
sub spool {
    my ($first, $last) = @_;
    my $holder = $node->background_psql('postgres');
    $holder->query_safe('BEGIN; LOCK TABLE fraiseql_nats.dead_letter');
    $node->safe_psql('postgres', <<"END");
INSERT INTO tb_item (session, n, note) SELECT 0, n, repeat('large ', 2000) FROM generate_series($first, $last) n;
END
    $node->wait_drained('postgres');
    $node->safe_psql('postgres', 'CHECKPOINT');    # the slot is on disk: they do not come again
    $node->stop('immediate');
    eval { $holder->quit };
    return slurp_file($file);
}

sub write_file {
    my ($content) = @_;
    open my $handle, '>:raw', $file or die;
    print $handle $content;
    close $handle or die;
    return;
}

sub numbers {
    return $node->safe_psql('postgres',
        q{SELECT string_agg(convert_from(payload, 'UTF8')::jsonb #>> '{data,n}', ' ' ORDER BY id) FROM fraiseql_nats.dead_letters()}
    );
}

# The places where frames begin.
sub places {
    my ($content) = @_;
    my @places;
    push @places, $-[0] while $content =~ /FNdl/g;
    return @places;
}

sub flip {
    my ($content, $at) = @_;
    substr($content, $at, 1) ^= "\x10";
    return $content;
}

# A bit in a payload.
my $content = spool(1, 5);
my @places  = places($content);
is(scalar(@places), 5, 'each has a frame');
write_file(flip($content, $places[2] + 5000));
$node->start;
$node->wait_for_dead_letters('postgres', 4);
is(numbers(), '1 2 4 5', 'the others are in the table');
is(-s $damaged, $places[3] - $places[2], 'the damaged one is set aside');
like($node->status('postgres', 'alarm'), qr/\.dead_letters\.damaged" holds \d+ bytes of dead letters that are damaged/, 'status() tells of it');
cmp_ok($node->log_count('WARNING:  file ".*dead_letters.damaged" holds'), '>=', 1, 'and so does the log');

# Bits in headers: of the length, and of two frames at once.
$content = spool(6, 10);
@places  = places($content);
write_file(flip(flip(flip($content, $places[0] + 6), $places[3] + 1), $places[4] + 17));
$node->start;
$node->wait_for_dead_letters('postgres', 6);
is(numbers(), '1 2 4 5 7 8', 'the others are in the table');

# Zeros in the middle, and an unfinished one at the end.
my $before = -s $damaged;
$content = spool(11, 13);
@places  = places($content);
write_file(substr($content, 0, $places[1]) . "\0" x 100_000 . substr($content, $places[1]) . substr($content, 0, 5000));
$node->start;
$node->wait_for_dead_letters('postgres', 9);
is(numbers(), '1 2 4 5 7 8 11 12 13', 'all are in the table');
is((-s $damaged) - $before, 100_000, 'what was in between is set aside');
is($node->log_count('ends with an unfinished dead letter'), 1, 'what was not finished is no damage');

# Nothing but damage.
$before = -s $damaged;
$node->stop('immediate');
write_file("\xFF" x 1000);
$node->start;
$node->wait_until_state('postgres', 'streaming');
is((-s $damaged) - $before, 1000, 'is set aside, too');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n, note) VALUES (0, 14, repeat('large ', 2000)), (0, 15, 'small')});
$node->wait_for_dead_letters('postgres', 10);
is(numbers(), '1 2 4 5 7 8 11 12 13 14', 'and dead letters go on');

# It is told until somebody has seen to it.
like($node->status('postgres', 'alarm'), qr/damaged/, 'after all of this');
$node->stop;
unlink $damaged or die;
$node->start;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', 'SELECT fraiseql_nats.acknowledge_alarm(id) FROM fraiseql_nats.alarm WHERE acknowledged_at IS NULL');
$node->restart;
$node->wait_until_state('postgres', 'streaming');
is($node->status('postgres', 'alarm'), '', 'and not when the file is gone and the alarm acknowledged');
is($node->log_count('PANIC|TRAP|terminated by signal'), 0, 'nobody has died');

# With the extension goes what belongs to it.
write_file('');
append_to_file($damaged, 'x');
$node->safe_psql('postgres', 'DROP EXTENSION fraiseql_nats CASCADE');
FraiseqlNode::wait_until('the files are gone', sub { !-e $damaged && !-e $file });

done_testing();
