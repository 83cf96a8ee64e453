# SPDX-License-Identifier: PostgreSQL
#
# With a broker that stands still, its connections open and messages on their way to it, nothing that
# a user or an administrator does takes longer than it does without the extension.

use strict;
use warnings;

use NatsServer;
use NobodyWaits;
use Test::More;

my $nats    = NatsServer->new;
my $waiting = NobodyWaits->new($nats);
$waiting->measure(begin => sub { $nats->suspend }, end => sub { $nats->resume });
$waiting->nobody_waits('broker stopped');
$waiting->nothing_is_lost;

done_testing();
