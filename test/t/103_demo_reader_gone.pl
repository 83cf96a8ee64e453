# SPDX-License-Identifier: PostgreSQL
#
# The demo stops its servers and removes their files even when nobody reads its output any more, as in
# "make demo | head".

use strict;
use warnings;

use File::Temp ();
use Test::More;

my $directory = File::Temp::tempdir(CLEANUP => 1);
pipe my $reader, my $writer or die "could not make a pipe: $!";
my $pid = fork // die "could not fork: $!";
if (!$pid) {
    close $reader;
    open STDOUT, '>&', $writer or die "could not use the pipe: $!";
    open STDERR, '>&', $writer or die "could not use the pipe: $!";
    $ENV{TMPDIR} = $directory;
    exec 'test/demo/demo' or die "could not run the demo: $!";
}
close $writer;
while (<$reader>) { last if /Postgres  / }    # both servers run
my ($demo) = glob "$directory/fraiseql_demo_*";
my @servers = map { first_line($_) } "$demo/data/postmaster.pid", "$demo/nats/pid";
is(scalar(grep { runs($_) } @servers), 2, 'the demo has started both servers');
close $reader;
waitpid $pid, 0;
isnt($?, 0, 'it does not succeed');
is(scalar(grep { runs($_) } @servers), 0, 'both servers are gone');
is_deeply([glob "$directory/*"], [], 'and their files');
done_testing();

# A process that has ended has no program, though nobody may have asked for its status yet.
sub runs { return defined readlink "/proc/$_[0]/exe" }

sub first_line {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    chomp(my $line = <$file>);
    return $line;
}
