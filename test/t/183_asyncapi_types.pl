# SPDX-License-Identifier: PostgreSQL
#
# The JSON of each type, as it is published, is what asyncapi() says of the column, in every format, and
# what it says excludes other values.

use strict;
use warnings;

use AsyncApi;
use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');

# Column, type, and values; NULL is always one.
my @columns = (
    [b  => 'bool', qw(true false)],
    [i2 => 'int2', -32768, 32767],
    [i4 => 'int4', -2147483648, 2147483647],
    [i8 => 'int8', '-9223372036854775808', '9223372036854775807'],
    [f4 => 'float4', 1.1, "'NaN'", "'-Infinity'", 1e30, "'-0'"],
    [f8 => 'float8', 0.1, "'Infinity'", 1e-300],
    [n  => 'numeric', '12345678901234567890.123456789', "'NaN'", "'Infinity'", '3.50', '1e-20'],
    [nn => 'numeric(10,2)', 12],
    [tx => 'text', "E'tab\\t\"q\" \\\\ \\u00e9 \\u0001'", "''"],
    [vc => 'varchar(10)', "'v'"],
    [ch => 'char(3)', "'c'"],
    [c1 => '"char"', "'x'"],
    [na => 'name', "'name'"],
    [u  => 'uuid', "'550e8400-e29b-41d4-a716-446655440000'"],
    [by => 'bytea', "'\\xdeadBEEF'", "''"],
    [j  => 'json', q('{"a" : 1, "a":2}'), "'null'", "'[1]'", "'7'"],
    [jb => 'jsonb', q('{"b":[1,null,{"c":"d"}],"a":1e2}'), "'null'", q('"x"')],
    [d  => 'date', "'2026-01-15'", "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'12026-01-15'"],
    [ts => 'timestamp', "'2026-01-15 10:30'", "'2026-01-15 10:30:00.123456'", "'-infinity'", "'0044-03-15 01:02:03.5 BC'", "'12026-01-15'"],
    [tz => 'timestamptz', "'2026-01-15 10:30:00.5+02'", "'infinity'", "'0044-03-15 01:02:03 BC'", "'12026-01-15'"],
    [tm => 'time', "'10:30:01.25'"],
    [tt => 'timetz', "'10:30:01.25+02'"],
    [iv => 'interval', "'1 day 02:03:04'"],
    [e  => 'mood', "'sad'", "'happy \"quoted\"'"],
    [p  => 'pair', "(1, 'x', '2026-01-15')", '(NULL, NULL, NULL)'],
    [dm => 'positive', 3.50],
    [de => 'moods', "'{sad}'", "'{}'"],
    [ia => 'int[]', "'{1,NULL,3}'", "'{}'", "'[0:1]={7,8}'"],
    [ta => 'text[]', "'{{a,b},{\"c d\",NULL}}'", "'{{{a}}}'"],
    [pa => 'pair[]', "ARRAY[(1, 'y', NULL)::pair, NULL]"],
    [ja => 'jsonb[]', q(ARRAY['{"a":1}'::jsonb, 'null', NULL])],
    [nt => 'nest', q(ROW(ROW(1, 'x', 'infinity'), '{sad,NULL}', '{"deep": [1]}'))],
    [r  => 'int4range', "'[1,5)'", "'empty'"],
    [mr => 'int4multirange', "'{[1,5),[7,9)}'"],
    [tr => 'tstzrange', "'[2026-01-15 10:30+00,)'"],
    [i  => 'inet', "'10.0.0.1/8'"],
    [ci => 'cidr', "'10.0.0.0/8'"],
    [ma => 'macaddr', "'08:00:2b:01:02:03'"],
    [o  => 'oid', 42],
    [rc => 'regclass', "'pg_class'"],
    [iv2 => 'int2vector', "'1 2'"],
    [m  => 'money', "'1234.50'"],
    [bi => 'bit(3)', "B'101'"],
    [x  => 'xml', "'<a/>'"],
    [pt => 'point', "'(1,2)'"],
    [tv => 'tsvector', "'a:1 b:2'"],
    [ls => 'pg_lsn', "'0/16B3748'"],
    [hs => 'hstore', "'a=>1, b=>NULL'"],
    [g  => 'int GENERATED ALWAYS AS (id * 2) STORED'],
);
# A server may be built without libxml, and without contrib.
my %lacks = (
    xml    => $node->psql('postgres', q{SELECT '<a/>'::xml}) != 0,
    hstore => $node->psql('postgres', 'CREATE EXTENSION hstore') != 0);
@columns = grep { !$lacks{$_->[1]} } @columns;
my @observers = map { {name => $_, subject => "type.$_"} } qw(fraiseql row topic);
$node->safe_psql('postgres', q{
CREATE TYPE mood AS ENUM ('sad', 'happy "quoted"');
ALTER TYPE mood ADD VALUE 'between' AFTER 'sad';
CREATE TYPE pair AS (n int, t text, "odd "" name" date);
CREATE DOMAIN positive AS numeric CHECK (value > 0);
CREATE DOMAIN moods AS mood[];
CREATE TYPE nest AS (p pair, m moods, j json);
CREATE TABLE t (id int PRIMARY KEY, } . join(', ', map { "$_->[0] $_->[1]" } @columns) . q{);
SELECT fraiseql_nats.create_stream('types', '{type.>}');
SELECT fraiseql_nats.create_stream(kv => 'types');
SELECT fraiseql_nats.observe('t', subject => 'type.' || f, format => f, name => f) FROM unnest('{fraiseql,row,topic}'::text[]) f;
SELECT fraiseql_nats.observe('t', stream => 'KV_types', name => 'kv');
});

# One row for each value, and one of all first values.
my $id = 1;
my @sql = sprintf 'INSERT INTO t (id, %s) VALUES (1, %s);', join(', ', map { $_->[0] } grep { @$_ > 2 } @columns),
  join(', ', map { $_->[2] } grep { @$_ > 2 } @columns);
for my $column (@columns) {
    my ($name, $type, @values) = @$column;
    push @sql, map { sprintf 'INSERT INTO t (id, %s) VALUES (%d, %s);', $name, ++$id, $_ } @values;
}
my $rows = @sql;
push @sql, 'UPDATE t SET tx = tx || \'!\', ia = ia || 1, e = \'between\';', 'UPDATE t SET id = 0 WHERE id = 1;',
  'DELETE FROM t WHERE id < 10;', 'TRUNCATE t;';
$node->safe_psql('postgres', "SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; SET bytea_output = 'escape';\n" . join("\n", @sql));
$node->wait_drained('postgres');
FraiseqlNode::wait_until_purged($nats, 'types');

my @messages = ($nats->stream_messages('types'), $nats->stream_messages('KV_types'));
# For each format $rows of INSERT, as many of UPDATE, one more, nine of DELETE and one of TRUNCATE; the bucket
# forgets the key that was changed, too, and has after TRUNCATE nothing of before.
my %count;
$count{$_->{subject} =~ /^type\.(\w+)/ ? $1 : 'kv'}++ for @messages;
is_deeply([@count{qw(fraiseql row topic)}], [(2 * $rows + 11) x 3], 'every change is there in each format');
is($count{kv}, 1, 'and of the bucket what TRUNCATE leaves');

my $result = AsyncApi::check($node, 'postgres', @messages);
is_deeply($result->{errors}, [], 'the document is valid');
my @unlike;
for my $i (0 .. $#messages) {
    next if @{$result->{messages}[$i]};
    push @unlike, substr("$messages[$i]{payload}", 0, 200) . ': ' . join('; ', @{$result->{reasons}[$i]});
}
is_deeply([@unlike[0 .. ($#unlike > 4 ? 4 : $#unlike)]], [], 'every message is as the document says');
is_deeply($result->{loose}, [], 'and no column takes what is no value of it');

# --- The bucket, with its rows ---------------------------------------------------------------------

$node->safe_psql('postgres', join "\n", grep { !/TRUNCATE|DELETE/ } @sql);
$node->wait_drained('postgres');
@messages = $nats->stream_messages('KV_types');
cmp_ok(scalar @messages, '>', $rows, 'the bucket has the rows again');
$result = AsyncApi::check($node, 'postgres', @messages);
is_deeply([map { @{$_}[0] ? () : 'none' } @{$result->{messages}}], [], 'each is as the document says')
  or diag(join "\n", map { @$_ } @{$result->{reasons}});

# --- A value that the document does not know --------------------------------------------------------

my ($first) = grep { $_->{subject} eq 'type.row' } $nats->stream_messages('types');
$node->safe_psql('postgres', 'ALTER TABLE t DROP COLUMN i4');
$result = AsyncApi::check($node, 'postgres', $first);
is_deeply($result->{messages}, [[]], 'the document follows the table');
like($result->{reasons}[0][0], qr/'?i4'? (was|were) unexpected/, 'an old message has a column that is gone');

done_testing();
