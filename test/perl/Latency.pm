# SPDX-License-Identifier: PostgreSQL

=head1 NAME

Latency - how long messages took from the commit to the stream

=cut

package Latency;

use strict;
use warnings;

use Carp qw(croak);
use Time::Local qw(timegm);

# From commit to stored, of each message of a stream, in milliseconds.
sub milliseconds {
    return map { $_->{time} / 1e6 - commit_time_us($_) / 1e3 } @_;
}

# The header Fraiseql-Commit-Time as microseconds since 1970.
sub commit_time_us {
    my ($message) = @_;
    my $text = $message->{headers}{'Fraiseql-Commit-Time'} // '';
    my ($year, $month, $day, $hour, $minute, $second, $us) =
      $text =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z$/
      or croak "no commit time: \"$text\"";
    return timegm($second, $minute, $hour, $day, $month - 1, $year) * 1_000_000 + $us;
}

# 0.5: the median; 0.99: what all but one in a hundred stay below.
sub quantile {
    my ($fraction, @numbers) = @_;
    @numbers = sort { $a <=> $b } @numbers;
    my $at = int($fraction * @numbers);
    return $numbers[$at < @numbers ? $at : -1];
}

1;
