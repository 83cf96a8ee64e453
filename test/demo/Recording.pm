# SPDX-License-Identifier: PostgreSQL

=head1 NAME

Recording - what a Stage has shown, as an animated SVG

Each line appears at its time; a line that was replaced goes when the next comes; the whole scrolls
when it is full, and begins anew at the end.  Who does not want motion, or cannot show it, sees the end.

=cut

package Recording;

use strict;
use warnings;

use Time::HiRes qw(time);

use constant {
    ROWS       => 34,       # that are seen at a time
    COLUMNS    => 112,
    CHARACTER  => 7.25,     # of so many pixels, the rows likewise
    ROW        => 17,
    MARGIN     => 14,
    LONGEST    => 2.5,      # seconds: a longer pause is cut
    SHORTEST   => 0.3,      # between lines that are to be read
    HOLD       => 8,        # seconds that the end is seen
};

sub new {
    my ($class) = @_;
    return bless {lines => [], now => 0, last => time(), rows => 0}, $class;
}

# `spans`: [column, text, class]; one that replaces the line before stands at its place.
sub add {
    my ($self, $spans, $replaces) = @_;
    my $pause = time() - $self->{last};
    $self->{last} = time();
    $pause = LONGEST if $pause > LONGEST;
    $pause = SHORTEST if $pause < SHORTEST && !$replaces;
    $self->{now} += $pause;
    my $row = $replaces ? $self->{rows} - 1 : $self->{rows}++;
    $self->{lines}[-1]{until} = $self->{now} if $replaces;
    push @{$self->{lines}}, {row => $row, from => $self->{now}, spans => $spans};
    return;
}

sub svg {
    my ($self) = @_;
    $self->{length} = $self->{now} + HOLD;
    my ($width, $height) = (COLUMNS * CHARACTER + 2 * MARGIN, ROWS * ROW + 2 * MARGIN);
    my $inner = ROWS * ROW;
    my $style = '';
    my $text  = '';
    my $number = 0;
    for my $line (@{$self->{lines}}) {
        my $id = 'l' . ++$number;
        $style .= $self->_visibility($id, $line);
        my $hidden = defined $line->{until} ? ' class="gone"' : '';
        $text .= qq{<g id="$id"$hidden>} . join('', map { _span($line->{row}, @$_) } @{$line->{spans}}) . "</g>\n";
    }
    my $scroll = $self->_scroll;
    my $end    = -ROW * ($self->{rows} > ROWS ? $self->{rows} - ROWS : 0);
    return <<"END";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" width="$width" height="$height" role="img">
<title>make demo: SQL on the left, what a NATS subscriber gets on the right</title>
<style>
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #d4d4d4 }
.act { fill: #ffffff; font-weight: bold } .left { fill: #56c8d8 } .subject { fill: #7ec876 }
.live { fill: #e0b04a } .note { fill: #8a919b } .gone { visibility: hidden }
\@media (prefers-reduced-motion: no-preference) {
#all { animation: scroll $self->{length}s step-end infinite }
${scroll}$style}
</style>
<rect width="$width" height="$height" rx="8" fill="#1b1f27"/>
<svg x="@{[MARGIN]}" y="@{[MARGIN]}" width="@{[COLUMNS * CHARACTER]}" height="$inner">
<g id="all" transform="translate(0 $end)">
$text</g>
</svg>
</svg>
END
}

sub _percent {
    my ($self, $seconds) = @_;
    return sprintf '%.2f%%', 100 * $seconds / $self->{length};
}

sub _visibility {
    my ($self, $id, $line) = @_;
    my $frames = '0%{visibility:hidden}' . $self->_percent($line->{from}) . '{visibility:visible}';
    $frames .= $self->_percent($line->{until}) . '{visibility:hidden}' if defined $line->{until};
    return "#$id\{animation:$id $self->{length}s step-end infinite}\@keyframes $id\{$frames}\n";
}

sub _scroll {
    my ($self) = @_;
    my $frames = '0%{transform:translate(0,0)}';
    my $most   = ROWS - 1;
    for my $line (@{$self->{lines}}) {
        next if $line->{row} <= $most;
        $most = $line->{row};
        $frames .= $self->_percent($line->{from}) . '{transform:translate(0,' . -ROW * ($most - ROWS + 1) . 'px)}';
    }
    return "\@keyframes scroll\{$frames}\n";
}

sub _span {
    my ($row, $column, $text, $class) = @_;
    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;
    $text =~ s/>/&gt;/g;
    return $text eq '' ? '' : sprintf '<text class="%s" x="%.1f" y="%d">%s</text>', $class, $column * CHARACTER,
      ($row + 1) * ROW - 4, $text;
}

1;
