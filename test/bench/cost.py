# SPDX-License-Identifier: PostgreSQL
"""What it costs those who use the database: pgbench without the library, with it, and publishing.

Three servers that differ in nothing else; one at a time is at work.
"""

from statistics import median

from pgbench import Load
from processes import cpu_seconds, run, wait_until
from servers import BIN, Postgres

INSERT = """
\\set aid random(1, 100000)
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, 1, now());
"""
OBSERVED = ("pgbench_accounts", "pgbench_history")
WITHOUT, IDLE, PUBLISHING = "without the library", "preloaded, idle", "publishing"


def run_section(bench):
    script = bench.directory / "history.sql"
    script.write_text(INSERT)
    loads = {"simple-update": "simple-update", "insert-only": script, "select-only": "select-only"}
    servers = {
        WITHOUT: make_server(bench, "without", {}),
        IDLE: make_server(bench, "idle", {"shared_preload_libraries": "fraiseql_nats"}),
        PUBLISHING: make_server(bench, "publishing", bench.publishing_settings()),
    }
    try:
        begin_publishing(bench, servers[PUBLISHING])
        for name, load in loads.items():
            measure_load(bench, servers, name, load)
    finally:
        for server in servers.values():
            server.stop()


def make_server(bench, name, settings):
    bench.say(f"starting the server {name}")
    server = Postgres(bench.directory / name, settings)
    command = [BIN / "pgbench", "--initialize", "--quiet", "--scale", bench.level.cost_scale]
    run(command + ["-h", server.directory, "-U", "postgres", "postgres"])
    server.sql("CHECKPOINT")
    return server


def begin_publishing(bench, server):
    bench.stream.make_anew()
    server.sql("CREATE EXTENSION fraiseql_nats")
    for table in OBSERVED:
        server.sql(f"SELECT fraiseql_nats.observe('{table}')")
    state = "SELECT state = 'streaming' FROM fraiseql_nats.status()"
    wait_until("the worker publishes", lambda: server.sql(state) == "t")


def measure_load(bench, servers, name, load):
    rounds = []
    for number in range(bench.level.cost_rounds):
        bench.say(f"{name}: round {number + 1} of {bench.level.cost_rounds}")
        order = list(servers)
        order = order[number % 3 :] + order[: number % 3]  # each is the first one once
        rounds.append({key: measure(bench, servers[key], load, key) for key in order})
    for key in servers:
        rate = median(one[key][0] for one in rounds)
        ratio = median(one[key][0] / one[WITHOUT][0] for one in rounds)
        compared = (None, "") if key == WITHOUT else (ratio, WITHOUT)
        bench.results.add("cost", name, key, rate, "transactions/s", *compared)
    if name != "select-only":
        report_cpu(bench, name, [one[PUBLISHING][1] for one in rounds])


def measure(bench, server, load, key):
    """Transactions per second; if it publishes, the processor times for each of them, too."""
    worker = server.worker() if key == PUBLISHING else None

    def times():
        own = cpu_seconds(worker) if worker else 0
        return own, server.cpu() - own, bench.nats.cpu()

    before = times()
    count, rate = Load(server, "postgres", load, bench.level.cost_seconds).finish()
    if worker:
        caught_up = "SELECT lag_bytes < 65536 AND in_flight = 0 FROM fraiseql_nats.status()"
        wait_until("the worker has caught up", lambda: server.sql(caught_up) == "t")
    return rate, [(b - a) / count * 1e6 for a, b in zip(before, times())]


def report_cpu(bench, name, rounds):
    for index, process in enumerate(("worker", "backends", "broker")):
        value = median(one[index] for one in rounds)
        bench.results.add("cost", name, f"{process} CPU", value, "µs/transaction")
