# SPDX-License-Identifier: PostgreSQL
#
# An observer applies to exactly the transactions that commit after it was made, changed or dropped,
# even if the worker is far behind.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', 'CREATE TABLE tb_item (note text); CREATE TABLE tb_other (note text)');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe('tb_other', name => 'other')});
$node->wait_drained('postgres');

sub insert {
    my (@notes) = @_;
    return join '', map { "INSERT INTO tb_item VALUES ('$_');\n" } @notes;
}

$nats->stop;
$node->safe_psql('postgres',
        insert('before')
      . q{SELECT fraiseql_nats.observe('tb_item', name => 'item');}
      . insert('observed')
      . q{SELECT fraiseql_nats.disable('item');}
      . insert('while disabled')
      . q{SELECT fraiseql_nats.enable('item');}
      . insert('enabled again')
      . q{SELECT fraiseql_nats.unobserve('item');}
      . insert('while unobserved')
      . q{SELECT fraiseql_nats.observe('tb_item', '{INSERT}', subject => 'fraiseql.second.subject');}
      . insert('second subject')
      . q{DELETE FROM tb_item; INSERT INTO tb_other VALUES ('other');}
      . q{BEGIN; SELECT fraiseql_nats.unobserve('other'); ROLLBACK;}
      . q{INSERT INTO tb_other VALUES ('unobserve rolled back');}
      . q{BEGIN; SELECT fraiseql_nats.observe('tb_other', name => 'twice'); ROLLBACK;}
      . q{INSERT INTO tb_other VALUES ('observe rolled back');}
      . 'ALTER TABLE tb_item RENAME TO tb_renamed; ALTER TABLE tb_renamed ADD COLUMN extra int;'
      . q{INSERT INTO tb_renamed VALUES ('renamed', 7);});
cmp_ok($node->status('postgres', 'lag_bytes'), '>', 0, 'a backlog waits');
$nats->start;
$node->wait_drained('postgres');

is_deeply(
    [
        map { [$_->{subject}, $_->{payload} =~ /"data": ?\{"note": ?"([^"]*)"/, ] }
          $node->messages_of('postgres', $nats)
    ],
    [
        ['fraiseql.mutation.Item.INSERT',  'observed'],
        ['fraiseql.mutation.Item.INSERT',  'enabled again'],
        ['fraiseql.second.subject',        'second subject'],
        ['fraiseql.mutation.Other.INSERT', 'other'],
        ['fraiseql.mutation.Other.INSERT', 'unobserve rolled back'],
        ['fraiseql.mutation.Other.INSERT', 'observe rolled back'],
        ['fraiseql.second.subject',        'renamed'],
    ],
    'each change goes out as the observers of its time say'
);
my ($renamed) = (reverse $node->messages_of('postgres', $nats))[0];
is($renamed->{headers}{'Fraiseql-Table'}, 'public.tb_renamed', 'under the name of its time');
like($renamed->{payload}, qr/"extra": ?7/, 'with the columns of its time');

# A transaction that was there before the observer and commits after it: all of it or nothing.
$node->safe_psql('postgres', 'CREATE TABLE tb_slow (n int)');
my $slow     = $node->background_psql('postgres');
my $observes = $node->background_psql('postgres');
$slow->query_safe('BEGIN');
$slow->query_safe('INSERT INTO tb_slow VALUES (1)');
$observes->query_until(qr/asked/, "\\echo asked\nSELECT fraiseql_nats.observe('tb_slow');\n\\echo observed\n");
FraiseqlNode::wait_until(
    'observe() has returned or waits for the transaction',
    sub {
        return $node->safe_psql('postgres', <<'END') eq 't';
SELECT EXISTS (SELECT FROM fraiseql_nats.observer WHERE relation = 'tb_slow'::regclass)
    OR EXISTS (SELECT FROM pg_locks WHERE relation = 'tb_slow'::regclass AND NOT granted)
END
    });
$slow->query_safe('INSERT INTO tb_slow VALUES (2)');
$slow->query_safe('COMMIT');
$slow->quit;
$observes->query_until(qr/observed/, '');
$observes->quit;
$node->safe_psql('postgres', 'INSERT INTO tb_slow VALUES (3)');
$node->wait_drained('postgres');
my @slow = map { $_->{payload} =~ /"n": ?(\d)/ }
  grep { $_->{subject} =~ /Slow/ } $node->messages_of('postgres', $nats);
like("@slow", qr/^(1 2 )?3$/, 'a transaction that overlaps observe() is published whole or not at all');

done_testing();
