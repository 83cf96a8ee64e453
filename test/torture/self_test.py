# SPDX-License-Identifier: PostgreSQL
"""Proves, on a sample of what a run has found, that the comparison sees every kind of error."""

from comparison import (
    CLAIMS,
    COMMIT_ORDER,
    COMMITTED,
    CONTENT_TWICE,
    ID_TWICE,
    INNER_ORDER,
    LOST,
    TWICE,
    Comparison,
    Expected,
    in_gap,
)

SAMPLE = 200  # transactions, of at most so many messages:
SMALL = 100


def dropped(records):
    return records[:7] + records[8:]


def dropped_at_the_end(records):
    return records[:-1]


def doubled(records):
    return records[:9] + [records[8]._replace(sequence=10**9)] + records[9:]


def same_id(records):
    return records[:9] + [records[9]._replace(id=records[4].id)] + records[10:]


def same_content(records):
    """Once more, with a position and an id of its own."""
    last = records[-1]
    lsn, ordinal, route = last.position
    return records + [last._replace(position=(lsn, ordinal + 1, route), id=1)]


def swapped(records, same_transaction=False):
    """Two neighbours change places."""
    at = next(
        n
        for n in range(len(records) - 1)
        if (records[n].xid == records[n + 1].xid) == same_transaction
    )
    return records[:at] + [records[at + 1], records[at]] + records[at + 2 :]


def swapped_in_transaction(records):
    return swapped(records, same_transaction=True)


def torn(records):
    """A message goes to the end."""
    return records[:5] + records[6:] + [records[5]]


def contents_swapped(records):
    at = next(
        n
        for n in range(len(records) - 1)
        if records[n].xid == records[n + 1].xid and records[n].content != records[n + 1].content
    )
    a, b = records[at], records[at + 1]
    swapped_ones = [a._replace(content=b.content), b._replace(content=a.content)]
    return records[:at] + swapped_ones + records[at + 2 :]


def rolled_back(records):
    """A message of a transaction that never committed, between two others."""
    lsn, ordinal, route = records[5].position
    record = records[5]._replace(position=(lsn, ordinal, route + 1), xid=1, id=1, content=b"")
    return records[:6] + [record] + records[6:]


ERRORS = {
    dropped: {LOST},
    dropped_at_the_end: {LOST},
    doubled: {TWICE, ID_TWICE, CONTENT_TWICE},
    same_id: {ID_TWICE},
    same_content: {CONTENT_TWICE},
    swapped: {COMMIT_ORDER},
    swapped_in_transaction: {INNER_ORDER},
    torn: {COMMIT_ORDER},
    contents_swapped: {INNER_ORDER},
    rolled_back: {COMMITTED},
}


def sample_of(records, expected, gaps):
    """Transactions that are whole and in order, with their part of the ledger."""
    small = [lsn for lsn, contents in expected.contents.items() if len(contents) <= SMALL]
    small = [lsn for lsn in small if not in_gap(lsn, gaps)]
    contents = {lsn: expected.contents[lsn] for lsn in small[:SAMPLE]}
    records = {r.position: r for r in records if r.position[0] in contents}
    return [records[position] for position in sorted(records)], Expected(expected.xids, contents)


def overlooked(records, expected, doomed=(), gaps=()):
    """What the comparison does not notice, or takes for something else, as a list of sentences."""
    records, expected = sample_of([record for record in records if not record.aside], expected, gaps)
    wrong = []
    for error, claims in ({"none": set()} | ERRORS).items():
        spoilt = records if error == "none" else error(records)
        problems = Comparison([spoilt], expected, doomed=doomed).problems
        noticed = {claim for claim in CLAIMS if problems[claim]}
        if noticed != claims:
            name = error if error == "none" else error.__name__
            wrong.append(f"{name}: noticed {sorted(noticed)} instead of {sorted(claims)}")
    # What a deleted stream held need not be in the next one; what it did not hold must.
    half = len(records) // 2
    for streams, claims in (
        ([records[:half], records[half:]], set()),
        ([records[: half + 5], records[half:]], set()),
        ([records[:half], records[half + 1 :]], {LOST}),
        ([records[:half], records[half:] + records[:1]], {COMMIT_ORDER, LOST}),
    ):
        problems = Comparison(streams, expected, doomed=doomed).problems
        noticed = {claim for claim in CLAIMS if problems[claim]}
        if not claims <= noticed or (not claims and noticed):
            wrong.append(f"deleted streams: noticed {sorted(noticed)} instead of {sorted(claims)}")
    return wrong
