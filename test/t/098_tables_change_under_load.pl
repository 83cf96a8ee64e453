# SPDX-License-Identifier: PostgreSQL
#
# Tables that are altered, renamed and partitioned while they are written to: each event shows the table
# as it was when the change was made.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', <<'END');
CREATE TABLE tb_event (id bigserial, k int, note text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE tb_event_0 PARTITION OF tb_event FOR VALUES IN (0);
CALL watch('tb_event');
SELECT fraiseql_nats.observe('tb_event', '{INSERT,UPDATE,DELETE}');
END

my $items  = $node->start_load('postgres', clients => 2, rate => 200);
my $events = $node->start_load(
    'postgres',
    clients      => 1,
    rate         => 100,
    transactions => 500,
    script       => q{INSERT INTO tb_event (k, note) VALUES (0, 'steady');}
);
for my $round (1 .. 6) {
    $node->wait_for_changes('postgres', 50);
    $node->safe_psql('postgres', <<"END");
ALTER TABLE tb_item ADD COLUMN extra$round int DEFAULT $round;
INSERT INTO tb_item (session, n) VALUES (100, $round);
ALTER TABLE tb_item ALTER COLUMN n TYPE bigint;
INSERT INTO tb_item (session, n) VALUES (101, $round);
ALTER TABLE tb_item ALTER COLUMN n TYPE int;
ALTER TABLE tb_item REPLICA IDENTITY @{[$round % 2 ? 'FULL' : 'DEFAULT']};

BEGIN;
INSERT INTO tb_item (session, n) VALUES (102, $round);
ALTER TABLE tb_item RENAME TO tb_thing;
INSERT INTO tb_thing (session, n) VALUES (102, $round);
ALTER TABLE tb_thing RENAME COLUMN note TO remark;
UPDATE tb_thing SET remark = 'renamed' WHERE session = 102;
ALTER TABLE tb_thing RENAME COLUMN remark TO note;
ALTER TABLE tb_thing DROP COLUMN extra$round;
ALTER TABLE tb_thing RENAME TO tb_item;
DELETE FROM tb_item WHERE session = 102;
COMMIT;

CREATE TABLE tb_event_$round (LIKE tb_event INCLUDING ALL);
INSERT INTO tb_event_$round VALUES (-$round, $round, 'not observed yet');
ALTER TABLE tb_event ATTACH PARTITION tb_event_$round FOR VALUES IN ($round);
INSERT INTO tb_event (k, note) VALUES ($round, 'observed');
UPDATE tb_event SET k = 0 WHERE k = $round AND note = 'observed';
ALTER TABLE tb_event DETACH PARTITION tb_event_$round;
INSERT INTO tb_event_$round VALUES (-100 - $round, $round, 'not observed any more');
END
}
$node->finish_load($events);
$node->stop_load($items);
$node->stream_equals_ledger('postgres', $nats, 'each event shows the table as it was');
is(scalar(grep { $_->{payload} =~ /not observed/ } $nats->stream_messages(FraiseqlNode::STREAM)),
    0, 'a table is observed through its partitioned table only while it is attached');

done_testing();
