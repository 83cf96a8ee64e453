# SPDX-License-Identifier: PostgreSQL
#
# {partition:N} is the number that a subject mapping of nats-server gives for the same key.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new(config => <<'END');
mappings = { "in.*.*": "mapped.{{partition(8,1,2)}}.{{wildcard(1)}}.{{wildcard(2)}}" }
END
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
my ($code, $out, $error) = $node->psql('postgres', q{
CREATE TABLE tb_item (tenant text, id int, region text, PRIMARY KEY (id, tenant));
SELECT fraiseql_nats.observe('tb_item', 'INSERT,DELETE', subject => 'fraiseql.key.{partition:8}.{column:tenant}.{column:id}');
SELECT fraiseql_nats.observe('tb_item', 'INSERT', subject => 'fraiseql.region.{partition:3:region}', name => 'region');
SELECT fraiseql_nats.observe('tb_item', 'INSERT', subject => 'fraiseql.{partition:0}', name => 'wrong');
});
like($error, qr/invalid placeholder \{partition:0\}.*from 1 to 65536/s, 'a number that is none is an error');
($code, $out, $error) = $node->psql('postgres',
    q{SELECT fraiseql_nats.observe_channel('a.b', 'fraiseql.x.{partition:4}')});
like($error, qr/for observers of tables/, 'so is a partition of a notification');
$node->safe_psql('postgres', q{
INSERT INTO tb_item SELECT 't' || g % 7, g, 'r' || g % 5 FROM generate_series(1, 40) g;
DELETE FROM tb_item WHERE id <= 5;
});
$node->wait_drained('postgres');
my @subjects = map { $_->{subject} } $nats->stream_messages(FraiseqlNode::STREAM);
is(scalar(grep { /^fraiseql\.region\.[0-2]$/ } @subjects), 40, 'a column can be the key');

my $client = $nats->client;
$client->create_stream(name => 'mapped', subjects => ['mapped.>']);
my %ours = map { /^fraiseql\.key\.(\d+)\.(\w+)\.(\d+)$/ ? ("$2.$3" => $1) : () } @subjects;
is(scalar(keys %ours), 40, 'a deleted row is in the partition that it was in');
# The order of the tokens in the subject is that of the key: as the table has its columns.
$client->publish("in.$_", '') for sort keys %ours;
$client->flush;
$client->wait_for_messages('mapped', 40);
my %theirs = map { $_->{subject} =~ /^mapped\.(\d+)\.(\w+\.\d+)$/ ? ($2 => $1) : () } $nats->stream_messages('mapped');
is_deeply(\%ours, \%theirs, 'nats-server has the same partitions');
cmp_ok(scalar(keys %{{map { $_ => 1 } values %ours}}), '>=', 6, 'and uses them all, more or less');
$node->stop;
done_testing();
