# SPDX-License-Identifier: PostgreSQL
"""Decoding and encoding alone, to nowhere, beside what programs outside of the server get."""

from statistics import median

from backlog import drop_database, make_database, observe, rows_in_log
from processes import Stopwatch, run
from servers import BIN

DATABASE = "decode"
ROW_BYTES = 400
# A session that has the worker's settings: message_volume() would have to set them, and PostgreSQL 15
# would look through all settings after each transaction, which the worker is spared.
SESSION = (
    "dbname={} options='-c datestyle=ISO,YMD -c timezone=UTC -c lc_monetary=C"
    " -c search_path=pg_catalog,\\\\ pg_temp'"
)
OUTSIDE = {
    "pg_recvlogical with wal2json": ("wal2json", ["--option", "format-version=2"]),
    "pg_recvlogical with test_decoding": ("test_decoding", []),
}


def run_section(bench):
    make_database(bench, DATABASE)
    observe(bench.postgres, DATABASE, "tb_item")
    for rows_each in (1, 1000):
        commits = "single-row commits" if rows_each == 1 else f"transactions of {rows_each:,} rows"
        case = f"{ROW_BYTES} B rows, {commits}"
        bench.say(f"{case}: writing")
        count = bench.level.messages // 2
        backlog = rows_in_log(bench.postgres, DATABASE, count, rows_each, ROW_BYTES)
        rounds = []
        for number in range(bench.level.rounds):
            bench.say(f"{case}: round {number + 1} of {bench.level.rounds}")
            rounds.append(measure_round(bench, backlog))
        backlog.forget()
        report(bench, case, rounds)
    drop_database(bench, DATABASE)


def measure_round(bench, backlog):
    """Changes per second of each."""
    rates = {"message_volume()": backlog.count / decode_inside(bench, backlog, backlog.count)}
    for name, (plugin, options) in OUTSIDE.items():
        slot = backlog.copy("outside", plugin)
        rates[name] = backlog.count / decode_outside(bench, backlog, slot, options)
    return rates


def decode_inside(bench, backlog, messages):
    """Seconds; raises if the default stream does not get so many messages."""
    slot = backlog.copy("inside", "fraiseql_nats")
    query = f"SELECT messages FROM fraiseql_nats.message_volume('{slot}', '{backlog.end_lsn}')"
    watch = Stopwatch()
    count = int(bench.postgres.sql(query, SESSION.format(backlog.database)))
    seconds = watch.seconds()
    if count != messages:
        raise RuntimeError(f"message_volume() counts {count} messages instead of {messages}")
    return seconds


def decode_outside(bench, backlog, slot, options):
    command = [BIN / "pg_recvlogical", "--start", "--slot", slot, "--file", "/dev/null"]
    command += ["--endpos", backlog.end_lsn, "--fsync-interval", 0, "--no-loop", *options]
    watch = Stopwatch()
    run(command + bench.postgres.options(DATABASE))
    return watch.seconds()


def report(bench, case, rounds):
    against = "pg_recvlogical with wal2json"
    for name in rounds[0]:
        rate = median(one[name] for one in rounds)
        ratio = median(one[name] / one[against] for one in rounds)
        compared = (None, "") if name == against else (ratio, against)
        bench.results.add("decode", case, name, rate, "changes/s", *compared)
