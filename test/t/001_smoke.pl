# SPDX-License-Identifier: PostgreSQL
#
# A change of an observed table arrives in the stream with its subject, headers and payload.

use strict;
use warnings;

use FraiseqlNode;
use JSON::PP;
use Latency;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
my $observer = $node->safe_psql('postgres', <<'END');
CREATE TABLE tb_order (
    pk_order bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       uuid NOT NULL UNIQUE,
    total    numeric(10, 2) NOT NULL,
    note     text
);
ALTER TABLE tb_order REPLICA IDENTITY FULL;
SELECT fraiseql_nats.observe('tb_order');
END
isnt($observer, '', 'observe() names the observer');

my $id = '550e8400-e29b-41d4-a716-446655440000';
my $xid = 1 + $node->safe_psql('postgres', <<"END");
SELECT pg_current_xact_id();
INSERT INTO tb_order (id, total, note) VALUES ('$id', 12.50, E'a "quoted" \\u00e9');
UPDATE tb_order SET total = 13;
DELETE FROM tb_order;
TRUNCATE tb_order;
END
$node->wait_drained('postgres');

my @messages = $nats->stream_messages(FraiseqlNode::STREAM);
is_deeply(
    [map { $_->{subject} } @messages],
    [map { "fraiseql.mutation.Order.$_" } qw(INSERT UPDATE DELETE TRUNCATE)],
    'subjects'
);

my ($system_id, $database) = split /\|/, $node->safe_psql('postgres',
    'SELECT system_identifier, d.oid FROM pg_control_system(), pg_database d WHERE datname = current_database()');
for my $i (0 .. $#messages) {
    my $headers = $messages[$i]{headers};
    my ($lsn, $ordinal, $route) = Ledger::parse_position($headers->{'Fraiseql-Position'});
    is($headers->{'Nats-Msg-Id'}, sprintf('%s.%s.%016X.%d', $system_id, $database, $lsn, $ordinal),
        "message $i: the id is made of system, database and position");
    is($headers->{'Fraiseql-Table'}, 'public.tb_order', "message $i: table");
    is($headers->{'Fraiseql-Xid'}, $xid + $i, "message $i: transaction");
    like($headers->{'Content-Type'}, qr{^application/json}, "message $i: content type");
    my $age = time() - Latency::commit_time_us($messages[$i]) / 1e6;
    cmp_ok(abs $age, '<', 120, "message $i: commit time");
}

my @event = map { decode_json($_->{payload}) } @messages;
is($event[$_]{event},  (qw(INSERT UPDATE DELETE TRUNCATE))[$_], "event $_: kind") for 0 .. 3;
is($event[$_]{entity}, 'Order',                                  "event $_: entity") for 0 .. 3;
is($event[$_]{entity_id}, $id, "event $_: the entity's id") for 0 .. 2;
is($event[$_]{subject}, $messages[$_]{subject}, "event $_: subject") for 0 .. 3;
is($event[0]{data}{note}, "a \"quoted\" \x{e9}", 'text is UTF-8');
like($messages[0]{payload}, qr/"total": ?12\.50[,}]/, 'numeric keeps its digits');
is($event[0]{changes}, undef, 'an INSERT has no changes');
is_deeply($event[1]{changes}, {total => {old => 12.5, new => 13}}, 'an UPDATE says what changed');
is($event[2]{data}{note}, "a \"quoted\" \x{e9}", 'a DELETE carries the old row');
like($event[0]{timestamp}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, 'timestamp');

done_testing();
