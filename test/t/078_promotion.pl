# SPDX-License-Identifier: PostgreSQL
#
# A standby that is promoted goes on publishing by itself: after a clean switch under the same message
# ids.  Before PostgreSQL 17 it has no slot: what commits until it has one is a gap, which is told of.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->backup('backup');
my $standby = FraiseqlNode->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;

is($standby->status('postgres', 'state'), 'stopped', 'nothing runs on a standby');
is($standby->safe_psql('postgres', 'SELECT name FROM fraiseql_nats.stream_info()'), 'fraiseql_events', 'but for what is asked for');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 50)});
$node->stream_equals_ledger('postgres', $nats, 'the primary publishes');
my @before = $node->messages_of('postgres', $nats);
my ($last) = $before[-1]{headers}{'Fraiseql-Position'} =~ /^([^:]+):/;

# A clean switch: the standby has all there is, and the broker is away for a while.
$node->stop;
$nats->stop;
$standby->promote;
$standby->wait_until_state('postgres', 'waiting');
like($standby->status('postgres', 'reason'), qr/NATS|nats/, 'it waits for the broker');
$standby->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 2, generate_series(1, 10)});
$nats->start;
$standby->wait_until_state('postgres', 'streaming');
$standby->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 3, generate_series(1, 10)});

# Nothing was written between the promotion and the new slot.
$standby->wait_drained('postgres');
my @all = $standby->messages_of('postgres', $nats);
is_deeply([Ledger::problems([grep { $_->{subject} ne 'fraiseql.gap' } @all], $standby->ledger_rows('postgres'))],
    [], 'what was written from the promotion on is published, also while the broker was away');
is(FraiseqlNode::unpadded_lsn($standby->safe_psql('postgres', 'SELECT from_lsn, reason, timeline FROM fraiseql_nats.gap')),
    "$last|the server was promoted or restored without the slot|2", 'the gap is recorded');
is(scalar(grep { $_->{subject} eq 'fraiseql.gap' } @all), 1, 'and published');
my ($origin) = $before[-1]{headers}{'Nats-Msg-Id'} =~ /^(\d+\.\d+\.)/;
is(scalar(grep { index($_->{headers}{'Nats-Msg-Id'}, $origin) != 0 } @all), 0, 'message ids are of the same origin');

# Again, the other way round, and with changes that the new slot does not get.
$standby->backup('backup');
my $third = FraiseqlNode->new('third');
$third->init_from_backup($standby, 'backup', has_streaming => 1);
$third->start;
$standby->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 4, generate_series(1, 10)});
$standby->wait_drained('postgres');
$standby->stop;
$third->append_conf('postgresql.conf', 'fraiseql_nats.enabled = off');
$third->reload;
$third->promote;
$third->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 5, generate_series(1, 10)});
my $missed = $third->safe_psql('postgres', 'SELECT pg_current_wal_lsn()');
$third->safe_psql('postgres', 'DELETE FROM ledger');
$third->append_conf('postgresql.conf', 'fraiseql_nats.enabled = on');
$third->reload;
$third->wait_until_state('postgres', 'streaming');
$third->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 6, generate_series(1, 10)});
$third->wait_drained('postgres');
is($third->safe_psql('postgres', "SELECT count(*) FROM fraiseql_nats.gap WHERE from_lsn < '$missed' AND to_lsn > '$missed' AND timeline = 3"),
    1, 'what was written before there was a slot is in a gap');
my @rest = $third->messages_of('postgres', $nats);
splice @rest, 0, @all + 10;
is((shift @rest)->{subject}, 'fraiseql.gap', 'whose message stands behind all that was published before');
is_deeply([Ledger::problems(\@rest, $third->ledger_rows('postgres'))], [], 'and before the rest');

done_testing();
