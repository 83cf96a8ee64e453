# SPDX-License-Identifier: PostgreSQL

=head1 NAME

Stage - shows in two columns what is typed, and what arrives

    $stage->act('A row arrives');
    $stage->left("shop=# INSERT ...");         # what somebody does
    $stage->right($subject, $text);            # what a subscriber gets
    $stage->live('lag 3 MB');                  # takes the place of the last live() on a terminal
    $stage->line('messages', 900);             # of the whole width

On a terminal with colours, in a pipe as plain lines.  With a Recording, each line goes there, too.

=cut

package Stage;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use constant {
    LEFT       => 54,
    RIGHT      => 58,
    PLAIN_PACE => 1,      # seconds between two live lines in a pipe
    PACE       => 0.1,    # and on a terminal
    READING    => 0.5,    # before what somebody does, who is watched
};

my %colour = (act => "\e[1m", left => "\e[36m", subject => "\e[32m", text => '', live => "\e[33m", note => "\e[2m");

sub new {
    my ($class, $recording) = @_;
    return bless {recording => $recording, terminal => -t STDOUT, live => 0, shown => 0}, $class;
}

sub act {
    my ($self, $title) = @_;
    $self->_print([0, '', 'text']);
    $self->_print([0, $title, 'act']);
    return;
}

sub left {
    my ($self, $text) = @_;
    sleep(READING) if $self->{terminal};
    $self->_print([2, $_, 'left']) for _wrap($text, LEFT - 4);
    return;
}

sub right {
    my ($self, $subject, $text) = @_;
    $self->_print([LEFT, _cut($subject, RIGHT), 'subject']);
    $self->_print([LEFT + 2, _cut($text, RIGHT - 2), 'text']) if defined $text;
    return;
}

# In the right column, of no message.
sub note {
    my ($self, $text) = @_;
    $self->_print([LEFT, $text, 'note']);
    return;
}

sub line {
    my ($self, $name, $value) = @_;
    $self->_print([2, $name, 'note'], [LEFT, $value, 'text']);
    return;
}

sub wide {
    my ($self, $text) = @_;
    $self->_print([2, $text, 'text']);
    return;
}

# Shown at a certain pace; the last of them, which is `final`, always.
sub live {
    my ($self, $text, $final) = @_;
    return unless $final || time() - $self->{shown} >= ($self->{terminal} ? PACE : PLAIN_PACE);
    $self->{shown} = time();
    $self->{recording}->add([[2, $text, 'live']], $self->{live}) if $self->{recording};
    my $line = _render($self->{terminal}, [2, $text, 'live']);
    print $self->{terminal} && $self->{live} ? "\e[A\r\e[K" : '', "$line\n";
    $self->{live} = !$final;
    return;
}

# "[######......]" of so many characters.
sub bar {
    my ($share) = @_;
    my $full = int(30 * ($share > 1 ? 1 : $share));
    return '[' . '#' x $full . '.' x (30 - $full) . ']';
}

sub _print {
    my ($self, @spans) = @_;
    $self->{live} = 0;
    $self->{recording}->add(\@spans) if $self->{recording};
    print _render($self->{terminal}, @spans), "\n";
    return;
}

sub _render {
    my ($coloured, @spans) = @_;
    my ($line, $column) = ('', 0);
    for my $span (@spans) {
        my ($at, $text, $class) = @$span;
        if ($at > $column) {
            $line .= ' ' x ($at - $column);
            $column = $at;
        }
        $line .= $coloured && $colour{$class} ? "$colour{$class}$text\e[m" : $text;
        $column += length $text;
    }
    return $line;
}

sub _cut {
    my ($text, $width) = @_;
    return length $text > $width ? substr($text, 0, $width - 3) . '...' : $text;
}

# Lines of at most so many characters; a word that is longer stays whole.
sub _wrap {
    my ($text, $width) = @_;
    my @lines;
    for my $word (split / /, $text) {
        if (@lines && length($lines[-1]) + 1 + length($word) <= $width) {
            $lines[-1] .= " $word";
        }
        else {
            push @lines, @lines ? "    $word" : $word;
        }
    }
    return @lines;
}

1;
