# SPDX-License-Identifier: PostgreSQL
#
# Runs TAP test files one after the other and says, at the end, how many tests passed and failed:
#
#   tap: 112 passed, 0 failed
#
# A file that ends badly, or runs fewer tests than it planned, counts as one failed test more.
# Called by run-tap.

use strict;
use warnings;

use File::Basename qw(basename);
use TAP::Harness;
use TAP::Parser::Aggregator;

my @files   = @ARGV;
my $harness = TAP::Harness->new({
    verbosity => $ENV{TAP_VERBOSE} ? 1 : 0,
    failures  => 1,
    timer     => 1,
    jobs      => $ENV{TAP_JOBS} || 1,
    exec      => [$^X],
});
# The harness runs the test as a child: it ends itself when we are asked to end.
$SIG{$_} = sub { exit 1 }
  for qw(INT TERM HUP);

my $aggregate = TAP::Parser::Aggregator->new;
$aggregate->start;
my $complete = eval { $harness->aggregate_tests($aggregate, @files); 1 };
print $@ unless $complete;
$aggregate->stop;
$harness->summary($aggregate);

my ($passed, $failed) = (scalar $aggregate->passed, scalar $aggregate->failed);
for my $file (@files) {
    my ($parser) = $aggregate->parsers($file);
    if (!$parser) {    # never ran
        ++$failed;
        next;
    }
    my $bad = $parser->wait || $parser->exit || $parser->parse_errors;
    next unless $bad || $parser->failed;
    ++$failed if $bad && !$parser->failed;
    show_end_of_log($file);
}
print "tap: $passed passed, $failed failed\n";
exit($failed ? 1 : 0);

# What the test itself said, which the harness does not show in full.
sub show_end_of_log {
    my ($file) = @_;
    (my $name = basename($file)) =~ s/\.[^.]+$//;
    my $path = "$ENV{TESTLOGDIR}/regress_log_$name";
    open my $log, '<', $path or return;
    my @lines = <$log>;
    splice @lines, 0, -30 if @lines > 30;
    print "--- end of $path\n", @lines, "---\n";
    return;
}
