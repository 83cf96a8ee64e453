# SPDX-License-Identifier: PostgreSQL
"""Streams that come and go under load: each holds what was committed meanwhile, and leaves no slot."""

import asyncio
from typing import NamedTuple

from comparison import CLAIMS, Comparison, Expected, to_record
from limit_faults import insist
from nats_client import NatsError
from postgres import number
from session_faults import perform
from slot_faults import ask
from time_limit import within

CLAIM = "a stream that comes and goes holds what was committed meanwhile, and leaves no slot"
MOST_SECONDS = 30


class Life(NamedTuple):
    """Of a stream, from create_stream() to drop_stream()."""

    database: str
    root: str  # what the subjects of its messages begin with
    whole: bool  # all was confirmed before it was dropped
    records: list  # what it held behind its end
    slots: str  # those that are left


async def stream_comes_and_goes(world, dice):
    """The next one of the same name finds its messages, unless the broker's stream is deleted."""
    database = dice.choice(list(world.databases))
    stream, root = f"passing_{database}", f"passing.{database}.{len(world.lives) + 1}"
    storage, exclusive = dice.choice(["file", "file", "memory"]), dice.choice(["on", "off", "auto"])
    make = (
        f"SELECT fraiseql_nats.create_stream('{stream}', '{{passing.{database}.>}}', storage => 'file',"
        f" exclusive => '{exclusive}', subject_prefix => '{root}', topic_prefix => '{root}');"
        f" CALL begin_passing('{stream}', '{root}')"
    )
    there = f"SELECT count(*) FROM fraiseql_nats.stream WHERE name = '{stream}'"
    observed = f"SELECT count(*) FROM fraiseql_nats.observer WHERE name = '{root}'"
    await _commit(world, database, make, there, "1")
    slot = await _insist(world, database, _status("slot", stream))
    await asyncio.sleep(dice.uniform(0.2, 2))
    waits = dice.random() < 0.6
    if waits:
        await _commit(world, database, f"CALL end_passing('{root}')", observed, "0")
        await _until_confirmed(world, database, stream)
        end = f"SELECT fraiseql_nats.drop_stream('{stream}')"
    else:
        end = f"CALL end_passing('{root}'); SELECT fraiseql_nats.drop_stream('{stream}')"
    await _commit(world, database, end, there, "0")
    left = await _slots_left(world, slot)
    deletes = dice.random() < 0.5
    records = await insist(lambda: _read(world, stream, root, deletes))
    world.lives.append(Life(database, root, waits, records, left))


def _status(column, stream):
    return f"SELECT {column} FROM fraiseql_nats.status() WHERE stream = '{stream}'"


async def _commit(world, database, statements, query, wanted):
    """In one transaction, which is tried until its result is there."""
    while await _insist(world, database, query) != wanted:
        await perform(world, database, f"BEGIN; {statements}; COMMIT")


async def _insist(world, database, query):
    while (answer := await ask(world, database, query)) is None:
        await asyncio.sleep(0.05)
    return answer


async def _until_confirmed(world, database, stream):
    flushed = number(await _insist(world, database, "SELECT pg_current_wal_insert_lsn()"))
    async with within(4 * MOST_SECONDS):
        while number(await _insist(world, database, _status("coalesce(confirmed_lsn, '0/0')", stream))) < flushed:
            await asyncio.sleep(0.1)


async def _slots_left(world, slot):
    query = f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{slot}'"
    try:
        async with within(MOST_SECONDS):
            while await _insist(world, "postgres", query) != "0":
                await asyncio.sleep(0.05)
    except TimeoutError:
        return slot
    return ""


async def _read(world, stream, root, deletes):
    async with world.client() as client:
        try:
            records = [to_record(m) async for m in client.read_stream(stream) if m.subject.startswith(f"{root}.")]
            if deletes:
                await client.api(f"STREAM.DELETE.{stream}")
        except NatsError as error:
            if error.code == 10059:  # it was dropped before it was made
                return []
            raise
        return records


def problems_of(life, expected):
    """A list of sentences."""
    sentences = [f"slot {life.slots} is left"] * bool(life.slots)
    records = life.records
    if not life.whole:
        expected = _up_to(records, expected)
    problems = Comparison([records], expected).problems
    return sentences + [f"{life.root}: {claim}: {text}" for claim in CLAIMS for text in problems[claim]]


def _up_to(records, expected):
    """What was committed up to the last message."""
    last = max((record.position[0] for record in records), default=0)
    count = sum(record.position[0] == last for record in records)
    contents = {lsn: rows for lsn, rows in expected.contents.items() if lsn < last}
    if last in expected.contents:
        contents[last] = expected.contents[last][:count]
    return Expected(expected.xids, contents)
