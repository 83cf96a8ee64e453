# SPDX-License-Identifier: PostgreSQL
#
# A subject that the stream does not take stops nobody: a warning where it is chosen, a dead letter with
# the cure when it is used; the others go on in order, and after the cure it can be retried.  It never
# lands in the stream of somebody else.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
$nats->create_stream(name => FraiseqlNode::STREAM, subjects => ['fraiseql.mutation.>']);
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
sub said { return ($node->psql('postgres', $_[0]))[2] }

my $not_taken = qr/WARNING:  stream "fraiseql_events" does not take subject.*It takes fraiseql\.mutation\.>.*HINT:.*stream_sync/s;
like(said($_), $not_taken, "a warning: $_")
  for q{SELECT fraiseql_nats.publish('mail.send', 'x')},
  q{SELECT fraiseql_nats.observe('tb_item', '{INSERT}', 'orders.{column:note}.created', name => 'region')},
  q{SELECT fraiseql_nats.observe('tb_item', '{INSERT}', 'item_created', name => 'topic')},
  q{SELECT fraiseql_nats.observe_channel('my.channel')};
is(said($_), '', "no warning: $_")
  for q{SELECT fraiseql_nats.observe('tb_item', '{INSERT}', 'fraiseql.mutation.{column:note}', name => 'fine')},
  q{SELECT fraiseql_nats.publish('fraiseql.mutation.x', 'x')};
$node->safe_psql('postgres', 'SELECT fraiseql_nats.unobserve(n) FROM unnest($${topic,fine}$$::text[]) n');

$node->safe_psql('postgres', <<'SQL');
INSERT INTO tb_item (session, n, note) VALUES (1, 1, 'north');
SELECT ledger_publish('fraiseql.elsewhere', 'nobody takes this');
SELECT pg_notify('my.channel', 'notified');
INSERT INTO tb_item (session, n, note) SELECT 1, g, 'north' FROM generate_series(2, 50) g;
SQL
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 53);
is($node->status('postgres', 'state'), 'streaming', 'the others go on');
my @messages = $node->messages_of('postgres', $nats);
is(scalar(grep { $_->{subject} eq 'fraiseql.mutation.Item.INSERT' } @messages), 50, 'all of them');
is($node->safe_psql('postgres', <<'SQL'), '50|1|1', 'those that no stream takes are dead letters, with observer and cure');
SELECT count(*) FILTER (WHERE subject = 'orders.north.created' AND reason ~ 'observer "region"'), count(*) FILTER (WHERE subject = 'fraiseql.elsewhere'),
       count(*) FILTER (WHERE subject = 'my.channel' AND reason ~ 'observer "channel my.channel"')
FROM fraiseql_nats.dead_letters() WHERE reason ~ 'stream "fraiseql_events" does not take subject' AND hint ~ 'stream_sync'
SQL
is($node->safe_psql('postgres', q{SELECT count(*) FROM fraiseql_nats.dead_letters() WHERE subject = 'mail.send'}), 1, 'the one that was published, too');

# Somebody makes a stream for them: they do not land there.
$nats->create_stream(name => 'others', subjects => ['orders.>', 'mail.>', 'my.>']);
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n, note) VALUES (1, 51, 'north')});
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 54);
is($nats->stream_count('others'), 0, 'nothing goes into the stream of somebody else');
$nats->delete_stream('others');

# The cure, as the hint says it.
my $before = $node->safe_psql('postgres', q{SELECT count(*) FROM fraiseql_nats.dead_letters()});
$node->configure('fraiseql_nats.stream_subjects' => 'fraiseql.>,orders.>,mail.>,my.>');
$node->reload;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', 'SELECT * FROM fraiseql_nats.stream_sync()');
is($node->safe_psql('postgres', 'SELECT count(fraiseql_nats.retry_dead_letter(id)) FROM fraiseql_nats.dead_letters()'), $before, 'all are retried');
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 0);
@messages = $node->messages_of('postgres', $nats);
is(scalar(grep { $_->{subject} eq 'orders.north.created' } @messages), 51, 'and are stored, once each');
is(said(q{SELECT fraiseql_nats.publish('mail.send', 'x')}), '', 'and there is nothing to warn of any more');

# A stream that takes less than it did.
$nats->update_stream(FraiseqlNode::STREAM, subjects => ['fraiseql.>']);
$node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('mail.send', 'too late'); INSERT INTO tb_item (session, n) VALUES (1, 52)});
$node->wait_until_state('postgres', 'streaming');
$node->wait_drained('postgres');
$node->wait_for_sql('postgres', q{SELECT count(*) >= 1 FROM fraiseql_nats.dead_letters() WHERE subject = 'mail.send'}, 'a stream that takes less is noticed');
pass('a stream that takes less is noticed');

done_testing();
