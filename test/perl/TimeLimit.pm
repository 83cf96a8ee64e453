# SPDX-License-Identifier: PostgreSQL

=head1 NAME

TimeLimit - how long a test waits before it says that it waited in vain

=head1 SYNOPSIS

    use TimeLimit;
    my $deadline = time() + time_limit(30);    # 30 seconds, times TEST_TIME_FACTOR

A machine that is slow, or busy, takes TEST_TIME_FACTOR=3: every limit of every suite follows it.

=cut

package TimeLimit;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(time_limit);

my $factor = $ENV{TEST_TIME_FACTOR} || 1;
die "TEST_TIME_FACTOR is \"$factor\": it must be a number from 1 to 100\n"
  unless $factor =~ /\A[0-9]+(?:\.[0-9]+)?\z/ && $factor >= 1 && $factor <= 100;

sub time_limit { return $_[0] * $factor }

1;
