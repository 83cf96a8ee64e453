# SPDX-License-Identifier: PostgreSQL
"""Slots that were lost: is each stretch of the log that was not published told of, once, and right?"""

from typing import NamedTuple

from comparison import describe, in_gap
from postgres import number

CLAIM = "a slot that was lost is told of: a row, a message, a warning"


class Gap(NamedTuple):
    slot: str
    begin: str  # LSNs; None: not found out
    end: str
    reason: str
    told_at: int  # commit LSN of the transaction with the message


async def read(session, commits):
    columns = "slot, from_lsn, to_lsn, reason, xmin"
    rows = await session.execute(f"SELECT {columns} FROM fraiseql_nats.gap ORDER BY id")
    return [Gap(*row, commits[int(xid)]) for *row, xid in rows]


def extents(gaps):
    """Pairs of numbers; see comparison.in_gap()."""
    return [(number(gap.begin), number(gap.end)) for gap in gaps if gap.begin and gap.end]


def reaches(gaps):
    """The same up to where they were told of: backfills that have begun by then may begin anew."""
    return [(number(g.begin), max(number(g.end), g.told_at + 1)) for g in gaps if g.begin and g.end]


def problems_of(gaps, records, log):
    """`records`: of the stream; `log`: the server's warnings with their details.  A list of sentences."""
    sentences = []
    told = [record.aside for record in records if record.aside.startswith("gap")]
    for gap in gaps:
        if not gap.begin or not gap.end or not gap.reason:
            sentences.append(f"{gap} is open, when all is published")
            continue
        times = told.count(f"gap {gap.begin} {gap.end}")
        warning = f"between {gap.begin} and {gap.end} were not published"
        # Slots that were lost at the same time may have the same gap.
        warnings = sum(warning in line and f'slot "{gap.slot}"' in line for line in log)
        if warnings != 1:
            sentences.append(f"the log warns {warnings} times of {gap}")
        # The message may itself be in the next gap.
        if times > 1 or (times == 0 and not in_gap(gap.told_at, extents(gaps))):
            place = describe((gap.told_at, 0, 0))
            sentences.append(f"{times} messages, at {place}, tell of {gap}")
    rows = {f"gap {gap.begin} {gap.end}" for gap in gaps}
    sentences += [f"a message tells of {text}, of which there is no row" for text in set(told) - rows]
    return sentences


def overlooked(gaps, records, log):
    """What problems_of() does not notice of errors put in on purpose, as a list of sentences."""
    if not gaps:
        return ["no slot was lost to try it with"]
    # One whose message is there, and must be.
    told = {record.aside for record in records}
    there = [gap for gap in gaps if f"gap {gap.begin} {gap.end}" in told] or gaps[-1:]
    gap = next((gap for gap in there if not in_gap(gap.told_at, extents(gaps))), there[-1])
    message = f"gap {gap.begin} {gap.end}"
    tells = next((record for record in records if record.aside == message), None)
    silent = [record for record in records if record.aside != message]
    errors = {
        "a row missing": ([row for row in gaps if row != gap], records, log),
        "a row that is open": (gaps + [gap._replace(end=None)], records, log),
        "no message": (gaps, silent, log),
        "two messages": (gaps, records + [tells], log),
        "no warning": (gaps, records, []),
    }
    if not tells:
        for error in ("a row missing", "no message", "two messages"):
            del errors[error]
    elif in_gap(gap.told_at, extents(gaps)):
        del errors["no message"]
    return [f"gaps, {error}: overlooked" for error, spoilt in errors.items() if not problems_of(*spoilt)]
