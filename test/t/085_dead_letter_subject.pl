# SPDX-License-Identifier: PostgreSQL
#
# A subject that turns out to be invalid with the data makes a dead letter of its message, also of one
# that waits for the end of its transaction; the others go on in order.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_place (n int PRIMARY KEY, region text);
SELECT fraiseql_nats.observe('tb_place', subject => 'fraiseql.{column:region}.place');
SELECT fraiseql_nats.observe('tb_item', '{INSERT}', 'item_made', name => 'topic');
INSERT INTO tb_place VALUES (1, 'north'), (2, repeat('x', 3000)), (3, 'south');
BEGIN;
INSERT INTO tb_item (session, n) VALUES (0, 4);
INSERT INTO tb_place VALUES (5, repeat('y', 3000)), (6, 'west');
COMMIT;
END
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 2);
is_deeply(
    [map { $_->{subject} } $node->messages_of('postgres', $nats)],
    [qw(fraiseql.north.place fraiseql.south.place fraiseql.mutation.Item.INSERT fraiseql.item.made fraiseql.west.place)],
    'the others are stored in order'
);
is($node->safe_psql('postgres', <<'END'), "3010|2|subject is longer than 2048 bytes|t\n3010|5|subject is longer than 2048 bytes|t", 'the dead letters are whole');
SELECT octet_length(subject) - 5, convert_from(payload, 'UTF8')::jsonb #>> '{data,n}', reason, hint <> ''
FROM fraiseql_nats.dead_letters()
END
my (undef, undef, $error) = $node->psql('postgres', 'SELECT fraiseql_nats.retry_dead_letter(1)');
like($error, qr/subject is longer than 2048 bytes/, 'retrying says that it will not do');
like($error, qr/HINT:.*publish\(\)/, 'and what will');
$node->safe_psql('postgres', <<'END');
SELECT fraiseql_nats.publish('fraiseql.elsewhere', payload) FROM fraiseql_nats.dead_letters();
SELECT fraiseql_nats.discard_dead_letter(id) FROM fraiseql_nats.dead_letters();
END
$node->wait_for_dead_letters('postgres', 0);
$node->wait_drained('postgres');
is(scalar(grep { $_->{subject} eq 'fraiseql.elsewhere' } $node->messages_of('postgres', $nats)), 2, 'so it is');

done_testing();
