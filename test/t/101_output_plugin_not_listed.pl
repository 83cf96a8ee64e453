# SPDX-License-Identifier: PostgreSQL
#
# Minor releases since 2026 load only the output plugins that "output_plugin_libraries" lists.  The
# worker allows itself, whatever is listed, and nobody else; an older release has no such setting.

use strict;
use warnings;

use FraiseqlNode;
use NatsServer;
use Test::More;

my $nats = NatsServer->new;
my $node = FraiseqlNode->new_node('main', $nats);
$node->create_extension('postgres');
$node->create_item_table('postgres');
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) SELECT 1, generate_series(1, 10)});
$node->stream_equals_ledger('postgres', $nats, 'the worker publishes');

my $listed = $node->safe_psql('postgres', q{SELECT current_setting('output_plugin_libraries', true)});
unlike($listed, qr/fraiseql_nats/, 'though nobody has listed its plugin');
$node->safe_psql('postgres', q{SELECT fraiseql_nats.create_preview_slot('preview', false)});
$node->safe_psql('postgres', q{INSERT INTO tb_item (session, n) VALUES (2, 1)});
is($node->safe_psql('postgres', q{SELECT count(*) FROM fraiseql_nats.messages('preview')}), 1, 'and messages() reads');

# An older release lets them make a slot, but they get nothing out of it.
my ($code, undef, $error) = $node->psql(
    'postgres', q{
    SELECT pg_create_logical_replication_slot('other', 'fraiseql_nats');
    INSERT INTO tb_item (session, n) VALUES (3, 1);
    SELECT pg_logical_slot_get_binary_changes('other', NULL, NULL)},
    on_error_stop => 1);
isnt($code, 0, 'others may not use it');
note($error);
is($node->safe_psql('postgres', q{SELECT current_setting('output_plugin_libraries', true)}),
    $listed, 'the setting is as it was');

done_testing();
