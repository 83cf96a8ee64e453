# SPDX-License-Identifier: PostgreSQL
#
# With a port instead of a broker that takes connections and never answers, nothing that a user or
# an administrator does takes longer than it does without the extension.

use strict;
use warnings;

use BlackHole;
use NatsServer;
use NobodyWaits;
use Test::More;

my $nats    = NatsServer->new;
my $waiting = NobodyWaits->new($nats);
my $hole;
$waiting->measure(
    begin => sub {
        $nats->kill9;
        $hole = BlackHole->new(port => $nats->port, accepts => 1);
    },
    end => sub {
        $hole->close;
        $nats->start;
    });
$waiting->nobody_waits('port never answers');
$waiting->nothing_is_lost;

done_testing();
