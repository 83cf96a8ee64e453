# SPDX-License-Identifier: PostgreSQL
#
# Nothing is lost in silence: notifications of a session whose first one was cancelled, rows that are
# not in the log any more, values that are not logged.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_a (id int PRIMARY KEY, region text, big text);
ALTER TABLE tb_a ALTER COLUMN big SET STORAGE EXTERNAL;
SELECT count(fraiseql_nats.observe_channel('channel_' || n)) FROM generate_series(1, 3000) n;
SQL

# The list of channels is loaded by the first notification of a session, which is cancelled meanwhile.
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $cancelled = 0;
for my $limit (1 .. 40) {
    last if $cancelled;
    $session->query("SET statement_timeout = '${limit}ms'");
    $session->query("SELECT pg_notify('channel_1', 'limit $limit')");
    $cancelled = $node->log_count('canceling statement due to statement timeout');
    next if $cancelled;
    $session->quit;
    $session = $node->background_psql('postgres', on_error_stop => 0);
}
cmp_ok($cancelled, '>=', 1, 'a notification is cancelled');
$session->query('SET statement_timeout = 0');
$session->query("SELECT pg_notify('channel_1', 'behind the one that was cancelled')");
$session->quit;
$node->wait_drained('postgres');
is(scalar(grep { $_->{payload} eq 'behind the one that was cancelled' } $nats->stream_messages(FraiseqlNode::STREAM)),
    1, 'and the next one of the session is captured');

sub warnings_of { return ($node->psql('postgres', $_[0]))[2] }
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_p (id int) PARTITION BY RANGE (id);
CREATE UNLOGGED TABLE tb_u (id int);
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;
SELECT fraiseql_nats.observe(t) FROM unnest('{tb_a,tb_p}'::regclass[]) t;
SQL
my %said = (
    'ALTER TABLE tb_a SET UNLOGGED' => 'tb_a',
    'ALTER TABLE tb_p ATTACH PARTITION tb_u FOR VALUES FROM (0) TO (1)' => 'tb_u',
    'CREATE UNLOGGED TABLE tb_p2 PARTITION OF tb_p FOR VALUES FROM (1) TO (2)' => 'tb_p2',
    'CREATE FOREIGN TABLE tb_p3 PARTITION OF tb_p FOR VALUES FROM (2) TO (3) SERVER s' => 'tb_p3',
);
like(warnings_of("SET search_path = public; $_"), qr/WARNING:  changes of table "$said{$_}" are not published/, "a warning: $_") for sort keys %said;
is(join(', ', sort split /, /, $node->status('postgres', 'unlogged_tables')),
    'public.tb_a, public.tb_p2, public.tb_p3, public.tb_u', 'and status() names them');
is(warnings_of($_), '', "no warning: $_")
  for 'ALTER TABLE tb_a SET LOGGED', 'CREATE UNLOGGED TABLE tb_x (id int)', 'ALTER TABLE tb_a ADD COLUMN more int', 'CREATE FOREIGN TABLE tb_f (id int) SERVER s';

# A subject that needs a value which is not logged.
like(warnings_of(q{SELECT fraiseql_nats.observe('tb_a', name => 'by region', subject => 'fraiseql.{column:region}.{op}')}),
    qr/needs values of column "region" that are not logged.*DELETE.*REPLICA IDENTITY FULL.*TRUNCATE has no row/s, 'a warning where it can be known');
$node->safe_psql('postgres', q{INSERT INTO tb_a VALUES (1, 'north', repeat('x', 10000)); DELETE FROM tb_a; TRUNCATE tb_a});
$node->wait_drained('postgres');
$node->wait_for_dead_letters('postgres', 2);
is($node->safe_psql('postgres', q{SELECT string_agg(subject, ' ' ORDER BY id) FROM fraiseql_nats.dead_letters() WHERE reason ~ 'needs column "region", whose value is not in the log' AND hint IS NOT NULL}),
    'fraiseql.%00.DELETE fraiseql.%00.TRUNCATE', 'and a dead letter where it shows');

# Conditions that cannot be evaluated are counted, for each observer.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_c (id int PRIMARY KEY, n int);
SELECT fraiseql_nats.observe('tb_c', name => 'divides', filter => '1 / n > 0');
INSERT INTO fraiseql_nats.observer (name, relation, subject, condition) VALUES ('needs old', 'tb_c', 'fraiseql.old', 'field_changed(''n'')');
SELECT fraiseql_nats.observe('tb_c', name => 'takes all', subject => 'fraiseql.all');
INSERT INTO tb_c SELECT n, n % 2 FROM generate_series(1, 10) n;
UPDATE tb_c SET n = 1 WHERE id <= 3;
SQL
$node->wait_drained('postgres');
$node->wait_for_sql('postgres', q{SELECT untestable = 8 FROM fraiseql_nats.status()}, 'the total is counted');
is($node->safe_psql('postgres', q{SELECT string_agg(observer || ' ' || untestable, ', ' ORDER BY observer) FROM fraiseql_nats.pg_stat_fraiseql_nats_observers WHERE observer IN ('divides', 'needs old', 'takes all')}),
    'divides 5, needs old 3, takes all 0', 'each observer has its count');

done_testing();
