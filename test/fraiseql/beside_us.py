# SPDX-License-Identifier: PostgreSQL
"""Runs FraiseQL's server and fraiseql_nats in one database, and checks what comes of it.

A temporary nats-server and Postgres with the order system's schema and examples/fraiseql/observe.sql,
FraiseQL's server, orders by GraphQL and in SQL, and a subscriber over WebSocket.  Called by `run`.
"""

import sys
import time
import urllib.parse
from pathlib import Path

import asyncpg
import nats

from processes import Processes
from results import Results
from runner import main
from servers import start_nats, start_postgres
from story import Story
from upstream import EXAMPLE, TREE, Upstream

STARTED = time.monotonic()
LOGS = TREE / "build" / "fraiseql" / "log"
DATABASE = "inventory_db"
ORDER_SYSTEM = TREE / "examples" / "order-system"


def step(text):
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


async def observe(processes, conn):
    await conn.execute((EXAMPLE / "observe.sql").read_text())

    async def is_streaming():
        return await conn.fetchval("SELECT state = 'streaming' FROM fraiseql_nats.status()")

    await processes.wait_until("the worker publishes", is_streaming)


async def run(directory, programs):
    """Returns whether all was as it must be."""
    results = Results()
    with Processes(LOGS) as processes:
        step("Starting NATS and Postgres")
        nats_url = await start_nats(processes, directory / "nats")
        settings = {
            "wal_level": "logical",
            "shared_preload_libraries": "fraiseql_nats",
            "fraiseql_nats.config_file": EXAMPLE / "fraiseql.toml",
        }
        postgres = directory / "postgres"
        server = await start_postgres(processes, postgres, settings, {"NATS_URL": nats_url})
        conn = await asyncpg.connect(server.format(database="postgres"))
        await conn.execute(f"CREATE DATABASE {DATABASE}")
        await conn.close()

        pool = await asyncpg.create_pool(server.format(database=DATABASE), min_size=1)
        nc = await nats.connect(nats_url)
        try:
            upstream = Upstream(processes, programs, directory)
            url = f"postgresql://postgres@{urllib.parse.quote(str(postgres), safe='')}/{DATABASE}"
            step("Loading the order system's schema and FraiseQL's own SQL")
            for script in ("schema.sql", "stock.sql"):
                await pool.execute((ORDER_SYSTEM / script).read_text())
            await upstream.prepare_database(pool, url)
            await observe(processes, pool)
            step("Compiling the GraphQL schema")
            upstream.compile()
            step("Starting FraiseQL's server")
            await upstream.start(url, nats_url)
            with results.step("the rest"):
                await Story(processes, pool, nc.jetstream(), upstream, results, step).tell()
        finally:
            await nc.close()
            pool.terminate()
    print(results)
    return results.all_ok()


if __name__ == "__main__":
    main(
        "fraiseql",
        lambda directory: run(directory, Path(sys.argv[1])),
        LOGS,
        "all ok",
        f"FAILED; the logs are in {LOGS.relative_to(TREE)}",
    )
