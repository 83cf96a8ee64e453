# SPDX-License-Identifier: PostgreSQL
#
# With the broker away, nothing that a user or an administrator does takes longer than it does without
# the extension.

use strict;
use warnings;

use NatsServer;
use NobodyWaits;
use Test::More;

my $nats    = NatsServer->new;
my $waiting = NobodyWaits->new($nats);
$waiting->measure(begin => sub { $nats->kill9 }, end => sub { $nats->start });
$waiting->nobody_waits('broker away');
$waiting->nothing_is_lost;

done_testing();
