# SPDX-License-Identifier: PostgreSQL
#
# FraiseQL's own consumer decodes the messages of the default format: every kind that it can know, and
# drops what the documentation says that it drops.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');

my $id = '550e8400-e29b-41d4-a716-446655440000';
$node->safe_psql('postgres', <<"END");
CREATE TABLE tb_order (id uuid PRIMARY KEY, status text, total numeric(12, 4), doc jsonb, big text);
ALTER TABLE tb_order REPLICA IDENTITY FULL;
CREATE TABLE tb_plain (id uuid PRIMARY KEY, status text);
CREATE TABLE tb_number (id bigint PRIMARY KEY);
INSERT INTO tb_order VALUES ('$id', 'old', 0, 'null', '');
SELECT fraiseql_nats.observe(t) FROM unnest('{tb_order,tb_plain,tb_number}'::regclass[]) t;
CALL fraiseql_nats.backfill('tb_order');
UPDATE tb_order SET status = 'new', total = 12345678.9000, doc = '{"a": 1e400}';
UPDATE tb_order SET status = NULL;
DELETE FROM tb_order;
INSERT INTO tb_plain VALUES ('$id', 'x');
UPDATE tb_plain SET status = 'y';
UPDATE tb_plain SET id = '00000000-0000-0000-0000-000000000000';
DELETE FROM tb_plain;
TRUNCATE tb_plain;
INSERT INTO tb_number VALUES (7);
END
$node->wait_drained('postgres');
my @messages = $nats->stream_messages(FraiseqlNode::STREAM);

# As FraiseQL decodes them, and the ids that Python makes of the headers.
sub decoded {
    my ($script, @lines) = @_;
    my $file = "$ENV{TMPDIR}/payloads";
    open my $out, '>', $file or die "$file: $!";
    print {$out} "$_\n" for @lines;
    close $out;
    my @decoded = split /\n/, `/usr/bin/python3 $script < $file`;
    return @decoded;
}

my $ids = "$ENV{TMPDIR}/uuid5.py";
open my $program, '>', $ids or die "$ids: $!";
print {$program} "import sys, uuid\nfor line in sys.stdin: print(uuid.uuid5(uuid.NAMESPACE_OID, line.strip()))\n";
close $program;
my @uuids = decoded($ids, map { $_->{headers}{'Nats-Msg-Id'} } @messages);

my @got = decoded("$ENV{TESTDIR}/test/fraiseql/entity_event.py", map { $_->{payload} } @messages);
my @wanted = (
    "CUSTOM Order $id",    # SNAPSHOT
    "UPDATE Order $id", "UPDATE Order $id", "DELETE Order $id",
    "INSERT Plain $id", "UPDATE Plain $id", 'UPDATE Plain 00000000-0000-0000-0000-000000000000', 'DELETE Plain 00000000-0000-0000-0000-000000000000',
);
is_deeply([@got[0 .. 7]], [map { "$wanted[$_] $uuids[$_]" } 0 .. 7], 'FraiseQL decodes every kind, by the id that the header gives');
like($got[8], qr/^error: /, 'but for TRUNCATE, which has no row');
like($got[9], qr/^error: UUID parsing failed: entity_id '7'/, 'and for keys that are no UUID');
is(scalar(@got), 10, 'that was all');
like($messages[1]{payload}, qr/"total":12345678\.9000,"doc":\{"a": ?1e\+?400\}|"total":12345678\.9000,"doc":\{"a": 1000+\}/, 'numbers keep their digits');
my %seen;
is(scalar(grep { $seen{$_}++ } @uuids), 0, 'no id comes twice');

done_testing();
