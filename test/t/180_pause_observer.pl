# SPDX-License-Identifier: PostgreSQL
#
# One observer is paused by a stream of its own, to which it moves under load: it loses nothing, repeats
# nothing and stays in order, and the others go on. In a stream with others it cannot be paused.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{
CREATE TABLE tb_order (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE tb_invoice (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_order', subject => 'fraiseql.order.{column:id}', name => 'orders');
SELECT fraiseql_nats.observe('tb_invoice', subject => 'fraiseql.invoice.{column:id}', name => 'invoices');
});

# The numbers of a table's rows in a stream, as it holds them.
sub numbers_of {
    my ($stream, $what) = @_;
    return map { $_->{subject} =~ /\b$what\.(\d+)$/ ? $1 : () } $nats->stream_messages($stream);
}

sub error_of { return ($node->psql('postgres', $_[0]))[2] }

my $error = error_of(q{SELECT fraiseql_nats.pause('invoices')});
like($error, qr/ERROR:  observer "invoices" cannot be paused or resumed alone.*DETAIL:  It publishes to stream "default".*HINT:  Move it to a stream of its own first/s,
    'an observer among others is not paused');

# One client: the rows commit in the order of their numbers.
my $load = $node->start_load('postgres', clients => 1, script => <<'END');
BEGIN;
INSERT INTO tb_order DEFAULT VALUES;
INSERT INTO tb_invoice DEFAULT VALUES;
COMMIT;
END
FraiseqlNode::wait_until('the load is on', sub { $node->safe_psql('postgres', 'SELECT count(*) > 50 FROM tb_invoice') eq 't' });
$node->safe_psql('postgres', q{
BEGIN;
SELECT fraiseql_nats.create_stream('invoices', '{invoice.>}');
UPDATE fraiseql_nats.observer SET stream = 'invoices', subject = 'invoice.{column:id}' WHERE name = 'invoices';
COMMIT;
});
FraiseqlNode::wait_until('the new stream is published to', sub { eval { $nats->stream_count('invoices') } });
my $info = q{SELECT concat_ws(' ', subject, stream, taken, paused) FROM fraiseql_nats.observer_info WHERE observer = 'invoices'};
is($node->safe_psql('postgres', $info), 'invoice.{column:id} invoices t f', 'observer_info knows where it goes now');

$node->safe_psql('postgres', q{SELECT fraiseql_nats.pause('invoices')});
$node->wait_for_sql('postgres', q{SELECT state = 'paused' FROM fraiseql_nats.status() WHERE stream = 'invoices'}, 'it is paused');
is($node->safe_psql('postgres', $info), 'invoice.{column:id} invoices t t', 'which observer_info shows');
my $held = $nats->stream_count('invoices');
my $orders = $nats->stream_count(FraiseqlNode::STREAM);
FraiseqlNode::wait_until('the others go on', sub { $nats->stream_count(FraiseqlNode::STREAM) > $orders + 100 });
$nats->kill9;
$nats->start;
FraiseqlNode::wait_until('the others go on', sub { $nats->stream_count(FraiseqlNode::STREAM) > $orders + 200 });
is($nats->stream_count('invoices'), $held, 'nothing of it is published meanwhile');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.resume('invoices')});
FraiseqlNode::wait_until('it goes on', sub { $nats->stream_count('invoices') > $held });
$node->stop_load($load);
$node->wait_drained('postgres');

my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM tb_invoice');
my @before = numbers_of(FraiseqlNode::STREAM, 'invoice');
my @after  = numbers_of('invoices', 'invoice');
cmp_ok(scalar @before, '>', 0, 'it has published to the stream of the settings');
my $all = join ' ', $node->safe_psql('postgres', 'SELECT id FROM tb_invoice ORDER BY id') =~ /\d+/g;
ok(join(' ', @before, @after) eq $all, "then to its own, where all $count are, in order, and nothing twice");
ok(join(' ', numbers_of(FraiseqlNode::STREAM, 'order')) eq join(' ', $node->safe_psql('postgres', 'SELECT id FROM tb_order ORDER BY id') =~ /\d+/g),
    'and the other observer has missed nothing');

is($node->safe_psql('postgres', q{SELECT string_agg(stream || ' ' || published, ',') FROM fraiseql_nats.pg_stat_fraiseql_nats_observers WHERE observer = 'invoices'}),
    'invoices ' . @after, 'its statistics are those of its new stream');

$node->safe_psql('postgres', q{UPDATE fraiseql_nats.observer SET name = 'bills' WHERE name = 'invoices'});
like(error_of(q{SELECT fraiseql_nats.pause('bills')}), qr/HINT:  It is the only observer of its stream: SELECT fraiseql_nats\.pause\('invoices'\)/,
    'for the only observer of a stream one is told what to call');

done_testing();
