# SPDX-License-Identifier: PostgreSQL
#
# [[streams]] of fraiseql-observer.toml: the streams of a database are those that the file declares,
# beside those of SQL.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
my $file = $node->data_dir . '/fraiseql-observer.toml';

sub declare {
    my ($streams, $rules) = @_;
    unlink $file;
    append_to_file($file, <<"END");
[transport]
transport = "nats"

$streams

$rules
END
    return $node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()')
      if $node->try_sql('postgres', 'SELECT fraiseql_nats.version()');
}

sub streams_are {
    my ($expected, $name) = @_;
    my $sql = q{SELECT coalesce(string_agg(s.name, ' ' ORDER BY s.name), '') FROM fraiseql_nats.stream s};
    return ok($node->poll_query_until('postgres', "SELECT ($sql) = '$expected'"), $name)
      || diag($node->safe_psql('postgres', 'TABLE fraiseql_nats.stream'));
}

my $clicks = <<'END';
[[streams]]
name = "clicks"
subjects = ["click.>", "seen.*"]
storage = "memory"
max_age = "1 hour"
max_msgs_per_subject = 5
END
my $orders = <<'END';
[[streams]]
kv = "orders"
history = 3
END
my $rules = <<'END';
[[observers.rules]]
table = "tb_click"
events = ["INSERT"]
subject = "click.{column:page}"

[[observers.rules]]
table = "tb_order"
events = ["INSERT", "UPDATE", "DELETE"]
stream = "KV_orders"
END

declare("$clicks\n$orders", $rules);
$node->create_extension('postgres');
streams_are('KV_orders clicks', 'the streams of the file are there');
$node->safe_psql('postgres', q{
CREATE TABLE tb_click (id int PRIMARY KEY, page text);
CREATE TABLE tb_order (id int PRIMARY KEY, n int);
INSERT INTO tb_click VALUES (1, 'home');
INSERT INTO tb_order VALUES (7, 1);
UPDATE tb_order SET n = 2;
});
$node->wait_drained('postgres');
is(join(' ', map { $_->{subject} } $nats->stream_messages('clicks')), 'click.home', 'an observer finds its stream');
is(join(' ', map { "$_->{subject} $_->{payload}" } $nats->stream_messages('KV_orders')),
    '$KV.orders.7 {"id":7,"n":1} $KV.orders.7 {"id":7,"n":2}', 'or names it');
my $config = $nats->stream_info('clicks')->{config};
is_deeply([@{$config}{qw(storage max_msgs_per_subject max_age)}], ['memory', 5, 3600e9], 'with the settings of the file');

# --- Changes of the file --------------------------------------------------------------------------

my $numbers = $node->safe_psql('postgres', 'SELECT name, number FROM fraiseql_nats.stream ORDER BY 1');
declare($clicks =~ s/1 hour/2 hours/r =~ s/max_msgs_per.*/manage = "update"/r . $orders, $rules);
ok($node->poll_query_until('postgres', q{SELECT max_age = '2 hours' FROM fraiseql_nats.stream WHERE name = 'clicks'}),
    'a value that changes is taken over');
is($node->safe_psql('postgres', 'SELECT name, number FROM fraiseql_nats.stream ORDER BY 1'), $numbers,
    'and the slots stay');
$node->safe_psql('postgres', q{INSERT INTO tb_click VALUES (2, 'away')});
$node->wait_drained('postgres');
FraiseqlNode::wait_until('the stream is brought in line', sub { $nats->stream_info('clicks')->{config}{max_age} == 7200e9 });
is(join(' ', map { $_->{subject} } $nats->stream_messages('clicks')), 'click.home click.away', 'and nothing is lost');

my ($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.alter_stream('clicks', max_msgs => 9)});
like($error, qr/"clicks" is declared in fraiseql-observer.toml/, 'SQL does not change it');
($code, $out, $error) = $node->psql('postgres', q{SELECT fraiseql_nats.drop_stream('clicks')});
like($error, qr/observers publish to it|is declared in/, 'nor drops it');

$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_stream('mine', '{mine.>}')});
declare($clicks . "[[streams]]\nname = \"mine\"\nsubjects = [\"other.>\"]\n", '');
streams_are('clicks mine', 'a stream that is not declared any more goes, with its observers');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM fraiseql_nats.observer}), 'which go first');
is($node->safe_psql('postgres', q{SELECT subjects, origin FROM fraiseql_nats.stream WHERE name = 'mine'}),
    '{mine.>}|sql', 'one that SQL has created stays as it is');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 3 FROM pg_replication_slots}), 'no slot is left');
ok($node->log_contains(qr/o?bserver.toml:\S+ stream "mine" exists already/), 'and the log says so');

declare('', '');
streams_are('mine', 'a file without streams leaves those of SQL');

done_testing();
