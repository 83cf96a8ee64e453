# SPDX-License-Identifier: PostgreSQL
#
# Nobody publishes or observes without the right to: not by the functions, not by writing to the log.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'END');
CREATE ROLE nobody LOGIN;
CREATE ROLE speaker LOGIN IN ROLE fraiseql_nats_publisher;
CREATE ROLE manager LOGIN IN ROLE fraiseql_nats_admin;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE TABLE tb_mine (id int);
ALTER TABLE tb_mine OWNER TO manager;
GRANT ALL ON SCHEMA public TO manager;
END

sub as {
    my ($role, $sql) = @_;
    my ($status, $stdout, $stderr) =
      $node->psql('postgres', $sql, extra_params => ['--username', $role]);
    return $status == 0 ? 'done' : $stderr;
}

my $publish = q{SELECT fraiseql_nats.publish('fraiseql.note', 'by ' || current_user)};
my $observe = q{SELECT fraiseql_nats.observe('tb_mine')};
my $denied  = qr/permission denied/;

like(as('nobody', $publish), $denied, 'an ordinary user cannot publish');
like(as('nobody', $observe), $denied, 'nor observe');
like(as('nobody', $_), $denied, "nor $_")
  for 'TABLE fraiseql_nats.observer', 'TABLE fraiseql_nats.secret',
  q{SELECT fraiseql_nats.unobserve('x')}, q{SELECT fraiseql_nats.disable('x')},
  q{SELECT * FROM fraiseql_nats.messages('x')}, q{SELECT fraiseql_nats.create_preview_slot('x')}, q{SELECT fraiseql_nats.drop_preview_slot('x')},
  q{SELECT fraiseql_nats.version()}, q{SELECT fraiseql_nats_internal.config_values()}, q{CALL fraiseql_nats.backfill('tb_mine')};
like(as('nobody', 'SHOW fraiseql_nats.url'), qr/must be superuser|permission denied/,
    'nor see the URL, which may hold a password');
like(as('nobody', q{SET fraiseql_nats.url = 'nats://evil'}),
    qr/cannot be changed|permission denied/, 'nor set it');

is(as('speaker', $publish), 'done', 'a member of fraiseql_nats_publisher can publish');
like(as('speaker', $observe), $denied, 'and not observe');
like(as('speaker', 'TABLE fraiseql_nats.secret'), $denied, 'nor read the secret');
like(as('manager', 'TABLE fraiseql_nats.secret'), $denied, 'which the administrator cannot either');
is(as('manager', $publish), 'done', 'a member of fraiseql_nats_admin can publish');
is(as('manager', $observe), 'done', 'and observe');
is(as('manager', q{SELECT fraiseql_nats.disable('tb_mine'); SELECT fraiseql_nats.enable('tb_mine')}),
    'done', 'and switch observers');
like(as('watcher', $publish), $denied, 'a member of pg_monitor cannot publish');
is(as('watcher', 'SELECT * FROM fraiseql_nats.status()'), 'done', 'but read the status');
is(as('watcher', 'SELECT * FROM fraiseql_nats.version()'), 'done', 'and the versions');
is(as('watcher', 'TABLE fraiseql_nats.observer'), 'done', 'and the observers');

# Anybody may write logical messages.  Those of publish() have a prefix that nobody can know.
is(as('nobody', <<'END'), 'done', 'forged messages');
SELECT pg_logical_emit_message(t, p, E'\\x0150' || '\x0d000000'::bytea || 'fraiseql.evil'
       || '\x00000000'::bytea || '\x00000000'::bytea || '\x04000000'::bytea || 'evil')
FROM unnest('{t,f}'::bool[]) t,
     unnest('{fraiseql_nats,fraiseql_nats:,fraiseql_nats:00000000000000000000000000000000,"",fraiseql}'::text[]) p
END
is(as('manager', 'INSERT INTO tb_mine VALUES (1)'), 'done', 'a change behind them');
$node->wait_drained('postgres');
is_deeply(
    [map { $_->{payload} =~ /^by/ ? $_->{payload} : $_->{subject} }
          $nats->stream_messages(FraiseqlNode::STREAM)],
    ['by speaker', 'by manager', 'fraiseql.mutation.Mine.INSERT'],
    'only what was allowed is in the stream'
);

done_testing();
