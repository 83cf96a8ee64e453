# SPDX-License-Identifier: PostgreSQL
"""Runs the order system of examples/order-system and checks that its numbers add up.

A temporary Postgres, nats-server and Redis, the example's services as processes of their own, a few
hundred orders from several GraphQL clients, some without stock, some rolled back, one that no service
can price, an orchestrator that is killed half way, a subscriber, and somebody who looks at the page.
Called by `run`.
"""

import asyncio
import time

import asyncpg

from api import UPDATE_STATUS
from api_books import (
    enter_contract,
    enter_mutations,
    enter_page,
    enter_queries,
    enter_subscriptions,
)
from audience import Audience
from books import (
    Books,
    enter_counters,
    enter_dead_letters,
    enter_inventory,
    enter_orders,
    enter_stream,
)
from bucket import enter_bucket
from monitoring import enter_monitoring
from orders import (
    COMMITTED,
    ORDERS,
    POISON,
    SESSIONS,
    SHIPPED,
    create_order_in_sql,
    create_orders,
)
from processes import Processes
from runner import main
from servers import start_nats, start_postgres, start_redis
from system import EXAMPLE, SERVICES, TREE, System

STARTED = time.monotonic()
LOGS = TREE / "build" / "order-system" / "log"
DATABASE = "inventory_db"

# Durable name: filter subject, queue group.  What examples/order-system/consumers.sql makes.
CONSUMERS = {
    "orchestrator": ("fraiseql.order.created", None),
    "idempotent-processor": ("fraiseql.order.created", None),
    "dlq-handler": ("fraiseql.dlq", None),
    "analytics": ("fraiseql.order.>", "analytics"),  # last: it takes what the others publish
}
# Instead of the 30 seconds of fraiseql-observer.toml: a dead letter takes three times as long.
ACK_WAIT = 5
MAX_DELIVER = 3


# --- The system ----------------------------------------------------------------------------------


async def start_database(processes, directory, nats_url):
    """Returns its URL."""
    settings = {
        "wal_level": "logical",
        "shared_preload_libraries": "fraiseql_nats",
        "fraiseql_nats.config_file": EXAMPLE / "fraiseql.toml",
        "fraiseql_nats.observer_config_file": EXAMPLE / "fraiseql-observer.toml",
        "fraiseql_nats.ack_wait": f"{ACK_WAIT}s",
    }
    server = await start_postgres(processes, directory, settings, {"NATS_URL": nats_url})

    conn = await asyncpg.connect(server.format(database="postgres"))
    await conn.execute(f"CREATE DATABASE {DATABASE}")
    await conn.close()

    url = server.format(database=DATABASE)
    conn = await asyncpg.connect(url)
    for script in ("schema.sql", "stock.sql"):
        await conn.execute((EXAMPLE / script).read_text())
    await conn.execute("CREATE EXTENSION fraiseql_nats")
    async def is_ready():
        observed = "SELECT count(*) = 2 FROM fraiseql_nats.observer"
        streaming = "SELECT state = 'streaming' FROM fraiseql_nats.status()"
        return await conn.fetchval(observed) and await conn.fetchval(streaming)

    await processes.wait_until("both observers are there and the worker publishes", is_ready)
    await conn.close()
    return url


async def make_consumers(pool):
    await pool.execute((EXAMPLE / "consumers.sql").read_text())


# --- The story -----------------------------------------------------------------------------------


async def run_orders(system, books):
    """Returns the orders that the mutation created."""
    processes, pool, client = system.processes, system.pool, system.client
    third = ORDERS // 3

    step(f"Creating a poisoned order, and many good ones from {SESSIONS} GraphQL clients")
    async with pool.acquire() as conn:  # GraphQL would refuse it
        await create_order_in_sql(conn, POISON)
    creating = asyncio.create_task(create_orders(pool, client, range(third)))

    async def is_at_work():
        return await system.decided() >= third // 4

    await processes.wait_until("the orchestrator is at work", is_at_work)
    processes.pause("orchestrator")  # so that it has work which it will not do
    created = await creating
    step("Killing the orchestrator (kill -9), and creating more orders")
    processes.kill9("orchestrator")
    created += await create_orders(pool, client, range(third, 2 * third))

    async def is_gone():
        return not (await system.consumer("orchestrator")).push_bound

    await processes.wait_until("the broker knows that the orchestrator is gone", is_gone)
    left = (await system.consumer("orchestrator")).num_ack_pending
    books.note("messages that the killed orchestrator left", left)

    step("Starting it again, and creating the rest")
    await system.start_services("orchestrator")
    created += await create_orders(pool, client, range(2 * third, ORDERS))

    async def is_decided():
        return await system.decided() >= len(COMMITTED) + 1

    await processes.wait_until("every order is confirmed or failed", is_decided)

    async def is_processed():
        return not await pool.fetchval("SELECT count(*) FROM tb_order WHERE status = 'pending'")

    await processes.wait_until("the order processor has set every order's status", is_processed)
    return created


async def ship(system):
    """Ships some orders, each twice: the second time there is nothing to change or to tell."""
    step(f"Shipping {SHIPPED} of the confirmed orders")
    shipped = []
    for order_id in list(system.stream.order_ids("fraiseql.order.confirmed"))[:SHIPPED]:
        for _ in range(2):
            shipped.append(await system.client.ask(UPDATE_STATUS, id=order_id, status="shipped"))
    return shipped


async def wait_for_silence(system, audience):
    """Waits until nothing is left that could bring another message."""
    processes, pool, redis = system.processes, system.pool, system.redis
    flushed = await pool.fetchval("SELECT pg_current_wal_flush_lsn()")

    async def is_published():
        return await pool.fetchval(
            "SELECT confirmed_lsn >= $1 AND in_flight = 0 FROM fraiseql_nats.status()", flushed
        )

    async def is_priced():
        return await redis.llen("orders:priced") >= len(COMMITTED)

    async def is_logged():
        return await redis.llen("dead_letters") >= 1

    async def is_idle():
        infos = [await system.consumer(name) for name in CONSUMERS]
        infos.append(await system.consumer("order-processor", stream="orders"))
        return all(
            info.num_pending == 0 and info.num_ack_pending == 0
            for info in infos
        )

    step("Waiting until all is done")
    await processes.wait_until("everything is published", is_published)
    await processes.wait_until("every order but one is priced", is_priced)
    await processes.wait_until("the dead letter is logged", is_logged)
    await processes.wait_until("the consumers have nothing to deliver", is_idle)
    await system.stream.read()
    await audience.wait_until_all_is_seen()


# --- The books -----------------------------------------------------------------------------------


async def keep_books(system, books, audience, created, shipped):
    await system.stream.read()
    await enter_orders(system, books)
    await enter_inventory(system, books)
    await enter_counters(system, books)
    await enter_stream(system, books, EXAMPLE / "fraiseql-observer.toml")
    await enter_dead_letters(system, books)
    await enter_mutations(system, books, created, shipped)
    await enter_contract(system, books)
    await enter_subscriptions(system, books, audience.subscriber)
    await enter_queries(system, books)
    await enter_page(system, books, audience.browser)
    await enter_monitoring(system, books)
    await enter_bucket(system, books)


# --- The run -------------------------------------------------------------------------------------


def step(text):
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


async def run(directory):
    """Returns whether the numbers add up."""
    with Processes(LOGS) as processes:
        step("Starting NATS, Redis and Postgres")
        nats_url = await start_nats(processes, directory / "nats")
        redis_url = await start_redis(processes, directory / "redis")
        database_url = await start_database(processes, directory / "postgres", nats_url)
        urls = {"NATS_URL": nats_url, "REDIS_URL": redis_url, "DATABASE_URL": database_url}

        system = System(processes, urls)
        await system.connect()
        try:
            step("Starting the services")
            await make_consumers(system.pool)
            await system.start_services(*SERVICES)
            step("Opening the subscriptions and the page")
            async with Audience(system, directory / "chromium") as audience:
                return await check(system, audience)
        finally:
            await system.close()


async def check(system, audience):
    """Returns whether the numbers add up."""
    books, trouble, created, shipped = Books(), None, [], []
    try:
        created = await run_orders(system, books)
        shipped = await ship(system)
        await wait_for_silence(system, audience)
    except TimeoutError as error:  # the books show what is missing
        trouble = error
    await keep_books(system, books, audience, created, shipped)
    await audience.take_picture(LOGS / "page.png")
    print(books)
    if books.not_tried:
        print(f"order-system: {books.not_tried} not tried: see above")
    if trouble:
        print(f"order-system: {trouble}")
    return books.add_up() and not trouble


if __name__ == "__main__":
    main("order-system", run, LOGS, "the numbers add up", "the numbers do NOT add up")
