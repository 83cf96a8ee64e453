# SPDX-License-Identifier: PostgreSQL

=head1 NAME

AsyncApi - whether messages are as asyncapi() says

=head1 SYNOPSIS

    my $result = AsyncApi::check($node, 'postgres', $nats->stream_messages('fraiseql_events'));
    is_deeply($result->{errors}, [], 'a valid document');

See test/asyncapi/validate.py.

=cut

package AsyncApi;

use strict;
use warnings;

use FraiseqlNode;
use IPC::Run;
use JSON::PP;

our $VALIDATE = 1;    # whether check() looks at the document, too, which takes a second

my $json = JSON::PP->new->canonical;

# asyncapi(), called by a role (undef: the superuser), as text.
sub document {
    my ($node, $db, $role, $arguments) = @_;
    my $set = $role ? "SET ROLE $role;" : '';
    $arguments //= '';
    return $node->safe_psql($db, "$set SELECT fraiseql_nats.asyncapi($arguments)");
}

# The result of validate.py, for the document of the database and messages as NatsClient has them.
sub check {
    my ($node, $db, @messages) = @_;
    my @simple = map { {subject => $_->{subject}, headers => $_->{headers} // {}, payload => $_->{payload}} } @messages;
    # What is bytes stays bytes: payloads are UTF-8.
    utf8::decode($_->{payload}) for @simple;
    my $text  = document($node, $db);
    my $input = '{"document":' . $text . ',"validate":' . ($VALIDATE ? 'true' : 'false') . ',"messages":' . $json->utf8->encode(\@simple) . '}';
    my ($out, $error) = ('', '');
    IPC::Run::run(['/usr/bin/python3', "$ENV{TESTDIR}/test/asyncapi/validate.py"], '<', \$input, '>', \$out, '2>', \$error)
      or die $error;
    return decode_json($out);
}

1;
