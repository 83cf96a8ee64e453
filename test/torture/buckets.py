# SPDX-License-Identifier: PostgreSQL
"""Buckets of the key-value store: does each key have the value of its row, and no other key?"""

import json
from collections import defaultdict
from typing import NamedTuple

from comparison import parse_position
from session_faults import perform

CLAIM = "each key of the bucket has the value that its row has, and no key stays whose row is gone"
ORDER = "no key goes back to an older value"
TABLE = "tb_kept"
TRUNCATED = "=TRUNCATE"


def bucket_of(database):
    return f"kept_{database}"


def stream_of(database):
    return f"KV_{bucket_of(database)}"


class Value(NamedTuple):
    sequence: int
    position: tuple
    content: object  # None: the key is deleted


async def table_truncated(world, dice):
    """Of which the bucket is."""
    await perform(world, dice.choice(list(world.databases)), f"TRUNCATE {TABLE}")


async def bucket_filled(world, dice):
    """By a backfill; one that fails is not gone on with."""
    database = dice.choice(list(world.databases))
    await perform(
        world, database, f"CALL fraiseql_nats.backfill('{TABLE}', observer => 'bucket', restart => true)"
    )


async def read(session, client, database):
    """Key -> its values in the order of the stream, and key -> what the table has."""
    held = defaultdict(list)
    async for message in client.read_stream(stream_of(database)):
        key = message.subject.removeprefix(f"$KV.{bucket_of(database)}.")
        gone = message.headers.get("KV-Operation") in ("DEL", "PURGE")
        content = None if gone else json.loads(message.payload)
        position = parse_position(message.headers["Fraiseql-Position"])
        held[key].append(Value(message.sequence, position, content))
    held.pop(TRUNCATED, None)
    rows = await session.execute(f"SELECT id, row_to_json(t) FROM {TABLE} t")
    return dict(held), {key: json.loads(row) for key, row in rows}


def problems_of(held, rows):
    """Claim -> a list of sentences."""
    last = {key: values[-1].content for key, values in held.items()}
    wrong = [
        f"key {key} is {last.get(key)}, and its row {rows.get(key)}"
        for key in sorted(set(last) | set(rows))
        if last.get(key) != rows.get(key)
    ]
    back = [
        f"key {key}: message {new.sequence} does not follow message {old.sequence} in the log"
        for key, values in held.items()
        for old, new in zip(values, values[1:])
        if new.position <= old.position
    ]
    return {CLAIM: wrong, ORDER: back}


def overlooked(held, rows):
    """What problems_of() does not notice of errors put in on purpose, as a list of sentences."""
    if not rows or not held:
        return ["there is too little to try it with"]
    some = next(iter(rows))
    values = held.get(some, [])
    if not values:
        return [f"key {some} is missing"]
    last = values[-1]
    errors = {
        "one missing": ({key: v for key, v in held.items() if key != some}, rows, CLAIM),
        "an older value": ({**held, some: [last._replace(content={"id": 0})]}, rows, CLAIM),
        "a row that is gone": (held, {key: row for key, row in rows.items() if key != some}, CLAIM),
        "one that goes back": ({**held, some: [last, last._replace(sequence=last.sequence + 1)]}, rows, ORDER),
    }
    before = {claim: len(sentences) for claim, sentences in problems_of(held, rows).items()}
    return [
        f"bucket, {error}: overlooked"
        for error, (spoilt, table, claim) in errors.items()
        if len(problems_of(spoilt, table)[claim]) <= before[claim]
    ]
