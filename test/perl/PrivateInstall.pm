# SPDX-License-Identifier: PostgreSQL

=head1 NAME

PrivateInstall - a copy of the installed Postgres, in which another version of the extension can be installed

=head1 SYNOPSIS

    my $install = PrivateInstall->new;
    my $node    = FraiseqlNode->new_node('main', $nats, install_path => $install->path);
    my $next    = $install->install_next($sql);    # files of a version that does not exist

Postgres finds its files by where its programs are: so programs are copied, and the rest are links.

=cut

package PrivateInstall;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;

use constant NAME => 'fraiseql_nats';

sub new {
    my ($class) = @_;
    my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
    my $root      = PostgreSQL::Test::Utils::tempdir_short();
    my %at        = map { chomp(my $path = `$pg_config --$_`); $_ => $path } qw(bindir pkglibdir sharedir);
    my $self      = bless {map { $_ => "$root$at{$_}" } keys %at}, $class;
    fill($at{bindir}, $self->{bindir}, sub { 1 });
    fill($at{pkglibdir}, $self->{pkglibdir}, sub { $_[0] eq NAME . '.so' });
    fill($at{sharedir}, $self->{sharedir}, sub { 0 }, 'extension');
    fill("$at{sharedir}/extension", "$self->{sharedir}/extension", sub { $_[0] =~ /^${\ NAME}\b/ });
    ($self->{version}) = slurp_file($self->control) =~ /^default_version = '(.*)'/m;
    return $self;
}

# Makes a folder of links to what is in another one, or of copies where $copies says so of the name.
sub fill {
    my ($from, $to, $copies, @except) = @_;
    make_path($to);
    for my $file (glob "$from/*") {
        my $name = basename($file);
        next if grep { $_ eq $name } @except;
        if ($copies->($name)) {
            copy($file, "$to/$name") or croak "$file: $!";
            chmod((stat $file)[2] & oct(777), "$to/$name");
        } else {
            symlink $file, "$to/$name" or croak "$to/$name: $!";
        }
    }
    return;
}

sub path    { my ($self) = @_; return dirname($self->{bindir}) }
sub version { my ($self) = @_; return $self->{version} }
sub control { my ($self) = @_; return "$self->{sharedir}/extension/" . NAME . '.control' }

# Installs what `make install` of a later version would: a library that says it is of this version, and a
# script that updates to it.  Returns the version.
sub install_next {
    my ($self, $sql) = @_;
    my $version = $self->{version};
    (my $next = $version) =~ s/^(\d+)/$1 + 1/e;
    croak "version $next is longer than $version" if length $next != length $version;
    replace("$self->{sharedir}/extension/" . NAME . "--$version--$next.sql", $sql);
    replace($self->control, slurp_file($self->control) =~ s/^default_version = '\K[^']*/$next/mr);
    my $library = "$self->{pkglibdir}/" . NAME . '.so';
    my $bytes   = slurp_file($library);
    $bytes =~ s/${\ NAME} library \K\Q$version\E(?=\0)/$next/g or croak "$library does not tell its version";
    replace($library, $bytes);
    return $next;
}

# As another file of the name: who has the old one open keeps it.
sub replace {
    my ($path, $content) = @_;
    open my $file, '>:raw', "$path.new" or croak "$path.new: $!";
    print $file $content;
    close $file or croak "$path.new: $!";
    chmod oct(755), "$path.new";
    rename "$path.new", $path or croak "$path: $!";
    return;
}

1;
