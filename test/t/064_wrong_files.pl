# SPDX-License-Identifier: PostgreSQL
#
# Whatever is wrong with FraiseQL's files, a user sees what and where: from validate_config(), from
# reload(), in status() and in the log; and the last good configuration stays in force.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
my $data = $node->data_dir;

sub write_file {
    my ($file, $text) = @_;
    open my $out, '>', "$data/$file" or die "$file: $!";
    print $out $text;
    close $out;
    return;
}

my %good = (
    'fraiseql.toml' => <<'TOML',
[[observers.rules]]
table   = "tb_order"
event   = "INSERT"
subject = "order_created"
when    = "total > 10 AND status IN ('new', 'paid')"
TOML
    'fraiseql-observer.toml' => "[transport]\ntransport = \"nats\"\n",
);
write_file($_, $good{$_}) for keys %good;
$node->restart;
$node->create_extension('postgres');
$node->safe_psql('postgres', 'CREATE TABLE tb_order (id int PRIMARY KEY, total numeric, status text)');
$node->wait_for_sql('postgres', 'SELECT count(*) = 1 FROM fraiseql_nats.observer', 'the observer of the file is there');
$node->safe_psql('postgres', "INSERT INTO tb_order VALUES (1, 10, 'new'), (2, 11, 'new'), (3, 11, 'lost')");
$node->wait_drained('postgres');
my @messages = $nats->client->stream_messages('fraiseql_events');
is(scalar(@messages), 1, 'the worker publishes what "when" of the file lets through');
like($messages[0]{payload}, qr/"id":2/, 'and nothing else');

my ($f, $o) = ('fraiseql.toml', 'fraiseql-observer.toml');
my @cases = (
    [$f, "[observers]\nbackend = \"nats\n",       qr/fraiseql\.toml:2:\d+: error while parsing string/,     'no end of a string'],
    [$f, "[observers]\nbackend = 1\n",            qr/fraiseql\.toml:2:11: "observers\.backend" must be a string, not an integer/, 'wrong type'],
    [$f, "[observers]\nbackend = \"redys\"\n",    qr/fraiseql\.toml:2:11: backend "redys" is not supported/, 'a backend of nobody'],
    [$o, "[observers]\nbackend = \"redis\"\n",    qr/fraiseql-observer\.toml:2:11: backend "redis" is not supported/, 'another backend in our own file'],
    [$f, "[observers]\nbakend = \"nats\"\n",      qr/fraiseql\.toml:2:1: unknown key "bakend".*Did you mean "backend"\?/s, 'unknown key'],
    [$f, "[observers]\nnats_url = \"\${NO_SUCH_VARIABLE}\"\n", qr/fraiseql\.toml:2:12: .*NO_SUCH_VARIABLE is not set/, 'unset variable'],
    [$f, "[observers]\nnats_url = \"http://x\"\n", qr/fraiseql\.toml:2:12: server URL does not have the form/, 'wrong URL'],
    [$f, "[observers]\nmax_concurrency = 5\n",  qr/fraiseql\.toml:2:1: "observers\.max_concurrency" cannot be honoured/, 'a key that cannot be honoured'],
    [$f, "[[observers.subscribe]]\nsubject = \"x\"\n", qr/fraiseql\.toml:1:13: "observers\.subscribe" cannot be honoured: fraiseql_nats publishes to NATS and does not subscribe/, 'a section of nobody'],
    [$f, "[transport]\ntransport = \"nats\"\n",   qr/fraiseql\.toml:1:2: "transport" belongs in fraiseql-observer\.toml/, 'section of the other file'],
    [$f, "[[observers.rules]]\nevent = \"INSERT\"\n", qr/fraiseql\.toml:1:1: observer has neither table nor entity/, 'observer of nothing'],
    [$f, "[[observers.rules]]\ntable = \"t\"\nevent = \"UPSERT\"\n", qr/fraiseql\.toml:3:9: unknown event "UPSERT"/, 'unknown event'],
    [$f, "[[observers.rules]]\ntable = \"t\"\nevent = \"INSERT\"\nsubject = \"a b\"\n", qr/fraiseql\.toml:4:11: subject "a b"/, 'wrong subject'],
    [$f, "[[observers.rules]]\ntable = \"t\"\nevent = \"INSERT\"\ncondition = \"a = 1\"\n", qr/fraiseql\.toml:4:13: invalid condition at character 3.*Equality is ==/s, 'wrong condition'],
    [$f, "[[observers.rules]]\ntable = \"t\"\nevent = \"INSERT\"\n" x 2, qr/fraiseql\.toml:4:1: observer repeats the one at fraiseql\.toml:1:1/, 'the same observer twice'],
    [$f, "x = \"\xFF\"\n",                        qr/fraiseql\.toml:1:5: .*invalid utf-8/, 'no text'],
    [$o, "[transprt]\n",                          qr/fraiseql-observer\.toml:1:2: unknown key "transprt".*Did you mean "transport"\?/s, 'unknown section'],
    [$o, "[transport]\ntransport = \"postgres\"\n", qr/fraiseql-observer\.toml:2:13: transport "postgres" is not supported/, 'another transport'],
    [$o, "[transport.nats.jetstream]\ndedup_window_minutes = 90\n", qr/fraiseql-observer\.toml:2:24: .*must be between 1 and 60/, 'out of range'],
    [$o, "[transport.nats]\nstream_name = \"my stream\"\n", qr/fraiseql-observer\.toml:2:15: stream name "my stream" has a blank/, 'wrong name'],
    [$f, "[observers.runtime.transport]\ntransprt = \"nats\"\n", qr/fraiseql\.toml:2:1: unknown key "transprt".*Did you mean "transport"\?/s, 'a wrong key among those of FraiseQL'],
);
for my $case (@cases) {
    my ($file, $text, $message, $name) = @$case;
    write_file($file, $text);
    like($node->safe_psql('postgres', q{SELECT place || ': ' || message || ' ' || coalesce(hint, '') FROM fraiseql_nats.validate_config() WHERE level = 'error'}),
        $message, "$name: validate_config() tells");
    my ($result, undef, $error) = $node->psql('postgres', 'SELECT fraiseql_nats.reload()');
    ok($result != 0 && $error =~ $message, "$name: reload() refuses it");
    # With the last one another error would be the same as before: so the place is waited for.
    my ($place) = $node->safe_psql('postgres', q{SELECT place FROM fraiseql_nats.validate_config() WHERE level = 'error'}) =~ /^(\S+)/;
    my $errors = $node->log_count('configuration is not applied');
    $node->reload;
    $node->wait_for_sql('postgres', qq{SELECT starts_with(last_error, '$place') FROM fraiseql_nats.status()}, "$name: status() tells");
    FraiseqlNode::wait_until("$name: the log tells", sub { $node->log_count('configuration is not applied') > $errors });
    write_file($file, $good{$file});
}
$node->safe_psql('postgres', "INSERT INTO tb_order VALUES (4, 12, 'paid')");
$node->wait_drained('postgres');
is($nats->client->stream_count('fraiseql_events'), 2, 'after all of them the last good configuration is in force');

# What only the database knows: the observer is not made, and the log says where it stands.
write_file($f, $good{$f} . <<'TOML');
[[observers.rules]]
table = "tb_order"
event = "UPDATE"
when  = "missing > now()"
TOML
$node->safe_psql('postgres', 'SELECT fraiseql_nats.reload()');
FraiseqlNode::wait_until('the log tells of a wrong "when"', sub {
    $node->log_count('fraiseql\.toml:6:1: could not create observer "toml:tb_order\.update": column "missing" of relation "tb_order" does not exist') > 0;
});
is($node->safe_psql('postgres', 'SELECT string_agg(name, $$,$$) FROM fraiseql_nats.observer'), 'toml:tb_order.insert', 'the others stay');

# A file that is named and missing.
$node->configure('fraiseql_nats.config_file' => 'no-such-file.toml');
$node->reload;
$node->wait_for_sql('postgres', q{SELECT last_error LIKE 'no-such-file.toml: could not read the file:%' FROM fraiseql_nats.status()}, 'a missing file is told of');
is($node->log_count('PANIC|TRAP|terminated by signal'), 0, 'nothing grave in the log');

done_testing();
