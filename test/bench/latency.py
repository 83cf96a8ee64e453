# SPDX-License-Identifier: PostgreSQL
"""From the commit to the stream, and to a subscriber's callback."""

import subprocess

from backlog import drop_database, make_database, note_for, observe
from pgbench import Load
from processes import wait_until
from stream import Stream

DATABASE = "latency"
CLIENTS = 8
INSERT = f"""
INSERT INTO tb_item
VALUES (nextval('item_id'), '550e8400-e29b-41d4-a716-446655440000', 'pending', 12.30, true, now(),
        '{note_for(400)}');
"""


def run_section(bench):
    make_database(bench, DATABASE)
    observe(bench.postgres, DATABASE, "tb_item")
    script = make_insert_script(bench, DATABASE)
    bench.stream.make_anew()
    bench.postgres.start_workers([DATABASE])
    await_streaming(bench, DATABASE)
    for sync in (True, False):
        for rate in bench.level.latency_rates:
            measure(bench, script, rate, sync)
    drop_database(bench, DATABASE)


def make_insert_script(bench, database):
    """For pgbench: one row each."""
    bench.postgres.sql("CREATE SEQUENCE item_id CACHE 1000", database)
    script = bench.directory / "insert.sql"
    script.write_text(INSERT)
    return script


def await_streaming(bench, database):
    query = "SELECT state = 'streaming' FROM fraiseql_nats.status()"
    wait_until("the worker publishes", lambda: bench.postgres.sql(query, database) == "t")


def measure(bench, script, rate, sync):
    case = f"{rate}/s, synchronous_commit {'on' if sync else 'off'}"
    bench.say(case)
    probe = subprocess.Popen(
        [bench.program("latency_probe"), bench.nats.url, Stream.NAME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    probe.stdout.readline()  # it listens
    stored_before = bench.stream.count()
    seconds = bench.level.latency_seconds + 1  # the probe leaves out the first one
    load = Load(bench.postgres, DATABASE, script, seconds, CLIENTS, rate, sync)
    count, reached = load.finish()
    wait_until("all is stored", lambda: bench.stream.count() >= stored_before + count)
    output = probe.communicate("")[0].splitlines()
    bench.results.add("latency", case, "commits", reached, "commits/s")
    for name, line in zip(("commit to stored", "commit to callback"), output[1:]):
        for quantile, us in zip(("p50", "p95", "p99", "max"), line.split()):
            bench.results.add("latency", case, f"{name}, {quantile}", int(us) / 1000, "ms")
