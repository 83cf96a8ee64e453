# SPDX-License-Identifier: PostgreSQL
"""A stream that lets messages go, by limits and purges: what it let go stays gone, the rest is right.

What is known is what a recorder has read, what the stream holds in the end, and the ledger.  In a
stream of our own the n-th message of the ledger must have been the n-th of the stream, read or not.
"""

import re
from collections import defaultdict
from typing import NamedTuple

from comparison import describe

NEVER_BACK = "no subject goes back to an older value"
ONCE = "each message is stored once, in order, at the place that the ledger gives it"
COUNTED = "the stream has taken as many messages as the ledger has; what may be lost is told of"
LAST = "the last value of each subject that the stream holds is the last that was committed"
STREAMING = "status() says streaming in the end"
CLAIMS = (NEVER_BACK, ONCE, COUNTED, LAST, STREAMING)


class Found(NamedTuple):
    records: dict  # sequence -> record, of all that was read at any time
    held: list  # records that the stream holds in the end
    last_sequence: int
    keeps_last: bool  # only messages that a later one of their subject has followed were let go
    is_ordered: bool  # the stream is ours alone, and the worker takes it so
    state: str  # of the worker, in the end
    told: NamedTuple  # what may be published twice
    lost: int  # so many messages at most the broker has lost, as the worker has told


class Ledger(NamedTuple):
    places: list  # (commit LSN, content), in the order of the log
    last: dict  # hash of subject -> content of its last message


async def read_ledger(session, commits):
    rows = []

    def take(line):
        xid, place, content, subject = line.decode().rstrip("\n").split("\t")
        rows.append((commits[int(xid)], int(place), bytes.fromhex(content[:16]), subject))

    await session.execute(
        "COPY (SELECT xid, place, md5(subject || E'\\n' || data), subject FROM ledger) TO STDOUT",
        on_copy=take,
    )
    rows.sort(key=lambda row: row[:2])
    return Ledger(
        [(lsn, content) for lsn, _, content, _ in rows],
        {hash(subject): content for _, _, content, subject in rows},
    )


def problems_of(found, ledger):
    """Claim -> a list of sentences."""
    problems = {claim: [] for claim in CLAIMS}
    records = dict(found.records)
    records.update((record.sequence, record) for record in found.held)
    in_order = [records[sequence] for sequence in sorted(records)]
    _check_order(_without_repeats(in_order, found.told), found.is_ordered, problems)
    _check_places(in_order, found, ledger, problems)
    _check_last(found, ledger, problems)
    short = len(ledger.places) - found.last_sequence
    if not -found.told.count <= short <= found.lost:
        problems[COUNTED].append(
            f"{found.last_sequence} messages were taken, {len(ledger.places)} are in the ledger,"
            f" {found.lost} are told to be lost, {found.told.count} to be twice"
        )
    if found.state != "streaming":
        problems[STREAMING].append(f"it says {found.state}")
    return problems


TWICE = re.compile(r"up to (\d+) may be published twice, from (\S+) to the commits before (\S+)")


class Told(NamedTuple):
    """What the log says may be published twice."""

    ranges: list  # of changes: (commit LSN, ordinal), up to and without the second
    count: int

    def __contains__(self, record):
        return any(first <= record.position[:2] < end for first, end in self.ranges)


def read_told(lines):
    found = [match for line in lines if "WARNING" in line and (match := TWICE.search(line))]
    return Told(
        [(_change(match[2]), _change(match[3] + ":0")) for match in found],
        sum(int(match[1]) for match in found),
    )


def _change(position):
    lsn, ordinal = position.split(":")[:2]
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16), int(ordinal)


def _without_repeats(records, told):
    """Leaves out what comes behind a newer message and was told of."""
    last, kept = (0, 0, 0), []
    for record in records:
        if record.position > last or record not in told:
            kept.append(record)
        last = max(last, record.position)
    return kept


def _check_order(records, is_ordered, problems):
    latest, positions, ids, last = {}, {}, {}, (0, 0, 0)
    for record in records:
        where = f"message {record.sequence} ({describe(record.position)})"
        before = latest.get(record.subject)
        if before and record.position <= before.position:
            problems[NEVER_BACK].append(
                f"{where} follows message {before.sequence} ({describe(before.position)})"
            )
        if record.position in positions or record.id in ids:
            twice = positions.get(record.position) or ids.get(record.id)
            problems[ONCE].append(f"{where} is message {twice} once more")
        elif is_ordered and record.position < last:
            problems[ONCE].append(f"{where} stands behind {describe(last)}")
        positions[record.position] = ids[record.id] = record.sequence
        last = max(last, record.position)
        latest[record.subject] = record


def _check_places(records, found, ledger, problems):
    """The distance between a message's place in the ledger and in the stream stays the same, but for
    what comes twice or is lost, and was told of."""
    spare, lost = found.told.count, found.lost
    places = defaultdict(list)
    for place, entry in enumerate(ledger.places, 1):
        places[entry].append(place)
    distance = 0
    for record in records:
        candidates = places.get((record.position[0], record.content))
        if not candidates:
            problems[ONCE].append(f"message {record.sequence} ({describe(record.position)}) is in no ledger")
            continue
        now = min((record.sequence - place for place in candidates), key=lambda d: abs(d - distance))
        if 0 < now - distance <= spare:
            spare -= now - distance
        elif 0 < distance - now <= lost:
            lost -= distance - now
        elif found.is_ordered and now != distance:
            what = f"{now - distance} too many" if now > distance else f"{distance - now} missing"
            problems[ONCE].append(f"before message {record.sequence} ({describe(record.position)}): {what}")
        distance = now


def _check_last(found, ledger, problems):
    held = {record.subject: record for record in found.held}
    for subject, record in held.items():
        if record.content != ledger.last.get(subject):
            wanted = [lsn for lsn, content in ledger.places if content == ledger.last.get(subject)]
            problems[LAST].append(
                f"message {record.sequence} ({describe(record.position)}) is not the last of its"
                f" subject, which committed at {[f'{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}' for lsn in wanted]}"
            )
    missing = set(ledger.last) - set(held)
    if found.keeps_last and missing:
        problems[LAST].append(f"{len(missing)} subjects of {len(ledger.last)} are missing")


def shift(record, behind):
    return record._replace(sequence=record.sequence + (record.sequence > behind))


def overlooked(found, ledger):
    """What problems_of() does not notice of errors put in on purpose, as a list of sentences."""
    # Of what was told of, errors are excused.
    records = [
        found.records[sequence]
        for sequence in sorted(found.records)
        if found.records[sequence] not in found.told
    ]
    if len(records) < 20 or not found.held:
        return ["there is too little to try it with"]
    some, last = records[len(records) // 2], found.held[-1]
    end = found.last_sequence + 1
    older = some._replace(sequence=end)
    nobodys = some._replace(content=b"")
    shifted = {
        shifted.sequence: shifted
        for shifted in (shift(record, some.sequence) for record in found.records.values())
    }
    held = [shift(record, some.sequence) for record in found.held]
    fewer = found.told.count + found.lost + 1
    lowered = [r._replace(sequence=r.sequence - fewer) for r in found.records.values()]
    errors = {
        "an older message again": (found._replace(held=found.held + [older], last_sequence=end), NEVER_BACK),
        "a message twice": (found._replace(held=found.held + [older], last_sequence=end), ONCE),
        "one too many that nobody has read": (
            found._replace(records=shifted, held=held, is_ordered=True), ONCE,
        ),
        "one of no ledger": (
            found._replace(
                records={**found.records, some.sequence: nobodys},
                held=[nobodys if record.sequence == some.sequence else record for record in found.held],
            ),
            ONCE,
        ),
        "too many": (
            found._replace(last_sequence=len(ledger.places) + found.told.count + 1), COUNTED,
        ),
        "too few": (found._replace(last_sequence=len(ledger.places) - found.lost - 1), COUNTED),
        "more missing than is told of": (
            found._replace(
                records={record.sequence: record for record in lowered},
                held=[r._replace(sequence=r.sequence - fewer) for r in found.held],
                is_ordered=True,
            ),
            ONCE,
        ),
        "another last value": (found._replace(held=found.held[:-1] + [last._replace(content=b"")]), LAST),
        "none at all": (found._replace(held=[], keeps_last=True), LAST),
        "a worker that waits": (found._replace(state="waiting"), STREAMING),
    }
    if found.told.count:
        del errors["one too many that nobody has read"]
    before = {claim: len(sentences) for claim, sentences in problems_of(found, ledger).items()}
    return [
        f"retention, {error}: overlooked"
        for error, (spoilt, claim) in errors.items()
        if len(problems_of(spoilt, ledger)[claim]) <= (0 if error.startswith("too") else before[claim])
    ]
