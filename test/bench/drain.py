# SPDX-License-Identifier: PostgreSQL
"""How fast a backlog goes out, beside a bare publisher of the same messages."""

from statistics import median

from backlog import drain, drop_database, make_database, observe, rows_in_log
from bare import publish_bare

DATABASE = "drain"


def run_section(bench):
    make_database(bench, DATABASE)
    observe(bench.postgres, DATABASE, "tb_item")
    for row_bytes in bench.level.row_sizes:
        for rows_each in (1, 1000):
            measure_backlog(bench, row_bytes, rows_each)
    drop_database(bench, DATABASE)


def measure_backlog(bench, row_bytes, rows_each):
    commits = "single-row commits" if rows_each == 1 else f"transactions of {rows_each:,} rows"
    case = f"{row_bytes} B rows, {commits}"
    bench.say(f"{case}: writing")
    count = bench.level.messages
    backlog = rows_in_log(bench.postgres, DATABASE, count, rows_each, row_bytes)
    rounds = []
    for number in range(bench.level.rounds):
        bench.say(f"{case}: round {number + 1} of {bench.level.rounds}")
        rounds.append(measure_round(bench, backlog))
    backlog.forget()
    report(bench, case, rounds)


def measure_round(bench, backlog):
    """What each publisher reached; the bare one comes between those it is compared with."""
    measured = {"shared stream": drain(bench, [backlog])}
    measured["bare publisher"] = publish_bare(bench, backlog.count)
    if bench.can_be_exclusive:
        measured["exclusive stream"] = drain(bench, [backlog], "on")
    if bench.can_batch:
        measured["batches"] = drain(bench, [backlog], batches=True)
    return measured


def report(bench, case, rounds):
    bare = "bare publisher"
    for name in rounds[0]:
        rate = median(one[name].rate for one in rounds)
        ratio = median(one[name].rate / one[bare].rate for one in rounds)
        compared = (None, "") if name == bare else (ratio, bare)
        bench.results.add("drain", case, name, rate, "messages/s", *compared)
    own = median(one["shared stream"].worker_us - one[bare].publisher_us for one in rounds)
    for name, key in (("worker", "worker_us"), ("broker", "broker_us")):
        value = median(getattr(one["shared stream"], key) for one in rounds)
        bench.results.add("drain", case, f"{name} CPU", value, "µs/message")
    if "batches" in rounds[0]:
        value = median(one["batches"].broker_us for one in rounds)
        ratio = median(one["batches"].broker_us / one["shared stream"].broker_us for one in rounds)
        bench.results.add("drain", case, "broker CPU, batches", value, "µs/message", ratio, "shared stream")
    value = median(one[bare].publisher_us for one in rounds)
    bench.results.add("drain", case, "bare publisher CPU", value, "µs/message")
    bench.results.add("drain", case, "worker CPU above the bare publisher's", own, "µs/message")
    memory = max(one["shared stream"].memory_mb for one in rounds)
    bench.results.add("drain", case, "worker memory", memory, "MB")
