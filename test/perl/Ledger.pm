# SPDX-License-Identifier: PostgreSQL

=head1 NAME

Ledger - compares a stream with what the database says was committed

Every change of a watched table is also written, by a trigger and so in the same transaction, to
the table ledger, which nobody observes.  What the ledger holds afterwards is what was committed:
whatever was rolled back, or died with the server, is in neither.  The stream must hold exactly that:

  - none missing, none twice: by position, by id, and by content;
  - each transaction in one piece, its changes in the order they were written;
  - positions that only go up, so transactions stand in commit order.

=cut

package Ledger;

use strict;
use warnings;

use JSON::PP;

use constant MAX_PROBLEMS => 10;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# SQL that makes the ledger, and the procedure that has a table written to it.
sub setup_sql {
    return <<'END';
CREATE TABLE ledger (
    place    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid      text NOT NULL DEFAULT pg_current_xact_id()::xid,
    relation text NOT NULL,
    op       text NOT NULL,
    old      text,
    new      text
);
CREATE FUNCTION write_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger (relation, op, old, new)
    VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_OP,
            CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN row_to_json(OLD) END,
            CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN row_to_json(NEW) END);
    RETURN NULL;
END $$;
CREATE PROCEDURE watch(watched regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER ledger_rows AFTER INSERT OR UPDATE OR DELETE ON %s
                    FOR EACH ROW EXECUTE FUNCTION write_ledger()', watched);
    EXECUTE format('CREATE TRIGGER ledger_truncate AFTER TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION write_ledger()', watched);
END $$;
END
}

# SQL for a function that publishes a text and writes it to the ledger: ledger_publish(subject, text).
sub publish_sql {
    return <<'END';
CREATE FUNCTION ledger_publish(subject text, payload text) RETURNS void LANGUAGE sql AS $$
    SELECT fraiseql_nats.publish(subject, payload);
    INSERT INTO ledger (relation, op, new) VALUES (subject, 'PUBLISH', payload);
$$;
END
}

# SQL whose result, one row to a line, is what read_rows() takes.  JSON keeps a row on one line,
# whatever the texts in it hold.
sub query {
    return q{SELECT json_build_array(xid, relation, op, old, new) FROM ledger ORDER BY place};
}

sub read_rows {
    my ($text) = @_;
    return [
        map {
            my ($xid, $relation, $op, $old, $new) = @{$json->decode($_)};
            {xid => $xid, relation => $relation, op => $op, old => $old, new => $new};
        } split /\n/, $text
    ];
}

# "16/B374D848:42:1" as a number for the LSN, an ordinal and a route.
sub parse_position {
    my ($text) = @_;
    my ($high, $low, $ordinal, $route) =
      $text =~ m{^([0-9A-F]+)/([0-9A-F]+):(\d+)(?::(\d+))?$} or return;
    return ((hex($high) << 32) + hex($low), $ordinal, $route // 0);
}

# For sort: messages by their position in the log.
sub by_position {
    my @first  = parse_position($_[0]{headers}{'Fraiseql-Position'});
    my @second = parse_position($_[1]{headers}{'Fraiseql-Position'});
    return $first[0] <=> $second[0] || $first[1] <=> $second[1] || $first[2] <=> $second[2];
}

sub id_of { my ($message) = @_; return $message->{headers}{'Fraiseql-Id'} // $message->{headers}{'Nats-Msg-Id'} // '' }

# The messages that a worker sent; others write to the stream too.
sub ours {
    return grep { exists $_->{headers}{'Fraiseql-Position'} } @_;
}

# What is wrong with the stream, as a list of sentences; none: nothing.  `messages` are those of one
# database, `rows` are of read_rows().
sub problems {
    my ($messages, $rows) = @_;
    my @problems = (order_problems($messages), content_problems($messages, $rows));
    my $count = @problems;
    splice @problems, MAX_PROBLEMS, @problems, '... ' . ($count - MAX_PROBLEMS) . ' more'
      if $count > MAX_PROBLEMS;
    return @problems;
}

# Positions go up, ids are unlike, transactions are in one piece.
sub order_problems {
    my ($messages) = @_;
    my @problems;
    my (%id_at, %position_at, %left);
    my ($last_lsn, $last_ordinal, $last_route, $last_xid) = (0, 0, 0, '');
    for my $message (@$messages) {
        my $headers  = $message->{headers};
        my $position = $headers->{'Fraiseql-Position'};
        my $id       = id_of($message);
        my $xid      = $headers->{'Fraiseql-Xid'} // '';
        my $where    = "message $message->{seq} ($position)";
        my ($lsn, $ordinal, $route) = parse_position($position);
        if (!defined $lsn) {
            push @problems, "$where has no valid position";
            next;
        }
        if (exists $position_at{$position}) {
            push @problems, "$where was stored before, as message $position_at{$position}";
            next;
        }
        push @problems, "$where has the id of message $id_at{$id}: $id" if exists $id_at{$id};
        $position_at{$position} = $id_at{$id} = $message->{seq};

        my $order = $lsn <=> $last_lsn || $ordinal <=> $last_ordinal || $route <=> $last_route;
        push @problems, "$where stands behind a later position" if $order < 0;
        if ($xid ne $last_xid) {
            push @problems, "$where: transaction $xid was interrupted" if $left{$xid};
            push @problems, "$where: transactions $last_xid and $xid share a commit LSN"
              if $lsn == $last_lsn;
            $left{$last_xid} = 1;
        }
        elsif ($lsn != $last_lsn) {
            push @problems, "$where: transaction $xid has two commit LSNs";
        }
        ($last_lsn, $last_ordinal, $last_route, $last_xid) = ($lsn, $ordinal, $route, $xid);
    }
    return @problems;
}

# Transactions stand in the order in which the log has their commits; `log` is what pg_waldump prints,
# an independent reader of it.
sub commit_order_problems {
    my ($messages, $log) = @_;
    my (@streamed, %seen);
    for my $message (@$messages) {
        my $xid = $message->{headers}{'Fraiseql-Xid'};
        push @streamed, $xid unless $seen{$xid}++;
    }
    my @committed = grep { $seen{$_} } $log =~ /tx: +(\d+), lsn: \S+, prev \S+, desc: COMMIT /g;
    for my $i (0 .. $#streamed) {
        my $expected = $committed[$i] // 'none';
        return "transaction $streamed[$i] stands where $expected should be" if $streamed[$i] ne $expected;
    }
    return;
}

# Each transaction's messages say what its rows of the ledger say, in the same order.
sub content_problems {
    my ($messages, $rows) = @_;
    my @problems;
    my %rows_of;
    push @{$rows_of{$_->{xid}}}, $_ for @$rows;
    my %next;
    for my $message (@$messages) {
        my $headers = $message->{headers};
        my $xid     = $headers->{'Fraiseql-Xid'} // '';
        my $row     = $rows_of{$xid} && $rows_of{$xid}[$next{$xid}++];
        my $where   = "message $message->{seq} ($headers->{'Fraiseql-Position'}, xid $xid)";
        if (!$row) {
            push @problems,
              "$where: the ledger has no such change: $message->{subject} $message->{payload}";
        }
        elsif (!says_the_same($message, $row)) {
            push @problems, "$where: $message->{subject} $message->{payload} is not $row->{op} of "
              . "$row->{relation}: " . ($row->{new} // $row->{old} // 'no row');
        }
    }
    for my $xid (sort { $a <=> $b } keys %rows_of) {
        my $missing = @{$rows_of{$xid}} - ($next{$xid} // 0);
        push @problems, "transaction $xid: $missing of " . @{$rows_of{$xid}} . ' messages missing'
          if $missing > 0;
    }
    return @problems;
}

sub says_the_same {
    my ($message, $row) = @_;
    if ($row->{op} eq 'PUBLISH') {
        return $message->{subject} eq $row->{relation} && $message->{payload} eq _bytes($row->{new});
    }
    return 0 if ($message->{headers}{'Fraiseql-Table'} // '') ne $row->{relation};
    return 0 if $message->{payload} !~ /"event": ?"$row->{op}"/;
    return 1 if $row->{op} eq 'TRUNCATE';
    my $expected = _bytes($row->{op} eq 'DELETE' ? $row->{old} : $row->{new});
    # Mostly the very same text; else compare what it means.
    return 1 if index($message->{payload}, "\"data\":$expected") >= 0;
    my $data = eval { $json->decode($message->{payload})->{data} };
    my $want = $json->decode($expected);
    return 0 if ref $data ne 'HASH';
    if ($row->{op} eq 'DELETE') {    # the key only, without REPLICA IDENTITY FULL
        $want = {map { $_ => $want->{$_} } keys %$data};
    }
    return keys %$data && $json->encode($data) eq $json->encode($want);
}

# JSON::PP gave us characters; payloads are bytes.
sub _bytes {
    my ($text) = @_;
    utf8::encode($text);
    return $text;
}

1;
