# SPDX-License-Identifier: PostgreSQL
"""What the stream could not take: is each message a dead letter, once, and no other?

The ledger of these is the table `doomed` (see doomed.sql).  Retried when its cause is gone, a dead
letter is in the ordinary ledger as well, at the place of the retry.
"""

import asyncio
import time
from collections import Counter, defaultdict
from typing import NamedTuple

from comparison import digest, in_gap, row_of
from nats_client import NatsError
from streams import STREAM
from time_limit import seconds

CLAIM = "each message that cannot be stored is a dead letter, once"
RETRIED = "what is retried is no dead letter any more"
CURABLE = ("large row", "large message", "large message for own", "not taken")
CURED_PAYLOAD = 1 << 20
ELSEWHERE = "elsewhere.>"
UPDATE_SECONDS = 60


class Doom(NamedTuple):
    place: int
    xid: int
    kind: str
    stream: str  # as the extension's tables call it
    content: bytes


class Letter(NamedTuple):
    id: int
    xid: int
    msg_id: str
    attempts: int
    retried: bool
    stream: str
    content: bytes


async def read_doomed(session):
    rows = await session.execute(
        "SELECT place, xid, kind, CASE WHEN starts_with(subject, 'own.') THEN 'own_' || current_database()"
        " ELSE 'default' END, subject, data FROM doomed ORDER BY place"
    )
    return [
        Doom(int(place), int(xid), kind, stream, digest(subject, data.encode()))
        for place, xid, kind, stream, subject, data in rows
    ]


async def read_letters(session):
    rows = await session.execute(
        "SELECT id, xid, msg_id, attempts, outcome, stream, subject, encode(payload, 'hex'),"
        " headers ? 'Fraiseql-Table' FROM fraiseql_nats.dead_letter ORDER BY id"
    )
    letters = []
    for number, xid, msg_id, attempts, outcome, stream, subject, payload, is_row in rows:
        data = bytes.fromhex(payload or "")
        data = row_of(data) if data and is_row == "t" else data
        content = digest(subject, data)
        letter = Letter(int(number), int(xid), msg_id, int(attempts), bool(outcome), stream, content)
        letters.append(letter)
    return letters


def problems_of(doomed, letters, commits, gaps=()):
    """`commits`: xid -> commit LSN.  A list of sentences."""
    expected = {doom.content: doom for doom in doomed}
    retries = Counter(letter.msg_id for letter in letters if letter.retried)
    found, sentences = defaultdict(list), []
    for letter in letters:
        if letter.retried:
            continue
        found[letter.content].append(letter)
        doom = expected.get(letter.content)
        if doom is None:
            sentences.append(f"dead letter {letter.id}: no message was to become one like it")
        elif not retries[letter.msg_id] and letter.xid != doom.xid:
            sentences.append(f"dead letter {letter.id} is of transaction {letter.xid}, not {doom.xid}")
        # After kill -9 a retry may be counted once more.
        if letter.attempts < 1 + retries[letter.msg_id]:
            sentences.append(f"dead letter {letter.id}: only {letter.attempts} attempts are counted")
    for doom in doomed:
        count = len(found[doom.content])
        lsn = commits.get(doom.xid)
        if count > 1 or (count == 0 and not (lsn and in_gap(lsn, gaps))):
            where = f"transaction {doom.xid}" + (f" at {lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}" if lsn else "")
            sentences.append(f"{doom.kind} {doom.place} of {where}: {count} dead letters")
    return sentences


async def settled(server, database, are_there, most=30):
    """The doomed and the letters, as soon as all are in the table, or have not come in so many seconds."""
    session = await server.connect(database)
    doomed = await read_doomed(session)
    for _ in range(most * 5):
        letters = await read_letters(session)
        still_open = {letter.content for letter in letters if not letter.retried}
        if are_there(doomed, still_open):
            break
        await asyncio.sleep(0.2)
    session.close()
    return doomed, letters


def all_there(doomed, still_open):
    return all(doom.content in still_open for doom in doomed)


def none_left(doomed, still_open):
    return not still_open


async def cure(world):
    """The broker takes larger messages, and the stream the other subject."""
    end = time.monotonic() + seconds(UPDATE_SECONDS)
    while True:
        try:
            async with world.client() as client:
                subjects = (await client.stream_info(STREAM))["config"]["subjects"]
                subjects = [name for name in subjects if name != ELSEWHERE]
                await client.update_stream(STREAM, subjects=[*subjects, ELSEWHERE])
            break
        except NatsError as error:
            # JetStream drops requests that it is too busy for, and says nothing.
            if error.code or time.monotonic() > end:
                raise
    world.broker.allow_payload(CURED_PAYLOAD)
    # While it takes its configuration in, JetStream may not answer.
    await asyncio.sleep(0.2)
    while not await world.broker.answers():
        await asyncio.sleep(0.05)


async def redeem(server, database, doomed, letters):
    """Retries what can be, and discards the rest."""
    places = {doom.content: doom for doom in doomed}
    session = await server.connect(database)
    for letter in letters:
        doom = places.get(letter.content)
        if letter.retried or doom is None:
            continue
        call = f"fraiseql_nats.discard_dead_letter({letter.id})"
        if doom.kind in CURABLE:
            call = f"redeem({letter.id}, {doom.place})"
        await session.execute(f"SELECT {call}")
    session.close()


def overlooked(doomed, letters, commits):
    """What problems_of() does not notice of errors put in on purpose, as a list of sentences."""
    first = {}
    for letter in letters:
        if not letter.retried:
            first.setdefault(letter.content, letter)
    good = [first[doom.content] for doom in doomed if doom.content in first]
    good = [letter._replace(xid=0, attempts=1, msg_id=str(letter.id)) for letter in good]
    known = {letter.content for letter in good}
    doomed = [doom._replace(xid=0) for doom in doomed if doom.content in known]
    if not good:
        return []
    some = good[len(good) // 2]
    errors = {
        "none": (good, False),
        "one missing": ([letter for letter in good if letter != some], True),
        "one twice": (good + [some._replace(id=-1, msg_id="x")], True),
        "one of nobody": (good + [some._replace(id=-1, content=b"")], True),
        "one of another transaction": (
            [letter._replace(xid=1) if letter == some else letter for letter in good],
            True,
        ),
        "a retry not counted": (good + [some._replace(id=-1, retried=True)], True),
    }
    return [
        f"dead letters, {error}: {'overlooked' if wrong else 'taken for an error'}"
        for error, (spoilt, wrong) in errors.items()
        if bool(problems_of(doomed, spoilt, commits)) != wrong
    ]
