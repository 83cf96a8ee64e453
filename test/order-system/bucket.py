# SPDX-License-Identifier: PostgreSQL
"""The orders as a bucket of the key-value store, read by nats.py and by the nats CLI."""

import json

from monitoring import missing_program, run_command

NAME = "orders_in_bucket"


async def fill(pool):
    async with pool.acquire() as conn:
        await conn.execute("ALTER TABLE tb_order REPLICA IDENTITY FULL")
        await conn.execute("SELECT fraiseql_nats.create_stream(kv => 'orders', history => 3)")
        await conn.execute(
            f"SELECT fraiseql_nats.observe('tb_order', name => '{NAME}', stream => 'KV_orders')"
        )
        await conn.execute(f"CALL fraiseql_nats.backfill('tb_order', observer => '{NAME}')")


async def wait_until_confirmed(system):
    flushed = await system.pool.fetchval("SELECT pg_current_wal_flush_lsn()")

    async def is_confirmed():
        return await system.pool.fetchval(
            "SELECT confirmed_lsn >= $1 AND in_flight = 0 FROM fraiseql_nats.status()"
            " WHERE stream = 'KV_orders'",
            flushed,
        )

    await system.processes.wait_until("the bucket has every order", is_confirmed)


async def rows_of(pool):
    rows = await pool.fetch("SELECT pk_order::text AS key, to_jsonb(t)::text AS row FROM tb_order t")
    return {row["key"]: json.loads(row["row"]) for row in rows}


async def values_of(bucket):
    return {key: json.loads((await bucket.get(key)).value) for key in await bucket.keys()}


async def watch_changes(system, bucket, key):
    """What a watcher sees of an update and a deletion."""
    watcher = await bucket.watch(key)
    seen = [await watcher.updates(timeout=5), await watcher.updates(timeout=5)]  # the value, the end
    await system.pool.execute("UPDATE tb_order SET status = 'watched' WHERE pk_order = $1", int(key))
    await system.pool.execute("DELETE FROM tb_order_item WHERE fk_order = $1", int(key))
    await system.pool.execute("DELETE FROM tb_order WHERE pk_order = $1", int(key))
    seen += [await watcher.updates(timeout=5), await watcher.updates(timeout=5)]
    await watcher.stop()
    states = [entry.operation or json.loads(entry.value)["status"] for entry in seen[2:]]
    return " ".join(states)


async def enter_bucket(system, books):
    await fill(system.pool)
    await wait_until_confirmed(system)
    bucket = await system.js.key_value("orders")
    rows = await rows_of(system.pool)
    values = await values_of(bucket)
    books.must_be("orders in the bucket, read by nats.py", len(rows), len(values))
    books.must_be("of these with another value than in the table", 0, differences(rows, values))
    key = min(rows, key=int)
    await enter_cli(system, books, key, rows)
    books.must_be("a watcher sees an update and a DELETE", "watched DEL",
                  await watch_changes(system, bucket, key))


def differences(rows, values):
    """Numbers and timestamps are written in other ways by to_jsonb()."""
    names = ("id", "identifier", "status", "customer_id")
    return sum(
        key not in values or any(rows[key][name] != values[key][name] for name in names)
        for key in rows
    )


async def enter_cli(system, books, key, rows):
    missing = missing_program()
    if missing:
        books.skip("nats kv get", f"no {missing}")
        return
    output = await run_command(f"nats kv get orders {key} --raw", system.nats_url)
    status = output and json.loads(output)["status"]
    books.must_be("nats kv get shows the order", rows[key]["status"], status)
