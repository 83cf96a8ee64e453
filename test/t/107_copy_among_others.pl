# SPDX-License-Identifier: PostgreSQL
#
# A copy of a server is recognised by what the original has published since, also when that is only
# notifications and topics, and when others have written thousands of messages behind it.  Where it
# cannot be known, the copy says so and publishes nothing.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.observe_channel('orders', 'fraiseql.orders')});
$node->safe_psql('postgres', q{SELECT pg_notify('orders', '{"n": 1}')});
$node->wait_drained('postgres');
is($nats->stream_count(FraiseqlNode::STREAM), 1, 'a notification is published');

# Messages of others on the same and other subjects of the stream.
sub others_write {
    my ($count) = @_;
    my $before = $nats->stream_count(FraiseqlNode::STREAM);
    $nats->publish($_ % 2 ? 'fraiseql.orders' : 'fraiseql.others', 'x') for 1 .. $count;
    $nats->flush;
    $nats->wait_for_messages(FraiseqlNode::STREAM, $before + $count);
    return;
}

# A base backup that is promoted beside the original.
sub promoted_copy {
    my ($name) = @_;
    $node->backup($name);
    my $copy = FraiseqlNode->new($name);
    $copy->init_from_backup($node, $name, has_streaming => 1);
    $copy->append_conf('postgresql.conf', 'fraiseql_nats.enabled = off');
    $copy->start;
    $node->wait_for_catchup($copy, 'replay', $node->lsn('insert'));
    $copy->promote;
    return $copy;
}

sub enable {
    my ($copy) = @_;
    $copy->append_conf('postgresql.conf', 'fraiseql_nats.enabled = on');
    $copy->reload;
    return;
}

sub is_recognised {
    my ($copy, $what) = @_;
    my $count = $nats->stream_count(FraiseqlNode::STREAM);
    $copy->wait_until_state('postgres', 'misconfigured');
    like($copy->status('postgres', 'reason'), qr/this server is a copy/, "$what: it is recognised");
    $copy->safe_psql('postgres', q{SELECT pg_notify('orders', '{"n": 8}')});
    is($nats->stream_count(FraiseqlNode::STREAM), $count, "$what: it publishes nothing");
    $copy->stop;
    return;
}

# Only notifications, and others behind them.
my $first = promoted_copy('first');
$node->safe_psql('postgres', q{SELECT pg_notify('orders', '{"n": 2}')});
$node->wait_drained('postgres');
others_write(2000);
enable($first);
is_recognised($first, 'notifications only');

# The last row change is from before they parted; what came since are topics.
$node->safe_psql('postgres', q{CREATE TABLE tb_row (id int PRIMARY KEY); SELECT fraiseql_nats.observe('tb_row');
    INSERT INTO tb_row VALUES (1)});
$node->wait_drained('postgres');
my $second = promoted_copy('second');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('fraiseql.topic', '{"n": 3}')});
$node->wait_drained('postgres');
others_write(3000);
enable($second);
is_recognised($second, 'topics behind row changes');

# A standby whose original is gone goes on by itself, whoever else has written.
my $third = promoted_copy('third');
$node->stop;
others_write(2000);
enable($third);
$third->wait_until_state('postgres', 'streaming');
$third->safe_psql('postgres', q{SELECT pg_notify('orders', '{"n": 4}')});
$third->wait_drained('postgres');
pass('a promoted standby goes on publishing');
others_write(2000);
$third->restart;
$third->wait_until_state('postgres', 'streaming');
pass('and also when it is started again');

done_testing();
