# SPDX-License-Identifier: PostgreSQL
#
# fraiseql.toml and fraiseql-observer.toml, byte for byte as FraiseQL documents them, configure the
# extension; a wrong file is told of and leaves the last good configuration in force.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new(config => '');
my $node = FraiseqlNode->new_node('main', $nats, 'fraiseql_nats.url' => undef);
my $data = $node->data_dir;
for my $file ('fraiseql.toml', 'fraiseql-observer.toml') {
    # Less than the documented 10 GB, which a broker with a small disk does not grant.
    my $text = slurp_file("test/data/order-system/$file") =~ s/10_737_418_240/1_048_576/r;
    append_to_file("$data/$file", $text);
}
$ENV{NATS_URL} = $nats->url;
$node->restart;
$node->create_extension('postgres');
is($node->status('postgres', 'server'), $nats->url, 'the broker is that of $NATS_URL');

# A table that a file names is observed from its creation on.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_order (id int PRIMARY KEY, status text);
ALTER TABLE tb_order REPLICA IDENTITY FULL;
INSERT INTO tb_order VALUES (1, 'pending');
UPDATE tb_order SET status = 'confirmed';
DELETE FROM tb_order;
SQL
$node->wait_drained('postgres');
my @messages = $nats->client->stream_messages('fraiseql_events');
is_deeply([map { $_->{subject} } @messages], ['fraiseql.order.created', 'fraiseql.order.status_changed'],
    'the observers of fraiseql.toml publish');
like($messages[1]{payload}, qr/"new_status":"confirmed","previous_status":"pending"/, 'in the shape of a topic');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT origin, ',') FROM fraiseql_nats.observer}), 'toml', 'origin');

my $stream = $nats->client->stream_info('fraiseql_events');
is($stream->{config}{max_age},          30 * 86400 * 1e9, 'max_age of the stream');
is($stream->{config}{max_msgs},         1_000_000,        'max_msgs of the stream');
is($stream->{config}{max_bytes},        1_048_576,        'max_bytes of the stream');
is($stream->{config}{duplicate_window}, 5 * 60 * 1e9,     'de-duplication window of the stream');
$node->wait_for_sql('postgres', <<'SQL', 'the consumer of fraiseql-observer.toml is there');
SELECT count(*) = 1 FROM fraiseql_nats.consumers()
WHERE name = 'fraiseql_observer_worker' AND max_deliver = 3 AND ack_wait = '30 s'
SQL
is($node->safe_psql('postgres', q{SELECT value, source, place FROM fraiseql_nats.show_config() WHERE name = 'fraiseql_nats.max_age'}),
    '30d|fraiseql-observer.toml|fraiseql-observer.toml:13:1', 'show_config() says where a value comes from');

# A function that needs what the files say leaves no trace of it in the session.
is($node->safe_psql('postgres', <<'SQL'), "0\nfraiseql_events\n0", 'stream_info() leaves the settings of the session as they are');
SHOW fraiseql_nats.max_age;
SELECT name FROM fraiseql_nats.stream_info();
SHOW fraiseql_nats.max_age;
SQL

# What the administrator sets wins.
$node->safe_psql('postgres', q{ALTER SYSTEM SET fraiseql_nats.max_age = '1d'});
$node->reload;
$node->wait_for_sql('postgres', q{SELECT value = '1d' AND source = 'postgresql.conf' FROM fraiseql_nats.show_config() WHERE name = 'fraiseql_nats.max_age'});

# A file that is wrong.
my $good = slurp_file("$data/fraiseql.toml");
append_to_file("$data/fraiseql.toml", "backennd = \"nats\"\n");
my ($status, undef, $error) = $node->psql('postgres', 'SELECT fraiseql_nats.reload()');
isnt($status, 0, 'reload() refuses it');
like($error, qr/fraiseql\.toml:\d+:1: unknown key "backennd".*backend/s, 'and names place, key and what was meant');
$node->reload;
$node->wait_for_sql('postgres', q{SELECT last_error LIKE '%backennd%' FROM fraiseql_nats.status()}, 'status() tells');
$node->safe_psql('postgres', q{INSERT INTO tb_order VALUES (2, 'pending')});
$node->wait_drained('postgres');
is($nats->client->stream_count('fraiseql_events'), 3, 'the last good configuration is in force');
is($node->status('postgres', 'state'), 'streaming', 'and the worker goes on');

# Another observer, and one less.
open my $out, '>', "$data/fraiseql.toml" or die;
print $out $good =~ s/event   = "INSERT"/event   = "DELETE"/r;
close $out;
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
$node->wait_for_sql('postgres', q{SELECT bool_or(events = '{DELETE}') AND NOT bool_or(events = '{INSERT}') FROM fraiseql_nats.observer}, 'the observers follow the file');

# What is FraiseQL's own in the shared file, or what it has dropped: left alone, and told of once.
open $out, '>', "$data/fraiseql.toml" or die;
print $out <<'TOML';
[project]
name = "shop"

[observers]
enabled   = false
backend   = "postgres"
nats_url  = "${NATS_URL}"
redis_url = "redis://localhost"

[[observers.handlers]]
name = "mail"

[observers.runtime]
poll_interval_ms = 50
of_a_later_version = {x = [1]}

[observers.runtime.transport]
transport = "postgres"
run_bridge = true

[observers.runtime.transport.bridge]
batch_size = 10
TOML
close $out;
my $observer_file = slurp_file("$data/fraiseql-observer.toml");
append_to_file("$data/fraiseql-observer.toml", <<'TOML');

[redis]
url = "redis://localhost"

[[observers.rules]]
table = "tb_order"
event = "INSERT"
TOML
my $warnings = $node->log_count('WARNING');
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
$node->wait_for_sql('postgres', q{SELECT string_agg(subject, ',') IS NULL AND count(*) = 1 FROM fraiseql_nats.observer}, 'the observers are those of fraiseql-observer.toml');
$node->wait_until_state('postgres', 'streaming');
is($node->safe_psql('postgres', q{SELECT string_agg(level || ' ' || place, E'\n') FROM fraiseql_nats.validate_config()}), join("\n", map {"notice $_"}
    'fraiseql-observer.toml:20:2', map {"fraiseql.toml:$_"} qw(5:1 6:13 8:1 10:13 14:1 15:1 18:13 19:1 21:30)), 'validate_config() has a notice for each');
my @told = ('"observers\.enabled" has no effect here: it switches FraiseQL\'s own runtime, and not fraiseql_nats', '"observers\.backend" = "postgres" has no effect', '"redis" has no effect here: FraiseQL no longer reads it');
is($node->log_count("LOG:  fraiseql(-observer)?\\.toml:\\d+:\\d+: $_"), 1, "the log tells once: $_") for @told;
is($node->log_count('WARNING'), $warnings, 'and warns of nothing');
my $count = $nats->client->stream_count('fraiseql_events');
$node->safe_psql('postgres', q{INSERT INTO tb_order VALUES (3, 'pending')});
$node->wait_drained('postgres');
is($nats->client->stream_count('fraiseql_events'), $count + 1, 'none of it switches publishing off');

# Notices that change are told of, though nothing else has.
append_to_file("$data/fraiseql.toml", "[observers.runtime.email]\n");
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
FraiseqlNode::wait_until('the log tells of the new one', sub { $node->log_count('LOG:  fraiseql\.toml:23:20: "observers\.runtime\.email" has no effect') == 1 });

# The file that FraiseQL does not read switches it off.
append_to_file("$data/fraiseql-observer.toml", "[observers]\nenabled = false\n");
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
$node->wait_until_state('postgres', 'disabled');
like($node->status('postgres', 'reason'), qr/^publishing is switched off by fraiseql-observer\.toml:27:1/, 'status() says by what');
open $out, '>', "$data/fraiseql-observer.toml" or die;
print $out $observer_file;
close $out;
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
$node->wait_until_state('postgres', 'streaming');

# A rule in the shared file works, with a notice where to move it.
append_to_file("$data/fraiseql.toml", qq{[[observers.rules]]\ntable = "tb_order"\nevent = "DELETE"\n});
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
$node->wait_for_sql('postgres', q{SELECT bool_and(events = '{DELETE}') FROM fraiseql_nats.observer}, 'an observer of the shared file is made');
is($node->safe_psql('postgres', q{SELECT message, hint FROM fraiseql_nats.validate_config() WHERE level = 'notice' AND place = 'fraiseql.toml:24:13'}),
    "FraiseQL's compiler refuses a file with observers|Move the observers to fraiseql-observer.toml, as [[observers.rules]]: FraiseQL does not read that file.",
    'a notice says where to move it');

# A variable that is not set: nothing to go by, nothing is guessed.
delete $ENV{NATS_URL};
$node->restart;
$node->wait_until_state('postgres', 'misconfigured');
like($node->status('postgres', 'reason'), qr/fraiseql(-observer)?\.toml:\d+:\d+: .*NATS_URL/, 'an unset variable is told of');
is($node->log_count('PANIC|TRAP'), 0, 'nothing grave in the log');

done_testing();
