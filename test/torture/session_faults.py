# SPDX-License-Identifier: PostgreSQL
"""What users do beside the load: locks, DDL, backfills, retries.  Faults as in faults.py."""

import asyncio

from postgres import ConnectionLost, SqlError, number
from snapshots import TABLE, Run

OBSERVED = ["tb_item", "tb_full", "tb_placed", "tb_event", "tb_large", "tb_kept", "tb_seen"]
# The victim of a deadlock; too late; a backfill while the slot is made anew.
MAY_HAPPEN = ("40P01", "55P03", "55000")


async def perform(world, database, *statements):
    """In one session; false if it was cut off or chosen as the victim of a deadlock."""
    session = None
    try:
        session = await world.server.connect(database)
        await session.execute("SET lock_timeout = '5s'")
        for statement in statements:
            if isinstance(statement, float):
                await asyncio.sleep(statement)
            else:
                await session.execute(statement)
        return True
    except ConnectionLost:
        return False
    except SqlError as error:
        if error.code in MAY_HAPPEN:
            return False
        raise
    finally:
        if session:
            session.close()


async def own_tables(world, database):
    query = (
        "SELECT c.oid::regclass FROM pg_class c WHERE c.relkind = 'r'"
        " AND c.relnamespace = 'fraiseql_nats'::regnamespace ORDER BY c.relname"
    )
    while True:
        try:
            session = await world.server.connect(database)
            tables = [name for [name] in await session.execute(query)]
            session.close()
            return tables
        except ConnectionLost:
            await asyncio.sleep(0.1)


async def tables_locked(world, dice):
    """Nobody else may so much as read them."""
    database = dice.choice(list(world.databases))
    tables = dice.sample(OBSERVED, dice.randint(1, 4))
    lock = f"BEGIN; LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"
    await perform(world, database, lock, dice.uniform(0.5, 2.5), "COMMIT")


async def own_tables_locked(world, dice):
    """The extension's."""
    database = dice.choice(list(world.databases))
    tables = await own_tables(world, database)
    tables = dice.choice([tables, dice.sample(tables, 3)])
    lock = f"BEGIN; LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"
    await perform(world, database, lock, dice.uniform(0.5, 2.5), "COMMIT")


async def tables_altered(world, dice):
    """In transactions that last."""
    database = dice.choice(list(world.databases))
    changes = [
        f"ADD COLUMN IF NOT EXISTS c{dice.randint(1, 3)} int DEFAULT {dice.randint(1, 99)}",
        f"ADD COLUMN IF NOT EXISTS d{dice.randint(1, 3)} text",
        f"DROP COLUMN IF EXISTS c{dice.randint(1, 3)}",
        f"ALTER amount TYPE {dice.choice(['numeric', 'numeric(20,4)', 'double precision'])}",
        f"ALTER big SET STORAGE {dice.choice(['EXTERNAL', 'EXTENDED'])}",
        "SET (fillfactor = 50)",
    ]
    for change in dice.sample(changes, dice.randint(1, 4)):
        pause = dice.uniform(0, 0.5)
        await perform(world, database, f"BEGIN; ALTER TABLE tb_full {change}", pause, "COMMIT")


async def tables_rewritten(world, dice):
    database = dice.choice(list(world.databases))
    tables = OBSERVED[:4] + await own_tables(world, database)
    for table in dice.sample(tables, 3):
        how = dice.choice(["VACUUM FULL", "VACUUM FREEZE", "REINDEX TABLE"])
        await perform(world, database, f"{how} {table}")


async def rows_backfilled(world, dice):
    """Of one session; called again until it is finished."""
    database = dice.choice(list(world.databases))
    session_number, chunk = dice.randint(1, 4), dice.choice([20, 100, 500])
    # Each run has a filter of its own, so what is gone on with is this one.
    run = len(world.backfills) + 1
    call = (
        f"CALL fraiseql_nats.backfill('{TABLE}', filter => 'session = {session_number} AND {run} = {run}',"
        f" chunk_rows => {chunk}"
    )
    begin, session, restart = None, None, "false"
    while True:
        try:
            session = await world.server.connect(database)
            begin = begin or number(await session.value("SELECT pg_current_wal_insert_lsn()"))
            await session.execute(f"{call}, restart => {restart})")
            end = number(await session.value("SELECT pg_current_wal_insert_lsn()"))
            state = await session.value(
                f"SELECT state FROM fraiseql_nats.backfill WHERE relation = '{TABLE}'::regclass"
            )
            if state == "lost":  # its slot was, since it has returned
                continue
            if state != "finished":
                world.wrong_ends.append(f"a backfill that has returned is {state}")
            world.backfills.append(Run(database, session_number, begin, end))
            return
        except ConnectionLost:
            restart = "false"  # it may have begun
            await asyncio.sleep(0.1)
        except SqlError as error:
            if error.code not in MAY_HAPPEN:
                raise
            # One that was finished is not so any more, if its rows went with the slot.
            restart = "true" if "has other arguments" in str(error) else "false"
            await asyncio.sleep(0.1)
        finally:
            if session:
                session.close()
                session = None


async def dead_letters_retried(world, dice):
    """Before their cause is gone: they come back."""
    database = dice.choice(list(world.databases))
    most, end = dice.choice([1, 5, 20]), dice.choice(["COMMIT", "COMMIT", "ROLLBACK"])
    retry = (
        "BEGIN; SELECT fraiseql_nats.retry_dead_letter(d.id) FROM fraiseql_nats.dead_letters() d"
        " WHERE NOT d.headers ? 'Fraiseql-Unencoded' AND octet_length(d.subject) < 2000"
        f" ORDER BY d.id DESC LIMIT {most}"
    )
    await perform(world, database, retry, end)
