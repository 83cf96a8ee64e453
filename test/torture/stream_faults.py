# SPDX-License-Identifier: PostgreSQL
"""What happens to one of several streams, or to its worker.  Faults as in faults.py."""

import asyncio

from faults import fill, make_room
from session_faults import perform
from slot_faults import ask
from streams import own_stream

MOST_SECONDS = 30


def slot_name(database, stream):
    """An expression; null if the database has no such stream."""
    number = f"(SELECT number FROM fraiseql_nats.stream WHERE name = '{stream}')"
    oid = f"(SELECT oid FROM pg_database WHERE datname = '{database}')"
    return f"format('fraiseql_nats_%s_%s', {oid}, {number})"


async def one_stream_stuck(world, dice):
    """It is full, until all the others have caught up meanwhile."""
    history = dice.choice(world.histories)
    async with world.no_crash():
        await fill(world, dice, history)
        if not await world.until_caught_up(MOST_SECONDS, but=history.name):
            world.wrong_ends.append(f"{history.name} was full, and held up the other streams")
        await make_room(world, history.name)
        await world.until_caught_up(MOST_SECONDS)


async def one_stream_purged(world, dice):
    """Of all but the newest messages, of which the worker must know."""
    history = dice.choice(world.histories)
    async with world.no_crash():
        async with world.still_stream(history.name) as client:
            newest = await history.remember_all(client)
            if newest > 1:
                await client.api(f"STREAM.PURGE.{history.name}", seq=newest)


async def stream_altered(world, dice):
    """Its worker begins anew."""
    database = dice.choice(list(world.databases))
    settings = ["dedup_window => '2 s'", "max_age => '1 day'", "discard => 'new'", "discard => 'old'"]
    for setting in dice.sample(settings, 2):
        sql = f"SELECT fraiseql_nats.alter_stream('{own_stream(database)}', {setting})"
        await perform(world, database, sql, dice.uniform(0, 1))


async def worker_ended(world, dice):
    """SIGTERM, to the worker of one stream."""
    database = dice.choice(list(world.databases))
    workers = (
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fraiseql_nats worker'"
        f" AND datname = '{database}' ORDER BY random() LIMIT 1"
    )
    async with world.no_crash():
        await ask(world, database, f"SELECT pg_terminate_backend(pid) FROM ({workers}) w")
        await asyncio.sleep(dice.uniform(0, 0.5))


async def slot_of_stream_dropped(world, dice):
    """As soon as its worker leaves it for a moment; the other workers of the database go on."""
    database = dice.choice(list(world.databases))
    stream = own_stream(database)
    drop = f"""
DO $$ BEGIN
    FOR i IN 1 .. 2000 LOOP
        PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots
        WHERE slot_name = {slot_name(database, stream)} AND active_pid IS NOT NULL;
        BEGIN
            PERFORM pg_drop_replication_slot({slot_name(database, stream)});
            RETURN;
        EXCEPTION WHEN object_in_use THEN
            PERFORM pg_sleep(0.001);
        END;
    END LOOP;
END $$; SELECT 1"""
    async with world.no_crash():
        await ask(world, database, drop)
