# SPDX-License-Identifier: PostgreSQL
#
# The session's trace context goes out with the messages that its statements cause, and with no others.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
my ($one, $two) = map { "00-4bf92f3577b34da6a3ce929d0e0e473$_-00f067aa0ba902b7-01" } 1, 2;

$node->safe_psql('postgres', <<"END");
INSERT INTO tb_item (session, n) VALUES (0, 1);
SET fraiseql_nats.traceparent = '$one';
INSERT INTO tb_item (session, n) VALUES (0, 2);
BEGIN;
INSERT INTO tb_item (session, n) VALUES (0, 3);
SET LOCAL fraiseql_nats.traceparent = '$two';
INSERT INTO tb_item (session, n) VALUES (0, 4);
SELECT fraiseql_nats.publish('fraiseql.note', '"n":5');
COMMIT;
INSERT INTO tb_item (session, n) VALUES (0, 6);
RESET fraiseql_nats.traceparent;
INSERT INTO tb_item (session, n) VALUES (0, 7);
END
$node->safe_psql('postgres', 'INSERT INTO tb_item (session, n) VALUES (0, 8)');
$node->wait_drained('postgres');

my %trace = map { ($_->{payload} =~ /"n": ?(\d)/)[0] => $_->{headers}{traceparent} // 'none' }
  $node->messages_of('postgres', $nats);
is_deeply(
    \%trace,
    {
        1 => 'none', 2 => $one, 3 => $one, 4 => $two, 5 => $two, 6 => $one, 7 => 'none', 8 => 'none'
    },
    'each message has the trace context of its statement'
);

done_testing();
