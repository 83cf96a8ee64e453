# SPDX-License-Identifier: PostgreSQL
#
# What happens for each row is told of once and counted; what is no trouble is not told of.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_item (id int PRIMARY KEY, note text);
INSERT INTO fraiseql_nats.observer (name, relation, events, subject, condition)
VALUES ('one', 'tb_item', '{UPDATE}', NULL, 'field_changed(''note'')'), ('two', 'tb_item', '{UPDATE}', 'fraiseql.two', 'field_changed(''note'')');
SELECT fraiseql_nats.observe('tb_item', name => 'values', filter => 'note::int > 0', events => '{INSERT}', subject => 'fraiseql.three');
INSERT INTO tb_item SELECT i, 'value ' || i FROM generate_series(1, 500) i;
UPDATE tb_item SET note = note || '!';
END
$node->wait_drained('postgres');
is($node->status('postgres', 'untestable'), 1500, 'each change is counted');
is($node->log_count(qr/condition of observer "$_" cannot be tested/), 1, "observer $_ is told of once")
  for qw(one two);
is($node->log_count(qr/filter of observer "values" cannot be tested/), 5, 'reasons with values are bounded');

# Databases that go while their worker is on its way.
for my $round (1 .. 15) {
    $node->safe_psql('postgres', "CREATE DATABASE d$round");
    $node->safe_psql('postgres', "DROP DATABASE d$round");
}
is($node->log_count(qr/FATAL:  database .* does not exist|fraiseql_nats \w+  FATAL/), 0, 'a database that has gone is no news');
is($node->log_count(qr/fraiseql_nats.* exited with exit code/), 0, 'nor is its worker');

# What a caller can act on.
$nats->stop;
my (undef, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT fraiseql_nats.stream_info()");
like($error, qr/ERROR:  08006/, 'a broker that is away has a code of its own');
is($node->log_count(qr/PANIC|TRAP/), 0, 'nothing grave in the log');

done_testing();
