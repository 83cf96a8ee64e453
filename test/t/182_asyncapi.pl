# SPDX-License-Identifier: PostgreSQL
#
# asyncapi() is a valid document of AsyncAPI 3.0, with the servers, subjects and streams that there are,
# for those who may see the observers, and tells no secret.

use strict;
use warnings;

use AsyncApi;
use FraiseqlNode;
use IPC::Run;
use JSON::PP;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $port = $nats->port;
my $node = FraiseqlNode->new_node('main', undef,
    'fraiseql_nats.url' => "nats://joe:secret\@127.0.0.1:$port, nats://token\@[::1]");
my $db = 'odd ~/"name';
$node->safe_psql('postgres', 'CREATE DATABASE "odd ~/""name"');
$node->create_extension($db);

sub document { return decode_json(AsyncApi::document($node, $db, @_)) }
sub is_valid {
    my ($name) = @_;
    return is_deeply(AsyncApi::check($node, $db)->{errors}, [], $name);
}

my $empty = document();
is_valid('a database that publishes nothing has a valid document');
is_deeply([$empty->{channels}, $empty->{operations}], [{}, {}], 'without channels and operations');
is_deeply($empty->{info}, {title => $db, version => '1.0.0'}, 'its title is the database');
is_deeply(
    $empty->{servers},
    {
        nats  => {host => "127.0.0.1:$port", protocol => 'nats'},
        nats2 => {host => '[::1]:4222', protocol => 'nats'}
    },
    'servers have their ports, and no credentials');
is_deeply(document(undef, q{'Shop', '2.1'})->{info}, {title => 'Shop', version => '2.1'}, 'title and version can be given');

$node->safe_psql($db, <<'END');
CREATE ROLE admin IN ROLE fraiseql_nats_admin;
CREATE ROLE watcher IN ROLE pg_monitor;
CREATE ROLE publisher IN ROLE fraiseql_nats_publisher;
CREATE SCHEMA "sales of us";
CREATE TABLE "sales of us"."tb_order item" (id int, "region/~ %x" text NOT NULL, status text, PRIMARY KEY (id, "region/~ %x"));
COMMENT ON TABLE "sales of us"."tb_order item" IS 'what was "sold"';
COMMENT ON COLUMN "sales of us"."tb_order item".status IS 'open, or not';
CREATE TABLE tb_event (id int PRIMARY KEY, region text, at date) PARTITION BY RANGE (id);
CREATE TABLE tb_event_1 PARTITION OF tb_event FOR VALUES FROM (0) TO (10);
CREATE TABLE tb_gone (id int PRIMARY KEY);
SELECT fraiseql_nats.create_stream('clicks', '{click.>}', subject_prefix => 'click', topic_prefix => 'click.topic');
SELECT fraiseql_nats.create_stream(kv => 'stock');
SELECT fraiseql_nats.observe('"sales of us"."tb_order item"', name => 'a/~ "b" %ü');
SELECT fraiseql_nats.observe('"sales of us"."tb_order item"', 'INSERT,DELETE', 'x.{schema}.{table}.{entity}.{database}.{op}', name => 'known');
SELECT fraiseql_nats.observe('"sales of us"."tb_order item"', 'UPDATE',
    'y.{column:status}.{column:region/~ %x}.{partition:8}.{partition:4:status}.{column:status}', name => 'unknown');
SELECT fraiseql_nats.observe('tb_event', 'INSERT', 'z.{schema}.{table}', name => 'partitioned');
SELECT fraiseql_nats.observe('tb_event', name => 'of the stream', stream => 'clicks', columns => '{id,region}');
SELECT fraiseql_nats.observe('tb_event', 'INSERT', 'event_created', name => 'topic', stream => 'clicks');
SELECT fraiseql_nats.observe('tb_event', 'INSERT', 'event_told', source => 'notify', name => 'told');
SELECT fraiseql_nats.observe('tb_event', 'UPDATE', stream => 'KV_stock', name => 'bucket');
SELECT fraiseql_nats.observe_channel('order_created', name => 'channel topic');
SELECT fraiseql_nats.observe_channel('alerts', 'alert.{channel}.{database}', name => 'channel');
SELECT fraiseql_nats.observe('tb_gone', name => 'gone'), fraiseql_nats.observe('tb_event', 'INSERT', name => 'silent');
SELECT fraiseql_nats.disable('silent');
DROP TABLE tb_gone;
END
is_valid('a document of all kinds of observers is valid');

my $document = document();
my %address = map { $_ => $document->{channels}{$_}{address} } keys %{$document->{channels}};
my $name = 'odd%20~/"name';
is_deeply(
    \%address,
    {
        "a/~ \"b\" %\x{fc}" => 'fraiseql.mutation.Order%20item.{op}',
        'known'             => "x.sales%20of%20us.tb_order%20item.Order%20item.$name.{op}",
        'unknown' => 'y.{column_status}.{column_region-2F-7E-20-25x}.{partition_8}.{partition_4_status}.{column_status}',
        'partitioned'   => 'z.{schema}.{table}',
        'of the stream' => 'click.Event.{op}',
        'topic'         => 'click.topic.event.created',
        'told'          => 'fraiseql.event.told',
        'bucket'        => '$KV.stock.{key}',
        'channel topic' => 'fraiseql.order.created',
        'channel'       => "alert.alerts.$name"
    },
    'addresses are the subjects, with parameters for what differs; disabled and dropped ones are not there');
is_deeply($document->{channels}{known}{parameters}{op}{enum}, ['INSERT', 'DELETE', 'SNAPSHOT'],
    'the operation is one of those that it can be');
like($document->{channels}{unknown}{parameters}{partition_8}{description}, qr/from 0 to 7, by the key/, 'a partition says what it is');

sub messages { return [sort keys %{$document->{channels}{$_[0]}{messages}}] }
is_deeply(messages('of the stream'), ['DELETE', 'INSERT', 'SNAPSHOT', 'TRUNCATE', 'UPDATE'], 'a message for each operation');
is_deeply(messages('topic'), ['INSERT', 'NOTIFY', 'SNAPSHOT'], 'a topic has those of notifications, too');
is_deeply(messages('told'), ['NOTIFY'], 'or only those');
is_deeply(messages('bucket'), ['DELETE', 'UPDATE'], 'a bucket loses the keys that an update changes');
is($document->{channels}{'of the stream'}{'x-jetstream-stream'}, 'clicks', 'the stream is named');
is($document->{channels}{channel}{'x-jetstream-stream'}, 'fraiseql_events', 'the default one, too');
is($document->{channels}{known}{description}, 'what was "sold"', 'comments of tables are there');
my $row = $document->{channels}{known}{messages}{INSERT}{payload}{properties}{data};
is_deeply($row->{properties}{status}, {type => ['string', 'null'], description => 'open, or not'}, 'and those of columns');
is_deeply($row->{properties}{'region/~ %x'}, {type => 'string'}, 'what is never null is never null');
is_deeply([sort keys %{$document->{channels}{'of the stream'}{messages}{INSERT}{payload}{properties}{data}{properties}}],
    ['id', 'region'], 'columns that are not published are not there');
is($document->{operations}{known}{action}, 'send', 'operations send');

# --- Who may see it ------------------------------------------------------------------------------

is(AsyncApi::document($node, $db, $_), AsyncApi::document($node, $db), "$_ sees it") for 'admin', 'watcher';
for my $role ('publisher', 'nobody') {
    $node->safe_psql($db, 'CREATE ROLE nobody') if $role eq 'nobody';
    my ($code, $out, $error) = $node->psql($db, "SET ROLE $role; SELECT fraiseql_nats.asyncapi()");
    like($error, qr/permission denied/, "$role does not");
}
unlike(AsyncApi::document($node, $db), qr/secret|joe|token@/, 'no credentials anywhere');

# --- The commands of doc/asyncapi.md ---------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE mydb');
$node->safe_psql('mydb', q{CREATE EXTENSION fraiseql_nats; CREATE TABLE tb_order (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('tb_order')});
my @commands = slurp_file('doc/asyncapi.md') =~ /^    (psql .*)$/mg;
is(scalar @commands, 2, 'the page has commands');
my $folder = PostgreSQL::Test::Utils::tempdir();
{
    local @ENV{'PGHOST', 'PGPORT'} = ($node->host, $node->port);
    ok(IPC::Run::run(['bash', '-c', "cd $folder && $_"]), $_) for @commands;
}
is(decode_json(slurp_file("$folder/asyncapi.json"))->{info}{title}, 'mydb', 'the document is in the file');
is(decode_json(slurp_file("$folder/schema.json"))->{properties}{event}{const}, 'INSERT', 'and a schema in the other');

# --- What is in force ----------------------------------------------------------------------------

$node->safe_psql($db, q{SELECT fraiseql_nats.alter_stream('default', topic_prefix => 'other')});
FraiseqlNode::wait_until('the prefix of the database is in force',
    sub { document()->{channels}{told}{address} eq 'other.event.told' });
my $files = $node->data_dir;
open my $file, '>', "$files/fraiseql.toml" or die $!;
print {$file} "[observers]\nbackend = \"nats\"\nnats_url = \"nats://ann:hidden\@broker.example.org:4333\"\n";
close $file;
$node->configure('fraiseql_nats.url' => undef, 'fraiseql_nats.config_file' => "$files/fraiseql.toml");
$node->reload;
FraiseqlNode::wait_until('the URL of the file is in force',
    sub { document()->{servers}{nats}{host} eq 'broker.example.org:4333' });
unlike(AsyncApi::document($node, $db), qr/ann[:@]|hidden/, 'without its credentials');

$node->configure('fraiseql_nats.url' => 'nats://a:1,tls://b');
$node->reload;
FraiseqlNode::wait_until('the next URL is in force', sub { exists document()->{servers}{nats2} });
is_deeply([map { $_->{description} } values %{document()->{servers}}], ['TLS', 'TLS'], 'one that wants TLS has it for all');

$node->configure('fraiseql_nats.capture' => 'notify');
$node->restart;
is_deeply(
    [sort keys %{document()->{channels}}],
    ['channel', 'channel topic', 'told', 'topic'],
    'without the log only notifications are published');
is_deeply([sort keys %{document()->{channels}{topic}{messages}}], ['NOTIFY'], 'of a topic, too');
is_valid('it is valid then, too');

done_testing();
