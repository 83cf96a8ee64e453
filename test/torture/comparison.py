# SPDX-License-Identifier: PostgreSQL
"""Compares what a stream holds with the ledger of the database it comes from.

Each claim gets a list of sentences that say what contradicts it; none: it holds.
"""

import hashlib
import json
import operator
from collections import Counter, defaultdict
from typing import NamedTuple

LOST = "nothing lost"
TWICE = "nothing twice, by position"
ID_TWICE = "nothing twice, by the messages' ids"
CONTENT_TWICE = "nothing twice, by content"
COMMIT_ORDER = "transactions in commit order, each in one piece"
INNER_ORDER = "changes in the order they were written"
COMMITTED = "nothing that was rolled back"
CLAIMS = (LOST, TWICE, ID_TWICE, CONTENT_TWICE, COMMIT_ORDER, INNER_ORDER, COMMITTED)


class Record(NamedTuple):
    """A message, without its content: many of them are kept."""

    sequence: int  # in the stream
    position: tuple  # commit LSN, ordinal, route
    xid: int
    id: int  # its hash
    content: bytes  # digest of subject and data
    subject: int  # hash
    aside: str = ""  # of what the ledger does not know: a gap, or the id of a row of a SNAPSHOT


def in_gap(lsn, gaps):
    """Whether what commits there need not be published: its slot was lost, and that was reported."""
    return any(begin <= lsn < end for begin, end in gaps)


def digest(subject, data):
    return hashlib.md5(subject.encode() + b"\n" + data).digest()[:8]


def parse_position(text):
    lsn, ordinal, *route = text.split(":")
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16), int(ordinal), int(route[0]) if route else 0


def to_record(message):
    headers = message.headers
    data = message.payload
    aside = ""
    if message.subject.endswith(".gap"):
        gap = json.loads(data)
        aside = f"gap {gap['from_lsn']} {gap['to_lsn']}"
    if headers.get("Fraiseql-Event") == "SNAPSHOT":
        aside = entity_id_of(data)
    if "Fraiseql-Table" in headers:
        data = row_of(data)
    return Record(
        message.sequence,
        parse_position(headers["Fraiseql-Position"]),
        int(headers["Fraiseql-Xid"]),
        hash(id_of(headers)),
        digest(message.subject, data),
        hash(message.subject),
        aside,
    )


def id_of(headers):
    return headers.get("Fraiseql-Id") or headers.get("Nats-Msg-Id")


def entity_id_of(payload):
    return payload.split(b'"entity_id":"', 1)[1].split(b'"', 1)[0].decode()


def row_of(payload):
    """The text of `data`.  Quotes inside of strings are escaped, so these keys are none of those."""
    data = payload[payload.index(b',"data":') + 8 : -1]
    for key in (b',"changes":', b',"unchanged":'):
        data = data.split(key, 1)[0]
    return data


class Expected(NamedTuple):
    """What was committed: by commit LSN, in its order."""

    xids: dict  # commit LSN -> xid, of all transactions of the server
    contents: dict  # commit LSN -> digests of its rows of the ledger


async def read_expected(session, commits, condition):
    """`commits`: the commit LSN of each transaction; `condition`: on the rows of the ledger."""
    by_xid = defaultdict(list)

    def take(line):
        xid, content = line.split()
        by_xid[int(xid)].append(bytes.fromhex(content.decode()[:16]))

    await session.execute(
        "COPY (SELECT xid, md5(subject || E'\\n' || data) FROM ledger"
        f" WHERE {condition} ORDER BY place) TO STDOUT",
        on_copy=take,
    )
    contents = {commits[xid]: by_xid[xid] for xid in sorted(by_xid, key=commits.__getitem__)}
    return Expected({lsn: xid for xid, lsn in commits.items()}, contents)


def describe(position):
    lsn, ordinal, route = position
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}:{ordinal}" + (f":{route}" if route else "")


class Comparison:
    """`problems`: by claim; `breaks`: how many messages stand in their stream before the one that
    they follow in the log."""

    def __init__(self, streams, expected, gaps=(), doomed=()):
        """`streams`: the records of each stream of this name, in the order of their lives; all but
        the last were deleted with all that they held.  `gaps`: see in_gap().
        `doomed`: messages that may have been dead letters, of which a retry keeps the xid."""
        self.problems = {claim: [] for claim in CLAIMS}
        self.breaks = 0
        self.losses = 0  # how often a stream was deleted with messages that are in no other
        self.suspects = set()  # commit LSNs of transactions that are not as they should be
        self._expected = expected
        self._gaps = gaps
        self._former_xids = {doom.content: doom.xid for doom in doomed}
        for index, records in enumerate(streams):
            self._check_stream(index, records)
        self.history = self._all_records(streams)
        self._check_contents([record for record in self.history if not record.aside])

    def _complain(self, claim, text):
        self.problems[claim].append(text)

    def _check_stream(self, index, records):
        """In one stream: every position and id once, positions go up."""
        positions, ids, last = {}, {}, (0, 0, 0)
        for record in records:
            where = f"message {record.sequence} of stream {index + 1} ({describe(record.position)})"
            if record.position in positions:
                self._complain(TWICE, f"{where} was stored before")
                self.suspects.add(record.position[0])
            elif record.position < last:
                claim = INNER_ORDER if record.position[0] == last[0] else COMMIT_ORDER
                self._complain(claim, f"{where} stands behind {describe(last)}")
                self.suspects |= {record.position[0], last[0]}
            if record.id in ids:
                self._complain(ID_TWICE, f"{where} has the id of message {ids[record.id]}")
            positions.setdefault(record.position, record.sequence)
            ids[record.id] = record.sequence
            last = max(last, record.position)
        in_log_order = [positions[position] for position in sorted(positions)]
        self.breaks += sum(map(operator.gt, in_log_order, in_log_order[1:]))

    def _all_records(self, streams):
        """The records of the streams' common history.

        What was acknowledged went with its stream and is not sent again.  What was stored but not
        known to be is in the next stream too: everything from the first message there on is.
        """
        history, first = list(streams[-1]), min((r.position for r in streams[-1]), default=None)
        for records in reversed(streams[:-1]):
            gone = [r for r in records if first is None or r.position < first]
            self.losses += bool(gone)
            history += gone
            first = min([r.position for r in gone] + ([first] if first else []), default=None)
        return history

    def _check_contents(self, records):
        by_lsn = defaultdict(list)
        for record in sorted(records, key=lambda r: r.position):
            by_lsn[record.position[0]].append(record)
        for lsn, found in by_lsn.items():
            self._check_commit(lsn, found)
        for lsn, contents in self._expected.contents.items():
            self._compare(lsn, by_lsn.get(lsn, []), contents)

    def _check_commit(self, lsn, found):
        xid = self._expected.xids.get(lsn)
        for record in found:
            right_xid = record.xid in (xid, self._former_xids.get(record.content))
            if not right_xid or lsn not in self._expected.contents:
                where = f"message {record.sequence} ({describe(record.position)}, xid {record.xid})"
                self._complain(COMMITTED, f"{where}: the ledger has no such transaction")
                self.suspects.add(lsn)

    def _compare(self, lsn, found, expected):
        contents = [record.content for record in found]
        if contents == expected:
            return
        self.suspects.add(lsn)
        where = f"transaction {self._expected.xids[lsn]} at {lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
        missing, extra = Counter(expected), Counter(contents)
        missing.subtract(contents)
        extra.subtract(expected)
        lost = sum(count for count in missing.values() if count > 0)
        if lost and not in_gap(lsn, self._gaps):
            self._complain(LOST, f"{where}: {lost} of {len(expected)} messages missing")
        for content, count in extra.items():
            if count > 0:
                known = content in missing and content in expected
                claim, text = (CONTENT_TWICE, "too often") if known else (COMMITTED, "in no ledger")
                sequences = [r.sequence for r in found if r.content == content]
                self._complain(claim, f"{where}: content of message {sequences[-1]} is {text}")
        if not lost and len(contents) == len(expected):
            self._complain(INNER_ORDER, f"{where}: messages of another order than the ledger's")


async def write_evidence(path, comparison, expected, streams, session, client, most=20):
    """What the ledger and the streams say about transactions that are not as they should be.

    `client` yields the messages of the last stream; of the others only records are left.
    """
    suspects = sorted(comparison.suspects)[:most]
    xids = [expected.xids[lsn] for lsn in suspects if lsn in expected.xids]
    with open(path, "w") as file:
        if xids:
            rows = await session.execute(
                "SELECT xid, place, subject, left(data, 300) FROM ledger"
                f" WHERE xid IN ({', '.join(map(str, xids))}) ORDER BY place"
            )
            for row in rows:
                file.write(f"ledger: {' '.join(row)}\n")
        for number, records in enumerate(streams, 1):
            for record in records:
                if record.position[0] in suspects:
                    where = f"{record.sequence} {describe(record.position)}"
                    file.write(f"stream {number}: {where} {record.content.hex()}\n")
        async for message in client:
            position = message.headers.get("Fraiseql-Position")
            if position and parse_position(position)[0] in suspects:
                headers = " ".join(f"{name}={text}" for name, text in message.headers.items())
                payload = message.payload[:500].decode(errors="replace")
                at = f"{message.sequence} {message.stored_at:.3f}"
                file.write(f"message: {at} {message.subject} {payload} {headers}\n")
