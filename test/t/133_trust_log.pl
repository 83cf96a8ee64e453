# SPDX-License-Identifier: PostgreSQL
#
# The log is not trusted: whoever knows the prefix of our messages can write anything into it, and
# nobody can write a record that Postgres cannot read again.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE tb_forged (id int PRIMARY KEY, note text, at timestamptz);
SELECT fraiseql_nats.observe('tb_forged');
CREATE FUNCTION field(bytea) RETURNS bytea LANGUAGE sql AS $$
    SELECT set_byte(set_byte(set_byte(set_byte('\x00000000', 0, l & 255), 1, (l >> 8) & 255), 2, (l >> 16) & 255), 3, (l >> 24) & 255) || $1
    FROM (SELECT length($1) AS l) x
$$;
CREATE FUNCTION forge(body bytea) RETURNS pg_lsn LANGUAGE sql AS
    $$ SELECT pg_logical_emit_message(true, s.prefix, body) FROM fraiseql_nats.secret s $$;
CREATE FUNCTION forge_publish(kind text, subject text, id text, headers text, payload text) RETURNS pg_lsn LANGUAGE sql AS $$
    SELECT forge('\x01'::bytea || kind::bytea || field(subject::bytea) || field(id::bytea) || field(headers::bytea)
                 || field(payload::bytea) || CASE kind WHEN 'R' THEN '\x01000000'::bytea ELSE '' END)
$$;
CREATE FUNCTION forge_row(tuple bytea, relation oid DEFAULT 'tb_forged'::regclass::oid) RETURNS pg_lsn LANGUAGE sql AS $$
    SELECT forge('\x0153'::bytea || substr(field(decode(lpad(to_hex(0), 2, '0'), 'hex') || ''), 1, 0)
                 || set_byte(set_byte(set_byte(set_byte('\x00000000', 0, (relation::bigint & 255)::int), 1, ((relation::bigint >> 8) & 255)::int),
                             2, ((relation::bigint >> 16) & 255)::int), 3, ((relation::bigint >> 24) & 255)::int)
                 || field('') || field(tuple))
$$;
SQL
my $server_start = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# Messages with headers and subjects that publish() does not take, damaged ones, of other versions.
$node->safe_psql('postgres', <<'SQL');
SELECT forge_publish('P', 'fraiseql.ok', '', E'A: b\r\n', 'the forger knows the form');
SELECT forge_publish('P', s, '', '', 'bad subject') FROM unnest('{"",$JS.API.STREAM.PURGE.fraiseql_events,_INBOX.x,a..b,a b,>,a.*}'::text[]) s;
SELECT forge_publish(k, 'fraiseql.bad', '', h || E'\r\n', 'bad header')
FROM unnest('{P,R}'::text[]) k, unnest('{Nats-Rollup: all,nats-rollup: sub,Nats-Expected-Last-Sequence: 1,Status: 503,Nats-Msg-Id: x,no colon,"bad name: x"}'::text[]) h;
SELECT forge_publish('P', 'fraiseql.bad', '', h, 'bad block') FROM unnest(ARRAY[E'A: b', E'A: b\r\n\r\nPUB x 1\r\n', E'A: b\nC: d\r\n', E'\r\n', ':']) h;
SELECT forge_publish('P', 'fraiseql.bad', E'id\r\nNats-Rollup: all', '', 'bad id');
SELECT forge(b) FROM unnest(ARRAY['\x', '\x01', '\x0150', '\x0250', '\x01ff', '\x0150ffffffff', '\x015000000000000000000000000000000000ff', '\x0154ffffff7f', '\x014e04000000']::bytea[]) b;
SELECT forge(substr(body, 1, n)) FROM (SELECT '\x0150'::bytea || field('fraiseql.cut') || field('') || field('') || field('payload') AS body) x, generate_series(0, 35, 3) n;
SQL

# Rows of a backfill: garbage, cut off, with lengths and offsets that lead out of it.
$node->safe_psql('postgres', <<'SQL');
SELECT forge_row(b) FROM unnest(ARRAY['\x', '\x00', decode(repeat('00', 22), 'hex'), decode(repeat('00', 23), 'hex'), decode(repeat('ff', 23), 'hex'),
                                      decode(repeat('00', 24), 'hex'), decode(repeat('ff', 24), 'hex'), decode(repeat('ff', 200), 'hex'), decode(repeat('41', 64), 'hex')]) b;
DO $$
DECLARE
    r bytea;
BEGIN
    PERFORM setseed(0.5);
    FOR i IN 1 .. 400 LOOP
        SELECT decode(string_agg(lpad(to_hex((random() * 255)::int), 2, '0'), ''), 'hex') INTO r FROM generate_series(1, 18 + (i % 60));
        -- A header that is sound up to what it says of the columns, and random values behind it.
        r := decode(repeat('00', 18), 'hex') || set_byte('\x0000', 0, 1 + i % 4) || set_byte('\x0000', 0, CASE WHEN i % 3 = 0 THEN 1 ELSE 0 END)
             || set_byte('\x00', 0, 24) || '\x0f' || r;
        PERFORM forge_row(r);
        PERFORM forge_row(r, CASE i % 4 WHEN 0 THEN 'pg_class'::regclass::oid WHEN 1 THEN 0 WHEN 2 THEN 'tb_forged_pkey'::regclass::oid ELSE 4294967295 END);
    END LOOP;
END
$$;
INSERT INTO tb_forged VALUES (1, 'real', now());
SQL
$node->wait_drained('postgres');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $server_start, 'the server has survived all of it');
cmp_ok($node->log_count('fraiseql_nats worker  ERROR'), '<=', 2, 'and of its workers two have ended at most');
my @messages = $nats->stream_messages(FraiseqlNode::STREAM);
is(scalar(grep { $_->{subject} !~ /^fraiseql\.(ok|mutation\.Forged\.(SNAPSHOT|INSERT))$/ } @messages), 0, 'nothing that publish() does not take was published');
is(scalar(grep { $_->{payload} =~ /real/ } @messages), 1, 'and what comes behind it was');
cmp_ok($node->log_count(qr/WARNING:  (logical message|row of a backfill)/), '>=', 10, 'the log tells of it');

# Large messages are refused where they are written.
sub fails { my ($sql) = @_; return ($node->psql('postgres', $sql))[2] }
like(fails(q{SELECT fraiseql_nats.publish('fraiseql.x', repeat('x', 1024 * 1024 * 1024 - 1000))}), qr/message of \d+ bytes is too large to be published.*HINT/s, 'publish() of 1 GB is refused');
like(fails(q{SELECT fraiseql_nats.publish('fraiseql.x', repeat('x', 64 * 1024 * 1024))}), qr/too large to be published/, 'and of 64 MB with its subject');
like(fails(q{SELECT fraiseql_nats.publish('fraiseql.x', 'x', jsonb_build_object('A', repeat('x', 70000000)))}), qr/too large to be published/, 'headers count');
is($node->safe_psql('postgres', q{SELECT fraiseql_nats.publish('fraiseql.x', repeat('x', 64 * 1024 * 1024 - 1000)) IS NOT NULL}), 't', 'a little less is a dead letter of the broker that takes 1 MB');
$node->wait_drained('postgres');
like(fails(qq{SELECT fraiseql_nats.publish('$_', 'x')}), qr/subject "\Q$_\E" is reserved.*HINT/s, "$_ is refused by publish()")
  for '$JS.API.STREAM.PURGE.fraiseql_events', '$SYS.REQ.SERVER.PING', '$KV.bucket.key', '$O.bucket.x', '_INBOX.x.y', '$';
like(fails(qq{SELECT fraiseql_nats.observe('tb_forged', subject => '$_', name => 'reserved')}), qr/is reserved/, "$_ is refused by observe()")
  for '$JS.API.{table}', '_INBOX.{column:id}', '$KV.b.{column:id}';
like(fails(q{SELECT fraiseql_nats.observe_channel('$JS.API.STREAM.PURGE.fraiseql_events')}), qr/is reserved/, 'and as a channel');
like(fails(qq{ALTER SYSTEM SET $_}), qr/invalid value for parameter/, "and in settings: $_")
  for q{fraiseql_nats.subject_prefix = '$JS.API'}, q{fraiseql_nats.topic_prefix = '_INBOX'}, q{fraiseql_nats.dlq_subject = '$JS.ACK.x'};
like(fails(qq{SELECT fraiseql_nats.publish('fraiseql.x', 'x', '{"$_": "x"}')}), qr/header "$_" is reserved/, "header $_ is refused")
  for 'Status', 'description', 'NATS-Rollup', 'fraiseql-position';
# What a row makes of a template.
$node->safe_psql('postgres', <<'SQL');
SELECT fraiseql_nats.observe('tb_forged', subject => '{column:note}.{column:id}', name => 'of the row');
INSERT INTO tb_forged VALUES (2, '$JS'), (3, '_INBOX'), (4, '$KV'), (5, 'fraiseql');
SQL
$node->wait_drained('postgres');
$node->wait_for_sql('postgres', q{SELECT count(*) = 3 FROM fraiseql_nats.dead_letters() WHERE reason ~ 'is reserved'}, 'subjects that rows have made are dead letters');
pass('subjects that rows have made are dead letters');

# An immediate stop: the log can be read again.
$node->stop('immediate');
$node->start;
$node->wait_until_state('postgres', 'streaming');
$node->safe_psql('postgres', q{INSERT INTO tb_forged VALUES (6, 'fraiseql')});
$node->wait_drained('postgres');
my ($rss) = slurp_file('/proc/' . $node->worker_pid('postgres') . '/status') =~ /^VmRSS:\s+(\d+) kB/m;
cmp_ok($rss / 1024, '<', 150, 'and memory is given back');

done_testing();
