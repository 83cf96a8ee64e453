# SPDX-License-Identifier: PostgreSQL
"""The broker is away for a while, under load, and comes back."""

import time

from backlog import drop_database, make_database, observe
from latency import await_streaming, make_insert_script
from pgbench import Load
from processes import Stopwatch, wait_until

RATE = 2000
CLIENTS = 4
CATCH_UP_LIMIT = 120
# As much as a moment of this load puts into the log.
CAUGHT_UP = "SELECT lag_bytes < 262144 AND state = 'streaming' FROM fraiseql_nats.status()"


def run_section(bench):
    database = make_database(bench, "outage")
    observe(bench.postgres, database, "tb_item")
    script = make_insert_script(bench, database)
    bench.stream.make_anew()
    bench.postgres.start_workers([database])
    await_streaming(bench, database)
    seconds = bench.level.outage_seconds
    load = Load(
        bench.postgres, database, script, seconds + CATCH_UP_LIMIT, CLIENTS, RATE, sync=False
    )
    try:
        take_broker_away(bench, database, seconds)
    finally:
        load.cancel()
    drop_database(bench, database)


def take_broker_away(bench, database, seconds):
    case = f"{seconds} s without the broker at {RATE:,} commits/s"
    bench.say(case)
    wait_until("some messages are stored", lambda: bench.stream.count() > RATE)
    bench.nats.stop()
    time.sleep(seconds)
    bench.nats.start()
    bench.connect_stream()
    before = bench.stream.count()
    watch = Stopwatch()
    wait_until(
        "the worker has caught up",
        lambda: bench.postgres.sql(CAUGHT_UP, database) == "t",
        CATCH_UP_LIMIT - 5,
        0.05,
    )
    caught_up = watch.seconds()
    sent = bench.stream.count() - before
    bench.results.add("outage", case, "until caught up", caught_up, "s")
    bench.results.add("outage", case, "messages meanwhile", sent, "messages")
    bench.results.add("outage", case, "worker memory", bench.postgres.memory_mb(), "MB")
