# SPDX-License-Identifier: PostgreSQL
"""Rows that backfills tell of: all that were there, each once, as they were at that place of the log."""

from bisect import bisect_left
from collections import Counter, defaultdict
from typing import NamedTuple

from comparison import describe

CLAIM = "a backfill tells of each row that was there, once, as it was"
TABLE, ENTITY = "tb_item", "Item"


class Run(NamedTuple):
    """One backfill that was finished: of the rows of a session, from its first call to its end."""

    database: str
    session: int
    begin: int  # LSN
    end: int


class State(NamedTuple):
    lsn: int  # of the commit
    session: int
    content: bytes  # as a SNAPSHOT would tell of it; empty: there is no row any more


async def read_histories(session, commits, root):
    """What became of each row: id -> its states, by commit LSN, the last of each transaction.
    `root`: what subjects begin with."""
    changes = defaultdict(list)

    def take(line):
        xid, place, row, number, content = line.decode().rstrip("\n").split("\t")
        state = State(commits[int(xid)], int(number), bytes.fromhex(content[:16]))
        changes[row].append((state.lsn, int(place), state))

    subjects = f"{root}.mutation.{ENTITY}."
    await session.execute(
        "COPY (SELECT xid, place, data::json->>'id', coalesce(data::json->>'session', '0'),"
        f" CASE WHEN subject <> '{subjects}DELETE' THEN md5(E'{subjects}SNAPSHOT\\n' || data) ELSE '' END"
        f" FROM ledger WHERE starts_with(subject, '{subjects}')) TO STDOUT",
        on_copy=take,
    )
    histories = {}
    for row, entries in changes.items():
        by_lsn = {lsn: state for lsn, _, state in sorted(entries, key=lambda entry: entry[:2])}
        histories[row] = list(by_lsn.values())
    return histories


def state_before(history, lsn):
    at = bisect_left(history, lsn, key=lambda state: state.lsn)
    return history[at - 1] if at else None


def must_be_told(history, run):
    """The row is one of the run's, and there from its begin to its end."""
    first = state_before(history, run.begin)
    if not first or not first.content or first.session != run.session:
        return False
    return all(state.content for state in history if run.begin <= state.lsn < run.end)


def is_cut(run, gaps):
    """Some of its log was lost with a slot."""
    return any(begin < run.end and run.begin < end for begin, end in gaps)


def problems_of(runs, records, histories):
    """`records` of one database, `runs` in it.  A list of sentences."""
    sentences, told = [], defaultdict(list)
    for record in records:
        if not record.aside or record.aside.startswith("gap"):
            continue
        lsn = record.position[0]
        told[record.aside].append(lsn)
        state = state_before(histories.get(record.aside, []), lsn)
        if not state or state.content != record.content:
            sentences.append(
                f"message {record.sequence} ({describe(record.position)}) tells of row {record.aside}"
                " as it was not then"
            )
    for run in runs:
        wrong = Counter()
        for row, history in histories.items():
            times = sum(run.begin <= lsn < run.end for lsn in told[row])
            if times > 1 or (times == 0 and must_be_told(history, run)):
                wrong[times] += 1
        for times, rows in wrong.items():
            sentences.append(f"backfill of session {run.session}: {rows} rows told of {times} times")
    return sentences


def overlooked(runs, records, histories):
    """What problems_of() does not notice of errors put in on purpose, as a list of sentences."""
    wanted = [
        record
        for record in records
        if record.aside
        and any(
            run.begin <= record.position[0] < run.end and must_be_told(histories[record.aside], run)
            for run in runs
            if record.aside in histories
        )
    ]
    if not wanted:
        return []
    some = wanted[len(wanted) // 2]
    others = [record for record in records if record != some]
    lsn = some.position[0]
    errors = {
        "one missing": others,
        "one twice": records + [some._replace(position=(lsn, 10**9, 0))],
        "one of older content": others + [some._replace(content=b"older")],
        "one before its row": others + [some._replace(position=(1, 1, 0))],
    }
    return [
        f"backfill, {error}: overlooked"
        for error, spoilt in errors.items()
        if len(problems_of(runs, spoilt, histories)) <= len(problems_of(runs, records, histories))
    ]
