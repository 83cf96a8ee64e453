# SPDX-License-Identifier: PostgreSQL
"""One database and several streams: each has a part of the rows, a worker and a connection.

What more streams cost the broker alone, as many bare publishers show.  And what a stream costs that
gets nothing: its worker reads the same log.
"""

from statistics import median

from backlog import drain, drop_database, make_database, rows_in_log
from bare import publish_bare
from decode import decode_inside
from results import medians
from stream import further_stream

ROW_BYTES = 400
BARE = "bare publishers"
PARTITIONS = 8
OTHERS = 9
VOLUME = "message_volume()"


def run_section(bench):
    points = [Point(bench, count) for count in bench.level.streams]
    for number in range(bench.level.rounds):
        for point in points:
            bench.say(f"{point.case}: round {number + 1} of {bench.level.rounds}")
            point.measure(bench)
    report(bench, points)
    for point in points:
        drop_database(bench, point.backlog.database)
    for rows_each in (1, 1000):
        measure_idle_streams(bench, rows_each)


def observe_part(bench, database, number, count):
    """Part `number` of `count` goes to a stream of its own; the first one to the default stream."""
    root = "fraiseql" if number == 0 else further_stream(number)
    if number > 0:
        bench.postgres.sql(
            f"SELECT fraiseql_nats.create_stream('{root}', '{{{root}.>}}')", database
        )
    # Consumers find a part of the keys of the stream by the number of the partition.
    bench.postgres.sql(
        f"SELECT fraiseql_nats.observe('tb_item', '{{INSERT}}', '{root}.{{partition:{PARTITIONS}}}.item',"
        f" filter => 'id % {count} = {number}', name => '{root}')",
        database,
    )


class Point:
    """So many streams of one database."""

    def __init__(self, bench, count):
        self.count = count
        self.case = f"{count} streams" if count > 1 else "1 stream"
        self.rounds = []
        database = make_database(bench, f"streams_{count}")
        for number in range(count):
            observe_part(bench, database, number, count)
        bench.say(f"{self.case}: writing")
        messages = bench.level.growth_messages // count * count
        self.backlog = rows_in_log(bench.postgres, database, messages, 1, ROW_BYTES)

    def measure(self, bench):
        drained = drain(bench, [self.backlog], streams=self.count)
        bare = publish_bare(bench, self.backlog.count, self.count, PARTITIONS, self.count)
        self.rounds.append(
            {"drain": drained.rate, BARE: bare.rate, "worker": drained.worker_us, "share": drained.rate / bare.rate}
        )


def report(bench, points):
    first = points[0]
    for point in points:
        values = medians(point.rounds)
        for name in ("drain", BARE):
            growth = median(a[name] / b[name] for a, b in zip(point.rounds, first.rounds))
            compared = (growth, first.case) if point is not first else (None, "")
            bench.results.add("streams", point.case, name, values[name], "messages/s", *compared)
        bench.results.add("streams", point.case, "drain / bare publishers", values["share"], "")
        bench.results.add("streams", point.case, "workers' CPU", values["worker"], "µs/message")


def measure_idle_streams(bench, rows_each):
    """One stream alone, and beside others that get nothing of it."""
    commits = "single-row commits" if rows_each == 1 else f"transactions of {rows_each:,} rows"
    case = f"{OTHERS} streams that get nothing, {commits}"
    database = make_database(bench, "idle")
    bench.postgres.sql("CREATE TABLE tb_other (LIKE tb_item INCLUDING ALL)", database)
    observe_part(bench, database, 0, 1)
    alone = measure_rounds(bench, f"alone, {commits}", database, rows_each, 1)
    for number in range(1, OTHERS + 1):
        name = further_stream(number)
        bench.postgres.sql(
            f"SELECT fraiseql_nats.create_stream('{name}', '{{{name}.>}}');"
            f"SELECT fraiseql_nats.observe('tb_other', subject => '{name}.item', name => '{name}')",
            database,
        )
    beside = measure_rounds(bench, case, database, rows_each, 1 + OTHERS)
    bench.postgres.sql(
        "SELECT fraiseql_nats.unobserve('fraiseql');"
        f"SELECT fraiseql_nats.observe('tb_item', subject => '{further_stream(1)}.row')",
        database,
    )
    idle = measure_rounds(bench, f"nothing for it, {commits}", database, rows_each, 0)
    report_idle(bench, case, alone, beside, idle)
    drop_database(bench, database)


def measure_rounds(bench, case, database, rows_each, streams):
    """Of a backlog; with no stream it is only decoded, and nothing of it is for the default stream."""
    bench.say(f"{case}: writing")
    count = bench.level.growth_messages
    backlog = rows_in_log(bench.postgres, database, count, rows_each, ROW_BYTES)
    rounds = []
    for number in range(bench.level.rounds):
        bench.say(f"{case}: round {number + 1} of {bench.level.rounds}")
        measured = {VOLUME: decode_inside(bench, backlog, count if streams else 0) / count * 1e6}
        if streams:
            drained = drain(bench, [backlog], streams=streams)
            measured.update(rate=drained.rate, cpu=drained.worker_us)
        rounds.append(measured)
    backlog.forget()
    return rounds


def report_idle(bench, case, alone, beside, idle):
    """The processor times are of all workers together: what is more beside the others is theirs."""

    def add(measure, value, unit, *compared):
        bench.results.add("streams", case, measure, value, unit, *compared)

    one, together = medians(alone), medians(beside)
    add("one stream alone", one["rate"], "messages/s")
    add("beside the others", together["rate"], "messages/s", together["rate"] / one["rate"], "one stream alone")
    add("its worker's CPU", one["cpu"], "µs/message")
    each = (together["cpu"] - one["cpu"]) / OTHERS
    add("CPU of each other worker", each, "µs/message", each / max(one["cpu"], 0.01), "its worker's CPU")
    add(VOLUME, one[VOLUME], "µs/message")
    nothing = medians(idle)[VOLUME]
    add(f"{VOLUME}, nothing for the stream", nothing, "µs/message", nothing / one[VOLUME], VOLUME)
