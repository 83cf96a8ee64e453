# SPDX-License-Identifier: PostgreSQL
#
# A subject that the NATS user may not publish to makes dead letters of its messages, and of no others;
# when the permission is granted, they can be retried at once.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

sub users {
    my ($permissions) = @_;
    return qq(authorization { users: [ {user: all, password: x}, {user: joe, password: x, $permissions} ] });
}

my $nats = NatsServer->new(
    user   => 'all',
    pass   => 'x',
    config => users('permissions: {publish: {deny: "fraiseql.mutation.Secret.>"}}')
);
my $node = FraiseqlNode->new_node('main', $nats,
    'fraiseql_nats.url' => 'nats://joe:x@127.0.0.1:' . $nats->port);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_secret (n int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_secret');
END
my $pid = $node->worker_pid('postgres');
$node->safe_psql('postgres', <<'END');
DO $$
BEGIN
    FOR i IN 1 .. 500 LOOP
        INSERT INTO tb_item (session, n) VALUES (0, i);
        IF i % 5 = 0 THEN
            INSERT INTO tb_secret VALUES (i);
        END IF;
        COMMIT;
    END LOOP;
END $$;
UPDATE tb_secret SET n = -n WHERE n = 5;
END
$node->stream_equals_ledger('postgres', $nats, 'the stream holds all else, in order');
$node->wait_for_dead_letters('postgres', 101);
is($node->safe_psql('postgres', <<'END'), "fraiseql.mutation.Secret.DELETE|0\nfraiseql.mutation.Secret.INSERT|100\nfraiseql.mutation.Secret.UPDATE|1", 'the dead letters are those of the subjects');
SELECT s, count(subject) FROM unnest('{fraiseql.mutation.Secret.DELETE,fraiseql.mutation.Secret.INSERT,fraiseql.mutation.Secret.UPDATE}'::text[]) s
LEFT JOIN fraiseql_nats.dead_letters() ON subject = s GROUP BY s ORDER BY s
END
like($node->safe_psql('postgres', 'SELECT reason, hint FROM fraiseql_nats.dead_letters() LIMIT 1'),
    qr/^NATS refuses: Permissions Violation for Publish to "fraiseql\.mutation\.Secret\.INSERT"\|.*permission/,
    'they say so');
cmp_ok($node->status('postgres', 'reconnects'), '<', 20, 'not every one has cost a connection');

$nats->{options}{config} = users('permissions: {publish: ">"}');
$nats->reload_config;
$node->safe_psql('postgres', 'SELECT fraiseql_nats.retry_dead_letter(id) FROM fraiseql_nats.dead_letters()');
$node->wait_drained('postgres');
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraiseql_nats.dead_letters()'), 0, 'retried');
is(scalar(grep { $_->{subject} =~ /Secret/ } $node->messages_of('postgres', $nats)), 101, 'and stored');
is($node->worker_pid('postgres'), $pid, 'by the same worker');

done_testing();
