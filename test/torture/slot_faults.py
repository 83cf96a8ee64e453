# SPDX-License-Identifier: PostgreSQL
"""What takes the worker's slot away.  Faults as in faults.py."""

import asyncio

from postgres import ConnectionLost, SqlError
from time_limit import within

KEPT = "12MB"  # max_slot_wal_keep_size
MOST_SECONDS = 20


async def ask(world, database, sql):
    """Its first value; None if the server, or what was asked, is not there now."""
    try:
        session = await world.server.connect(database)
    except ConnectionLost:
        await asyncio.sleep(0.05)
        return None
    try:
        rows = await session.execute(sql)
        return rows[-1][0] if rows else None
    except (ConnectionLost, SqlError):
        return None
    finally:
        session.close()


async def slot_dropped(world, dice):
    """By hand, while the worker is away."""
    database = dice.choice(list(world.databases))
    world.configure(enabled="off")
    world.server.reload()
    slots = f"FROM pg_replication_slots WHERE database = '{database}'"
    async with within(MOST_SECONDS):
        while await ask(world, database, f"SELECT count(*) {slots}") != "0":
            await ask(world, database, f"SELECT pg_drop_replication_slot(slot_name) {slots} AND NOT active")
            await asyncio.sleep(0.05)
    await asyncio.sleep(dice.uniform(0, 1))
    world.configure()
    world.server.reload()


async def slot_invalidated(world, dice):
    """The broker cannot be reached, and more log is written than the slot may keep."""
    database = dice.choice(list(world.databases))
    async with world.network:
        world.proxy.hold()
        begin = await ask(world, database, "SELECT pg_current_wal_insert_lsn()")
        write = "SELECT pg_logical_emit_message(false, 'torture', repeat('x', 1 << 20))"
        left = (
            "SELECT count(*) FROM pg_replication_slots"
            f" WHERE database = '{database}' AND wal_status <> 'lost' AND restart_lsn < '{begin}'"
        )
        async with within(MOST_SECONDS):
            while begin and await ask(world, database, left) != "0":
                for _ in range(5):
                    await ask(world, database, write)
                await ask(world, database, "CHECKPOINT")
        await asyncio.sleep(dice.uniform(0, 1))
        world.proxy.heal()
